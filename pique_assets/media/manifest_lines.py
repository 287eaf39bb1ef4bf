"""The lines of a manifest or list, CSV, Parquet or plain text, as texts by column.

Belongs here: the file formats, and the date of a line. Does not belong here: what the other columns mean (`manifest`,
`social_urls`).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError, SourceInvalid
from pique_assets.media.files import OpenedFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COLUMNS = ("uri", "title", "description", "content_type", "date")
MAX_MANIFEST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a manifest.

    Attributes:
        number: Counted from 1, the CSV header included, as an editor shows it; in Parquet, the row counted
            from 1.
        values: Texts by column. Undecodable bytes are surrogates.
        problem: Why the line cannot be read at all.
    """

    number: int
    values: Mapping[str, str | None]
    problem: str | None = None

    def has_column(self, column: str) -> bool:
        """Whether the manifest has this column."""
        return column in self.values

    def text(self, column: str) -> str | None:
        """Return a column's text without surrounding blanks; None when there is none.

        Raises:
            ContentError: ``bad_manifest_line`` for a text that is not UTF-8. Only a uri may be any bytes.
        """
        value = (self.values.get(column) or "").strip()
        if column != "uri" and any("\ud800" <= character <= "\udfff" for character in value):
            raise ContentError(ErrorCode.BAD_MANIFEST_LINE, f"the {column} is not valid UTF-8.")
        return value or None


def read_lines(file: OpenedFile, uri: str, *, columns: tuple[str, ...] = COLUMNS) -> Iterator[Line]:
    """Yield the lines of an open manifest or list.

    Args:
        file: Open at its beginning.
        uri: Its name says what it is: ``.csv``, ``.parquet`` or ``.txt``.
        columns: Those that are read; the first must be there, and is the only one of a text file.

    Raises:
        SourceInvalid: The first column is missing, or the file is not what its name says.
        ContentError: A read failed.
    """
    if file.size_bytes > MAX_MANIFEST_BYTES:
        raise SourceInvalid(f"The manifest {uri} has more than {MAX_MANIFEST_BYTES} bytes: split it by date.")
    if uri.lower().endswith(".parquet"):
        return _parquet_lines(file, uri, columns=columns)
    if uri.lower().endswith(".txt"):
        return _text_lines(file, column=columns[0])
    return _csv_lines(file, uri, columns=columns)


def date_of(line: Line) -> str:
    """Return the date a line states, YYYY-MM-DD.

    Raises:
        SourceInvalid: The file has no ``date`` column.
        ContentError: ``bad_manifest_line`` when it is no such date.
    """
    if not line.has_column("date"):
        raise SourceInvalid(
            "The manifest has no date column: add one, or put {date} into its path if each date has its own."
        )
    text = line.text("date")
    try:
        return dt.date.fromisoformat(text or "").isoformat()
    except ValueError:
        reason = f"the date {text!r} is not of the form YYYY-MM-DD."
        raise ContentError(ErrorCode.BAD_MANIFEST_LINE, reason) from None


def _text_lines(file: OpenedFile, *, column: str) -> Iterator[Line]:
    for number, text in enumerate(_text(file, newline=None), start=1):
        value = text.strip()
        if value and not value.startswith("#"):
            yield Line(number=number, values={column: value})


def _text(file: OpenedFile, *, newline: str | None) -> io.TextIOWrapper:
    raw = io.BufferedReader(_Raw(file))
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def _csv_lines(file: OpenedFile, uri: str, *, columns: tuple[str, ...]) -> Iterator[Line]:
    rows = _rows(_text(file, newline=""))
    header = _header(rows, uri, columns=columns)
    for number, row in rows:
        if isinstance(row, str):
            yield Line(number=number, values={}, problem=row)
        elif len(row) > len(header):
            yield Line(
                number=number,
                values={},
                problem=f"it has {len(row)} fields, the header {len(header)}: quote texts with commas.",
            )
        elif row:
            padded = [*row, *[""] * (len(header) - len(row))]
            yield Line(number=number, values=dict(zip(header, padded, strict=True)))


def _header(rows: Iterator[tuple[int, list[str] | str]], uri: str, *, columns: tuple[str, ...]) -> list[str]:
    _, first = next(rows, (1, list[str]()))
    if isinstance(first, str):
        raise SourceInvalid(f"The manifest {uri}, line 1: {first}")
    header = [column.strip() for column in first]
    _require(columns[0], among=header, uri=uri)
    repeated = sorted({column for column in header if column in columns and header.count(column) > 1})
    if repeated:
        raise SourceInvalid(f"The manifest {uri}, line 1: the column {repeated[0]} is there twice.")
    return header


def _rows(text: io.TextIOBase) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each row with the line it starts on; an unreadable row as the reason, and go on behind it."""
    # strict: a quote left open must be an error that says how far it reaches, not one long title.
    rows = csv.reader(text, strict=True)
    while True:
        number = rows.line_num + 1
        try:
            yield number, next(rows)
        except csv.Error as error:
            yield number, f"it is not CSV up to line {rows.line_num} ({error})."
        except StopIteration:
            return


def _parquet_lines(file: OpenedFile, uri: str, *, columns: tuple[str, ...]) -> Iterator[Line]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = io.BufferedReader(_Raw(file)).read()
    try:
        parquet = pq.ParquetFile(pa.BufferReader(body))
        _require(columns[0], among=parquet.schema_arrow.names, uri=uri)
        found = [column for column in columns if column in parquet.schema_arrow.names]
        batches = parquet.iter_batches(columns=found)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows, start=1):
            yield _parquet_line(number, row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceInvalid(f"The manifest {uri} is not a readable Parquet file: {error}") from error


def _parquet_line(number: int, row: Mapping[str, object]) -> Line:
    values: dict[str, str | None] = {}
    for column, value in row.items():
        if isinstance(value, dt.datetime):
            values[column] = value.date().isoformat()
        elif isinstance(value, dt.date):
            values[column] = value.isoformat()
        elif value is None or isinstance(value, str):
            values[column] = value
        else:
            return Line(number=number, values={}, problem=f"the {column} is not text.")
    return Line(number=number, values=values)


def _require(column: str, *, among: list[str], uri: str) -> None:
    if column not in among:
        named = ", ".join(repr(name[:40]) for name in among[:10]) or "nothing"
        raise SourceInvalid(f"The manifest {uri}, line 1: there is no {column} column (found {named}).")


class _Raw(io.RawIOBase):
    """An opened file as Python's text reader wants it."""

    def __init__(self, file: OpenedFile) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._file.read(len(target))
        target[: len(data)] = data
        return len(data)
