"""Checks of the shape of a date's tables: columns and types as declared, and each key once.

Belongs here: what holds of any table. Does not: what the rows of a table mean.

The check of columns reads only the end of a file, the check of keys only the columns of the key. Each of the two checks
looks at all tables of the date, and stands beside the date's commit mark: what Dagster stores of a check costs more
than the look, and every run would pay for a check of each table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from pique_assets import lake as lake_room
from pique_assets.assets.judge import snapshots_of
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, exact_listing, naming
from pique_assets.config import Evaluation

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.lake import PartitionFile

_Bad = tuple[str, str, object]

SNAPSHOT_TABLES: Final = ("judges", "detector_configs")


def table_shape_checks(evaluation: Evaluation) -> list[PartitionCheck]:
    """A check of columns and one of keys, over every table of a date and the judge's last snapshots."""
    return [
        PartitionCheck(
            asset="partition_status",
            name="columns_are_as_declared",
            description="Fails when a table of the date has other columns or types than declared: readers would fail, "
            "or misread.",
            look=_columns,
            blocking=evaluation.blocking_schema_check,
        ),
        PartitionCheck(
            asset="partition_status",
            name="keys_are_unique",
            description="Fails when rows of a table of the date share a key: joins would multiply them.",
            look=_keys,
        ),
    ]


def _files(tables: PartitionTables) -> Iterator[tuple[str, lake_room.PartitionFile]]:
    """Every table of the date with its file, and the judge's snapshots of the last day."""
    evaluation = tables.evaluation
    snapshots = snapshots_of(evaluation, lake=tables.lake)
    dated = lake_room.PartitionFile(
        judge=evaluation.judge_folder, date=lake_room.as_date(tables.date), evaluation=evaluation.name
    )
    for table in lake_room.TABLES:
        if table in SNAPSHOT_TABLES:
            yield from ((table, file) for file in snapshots.latest_files(table))
        else:
            yield table, dated


def _look_at_each(
    tables: PartitionTables, look: Callable[[str, PartitionFile], Iterable[_Bad]]
) -> tuple[int, list[_Bad]]:
    """Look at each file that exists: their number, and what is wrong. An evaluation need not have every table.

    Raises:
        FileMissing: No file exists.
    """
    missing, looked_at, bad = None, 0, list[_Bad]()
    for table, file in _files(tables):
        try:
            bad += look(table, file)
        except lake_room.FileMissing as error:
            missing = error
        else:
            looked_at += 1
    if missing is not None and not looked_at:
        raise missing
    return looked_at, bad


def _columns(tables: PartitionTables) -> Finding:
    files, wrong = _look_at_each(
        tables, lambda table, file: _wrong_columns(table, tables.lake.schema(table, **file.names))
    )
    return Finding(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description=naming(
            f"{len(wrong)} columns are not as declared", [(name, f"found {found}") for name, found, _ in wrong]
        )
        if wrong
        else f"{files} files are as declared",
        metadata={"files": files, "wrong": exact_listing(("column", "found", "declared"), wrong)},
    )


def _wrong_columns(table: str, found: pa.Schema) -> list[_Bad]:
    """Each wrong column: its name, the type found, the type declared. Nested types are compared to their leaves."""
    declared = lake_room.SCHEMAS[table]
    wrong: list[_Bad] = []
    for name in dict.fromkeys([*declared.names, *found.names]):
        want, have = ([field for field in schema if field.name == name] for schema in (declared, found))
        if not have and all(field.nullable for field in want):
            # The file was written before the column was declared; it is read as null.
            continue
        if [(field.type, field.nullable) for field in want] != [(field.type, field.nullable) for field in have]:
            wrong.append((f"{table}.{name}", _described(have), _described(want)))
    if not wrong and [name for name in declared.names if name in found.names] != found.names:
        wrong.append((table, ", ".join(found.names), ", ".join(declared.names)))
    return wrong


def _described(fields: Sequence[pa.Field]) -> str:
    return ", ".join(f"{field.type}{'' if field.nullable else ' not null'}" for field in fields) or "none"


def _keys(tables: PartitionTables) -> Finding:
    def look(table: str, file: PartitionFile) -> Iterator[_Bad]:
        key = lake_room.table_spec(table).key
        rows = tables.lake.read(table, **file.names, columns=key)
        return ((table, shown, count) for shown, count in _repeated(rows, key))

    files, repeated = _look_at_each(tables, look)
    return Finding(
        passed=not repeated,
        severity=dg.AssetCheckSeverity.ERROR,
        description=naming(f"{len(repeated)} keys stand on several rows", [one[:2] for one in repeated])
        if repeated
        else f"each key of {files} files once",
        metadata={"files": files, "repeated": exact_listing(("table", "key", "rows"), repeated)},
    )


def _repeated(keys: pa.Table, key: Sequence[str]) -> Iterator[tuple[str, object]]:
    for row in keys.group_by(list(key)).aggregate([([], "count_all")]).to_pylist():
        if row["count_all"] > 1:
            yield ", ".join(f"{name}={row[name]}" for name in key), row["count_all"]
