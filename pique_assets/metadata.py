"""What the Dagster UI shows of a table: counts, schema, lineage, address, preview.

Belongs here: making Dagster metadata of Arrow tables and lake declarations. Does not: which asset writes which table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from pique_assets import lake as lake_room

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.lake import WrittenFile
    from pique_assets.lake.declaration import Column

PREVIEW_ROWS = 10
PREVIEW_CELL_CHARACTERS = 60
# Hashes say nothing to a reader and are wide.
NOT_PREVIEWED = ("fingerprint", "work_key", "payload_sha256", "judge_configuration_hash")
MARKDOWN_SYNTAX = r"([\\`*_\[\]<>|#~])"
BAR_CELLS = 20

# Keys in the metadata of every asset that writes a table.
EVALUATION: Final = "pique/evaluation"
JUDGE: Final = "pique/judge"

_REQUIRED = dg.TableColumnConstraints(nullable=False)
_NULLABLE = dg.TableColumnConstraints(nullable=True)

Metadata = Mapping[str, dg.MetadataValue[Any]]
Lineage = Mapping[str, list[dg.TableColumnDep]]


def table_metadata(
    table_name: str, first_rows: pa.Table, *, row_count: int, written: WrittenFile, lineage: Lineage
) -> Metadata:
    """Metadata of one written partition of a lake table.

    Args:
        table_name: Name of the table in the lake.
        first_rows: The rows to show, or more.
        row_count: How many rows there are.
        written: Where they are now.
        lineage: Upstream columns of each column.
    """
    return {
        "dagster/partition_row_count": dg.IntMetadataValue(row_count),
        "dagster/column_schema": dg.TableSchemaMetadataValue(column_schema(table_name)),
        "dagster/column_lineage": dg.TableColumnLineageMetadataValue(dg.TableColumnLineage(dict(lineage))),
        "dagster/uri": dg.TextMetadataValue(written.uri),
        "size_bytes": dg.IntMetadataValue(written.size_bytes),
        "preview": dg.MarkdownMetadataValue(preview(first_rows, row_count=row_count)),
    }


def declared_metadata(table_name: str, *, evaluation: str, judge: str) -> Metadata:
    """What the definition of an asset says of the lake table that the asset writes, before the first run.

    Args:
        table_name: Name of the table in the lake, and in SQL.
        evaluation: Name of the evaluation whose rows these are.
        judge: The judge's folder in the lake.
    """
    return _of_table(table_name) | _of_evaluation(evaluation, judge)


# Kept, and as values of metadata: Dagster would make each of them anew for each asset, at every load.
@cache
def _of_evaluation(evaluation: str, judge: str) -> dict[str, dg.MetadataValue[Any]]:
    return {EVALUATION: dg.TextMetadataValue(evaluation), JUDGE: dg.TextMetadataValue(judge)}


@cache
def _of_table(table_name: str) -> dict[str, dg.MetadataValue[Any]]:
    return {
        "dagster/table_name": dg.TextMetadataValue(table_name),
        "dagster/column_schema": dg.TableSchemaMetadataValue(column_schema(table_name)),
    }


@cache
def column_schema(table_name: str) -> dg.TableSchema:
    """The declared columns of a lake table, with their descriptions and units."""
    return dg.TableSchema(columns=[_shown(column) for column in lake_room.TABLES[table_name].columns])


@cache
def _shown(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.doc,
        constraints=_REQUIRED if column.required else _NULLABLE,
    )


def preview(table: pa.Table, *, row_count: int) -> str:
    """The first rows as Markdown, without hashes and without columns that have no value in them."""
    if row_count == 0:
        return "No rows: nothing of this partition belongs in this table."
    table = table.slice(0, PREVIEW_ROWS)
    has_values = [name for name in table.column_names if table.column(name).null_count < table.num_rows]
    shown = [name for name in has_values if name not in NOT_PREVIEWED]
    rows = table.select(shown).to_pylist()
    more = f"\n\n{row_count - PREVIEW_ROWS} more rows" if row_count > PREVIEW_ROWS else ""
    return markdown_table(shown, [[row[name] for name in shown] for row in rows]) + more


def markdown_table(columns: list[str], rows: list[list[object]]) -> str:
    """Rows as a Markdown table; cells are shortened, and nothing in them can break the table."""
    lines = [columns, ["---"] * len(columns), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


class Markdown(str):
    """Text that is Markdown as it stands, in a cell of a table too."""


def bar(share: float | None) -> str:
    """A share of 0 to 1 as a bar that Markdown can show; empty for None."""
    if share is None:
        return ""
    filled = round(share * BAR_CELLS)
    return f"{'█' * filled}{'░' * (BAR_CELLS - filled)} {share:.0%}"


def cell(value: object) -> str:
    """A value as the cell of a table: short, of one line, and nothing but text."""
    if isinstance(value, Markdown):
        return value
    if isinstance(value, bytes):
        text = value[:PREVIEW_CELL_CHARACTERS].decode(errors="replace")
    else:
        text = "" if value is None else str(value)
    text = " ".join(text.replace("\x00", " ").split())
    if len(text) > PREVIEW_CELL_CHARACTERS:
        text = text[: PREVIEW_CELL_CHARACTERS - 1] + "…"
    # Whatever the API said, a cell must not end its row or its column, nor be anything but text.
    return re.sub(MARKDOWN_SYNTAX, r"\\\1", text)
