"""Database errors, translated into this room's own: what happened and what to do, without a secret.

Belongs here: the knowledge of SQLite's error names. Does not: what Postgres means (`postgres_faults.py`), nor retries;
the ledger fails closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
    TimeoutError as PoolTimeout,
)

from pique_assets.ledger.errors import LedgerContended, LedgerDeadlocked, LedgerError, LedgerUnavailable
from pique_assets.ledger.postgres_faults import postgres_advice

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
_CONTENDED: Mapping[str, type[LedgerContended]] = {
    "40001": LedgerDeadlocked,  # serialization failure
    "40P01": LedgerDeadlocked,  # deadlock
    "55P03": LedgerContended,  # lock not available
}
"""What Postgres says when it undid the transaction because of what other transactions had locked, by SQLSTATE."""


@contextmanager
def translated(location: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Turn what the database raises inside into `LedgerUnavailable` or `LedgerError`.

    The original exception is left out on purpose: Postgres quotes the failing row in it. A `DataError`
    passes through: it is a programming mistake, and `hide_parameters` keeps its values out of the message.

    Args:
        location: the ledger's name for messages.
        secrets: removed from whatever the driver says.
    """
    try:
        yield
    except DataError:
        raise
    except IntegrityError as error:
        raise LedgerError(f"{location}: refused by a constraint: {_first_line(error, secrets)}") from None
    except (DBAPIError, PoolTimeout, OSError) as error:
        said = _first_line(error, secrets)
        raise _kind(error)(f"{location} is unavailable: {_advice(error)} ({said})") from None
    except StatementError as error:
        # A value that a column type refused before anything was sent: say what the type said.
        raise (error.orig or error) from None


def _first_line(error: SQLAlchemyError | OSError, secrets: Sequence[str]) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    said = lines[0] if lines else type(cause).__name__
    for secret in secrets:
        said = said.replace(secret, "***")
    return said


def _kind(error: SQLAlchemyError | OSError) -> type[LedgerUnavailable]:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return _CONTENDED.get(getattr(cause, "sqlstate", ""), LedgerUnavailable)


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
    return postgres_advice(state=getattr(cause, "sqlstate", None), said=str(cause))
