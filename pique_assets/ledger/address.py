"""Which database a ledger's URL names, and the name that messages give it.

Belongs here: telling SQLite from Postgres, and the file that an SQLite URL names. Does not: what a Postgres URL says
(`postgres_url.py`), nor opening anything (`database.py`).

A file's path is taken as it is written: ``?``, ``#``, ``%`` and blanks in it mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pique_assets.ledger.postgres_url import PostgresAddress, postgres_address

FORMS: Final = "sqlite:///path/to/file.db or postgresql://user:password@host/database"

_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+._-]*)://(?P<rest>.*)", re.DOTALL)
_SQLITE: Final = frozenset({"sqlite", "sqlite+pysqlite"})
# What SQLAlchemy and SQLite would take for an option of the connection.
_SQLITE_OPTION: Final = re.compile(
    r"[?&](cache|cached_statements|check_same_thread|detect_types|immutable|isolation_level|mode|modeof|nolock|psow"
    r"|timeout|uri|vfs)=[^/]*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteAddress:
    """A file; the path is absolute."""

    path: Path

    @property
    def location(self) -> str:
        """The ledger's name in messages."""
        return f"ledger {self.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """A file has none."""
        return ()


Address: TypeAlias = SqliteAddress | PostgresAddress


def ledger_address(url: str) -> Address:
    """The database that a URL or an absolute path names.

    Raises:
        ValueError: The URL is of another kind, or says what cannot be honoured; it is not repeated, for it may hold a
            password.
    """
    if url.startswith("/"):
        return SqliteAddress(path=Path(url))
    match = _URL.fullmatch(url.strip())
    scheme, rest = (match["scheme"].lower(), match["rest"]) if match else ("", "")
    if scheme in _SQLITE:
        return _sqlite_address(rest)
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        return postgres_address(scheme, rest)
    raise ValueError(f"the ledger's URL must be {FORMS}")


def ledger_file(url: str) -> Path | None:
    """The file that a URL names; None for a Postgres database.

    Raises:
        ValueError: As for `ledger_address`.
    """
    address = ledger_address(url)
    return address.path if isinstance(address, SqliteAddress) else None


def _sqlite_address(rest: str) -> SqliteAddress:
    path = rest.removeprefix("/")
    if not rest.startswith("/") or path in ("", ":memory:"):
        raise ValueError(
            f"the ledger's URL must be {FORMS}; an SQLite ledger needs a file, with three slashes before it"
        )
    option = _SQLITE_OPTION.search(path)
    if path.startswith("file:") or option:
        what = f"the option {option[1]!r}" if option else "the form file:..."
        raise ValueError(
            f"{what} of the ledger's URL is not for a ledger: write sqlite:///path/to/file.db with nothing behind the "
            "path (how long a ledger waits for another writer is busy_timeout_s)"
        )
    return SqliteAddress(path=Path(path).absolute())
