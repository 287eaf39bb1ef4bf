"""The lake itself: typed Parquet files, replaced atomically, on a local disk or any fsspec file system.

Belongs here: writing, reading and listing partition files, and whose results a lake holds. Does not: what the tables
mean (`tables`), where files lie (`location`), and what is in one file (`parquet_files`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from pique_assets.lake.errors import FileMissing, FileUnreadable, LakeOfAnotherPique
from pique_assets.lake.location import PartitionFile, as_date, file_system_of
from pique_assets.lake.normalised import RESULT_TABLES, normalised_parts
from pique_assets.lake.parquet_files import TableWriter, WrittenFile, as_parquet, parts_of, replacing, table_of
from pique_assets.lake.payload import stored_payloads
from pique_assets.lake.schemas import partitioned_schema
from pique_assets.lake.tables import table_spec

# The end of a file that holds its schema: thousands of columns would fit.
_END_BYTES = 1024**2

# In the lake's root, where no table is: readers of tables never meet it.
_OWNER_FILE = "_pique.json"


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
        spec = table_spec(table_name)
        with self.writing(table_name, judge=judge, date=date, evaluation=evaluation) as writer:
            writer.add(spec.sorted(spec.checked(table, complaint=f"this is no {table_name} table")))
        return writer.written

    @contextmanager
    def writing(self, table_name: str, *, judge: str, date: dt.date | str, evaluation: str) -> Iterator[TableWriter]:
        """Replace one file with rows that come part by part, atomically, at the end of the `with` block.

        A block that raises leaves the old file. The same parts give the same bytes; memory does not grow with their
        number.

        Raises:
            TableUnknown, ValueError, OSError: As for `write`.
        """
        path = self._path(table_name, _file(judge, date, evaluation))
        with replacing(self._fs, path, is_local=self._is_local) as sink:
            writer = TableWriter(table_spec(table_name), sink)
            try:
                yield writer
                written = writer.finish(uri=self._address(path))
            except BaseException:
                writer.abandon()
                raise
        writer.written = written

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
            SchemaMismatch: the file was written with another declaration of the table; one that lacks nullable
                columns of today's is read, and they are null.
        """
        return self._read(table_name, _file(judge, date, evaluation), columns=columns)

    def read_parts(
        self,
        table_name: str,
        *,
        judge: str,
        date: dt.date | str,
        evaluation: str,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """The same rows in parts of at most 64, of which memory holds one at a time; a file without rows has no part.

        Raises:
            TableUnknown, FileMissing, FileUnreadable, SchemaMismatch: As for `read`.
        """
        file = _file(judge, date, evaluation)
        address = self._address(self._path(table_name, file))
        yield from parts_of(self._bytes(table_name, file), table_spec(table_name), address=address, columns=columns)

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
        with as_parquet(self._address(path)):
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
        return self.read_files(table_name, self.partitions(table_name, judge=judge, start=start, end=end))

    def read_files(self, table_name: str, files: Iterable[PartitionFile]) -> pa.Table:
        """All rows of these files of a table, with the same columns in front as `read_all` has.

        Raises:
            TableUnknown, FileMissing, FileUnreadable, SchemaMismatch: as for `read`.
        """
        schema = partitioned_schema(table_name)
        parts = [_with_partition(self._read(table_name, file), file, schema) for file in files]
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
        first = as_date(start) if start is not None else dt.date.min
        last = as_date(end) if end is not None else dt.date.max
        listed = self._listed(table_name)
        return sorted(file for file in listed if judge in (None, file.judge) and first <= file.date <= last)

    def versions(self, table_name: str) -> dict[PartitionFile, str]:
        """The table's files with a text of 64 characters each that changes whenever its file is replaced.

        Raises:
            TableUnknown: no such table.
        """
        # File systems say different things of a file: a time and a number of the file, or a generation.
        return {
            file: hashlib.sha256(repr(sorted(info.items())).encode(errors="surrogateescape")).hexdigest()
            for file, info in self._listed(table_name).items()
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
            with replacing(self._fs, f"{self._root}/{_OWNER_FILE}", is_local=self._is_local) as file:
                file.write(data)
            found = self.pique()
        if found != pique:
            raise LakeOfAnotherPique(
                f"the lake {self.root} holds results of the Pique {found!r}, and this is {pique!r}: scores of the two "
                "would stand in one table; nothing was sent or written. Give each Pique a home of its own with "
                f"PIQUE_HOME, or a lake with PIQUE_LAKE; if both are one Pique, delete {_OWNER_FILE} in the lake"
            )

    def _listed(self, table_name: str) -> dict[PartitionFile, dict[str, Any]]:
        """The table's files, with what the file system says of each."""
        folder = f"{self._root}/{table_spec(table_name).name}"
        self._fs.invalidate_cache(folder)
        found = self._fs.find(folder, detail=True).items()
        named = ((PartitionFile.from_path(path[len(folder) + 1 :]), info) for path, info in found)
        return {file: info for file, info in named if file is not None}

    def _read(self, table_name: str, file: PartitionFile, *, columns: Sequence[str] | None = None) -> pa.Table:
        data = self._bytes(table_name, file)
        return table_of(
            data, table_spec(table_name), address=self._address(self._path(table_name, file)), columns=columns
        )

    def _bytes(self, table_name: str, file: PartitionFile) -> bytes:
        """All bytes at once: one open file is one version, however often it is replaced meanwhile."""
        path = self._path(table_name, file)
        try:
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            raise _missing(table_name, self._address(path)) from None
        return data

    def _path(self, table_name: str, file: PartitionFile) -> str:
        return f"{self._root}/{table_spec(table_name).name}/{file.path}"

    def _address(self, path: str) -> str:
        return path if self._is_local else str(self._fs.unstrip_protocol(path))


def write_result_tables(lake: Lake, *, judge: str, date: dt.date | str, evaluation: str) -> dict[str, WrittenFile]:
    """Make a date's result tables from its `payloads`, which stream through: memory does not grow with their number.

    Returns:
        The four files by table.

    Raises:
        FileMissing: The date has no `payloads` yet.
        FileUnreadable, SchemaMismatch: Its `payloads` can't be read; all files are as they were.
        OSError: The file system refused.
    """
    where: dict[str, Any] = {"judge": judge, "date": date, "evaluation": evaluation}
    payloads = chain.from_iterable(map(stored_payloads, lake.read_parts("payloads", **where)))
    with _memory_given_back(), ExitStack() as files:
        writers = {spec.name: files.enter_context(lake.writing(spec.name, **where)) for spec in RESULT_TABLES}
        for part in normalised_parts(payloads):
            for name, writer in writers.items():
                writer.add(part[name])
    return {name: writer.written for name, writer in writers.items()}


@contextmanager
def _memory_given_back() -> Iterator[None]:
    """Have Arrow use the system's allocator: its own keeps several times what many small pieces take."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _missing(table_name: str, address: str) -> FileMissing:
    return FileMissing(f"{table_name} has not been written to {address} yet")


def _file(judge: str, date: dt.date | str, evaluation: str) -> PartitionFile:
    return PartitionFile(judge=judge, date=as_date(date), evaluation=evaluation)


def _with_partition(table: pa.Table, file: PartitionFile, schema: pa.Schema) -> pa.Table:
    values = (file.judge, file.date, file.evaluation)
    partition = [pa.repeat(pa.scalar(value), table.num_rows) for value in values]
    return pa.Table.from_arrays([*partition, *(table[name] for name in schema.names[len(values) :])], schema=schema)
