"""The lake itself: typed Parquet files, replaced atomically, on a local disk or any fsspec file system.

Belongs here: writing, reading and listing partition files (design sections 5.6 and 9). What the tables mean
is in `schemas`, where files lie is in `layout`, how bytes get to the file system is in `replace`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from pique_assets.lake.errors import FileMissing, FileUnreadable, LakeOfAnotherPique, SchemaMismatch
from pique_assets.lake.layout import PartitionFile, as_date
from pique_assets.lake.replace import replace_file
from pique_assets.lake.root import file_system_of
from pique_assets.lake.schemas import sort_table, table_spec

# The end of a file that holds its schema: thousands of columns would fit.
_END_BYTES = 1024**2

# In the lake's root, where no table is: readers of tables never meet it.
_OWNER_FILE = "_pique.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """What was written: `uri` (a plain path on a local disk), rows, bytes, and the file's SHA-256 (hex)."""

    uri: str
    row_count: int
    size_bytes: int
    sha256: str


class Lake:
    """A folder or bucket of Parquet tables.

    One file per table, judge, date and evaluation, so that two evaluations of one judge share a partition
    without touching each other's file.

    Args:
        root: a local path (`~` is understood) or a URL such as `gs://bucket/lake`; nothing else in it has a meaning.
        storage_options: what the file system needs, e.g. a project or an endpoint; never shown in a repr.

    Raises:
        ValueError: the URL chains file systems, or no file system is known for it.
        ImportError: the file system's package is not installed; the message names it.
    """

    def __init__(self, root: str, storage_options: Mapping[str, object] | None = None) -> None:
        self._fs, self._root = file_system_of(root, storage_options=storage_options or {})
        self._is_local = isinstance(self._fs, LocalFileSystem)

    def __repr__(self) -> str:
        return f"Lake({self.root!r})"

    @property
    def root(self) -> str:
        """The lake's own address: an absolute path on a local disk, else a URL."""
        return self._address(self._root)

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        """The fsspec file system underneath, for readers that take one (DuckDB, pyarrow datasets)."""
        return self._fs

    @property
    def is_local(self) -> bool:
        """Whether the lake is on a local disk."""
        return self._is_local

    def uri(self, table_name: str, *, judge: str, date: dt.date | str, evaluation: str) -> str:
        """Address of one file, whether or not it exists yet.

        Raises:
            TableUnknown: no such table.
            ValueError: a judge, date or evaluation that cannot be part of a path.
        """
        return self._address(self._path(table_name, _file(judge, date, evaluation)))

    def write(
        self, table_name: str, table: pa.Table, *, judge: str, date: dt.date | str, evaluation: str
    ) -> WrittenFile:
        """Replace one file with these rows, atomically; readers see the old file or the new one.

        Rows are put in the order of the table's key, so the same rows give the same bytes (with the same
        pyarrow). A table without rows makes a file without rows, typed all the same.

        Raises:
            TableUnknown: no such table.
            SchemaMismatch: the table has other columns or types than declared, or null in a required column.
            ValueError: a judge, date or evaluation that cannot be part of a path.
            OSError: the file system refused; the old file is untouched.
        """
        path = self._path(table_name, _file(judge, date, evaluation))
        data = _to_parquet(table_name, table)
        replace_file(self._fs, path, data, is_local=self._is_local)
        return WrittenFile(
            uri=self._address(path),
            row_count=table.num_rows,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def read(
        self,
        table_name: str,
        *,
        judge: str,
        date: dt.date | str,
        evaluation: str,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """The rows of one file, with the declared schema, or with these columns of it.

        Raises:
            TableUnknown: no such table.
            FileMissing: nothing has been written there yet.
            FileUnreadable: the file is no Parquet, or damaged.
            SchemaMismatch: the file was written with another declaration of the table.
        """
        return self._read(table_name, _file(judge, date, evaluation), columns=columns)

    def schema(self, table_name: str, *, judge: str, date: dt.date | str, evaluation: str) -> pa.Schema:
        """The schema one file has, whatever was declared; only the end of the file is read.

        Raises:
            TableUnknown: no such table.
            FileMissing: nothing has been written there yet.
            FileUnreadable: the file is no Parquet, or damaged.
        """
        path = self._path(table_name, _file(judge, date, evaluation))
        try:
            end = self._fs.tail(path, size=_END_BYTES)
        except FileNotFoundError:
            raise _missing(table_name, self._address(path)) from None
        with _as_parquet(self._address(path)):
            return pq.read_schema(pa.BufferReader(end))

    def read_all(
        self,
        table_name: str,
        *,
        judge: str | None = None,
        start: dt.date | str | None = None,
        end: dt.date | str | None = None,
    ) -> pa.Table:
        """All rows of a table, with the columns `judge` (string), `date` (date32) and `evaluation` (string) in front.

        Evaluations that share a judge share its partitions: where both have the same content on a date, both have its
        rows.

        Args:
            table_name: name of the table.
            judge: only this judge's partitions.
            start: first date wanted.
            end: last date wanted (included).

        Raises:
            TableUnknown, FileUnreadable, SchemaMismatch: as for `read`.
        """
        wanted = self.partitions(table_name, judge=judge, start=start, end=end)
        schema = partitioned_schema(table_name)
        parts = [_with_partition(self._read(table_name, file), file, schema) for file in wanted]
        return pa.concat_tables([schema.empty_table(), *parts])

    def partitions(
        self,
        table_name: str,
        *,
        judge: str | None = None,
        start: dt.date | str | None = None,
        end: dt.date | str | None = None,
    ) -> list[PartitionFile]:
        """The table's files, sorted by judge, date and evaluation; a lake that does not exist yet has none.

        Raises:
            TableUnknown: no such table.
            ValueError: `start` or `end` is no date.
        """
        folder = f"{self._root}/{table_spec(table_name).name}"
        first = as_date(start) if start is not None else dt.date.min
        last = as_date(end) if end is not None else dt.date.max
        self._fs.invalidate_cache(folder)
        listed = (PartitionFile.from_path(path[len(folder) + 1 :]) for path in self._fs.find(folder))
        return sorted(
            file for file in listed if file is not None and judge in (None, file.judge) and first <= file.date <= last
        )

    def versions(self, table_name: str) -> dict[PartitionFile, str]:
        """The table's files with a text of 64 characters each that changes whenever its file is replaced.

        Raises:
            TableUnknown: no such table.
        """
        folder = f"{self._root}/{table_spec(table_name).name}"
        self._fs.invalidate_cache(folder)
        found = {
            PartitionFile.from_path(path[len(folder) + 1 :]): info
            for path, info in self._fs.find(folder, detail=True).items()
        }
        # File systems say different things of a file: a time and a number of the file, or a generation.
        return {
            file: hashlib.sha256(repr(sorted(info.items())).encode(errors="surrogateescape")).hexdigest()
            for file, info in found.items()
            if file is not None
        }

    def pique(self) -> str | None:
        """The Pique whose results it holds, as `belong_to` was told; None before that."""
        try:
            found = json.loads(self._fs.cat_file(f"{self._root}/{_OWNER_FILE}"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FileUnreadable(f"{self._address(self._root)}/{_OWNER_FILE} is damaged ({error}); delete it") from None
        named = found.get("pique") if isinstance(found, dict) else None
        return named if isinstance(named, str) else None

    def belong_to(self, pique: str) -> None:
        """Make it this Pique's at its first use; from then on it takes no other's results.

        Args:
            pique: the name of a Pique: production, sandbox, local, or a host.

        Raises:
            LakeOfAnotherPique: it holds another's; nothing was written.
            OSError: the file system refused.
        """
        found = self.pique()
        if found is None:
            data = json.dumps({"pique": pique}).encode()
            replace_file(self._fs, f"{self._root}/{_OWNER_FILE}", data, is_local=self._is_local)
            found = self.pique()
        if found != pique:
            raise LakeOfAnotherPique(
                f"the lake {self.root} holds results of the Pique {found!r}, and this is {pique!r}: scores of the two "
                "would stand in one table; nothing was sent or written. Give each Pique a home of its own with "
                f"PIQUE_HOME, or a lake with PIQUE_LAKE; if both are one Pique, delete {_OWNER_FILE} in the lake"
            )

    def _read(self, table_name: str, file: PartitionFile, *, columns: Sequence[str] | None = None) -> pa.Table:
        path = self._path(table_name, file)
        address = self._address(path)
        try:
            # All bytes at once: one open file is one version, however often it is replaced meanwhile.
            data = self._fs.cat_file(path)
        except FileNotFoundError:
            raise _missing(table_name, address) from None
        with _as_parquet(address):
            table = pq.read_table(pa.BufferReader(data), columns=None if columns is None else list(columns))
        return _declared(table_name, table, f"{address} was written with another schema", columns=columns)

    def _path(self, table_name: str, file: PartitionFile) -> str:
        return f"{self._root}/{table_spec(table_name).name}/{file.path}"

    def _address(self, path: str) -> str:
        return path if self._is_local else str(self._fs.unstrip_protocol(path))


def partitioned_schema(table_name: str) -> pa.Schema:
    """Schema of a table as `Lake.read_all` returns it: the partition's columns, then the file's.

    Raises:
        TableUnknown: no such table.
    """
    partition = [pa.field("judge", pa.string()), pa.field("date", pa.date32()), pa.field("evaluation", pa.string())]
    return pa.schema([*partition, *(field for field in table_spec(table_name).schema if field.name != "evaluation")])


def _missing(table_name: str, address: str) -> FileMissing:
    return FileMissing(f"{table_name} has not been written to {address} yet")


@contextmanager
def _as_parquet(address: str) -> Iterator[None]:
    """What is wrong with a file's bytes, said in the lake's own error."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise FileUnreadable(
            f"{address} is not a readable Parquet file ({error}); delete it and materialise the partition again"
        ) from error


def _file(judge: str, date: dt.date | str, evaluation: str) -> PartitionFile:
    return PartitionFile(judge=judge, date=as_date(date), evaluation=evaluation)


def _with_partition(table: pa.Table, file: PartitionFile, schema: pa.Schema) -> pa.Table:
    values = (file.judge, file.date, file.evaluation)
    partition = [pa.repeat(pa.scalar(value), table.num_rows) for value in values]
    return pa.Table.from_arrays([*partition, *(table[name] for name in schema.names[len(values) :])], schema=schema)


def _to_parquet(table_name: str, table: pa.Table) -> bytes:
    declared = _declared(table_name, table, f"this is no {table_name} table")
    ordered = sort_table(table_name, declared).combine_chunks()
    sink = pa.BufferOutputStream()
    pq.write_table(ordered, sink, compression="zstd", compression_level=3, row_group_size=max(ordered.num_rows, 1))
    return bytes(sink.getvalue())


def _declared(table_name: str, table: pa.Table, complaint: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The table without foreign metadata, or SchemaMismatch: a silent cast is how 29.97 becomes 30."""
    want, have = table_spec(table_name).schema, table.schema
    if columns is not None:
        want = pa.schema([want.field(name) for name in columns])
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
