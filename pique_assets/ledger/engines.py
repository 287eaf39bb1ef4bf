"""How the two databases are opened: engines, SQLite's pragmas, what begins a transaction of Postgres.

Belongs here: what holds for every connection. Does not: what a read and a write transaction are (`database.py`), nor
which addresses are understood (`address.py`, `postgres_url.py`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from pique_assets.ledger.errors import LedgerMissing
from pique_assets.ledger.postgres_url import PostgresAddress

IMMEDIATE: Final = "pique_ledger_immediate"
"""Execution option of the connection that writes to SQLite: its transactions begin by waiting for their turn."""

# Of each connection, of which a submitting process has dozens; the system caches the file for all of them.
_CACHE_KIB: Final = 512
_CONNECT_TIMEOUT_S: Final = 10


def sqlite_engine(path: Path, busy_timeout_s: float, *, create: bool) -> Engine:
    """Make the engine of an SQLite file, and the file and its folder where there is none.

    Raises:
        LedgerMissing: There is no file, and none is to be made.
        OSError: The file or its folder can't be made.
    """
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
        immediate = connection.get_execution_options().get(IMMEDIATE, False)
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
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def is_busy(error: BaseException | None) -> bool:
    """Whether another process writes; the low byte of SQLite's code says so, whatever the reason in the others."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def postgres_engine(address: PostgresAddress, busy_timeout_s: float) -> Engine:
    """Make the engine of a Postgres database, which connects to nothing yet."""
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
        # We say BEGIN ourselves, see below.
        isolation_level="AUTOCOMMIT",
        connect_args={**defaults, **address.parameters, "prepare_threshold": address.prepare_threshold},
    )
    settings = {"lock_timeout": str(int(busy_timeout_s * 1000)), **address.settings}
    begin = _begin_with(settings)

    @sa.event.listens_for(engine, "begin")
    def set_up(connection: Connection) -> None:
        # Each transaction for itself: behind a pooler the next one may have another connection to the server, and what
        # a session is told at its start never gets there. In one round trip.
        connection.exec_driver_sql(begin)

    return engine


def _begin_with(settings: Mapping[str, str]) -> str:
    """The statements that open a transaction with these settings."""
    from psycopg import sql

    each = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings.items()]
    begin = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {}").format(sql.SQL(", ").join(each))
    # The driver takes a % for the place of a parameter, also where there are none.
    return begin.as_string(None)
