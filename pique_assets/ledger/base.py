"""What every part of the ledger stands on: a database that is up to date, a clock, and what a write is.

Belongs here: nothing a caller of the ledger would look for. Does not: any statement.

A part of the ledger is a class whose methods hold their statements. A method that writes is declared by `ledger_write`:
the method's name is the write's name and that of its failpoints, and its body runs in a transaction.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy.engine import Connection

from pique_assets.ledger.database import Database
from pique_assets.ledger.failpoints import Road, register_write

Clock = Callable[[], datetime]
"""Tells the time, timezone-aware."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Part = TypeVar("_Part", bound="LedgerPart")


class LedgerPart:
    """A database and a clock."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        """Wrap a database that is up to date."""
        self._database = database
        self._clock = clock
        self._targets_erased_at: datetime | None = None

    def _lease_times(self, lease_s: float) -> tuple[datetime, datetime]:
        if lease_s <= 0:
            raise ValueError(f"lease_s must be positive, not {lease_s}")
        now = self._clock()
        return now, now + timedelta(seconds=lease_s)


def ledger_write(
    road: Road, *, name: str | None = None
) -> Callable[
    [Callable[Concatenate[_Part, Connection, _Parameters], _Result]], Callable[Concatenate[_Part, _Parameters], _Result]
]:
    """Make a method that takes a connection a write: its body runs in a transaction, its callers give no connection.

    The body may run more than once, and in a transaction with other writes (`group_commit.py`): it must do nothing but
    read and write through its connection.

    Args:
        road: On whose way the write's failpoints lie.
        name: The write's name, if not the method's.
    """

    def declare(
        method: Callable[Concatenate[_Part, Connection, _Parameters], _Result],
    ) -> Callable[Concatenate[_Part, _Parameters], _Result]:
        write_name = name or method.__name__
        register_write(write_name, road=road)

        @wraps(method)
        def write(self: _Part, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            return self._database.write(write_name, lambda connection: method(self, connection, *args, **kwargs))

        shown = inspect.signature(method)
        parameters = [parameter for parameter in shown.parameters.values() if parameter.name != "connection"]
        vars(write)["__signature__"] = shown.replace(parameters=parameters)
        return cast("Callable[Concatenate[_Part, _Parameters], _Result]", write)

    return declare
