"""What every part of the ledger stands on: a database that is up to date, and a clock.

Belongs here: nothing a caller of the ledger would look for. Does not: methods with a transaction; those are in
`claiming.py`, `recording.py`, `waking.py` and `reading.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pique_assets.ledger.database import Database

Clock = Callable[[], datetime]
"""Tells the time, timezone-aware."""


class LedgerBase:
    """A database and a clock."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        """Wrap a database that is up to date."""
        self._database = database
        self._clock = clock

    def _lease_times(self, lease_s: float) -> tuple[datetime, datetime]:
        if lease_s <= 0:
            raise ValueError(f"lease_s must be positive, not {lease_s}")
        now = self._clock()
        return now, now + timedelta(seconds=lease_s)
