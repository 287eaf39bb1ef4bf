"""The ledger as its callers see it: each public method is one transaction (claims of many: a few).

Belongs here: opening and closing, and the parts of which a ledger is made. Does not: any other method; those stand with
their statements in the parts, nor any decision about when to send, wait or give up, which is the room `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from pique_assets.ledger.base import Clock
from pique_assets.ledger.collecting import Collecting
from pique_assets.ledger.database import Database
from pique_assets.ledger.due import DueJobs
from pique_assets.ledger.errors import LedgerMissing
from pique_assets.ledger.identity import Identity
from pique_assets.ledger.leases import Leases
from pique_assets.ledger.migrations import bring_up_to_date, is_ledger
from pique_assets.ledger.partitions import Partitions
from pique_assets.ledger.queries import Queries
from pique_assets.ledger.restoring import Restoring
from pique_assets.ledger.social_transitions import SocialTransitions
from pique_assets.ledger.transitions import Transitions


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger(Leases, Transitions, SocialTransitions, DueJobs, Partitions, Collecting, Queries, Identity, Restoring):
    """The durable record of what is wanted from Pique; thread-safe, shared by processes and (Postgres) hosts.

    Every method raises `LedgerUnavailable` when the database cannot do its part. Methods that take a lease
    raise `LeaseLost` when it is no longer held, and `TransitionRefused` when the submission's state allows
    no such write; in both cases nothing was changed. Leases are in seconds (``lease_s``), all times
    timezone-aware.
    """

    def __init__(self, database: Database, *, clock: Clock = _utc_now) -> None:
        """Wrap a database that is up to date; use `Ledger.open`."""
        super().__init__(database, clock=clock)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock = _utc_now,
        busy_timeout_s: float = 30.0,
        create: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> Self:
        """Open a ledger, making or upgrading its tables; several processes may do so at once.

        Args:
            url: the path of a SQLite file, ``sqlite:///path/to/file.db`` or
                ``postgresql://user:password@host/database``.
            clock: tells the time, timezone-aware.
            busy_timeout_s: how long to wait for another writer.
            create: make a ledger where there is none.
            say: hears of a ledger that is made.

        Raises:
            ValueError: the URL is neither.
            LedgerMissing: there is none, and none is to be made; nothing was.
            LedgerUnavailable: it cannot be opened; the message says why and what to do.
        """
        database = Database.open(url, busy_timeout_s=busy_timeout_s, create=create)
        try:
            is_new = not is_ledger(database)
            if is_new and not create:
                raise LedgerMissing(f"there is no {database.location}")
            bring_up_to_date(database)
        except BaseException:
            database.close()
            raise
        if is_new and say is not None:
            say(f"made a new, empty {database.location}")
        return cls(database, clock=clock)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger: {self.location}>"

    @property
    def location(self) -> str:
        """Its name in messages: the word ledger and where it is, without any secret."""
        return self._database.location
