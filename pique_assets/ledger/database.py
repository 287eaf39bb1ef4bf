"""The connection to the database: how it is opened, and what a read and a write transaction are.

Belongs here: engines, SQLite pragmas, BEGIN IMMEDIATE, the failpoints around a commit. Does not: any
statement about submissions. Everything above this module is the same on SQLite and Postgres, except for
``INSERT ... ON CONFLICT``, whose spelling SQLAlchemy keeps by dialect (`insert_or_ignore`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from pique_assets.ledger.address import Address, SqliteAddress, ledger_address
from pique_assets.ledger.errors import LedgerMissing, LedgerUnavailable
from pique_assets.ledger.failpoints import failpoint
from pique_assets.ledger.faults import translated
from pique_assets.ledger.postgres_url import PostgresAddress

_IMMEDIATE = "pique_ledger_immediate"
# Of each connection, of which a submitting process has dozens; the system caches the file for all of them.
_CACHE_KIB = 512
_CONNECT_TIMEOUT_S = 10


class Database:
    """An open database; thread-safe. Use `Database.open`."""

    def __init__(self, *, engine: Engine, address: Address, busy_timeout_s: float) -> None:
        """Wrap an engine made by `open`."""
        self._engine = engine
        self._location = address.location
        self._secrets = address.secrets
        self._busy_timeout_s = busy_timeout_s
        # SQLite has one writer at a time and lets the others poll for their turn; inside one process a lock
        # is fairer.
        self._writer = threading.Lock() if engine.dialect.name == "sqlite" else None

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
                engine = _sqlite_engine(address.path, busy_timeout_s, create=create)
            else:
                engine = _postgres_engine(address, busy_timeout_s)
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

    @contextmanager
    def write(self, name: str | None = None) -> Iterator[Connection]:
        """Open a transaction that writes; committed at the end of the block, rolled back by an exception.

        Args:
            name: the write's name among the failpoints, hit just before and just after the commit.

        Raises:
            LedgerUnavailable: see there.
        """
        with translated(self._location, self._secrets), self._turn(), self._engine.connect() as connection:
            connection.execution_options(**{_IMMEDIATE: True})
            with connection.begin():
                yield connection
                if name is not None:
                    failpoint(f"{name}.before_commit")
        if name is not None:
            failpoint(f"{name}.after_commit")

    @contextmanager
    def upgrade(self) -> Iterator[Connection]:
        """Open a write transaction in which tables may be made anew.

        SQLite would take a dropped table for deleted rows, and refuse because others point to them. So it does not look
        at foreign keys meanwhile, and at all of them at the end.

        Raises:
            LedgerUnavailable: see there; nothing was changed.
        """
        with translated(self._location, self._secrets), self._turn(), self._engine.connect() as connection:
            connection.execution_options(**{_IMMEDIATE: True})
            if self.is_sqlite:
                # Never given back to the pool, where it would go on not looking.
                connection.detach()
                # Without effect inside a transaction, so not by a statement of SQLAlchemy's, which would begin one.
                connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
            with connection.begin():
                yield connection
                if self.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise LedgerUnavailable(
                        f"{self._location} could not be upgraded: rows point to submissions that do not exist; the "
                        "file was changed by another program or is damaged; restore a backup, or `ledger restore`"
                    )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=self._busy_timeout_s):
            raise LedgerUnavailable(
                f"{self._location} is unavailable: other threads of this process kept it busy for "
                f"{self._busy_timeout_s:g} s; is the disk that slow?"
            )
        try:
            yield
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def insert_or_ignore(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; those that meet a unique index are left as they are in the database."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)


def _sqlite_engine(path: Path, busy_timeout_s: float, *, create: bool) -> Engine:
    if not create and not path.exists():
        raise LedgerMissing(f"there is no ledger at {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made here because SQLite would let everybody read it; its -wal and -shm files take over the mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        hide_parameters=True,
        pool_size=8,
        max_overflow=-1,
        connect_args={"timeout": busy_timeout_s},
    )

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # We say BEGIN ourselves, see below.
        _use_wal(connection, busy_timeout_s)
        pragmas = (f"cache_size = -{_CACHE_KIB}", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes later fails at once when another process wrote
        # meanwhile; an immediate one queues for its turn.
        immediate = connection.get_execution_options().get(_IMMEDIATE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switch to the write-ahead log; SQLite does not wait for its turn here, so we do."""
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _postgres_engine(address: PostgresAddress, busy_timeout_s: float) -> Engine:
    defaults: dict[str, object] = {"fallback_application_name": "pique_assets", "client_encoding": "utf8"}
    if "PGCONNECT_TIMEOUT" not in os.environ:
        defaults["connect_timeout"] = _CONNECT_TIMEOUT_S
    engine = sa.create_engine(
        # Everything about the connection is an argument of it: a URL would be shown, and read in SQLAlchemy's own way.
        URL.create("postgresql+psycopg"),
        hide_parameters=True,
        pool_size=5,
        max_overflow=15,
        pool_timeout=busy_timeout_s,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={**defaults, **address.parameters, "prepare_threshold": address.prepare_threshold},
    )
    settings = {"lock_timeout": str(int(busy_timeout_s * 1000)), **address.settings}
    statement = f"SELECT {', '.join(['set_config(%s, %s, true)'] * len(settings))}"
    values = tuple(part for setting in settings.items() for part in setting)

    @sa.event.listens_for(engine, "begin")
    def set_up(connection: Connection) -> None:
        # Each transaction for itself: behind a pooler the next one may have another connection to the server, and what
        # a session is told at its start never gets there.
        connection.exec_driver_sql(statement, values)

    return engine
