"""How a table of the lake is declared, and how columns or rows become a table as declared.

Belongs here: the vocabulary of declarations, and the one way to make rows: cells by the name of their column. Does
not: the declarations (`tables`), and where cells come from (`normalised`, `scorecard`, the assets).

A declaration is text alone, because Dagster shows columns before the first run: to load a code location must not load
Arrow. Methods that make Arrow's schemas and tables import Arrow themselves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pique_assets.chunks import chunks
from pique_assets.lake.errors import SchemaMismatch

if TYPE_CHECKING:
    import pyarrow as pa

_INSTANT = "timestamp[us, tz=UTC]"


class Column(NamedTuple):
    """One column.

    Attributes:
        name: Its name, in the table and in every file.
        type: Its Arrow type, as Arrow writes types.
        doc: What it means and, for a quantity, its unit.
        required: Whether every row has a value. A column that is added to a table with files can't be required.
    """

    name: str
    type: str
    doc: str
    required: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TableSpec:
    """One table.

    Attributes:
        name: Its name, which is its folder's name too.
        doc: What it holds, in one sentence.
        key: The columns that identify a row within a partition file; they give the order of its rows.
        columns: Its columns in their order.
        version: Raised by whoever changes how the same answers of Pique become rows of the table.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    version: int = 1

    @cached_property
    def code_version(self) -> str:
        """What Dagster compares to say "code version changed": of the declared columns and of `version`.

        Neither the release nor the descriptions count: rows that would be the same again are not out of date.
        """
        declared = [self.key, *((column.name, column.type, column.required) for column in self.columns)]
        return f"{self.version}-{zlib.crc32(repr(declared).encode()):08x}"

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema that every new file of the table has, whatever its rows."""
        import pyarrow as pa

        types = {_INSTANT: pa.timestamp("us", tz="UTC")}
        return pa.schema(
            [
                pa.field(column.name, types.get(column.type, column.type), nullable=not column.required)
                for column in self.columns
            ]
        )

    def from_columns(self, columns: Mapping[str, Sequence[object] | pa.Array]) -> pa.Table:
        """A table with the declared schema, from the cells of each of its columns; rows stay in their order.

        Raises:
            KeyError: A column is left out.
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: A value is not of its column's type.
        """
        import pyarrow as pa

        # Arrow's own allocator would keep several times what many small pieces take.
        pool = pa.system_memory_pool()
        arrays = [
            cells
            if isinstance(cells := columns[field.name], pa.Array)
            else pa.array(cells, field.type, memory_pool=pool)
            for field in self.schema
        ]
        return pa.table(arrays, schema=self.schema)

    def from_rows(self, rows: Iterable[Mapping[str, object]]) -> pa.Table:
        """A table with the declared schema, sorted by its key, from cells by column, row by row.

        A column that a row leaves out is null. Text that UTF-8 can't hold (a file name of undecodable bytes) is kept
        as its backslash escapes.

        Raises:
            ValueError: A row has a column that the table does not have.
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: A value is not of its column's type.
        """
        import pyarrow as pa

        # Piece by piece, because a row as a mapping takes many times what it takes as a row of a table.
        parts = [self.from_columns(self._transposed(some)) for some in chunks(rows)]
        return self.sorted(pa.concat_tables([self.schema.empty_table(), *parts]))

    def sorted(self, table: pa.Table) -> pa.Table:
        """The same rows in the order of the table's key; rows with equal keys keep their order."""
        if table.num_rows < 2:
            return table
        return table.sort_by([(column, "ascending") for column in self.key])

    def checked(self, table: pa.Table, *, complaint: str) -> pa.Table:
        """The table as it is to be written, without metadata of others.

        Raises:
            SchemaMismatch: It has other columns or types than declared, or null in a required column.
        """
        return _checked(table, self.schema, complaint=complaint)

    def completed(self, table: pa.Table, *, complaint: str, columns: Sequence[str] | None = None) -> pa.Table:
        """What was read from a file, as declared today.

        A nullable column that the file lacks is null in each row: the file was written before the column was declared.

        Args:
            table: The file's rows.
            complaint: How a refusal begins.
            columns: The columns that were asked for, where not all were.

        Raises:
            SchemaMismatch: It lacks a required column, or has other columns or types than declared.
        """
        import pyarrow as pa

        names = self.schema.names if columns is None else list(columns)
        want = pa.schema([self.schema.field(name) for name in names])
        for place, field in enumerate(want):
            if field.nullable and field.name not in table.schema.names:
                table = table.add_column(min(place, table.num_columns), field, pa.nulls(table.num_rows, field.type))
        return _checked(table, want, complaint=complaint)

    def _transposed(self, rows: Iterable[Mapping[str, object]]) -> dict[str, list[object]]:
        columns: dict[str, list[object]] = {column.name: [] for column in self.columns}
        for row in rows:
            if unknown := row.keys() - columns.keys():
                raise ValueError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
            for column, values in columns.items():
                values.append(_storable(row.get(column)))
        return columns


def text(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of UTF-8 text."""
    return Column(name=name, type="string", doc=doc, required=required)


def integer(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of 64-bit integers."""
    return Column(name=name, type="int64", doc=doc, required=required)


def number(name: str, doc: str) -> Column:
    """A column of doubles."""
    return Column(name=name, type="double", doc=doc)


def boolean(name: str, doc: str) -> Column:
    """A column of true and false."""
    return Column(name=name, type="bool", doc=doc)


def instant(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of points in time: UTC, microseconds."""
    return Column(name=name, type=_INSTANT, doc=doc, required=required)


def raw_bytes(name: str, doc: str) -> Column:
    """A column of bytes nobody has interpreted."""
    return Column(name=name, type="binary", doc=doc, required=True)


def _storable(value: object) -> object:
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="backslashreplace").decode()
    return value


def _checked(table: pa.Table, want: pa.Schema, *, complaint: str) -> pa.Table:
    """The table with this schema, or SchemaMismatch: a silent cast is how 29.97 becomes 30."""
    import pyarrow as pa

    have = table.schema
    if [(f.name, f.type) for f in want] != [(f.name, f.type) for f in have]:
        missing = sorted(set(want.names) - set(have.names))
        foreign = sorted(set(have.names) - set(want.names))
        changed = [
            f"{f.name} is {have.field(f.name).type}, not {f.type}"
            for f in want
            if have.names.count(f.name) == 1 and have.field(f.name).type != f.type
        ]
        raise SchemaMismatch(
            f"{complaint}: missing columns {missing}, foreign columns {foreign}, types {changed}; wanted "
            f"{want.names} in this order. If an older version wrote it, materialise the partition again."
        )
    nulls = [f.name for f in want if not f.nullable and table.column(f.name).null_count]
    if nulls:
        raise SchemaMismatch(f"{complaint}: null in required column {', '.join(nulls)}")
    return pa.Table.from_arrays(table.columns, schema=want)
