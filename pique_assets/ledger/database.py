"""What a read and a write transaction are, and whose turn it is to write.

Belongs here: transactions, the connections that are kept for writing. Does not: how a connection is opened
(`engines.py`), any statement about submissions, nor which writes share a transaction (`group_commit.py`). Everything
above this module is the same on SQLite and Postgres, except for ``INSERT ... ON CONFLICT``, whose spelling SQLAlchemy
keeps by dialect (`insert_or_ignore`).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, RootTransaction
from sqlalchemy.exc import OperationalError

from pique_assets.ledger.address import Address, SqliteAddress, ledger_address
from pique_assets.ledger.engines import IMMEDIATE, is_busy, postgres_engine, sqlite_engine
from pique_assets.ledger.errors import LedgerError, LedgerUnavailable
from pique_assets.ledger.failpoints import failpoint
from pique_assets.ledger.faults import translated
from pique_assets.ledger.group_commit import GroupCommit, despite_deadlocks

_Result = TypeVar("_Result")

# Of the connection by which groups of writes are led: how long it counts as alive without being asked.
_CONNECTION_KEPT_S = 1.0


class Database:
    """An open database; thread-safe. Use `Database.open`."""

    def __init__(self, *, engine: Engine, address: Address, busy_timeout_s: float) -> None:
        """Wrap an engine made by `open`."""
        self._engine = engine
        self._location = address.location
        self._secrets = address.secrets
        self._writer: _SqliteWriter | None = None
        if isinstance(address, SqliteAddress):
            self._writer = _SqliteWriter(engine, location=address.location, busy_timeout_s=busy_timeout_s)
        self._leader = _LeadersConnection(engine)
        self._group = GroupCommit(self._group_transaction)

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float, create: bool = True) -> Database:
        """Prepare the engine; nothing is connected to yet, but the SQLite file and its folder are made.

        Args:
            url: the path of a SQLite file, ``sqlite:///path/to/file.db`` or
                ``postgresql://user:password@host/database``.
            busy_timeout_s: how long to wait for another writer, in seconds.
            create: make the SQLite file and its folder where there is none.

        Raises:
            ValueError: the URL is neither, is SQLite in memory, which forgets, or says what cannot be honoured.
            LedgerMissing: there is no file, and none is to be made.
            LedgerUnavailable: the folder or file cannot be made, or Postgres' driver is not installed.
        """
        address = ledger_address(url)
        with translated(address.location):
            if isinstance(address, SqliteAddress):
                engine = sqlite_engine(address.path, busy_timeout_s, create=create)
            else:
                engine = postgres_engine(address, busy_timeout_s)
        return cls(engine=engine, address=address, busy_timeout_s=busy_timeout_s)

    @property
    def location(self) -> str:
        """The ledger's name in messages; holds no secret."""
        return self._location

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file."""
        return self._writer is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads; on SQLite it neither waits for a writer nor stops one.

        Raises:
            LedgerUnavailable: see there.
        """
        with (
            translated(self._location, self._secrets),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def write(self, name: str, work: Callable[[Connection], _Result]) -> _Result:
        """Do something in a write transaction, which threads that write at the same moment share (`group_commit.py`).

        Args:
            name: the write's name among the failpoints, hit just before and just after the commit.
            work: does it, with a connection; may be called more than once, from another thread.

        Raises:
            LedgerUnavailable: see there.
        """
        return self._group.write(name, work)

    def write_alone(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do something in a write transaction of one's own: for what may take long, and is no write among failpoints.

        Args:
            work: does it, with a connection; may be called more than once.

        Raises:
            LedgerUnavailable: see there.
        """

        def transaction() -> _Result:
            with self._transaction() as connection:
                return work(connection)

        return despite_deadlocks(transaction)

    @contextmanager
    def long_write(self, name: str | None = None) -> Iterator[Connection]:
        """Open a write transaction of one's own: for what can't be done twice.

        It is committed at the end of the block, and rolled back by an exception. Postgres may undo it because of a
        deadlock, unless what it locks first is locked first by every transaction that meets it.

        Args:
            name: the write's name among the failpoints, hit just before and just after the commit.

        Raises:
            LedgerUnavailable: see there.
        """
        with self._transaction() as connection:
            yield connection
            if name is not None:
                failpoint(f"{name}.before_commit")
        if name is not None:
            failpoint(f"{name}.after_commit")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated(self._location, self._secrets):
            if self._writer is None:
                with self._engine.connect() as connection, connection.begin():
                    yield connection
            else:
                with self._writer.transaction() as connection:
                    yield connection

    @contextmanager
    def _group_transaction(self) -> Iterator[Connection]:
        if self._writer is not None:
            with self._transaction() as connection:
                yield connection
        else:
            with translated(self._location, self._secrets), self._leader.transaction() as connection:
                yield connection

    @contextmanager
    def upgrade(self) -> Iterator[Connection]:
        """Open a write transaction in which tables may be made anew.

        SQLite would take a dropped table for deleted rows, and refuse because others point to them. So SQLite does not
        look at foreign keys meanwhile, and at all of them at the end.

        Raises:
            LedgerUnavailable: see there; nothing was changed.
        """
        if self._writer is None:
            with self._transaction() as connection:
                yield connection
            return
        with translated(self._location, self._secrets), self._writer.transaction(foreign_keys=False) as connection:
            yield connection
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise LedgerUnavailable(
                    f"{self._location} could not be upgraded: rows point to submissions that do not exist; the "
                    "file was changed by another program or is damaged; restore a backup, or `ledger restore`"
                )

    def close(self) -> None:
        """Close every connection."""
        if self._writer is not None:
            self._writer.close()
        self._leader.give_back()
        self._engine.dispose()


class _LeadersConnection:
    """The connection to Postgres by which groups of writes are led, one at a time.

    It is kept while one group follows the other: the pool would ask before each whether it still lives, which takes as
    many round trips as a write.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._used_at = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction."""
        if time.monotonic() - self._used_at > _CONNECTION_KEPT_S:
            self.give_back()
        connection = self._connection = self._connection or self._engine.connect()
        try:
            with connection.begin():
                yield connection
        except BaseException as error:
            if not isinstance(error, LedgerError):
                self.give_back()
            raise
        self._used_at = time.monotonic()

    def give_back(self) -> None:
        """Let the pool have the connection, which looks whether it is still good for anything."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _SqliteWriter:
    """The one connection by which a process writes to an SQLite file, and the turn to use it.

    SQLite has one writer at a time. Inside the process threads queue for a lock. Between processes SQLite's own waiting
    sleeps ever longer, up to a tenth of a second, so that a process which writes all the time would starve the others;
    this one asks often instead, at intervals of chance.
    """

    def __init__(self, engine: Engine, *, location: str, busy_timeout_s: float) -> None:
        self._engine = engine
        self._location = location
        self._busy_timeout_s = busy_timeout_s
        self._turn = threading.Lock()
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self, *, foreign_keys: bool = True) -> Iterator[Connection]:
        """Open a transaction when it is this thread's turn, and this process's."""
        with self._my_turn():
            connection = self._connection or self._connect()
            try:
                if not foreign_keys:
                    # Without effect inside a transaction, so not by a statement of SQLAlchemy's, which would begin one.
                    connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
                with self._begun(connection):
                    yield connection
            except BaseException as error:
                # After an error of the database nobody need ask in which state its connection is.
                if not isinstance(error, LedgerError):
                    self._disconnect()
                raise
            if not foreign_keys:
                self._disconnect()

    def close(self) -> None:
        """Close the connection."""
        with self._my_turn():
            self._disconnect()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._busy_timeout_s):
            raise LedgerUnavailable(
                f"{self._location} is unavailable: other threads of this process kept it busy for "
                f"{self._busy_timeout_s:g} s; is the disk that slow?"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _connect(self) -> Connection:
        connection = self._engine.connect().execution_options(**{IMMEDIATE: True})
        # Never given back to the pool, whose other connections wait as SQLite does.
        connection.detach()
        connection.connection.cursor().execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _begun(self, connection: Connection) -> RootTransaction:
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                return connection.begin()
            except OperationalError as error:
                if not is_busy(error.orig) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.0005, 0.003))


def insert_or_ignore(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; those that meet a unique index are left as they are in the database."""
    if not rows:
        return
    connection.execute(_insert_or_ignore(table, connection.dialect.name), rows)


@cache
def _insert_or_ignore(table: sa.Table, dialect: str) -> sa.Insert:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
