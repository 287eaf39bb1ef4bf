"""A Parquet file of the lake: written part by part and put in its place as a whole, read as declared today.

Belongs here: the bytes of one file. No reader ever sees half of a file, and a crash leaves the old one: on a local disk
a temporary file takes the old one's place when it is complete and safe on the disk; an object store shows an object
only when all of it has arrived. Does not: which files there are (`storage`).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pique_assets.lake.declaration import TableSpec
from pique_assets.lake.errors import FileUnreadable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

# Rows are put together until they take about so many bytes in memory, and then written as one group.
_ROW_GROUP_BYTES: Final = 4 * 1024**2

_FIRST_ROWS: Final = 10
_ROWS_A_PART: Final = 64

# Long after any writer is done with its temporary file, soon enough that crashes do not fill a disk.
_ABANDONED_AFTER_S: Final = 24 * 3600


class FileSystem(Protocol):
    """The one method of an fsspec file system that writing needs."""

    def pipe_file(self, path: str, value: bytes) -> object:
        """Put an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """What was written.

    Attributes:
        uri: Where: a plain path on a local disk.
        row_count: Its rows.
        size_bytes: Its size in bytes.
        sha256: Of its bytes, in hex.
        first_rows: At most ten of its rows.
    """

    uri: str
    row_count: int
    size_bytes: int
    sha256: str
    first_rows: pa.Table = field(compare=False, repr=False)


class TableWriter:
    """Takes a table's rows part by part; `Lake.writing` gives one.

    Attributes:
        written: The file, as soon as it is in its place.
    """

    written: WrittenFile

    def __init__(self, spec: TableSpec, sink: IO[bytes]) -> None:
        self._spec = spec
        self._sink = _HashedFile(sink)
        self._file = pq.ParquetWriter(self._sink, spec.schema, compression="zstd", compression_level=3)
        self._pending: list[pa.Table] = []
        self._bytes = 0
        self._full_at = _ROW_GROUP_BYTES
        self._row_count = 0
        self._first_rows = spec.schema.empty_table()

    def add(self, part: pa.Table) -> None:
        """Add rows, which come in the order of the table's key.

        Raises:
            SchemaMismatch: The part has other columns or types than declared, or null in a required column.
            OSError: The file system refused.
        """
        part = self._spec.checked(part, complaint=f"this is no {self._spec.name} table")
        if self._row_count < _FIRST_ROWS:
            self._first_rows = pa.concat_tables([self._first_rows, part.slice(0, _FIRST_ROWS - self._row_count)])
        self._row_count += part.num_rows
        up_to = pc.add(_bytes_up_to_each_row(part), self._bytes)
        begin = 0
        while (last := pc.index(pc.greater_equal(up_to, self._full_at), True).as_py()) >= 0:
            # The group ends with the row that fills it, wherever parts end: the same rows give the same bytes.
            self._pending.append(part.slice(begin, last + 1 - begin))
            self._write_row_group()
            begin, self._full_at = last + 1, up_to[last].as_py() + _ROW_GROUP_BYTES
        self._pending.append(part.slice(begin))
        if part.num_rows:
            self._bytes = up_to[-1].as_py()

    def finish(self, *, uri: str) -> WrittenFile:
        """Write what is left, and the end of the file."""
        if any(part.num_rows for part in self._pending) or not self._row_count:
            self._write_row_group()
        self._file.close()
        return WrittenFile(
            uri=uri,
            row_count=self._row_count,
            size_bytes=self._sink.size,
            sha256=self._sink.digest.hexdigest(),
            first_rows=self._first_rows,
        )

    def abandon(self) -> None:
        """Let go of a file that is not to be; what pyarrow still writes goes nowhere."""
        self._sink.let_go()
        self._file.close()

    def _write_row_group(self) -> None:
        group = pa.concat_tables([self._spec.schema.empty_table(), *self._pending]).combine_chunks()
        self._pending = []
        self._file.write_table(group, row_group_size=max(group.num_rows, 1))


