"""The lines of a manifest or list, CSV, Parquet or plain text, as texts by column.

Belongs here: CSV and plain text, the date of a line, how much of a line is read, and what becomes of a wrong line. Does
not: Parquet (`parquet_lines`), nor what the other columns mean (`manifest`, `social_urls`).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pique_assets.media.content import Entry, Problem
from pique_assets.media.errors import ContentError, SourceInvalid
from pique_assets.media.files import OpenedFile, name_of
from pique_assets.media.manifest_line import Line, bad_line, require_column, require_once
from pique_assets.media.names import brief, shown

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COLUMNS = ("uri", "title", "description", "content_type", "date")
MAX_MANIFEST_BYTES = 256 * 1024 * 1024

LONGEST_ROW = 1024 * 1024
"""Characters of all lines of a row of CSV together; what is longer is passed over, without being kept in memory."""

MOST_WRONG_LINES = 100_000
"""More of them are no wrong lines: the whole file is not what it should be."""


class WrongLines:
    """Counts the wrong lines of one file, so that a file of the wrong kind is one sentence and not millions of rows."""

    def __init__(self, uri: str) -> None:
        """Begin to count for the file at a uri."""
        self._uri = uri
        self._count = 0
        self._first = ""

    def add(self, reason: str) -> None:
        """Count one more.

        Raises:
            SourceInvalid: These are more than `MOST_WRONG_LINES`.
        """
        self._count += 1
        self._first = self._first or reason
        if self._count > MOST_WRONG_LINES:
            raise SourceInvalid(
                f"More than {MOST_WRONG_LINES} lines of {self._uri} are wrong, the first of them so: {self._first}"
            )


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
        # pyarrow is loaded for such a file alone.
        from pique_assets.media.parquet_lines import parquet_lines

        return parquet_lines(file, uri, columns=columns)
    if uri.lower().endswith(".txt"):
        return _text_lines(file, column=columns[0])
    return _csv_lines(file, uri, columns=columns)


def entries_of(
    lines: Iterable[Line], uri: str, *, day: str | None, entry_of: Callable[[Line], Entry]
) -> Iterator[Entry]:
    """Yield the entries that the lines of a file stand for; a wrong line becomes an entry with a problem.

    Args:
        lines: All lines of the file.
        uri: The file's.
        day: The date whose lines are wanted, YYYY-MM-DD; None when the whole file is of one date.
        entry_of: Makes the entry of a line, and raises `ContentError` for a wrong one.

    Raises:
        SourceInvalid: More than `MOST_WRONG_LINES` are wrong, or there is no ``date`` column where one is needed.
    """
    wrong = WrongLines(uri)
    for line in lines:
        try:
            if line.problem is not None:
                raise bad_line(line.problem)
            entry = entry_of(line) if day is None or date_of(line) == day else None
        except ContentError as error:
            problem = Problem(code=error.code, error=f"Line {line.number}: {error}")
            wrong.add(problem.error)
            entry = Entry(content_uri=f"{uri}#line={line.number}", filename=shown(name_of(uri)), problem=problem)
        if entry is not None:
            yield entry


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
        written = "" if text is None else brief(text)
        raise bad_line(f"the date {written!r} is not of the form YYYY-MM-DD.") from None


def _text_lines(file: OpenedFile, *, column: str) -> Iterator[Line]:
    lines = _BoundedLines(_text(file, newline=None))
    while True:
        lines.begin_row()
        number = lines.count + 1
        try:
            value = next(lines).strip()
        except StopIteration:
            return
        except _TooLong as error:
            yield Line(number=number, values={}, problem=str(error))
            continue
        if value and not value.startswith("#"):
            yield Line(number=number, values={column: value})


def _text(file: OpenedFile, *, newline: str | None) -> io.TextIOWrapper:
    raw = io.BufferedReader(_Raw(file))
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def _csv_lines(file: OpenedFile, uri: str, *, columns: tuple[str, ...]) -> Iterator[Line]:
    rows = _rows(_text(file, newline=""))
    header = _header(rows, uri, columns=columns)
    places = {column: header.index(column) for column in columns if column in header}
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
            yield Line(
                number=number,
                values={column: row[place] if place < len(row) else "" for column, place in places.items()},
            )


def _header(rows: Iterator[tuple[int, list[str] | str]], uri: str, *, columns: tuple[str, ...]) -> list[str]:
    _, first = next(rows, (1, list[str]()))
    if isinstance(first, str):
        raise SourceInvalid(f"The manifest {uri}, line 1: {first}")
    header = [column.strip() for column in first]
    require_column(columns[0], among=header, uri=uri)
    require_once(header, columns=columns, uri=uri)
    return header


def _rows(text: io.TextIOBase) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each row with the line it starts on; an unreadable row as the reason, and go on behind it."""
    lines = _BoundedLines(text)
    # strict: a quote left open must be an error that says how far it reaches, not one long title.
    rows = csv.reader(lines, strict=True)
    while True:
        number = lines.count + 1
        lines.begin_row()
        try:
            yield number, next(rows)
        except csv.Error as error:
            yield number, f"it is not CSV up to line {lines.count} ({error})."
        except _TooLong as error:
            yield number, str(error)
        except StopIteration:
            return


class _TooLong(Exception):
    """A row is longer than a row may be; it was passed over."""


class _BoundedLines:
    """The lines of a text, of which one row at a time takes only so much memory.

    Attributes:
        count: Lines taken so far.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._left = LONGEST_ROW
        self.count = 0

    def begin_row(self) -> None:
        """What comes now is of another row."""
        self._left = LONGEST_ROW

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self._left -= len(line)
        if self._left >= 0:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(LONGEST_ROW)
        raise _TooLong(f"it is longer than {LONGEST_ROW} characters.")


class _Raw(io.RawIOBase):
    """An opened file as Python's text reader wants it."""

    def __init__(self, file: OpenedFile) -> None:
        super().__init__()
        self._file = file
        self._left = MAX_MANIFEST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._file.read(len(target))
        self._left -= len(data)
        if self._left < 0:
            raise SourceInvalid(f"The manifest grew to more than {MAX_MANIFEST_BYTES} bytes while it was read.")
        target[: len(data)] = data
        return len(data)
