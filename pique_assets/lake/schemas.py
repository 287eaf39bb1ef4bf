"""Every table of the lake in one place: schemas, keys, descriptions, and a typed table from plain rows.

Belongs here: what a writer or a reader needs to know of a table by its name (design section 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa

from pique_assets.chunks import chunks
from pique_assets.lake.columns import TableSpec
from pique_assets.lake.errors import TableUnknown
from pique_assets.lake.record_tables import RECORD_TABLES
from pique_assets.lake.result_tables import RESULT_TABLES

TABLES: Final[Mapping[str, TableSpec]] = {spec.name: spec for spec in (*RESULT_TABLES, *RECORD_TABLES)}
"""Declaration of every table by name."""

SCHEMAS: Final[Mapping[str, pa.Schema]] = {name: spec.schema for name, spec in TABLES.items()}
"""Arrow schema of every table by name; `judge` and `date` are in the path, never in the file."""

TABLE_DOCS: Final[Mapping[str, str]] = {name: spec.doc for name, spec in TABLES.items()}
"""One sentence about every table."""

COLUMN_DOCS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {column.name: column.doc for column in spec.columns} for name, spec in TABLES.items()
}
"""Meaning, and unit of a quantity, of every column of every table."""


def table_spec(name: str) -> TableSpec:
    """The declaration of a table.

    Raises:
        TableUnknown: no table has this name; the message lists those there are.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise TableUnknown(f"the lake has no table {name!r}; it has {', '.join(sorted(TABLES))}") from None


def build_table(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """A table with the declared schema, sorted by its key, from rows given as mappings.

    A column a row leaves out is null. Text that UTF-8 cannot hold (a file name of undecodable bytes) is kept
    as its backslash escapes.

    Raises:
        TableUnknown: no table has this name.
        ValueError: a row has a column the table does not.
        pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a value is not of its column's type.
    """
    spec = table_spec(name)
    # Piece by piece, because a row as a mapping takes many times what it takes as a row of a table.
    parts = [_rows_as_table(spec, some) for some in chunks(rows)]
    return sort_table(name, pa.concat_tables([spec.schema.empty_table(), *parts]))


def _rows_as_table(spec: TableSpec, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    columns: dict[str, list[object]] = {column.name: [] for column in spec.columns}
    for row in rows:
        if unknown := row.keys() - columns.keys():
            raise ValueError(f"table {spec.name} has no column {', '.join(sorted(unknown))}")
        for column, values in columns.items():
            values.append(_storable(row.get(column)))
    # Arrow's own allocator would keep several times what many small pieces take.
    pool = pa.system_memory_pool()
    arrays = [pa.array(columns[field.name], type=field.type, memory_pool=pool) for field in spec.schema]
    return pa.table(arrays, schema=spec.schema)


def sort_table(name: str, table: pa.Table) -> pa.Table:
    """The same rows in the order of the table's key; equal keys keep their order."""
    if table.num_rows < 2:
        return table
    return table.sort_by([(column, "ascending") for column in table_spec(name).key])


def _storable(value: object) -> object:
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="backslashreplace").decode()
    return value
