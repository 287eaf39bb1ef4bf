"""The rows of a Parquet manifest or list, as lines.

Belongs here: what Parquet can hold that is no text of a manifest, and the bounds of what is decoded. Does not belong
here: what the columns mean (`manifest`, `social_urls`).

A Parquet file of a megabyte can stand for more than any memory holds. So it is read from a disk, a few hundred rows at
a time, a text that its rows repeat once, and a column that its file says to hold long texts is not decoded at all.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from pique_assets.media.errors import SourceInvalid, SourceUnavailable
from pique_assets.media.files import OpenedFile
from pique_assets.media.manifest_line import LONGEST_TEXT, Line, require_column, require_once

MAX_ROWS = 10_000_000
MAX_COLUMN_BYTES = 64 * 1024 * 1024
"""Of one column in one group of rows, where its texts are long; to decode them takes three times as much memory."""
LONG_TEXT_BYTES = 1024

_COPIED_BYTES = 1024 * 1024
_ROWS_AT_ONCE = 512


def parquet_lines(file: OpenedFile, uri: str, *, columns: tuple[str, ...]) -> Iterator[Line]:
    """Yield the rows of an open Parquet file; a value that is no text of a manifest makes its row's line say so.

    Raises:
        SourceInvalid: The first column is missing, or the file is not readable Parquet.
        SourceUnavailable: There is no room for a copy of the file.
        ContentError: A read failed.
    """
    with _copied(file, uri) as copy:
        try:
            plain = pq.ParquetFile(copy)
            names = _known(plain, uri, columns=columns)
            texts = [name for name in names if _is_text(plain.schema_arrow.field(name).type)]
            # Texts stay in their dictionary: one that each row repeats is in memory once.
            parquet = pq.ParquetFile(copy, metadata=plain.metadata, read_dictionary=texts)
            first = 1
            for group in range(parquet.num_row_groups):
                yield from _group_lines(parquet, group, names=names, first=first)
                first += parquet.metadata.row_group(group).num_rows
        except (pa.ArrowException, OSError, ValueError, OverflowError, RuntimeError) as error:
            raise SourceInvalid(f"The manifest {uri} is not a readable Parquet file: {error}") from error


def _copied(file: OpenedFile, uri: str) -> IO[bytes]:
    """The file's bytes in a place where they can be read in any order, without keeping them in memory."""
    try:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
        while chunk := file.read(_COPIED_BYTES):
            copy.write(chunk)
        copy.seek(0)
    except OSError as error:
        raise SourceUnavailable(
            f"The manifest {uri} cannot be copied to {tempfile.gettempdir()} to be read: {error}"
        ) from error
    return copy


def _known(parquet: pq.ParquetFile, uri: str, *, columns: tuple[str, ...]) -> list[str]:
    """The columns that the file has, found to be such that rows can be read."""
    schema = parquet.schema_arrow
    require_column(columns[0], among=schema.names, uri=uri)
    require_once(schema.names, columns=columns, uri=uri)
    if parquet.metadata.num_rows > MAX_ROWS:
        raise SourceInvalid(f"The manifest {uri} has more than {MAX_ROWS} rows: split it by date.")
    names = [column for column in columns if column in schema.names]
    for name in names:
        kind = schema.field(name).type
        if pa.types.is_timestamp(kind):
            try:
                pa.scalar(0, type=kind).as_py()
            # pyarrow asks whichever package of time zones is there, and each has its own error.
            except Exception:
                raise SourceInvalid(
                    f"The manifest {uri}: the {name} is in the time zone {kind.tz[:80]!r}, which is not known here: "
                    "write dates, or a known zone."
                ) from None
    return names


def _group_lines(parquet: pq.ParquetFile, group: int, *, names: list[str], first: int) -> Iterator[Line]:
    too_long = _too_long(parquet, group, names=names)
    read = [name for name in names if name not in too_long]
    number = first
    for batch in parquet.iter_batches(columns=read, row_groups=[group], batch_size=_ROWS_AT_ONCE, use_threads=False):
        found = {name: batch.column(batch.schema.get_field_index(name)) for name in read}
        for row in range(batch.num_rows):
            yield _line(number, {name: column[row] for name, column in found.items()}, too_long=too_long)
            number += 1


def _too_long(parquet: pq.ParquetFile, group: int, *, names: list[str]) -> dict[str, str]:
    """Why a column of these rows is not decoded, by column."""
    about = parquet.metadata.row_group(group)
    reasons: dict[str, str] = {}
    if not _is_large(about.total_byte_size, rows=about.num_rows):
        return reasons
    schema = parquet.schema
    paths = [schema.column(place).path for place in range(len(schema))]
    for name in names:
        # Asked about large groups only: pyarrow ends the process where what is said of one column is damaged.
        size = sum(
            about.column(place).total_uncompressed_size
            for place, path in enumerate(paths)
            if path.partition(".")[0] == name
        )
        if _is_large(size, rows=about.num_rows):
            reasons[name] = (
                f"the {name} is not read, because its group of {about.num_rows} rows has {size} bytes of it: one of "
                f"them is longer than a {name} can be, or the file needs smaller row groups."
            )
    return reasons


def _is_large(size_bytes: int, *, rows: int) -> bool:
    return size_bytes > MAX_COLUMN_BYTES and size_bytes > rows * LONG_TEXT_BYTES


def _line(number: int, row: dict[str, pa.Scalar], *, too_long: dict[str, str]) -> Line:
    values: dict[str, str | None] = dict.fromkeys(too_long)
    unreadable = dict(too_long)
    for column, scalar in row.items():
        try:
            values[column] = _text_of(scalar)
        except _NoText as error:
            values[column] = None
            unreadable[column] = f"the {column} {error}."
    return Line(number=number, values=values, unreadable=unreadable)


class _NoText(Exception):
    """Why a value is no text, to be read behind the column's name."""


def _text_of(scalar: pa.Scalar) -> str | None:
    """The value as text, bytes that are not UTF-8 as surrogates; a date or time as YYYY-MM-DD."""
    if isinstance(scalar, pa.DictionaryScalar):
        scalar = scalar.value
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if _is_text(kind):
        body = scalar.as_buffer()
        if body.size > 4 * LONGEST_TEXT:
            raise _NoText(f"has {body.size} bytes, more than any text may have")
        return str(body.to_pybytes(), "utf-8", "surrogateescape")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _date_of(scalar)
    raise _NoText("is not text")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _date_of(scalar: pa.Scalar) -> str:
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError):
        raise _NoText("is no date between the years 1 and 9999") from None
    return (value.date() if isinstance(value, dt.datetime) else value).isoformat()
