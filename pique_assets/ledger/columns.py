"""Column types that behave the same on SQLite and Postgres.

Belongs here: how one Python value is stored and read back without loss. Does not: tables (`tables.py`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    DateTimeDecorator = TypeDecorator[datetime]
    TextDecorator = TypeDecorator[str]
else:
    DateTimeDecorator = TextDecorator = TypeDecorator


class UtcDateTime(DateTimeDecorator):
    """A timezone-aware moment in UTC, to the microsecond.

    SQLite has no timezones: there the UTC wall time is stored as text of fixed width, which sorts as time
    does.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; refuse a naive value, whose meaning would depend on the host."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the ledger takes timezone-aware times only, not {value!r}")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read back aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


class LosslessText(TextDecorator):
    r"""Text from outside: file names, titles, error sentences; any Python string comes back as it went in.

    NUL cannot be stored by Postgres, nor a lone surrogate (a file name that is not UTF-8 has them) by
    either database. They are written as ``\uXXXX`` and a backslash as ``\\``.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database would refuse."""
        if value is None:
            return None
        return _UNSTORABLE.sub(lambda found: _escape(found.group()), value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Undo the escapes."""
        if value is None or "\\" not in value:
            return value
        return _ESCAPED.sub(lambda found: _unescape(found.group(1)), value)


def _escape(character: str) -> str:
    return r"\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(escape: str) -> str:
    return "\\" if escape == "\\" else chr(int(escape[1:], 16))
