"""How a table of the lake is declared: its columns, their meaning, the key that sorts it.

Belongs here: the vocabulary of declarations. The declarations are in `result_tables` and `record_tables`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `doc` says what it means and, for a quantity, its unit."""

    name: str
    type: pa.DataType
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table: `key` identifies a row within a partition file and is the order of its rows."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema every file of the table has, whatever its rows."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in self.columns])


def text(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of UTF-8 text."""
    return Column(name=name, type=pa.string(), doc=doc, required=required)


def integer(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of 64-bit integers."""
    return Column(name=name, type=pa.int64(), doc=doc, required=required)


def number(name: str, doc: str) -> Column:
    """A column of doubles."""
    return Column(name=name, type=pa.float64(), doc=doc)


def boolean(name: str, doc: str) -> Column:
    """A column of true and false."""
    return Column(name=name, type=pa.bool_(), doc=doc)


def instant(name: str, doc: str, *, required: bool = False) -> Column:
    """A column of points in time: UTC, microseconds."""
    return Column(name=name, type=pa.timestamp("us", tz="UTC"), doc=doc, required=required)


def raw_bytes(name: str, doc: str) -> Column:
    """A column of bytes nobody has interpreted."""
    return Column(name=name, type=pa.binary(), doc=doc, required=True)
