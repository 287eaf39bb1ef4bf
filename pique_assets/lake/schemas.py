"""The declared tables as Arrow sees them.

Belongs here: a schema for each table, and making a table of rows by its name. Does not: the declarations (`tables`),
which a code location loads without loading Arrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa

from pique_assets.lake.tables import TABLES, table_spec

SCHEMAS: Final[Mapping[str, pa.Schema]] = {name: spec.schema for name, spec in TABLES.items()}
"""Arrow schema of every table by name; `judge` and `date` are in the path, never in the file."""


def build_table(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """A table with the declared schema, sorted by its key, from rows given as mappings.

    Args:
        name: Name of the table.
        rows: Cells by column; a column that a row leaves out is null.

    Raises:
        TableUnknown: No table has this name.
        ValueError: A row has a column that the table does not have.
        pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: A value is not of its column's type.
    """
    return table_spec(name).from_rows(rows)


def partitioned_schema(name: str) -> pa.Schema:
    """Schema of a table as `Lake.read_all` returns it: the partition's columns, then the file's.

    Raises:
        TableUnknown: No table has this name.
    """
    partition = [pa.field("judge", pa.string()), pa.field("date", pa.date32()), pa.field("evaluation", pa.string())]
    return pa.schema([*partition, *(field for field in table_spec(name).schema if field.name != "evaluation")])