def parts_of(data: bytes, spec: TableSpec, *, address: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a file in parts of some rows, as declared today.

    Args:
        data: All bytes of the file.
        spec: The table's declaration.
        address: Where the file is, for errors.
        columns: Only these, in this order.

    Raises:
        FileUnreadable: The bytes are no Parquet, or damaged.
        SchemaMismatch: The file was written with another declaration of the table, which more than lacks columns.
    """
    with as_parquet(address):
        file = pq.ParquetFile(pa.BufferReader(data))
        for batch in file.iter_batches(batch_size=_ROWS_A_PART, use_threads=False, columns=_present(file, columns)):
            yield _as_declared(pa.Table.from_batches([batch]), spec, address=address, columns=columns)


def table_of(data: bytes, spec: TableSpec, *, address: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The same rows at once."""
    with as_parquet(address):
        file = pq.ParquetFile(pa.BufferReader(data))
        table = file.read(columns=_present(file, columns))
    return _as_declared(table, spec, address=address, columns=columns)


@contextmanager
def as_parquet(address: str) -> Iterator[None]:
    """What is wrong with a file's bytes, said in the lake's own error."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise FileUnreadable(
            f"{address} is not a readable Parquet file ({error}); delete it and materialise the partition again"
        ) from error


@contextmanager
def replacing(fs: FileSystem, path: str, *, is_local: bool) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes the content of `path` at the end, whole or not at all; folders are made.

    Raises:
        OSError: The file system refused; what was at `path` is untouched.
    """
    if is_local:
        with _replacing_local(Path(path)) as file:
            yield file
    else:
        buffer = io.BytesIO()
        yield buffer
        fs.pipe_file(path, buffer.getvalue())


@contextmanager
def _replacing_local(target: Path) -> Iterator[IO[bytes]]:
    target.parent.mkdir(parents=True, exist_ok=True)
    # The leading dot hides it from Hive readers, the ending from `*.parquet`.
    prefix = f".{target.name}."
    _remove_abandoned(target.parent, prefix)
    temporary = target.parent / f"{prefix}{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _remove_abandoned(folder: Path, prefix: str) -> None:
    """A writer killed between writing and renaming leaves its temporary file behind."""
    oldest = time.time() - _ABANDONED_AFTER_S
    for leftover in folder.iterdir():
        if leftover.name.startswith(prefix):
            with contextlib.suppress(FileNotFoundError):
                if leftover.stat().st_mtime < oldest:
                    leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """The rename itself must survive a power cut (not on Windows, which cannot open a folder)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _present(file: pq.ParquetFile, columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else [name for name in columns if name in file.schema_arrow.names]


def _as_declared(table: pa.Table, spec: TableSpec, *, address: str, columns: Sequence[str] | None) -> pa.Table:
    if columns is not None:
        # pyarrow gives columns in the order of the file.
        table = table.select([name for name in columns if name in table.column_names])
    return spec.completed(table, complaint=f"{address} was written with another schema", columns=columns)


def _bytes_up_to_each_row(table: pa.Table) -> pa.ChunkedArray:
    """Bytes of the first row, of the first two rows, and so on, as far as they follow from the values alone."""
    sizes = pa.repeat(pa.scalar(8 * table.num_columns, pa.int64()), table.num_rows)
    for cells in table.columns:
        if pa.types.is_string(cells.type) or pa.types.is_binary(cells.type):
            sizes = pc.add(sizes, pc.coalesce(pc.binary_length(cells), 0))
    return pc.cumulative_sum(sizes)


class _HashedFile(io.RawIOBase):
    """Passes bytes on to a file; knows how many there were, and their SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file: IO[bytes] | None = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        with memoryview(data) as view:
            if self._file is not None:
                self._file.write(view)
            self.digest.update(view)
            self.size += view.nbytes
            return view.nbytes

    def let_go(self) -> None:
        """Write nothing more to the file."""
        self._file = None
