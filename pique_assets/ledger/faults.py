"""Database errors, translated into this room's own: what happened and what to do, without a secret.

Belongs here: the knowledge of SQLite's error names and Postgres' SQLSTATEs. Does not: retries; the ledger
fails closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pique_assets.ledger.errors import LedgerError, LedgerUnavailable

_SQLITE_ADVICE = {
    "SQLITE_BUSY": "another process kept it locked; find out which, or allow a longer busy_timeout_s",
    "SQLITE_LOCKED": "another connection kept it locked; run again",
    "SQLITE_FULL": "the disk is full; make room and run again, nothing was half written",
    "SQLITE_IOERR": "the disk refused to read or write; check its space and health, and run again",
    "SQLITE_READONLY": "the file or its folder is read-only; let this user write to both",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder exists and this user may write to it",
    "SQLITE_PERM": "this user may not open it; let this user read and write the file and its folder",
    "SQLITE_CORRUPT": "the file is damaged; stop every writer, keep a copy, restore a backup, or `.recover`",
    "SQLITE_NOTADB": "the file is no SQLite database; point the ledger's URL to another file",
}

_POSTGRES_ADVICE = {
    "08": "it cannot be reached; check host, port and network",
    "25": "the server is read-only (a replica?); point the ledger's URL to the primary",
    "28": "the server refused the login; check user and password",
    "3D": "the database does not exist; create it, the tables are made by themselves",
    "42": "its tables are not as they should be, or not for this user; check grants and version",
    "53": "the server is out of disk, memory or connections",
    "55": "another session kept a lock; find it in pg_stat_activity, or allow a longer busy_timeout_s",
    "57": "the server is starting or shutting down; run again when it is up",
}
"""By class of SQLSTATE."""

_UNREACHABLE = "it cannot be reached or the connection broke; check that the server runs, and run again"


def location_of(url: URL) -> str:
    """Name a ledger in messages: its place, without password and without the query part (it may hold one)."""
    if url.get_backend_name() == "sqlite":
        return f"ledger {url.database}"
    return f"ledger {url.set(password=None, query={}).render_as_string()}"


@contextmanager
def translated(location: str, password: str | None = None) -> Iterator[None]:
    """Turn what the database raises inside into `LedgerUnavailable` or `LedgerError`.

    The original exception is left out on purpose: Postgres quotes the failing row in it. A `DataError`
    passes through: it is a programming mistake, and `hide_parameters` keeps its values out of the message.

    Args:
        location: the ledger's name for messages.
        password: removed from whatever the driver says.
    """
    try:
        yield
    except DataError:
        raise
    except IntegrityError as error:
        raise LedgerError(f"{location}: refused by a constraint: {_first_line(error)}") from None
    except (DBAPIError, PoolTimeout, OSError) as error:
        said = _first_line(error)
        if password:
            said = said.replace(password, "***")
        raise LedgerUnavailable(f"{location} is unavailable: {_advice(error)} ({said})") from None
    except StatementError as error:
        # A value that a column type refused before anything was sent: say what the type said.
        raise (error.orig or error) from None


def _first_line(error: SQLAlchemyError | OSError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def _advice(error: SQLAlchemyError | OSError) -> str:
    if not isinstance(error, DBAPIError):
        return "no connection could be had; check the folder or server, and how many workers share this ledger"
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        return next(
            (advice for known, advice in _SQLITE_ADVICE.items() if name.startswith(known)),
            "SQLite cannot work with it; check the file, and that no other program changed it",
        )
    state = getattr(cause, "sqlstate", None) or ""
    return _POSTGRES_ADVICE.get(state[:2], _UNREACHABLE)
