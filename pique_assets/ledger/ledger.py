"""The ledger as its callers see it: each public method is one transaction (claims of many: a few).

Belongs here: opening and closing, and what a partition consists of. The other methods are in the parts of which a
ledger is made: `claiming.py`, `recording.py`, `waking.py`, `reading.py`, `identity.py`. Does not: statements
(`claims.py`, `writes.py`, `social_writes.py`, `polling.py`, `inventory.py`, `webhooks.py`), nor any decision about when
to send, wait or give up, which is the room `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from pique_assets.ledger import inventory, restoring
from pique_assets.ledger.base import Clock
from pique_assets.ledger.claiming import LedgerClaims
from pique_assets.ledger.database import Database
from pique_assets.ledger.errors import LedgerMissing
from pique_assets.ledger.identity import LedgerIdentity
from pique_assets.ledger.migrations import bring_up_to_date, is_ledger
from pique_assets.ledger.model import InventoryItem, Source
from pique_assets.ledger.reading import LedgerReports
from pique_assets.ledger.recording import LedgerRecords
from pique_assets.ledger.restoring import RememberedPayload, RememberedSubmission, Restored
from pique_assets.ledger.waking import LedgerWebhooks


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger(LedgerClaims, LedgerRecords, LedgerWebhooks, LedgerReports, LedgerIdentity):
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

    def record_inventory(
        self, *, evaluation: str, partition: str, items: Iterable[InventoryItem], source: Source = "direct"
    ) -> None:
        """Make the partition's content of one source consist of these items; the same items again change nothing.

        Content that vanished, or can no longer be read, keeps its row if a submission was made for it
        and not abandoned.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            items: all its content of this source, looked at once; memory does not grow with it.
            source: how the content reaches Pique. Rows of the other source stay as they are.

        Raises:
            ValueError: two items have the same content_uri.
        """
        with self._database.write("record_inventory") as connection:
            inventory.record_inventory(
                connection,
                evaluation=evaluation,
                partition=partition,
                items=items,
                source=source,
            )

    def record_collecting(self, *, evaluation: str, partition: str, run: str, digest: str) -> None:
        """Note which run writes the partition's tables, and from what; its last step asks `collecting_digest`.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            run: the run's id.
            digest: `PartitionStanding.digest` of what the tables are made from.
        """
        with self._database.write("record_collecting") as connection:
            inventory.record_collecting(connection, evaluation=evaluation, partition=partition, run=run, digest=digest)

    def postpone_collection(self, *, evaluation: str, partition: str, until: datetime, while_open: bool) -> None:
        """Note until when nobody need ask whether the partition wants a run; another inventory ends that.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            until: when to look at it again.
            while_open: whether that is so only as long as jobs of it are open.
        """
        with self._database.write("postpone_collection") as connection:
            inventory.postpone(
                connection, evaluation=evaluation, partition=partition, until=until, while_open=while_open
            )

    def record_collected(self, *, evaluation: str, partition: str, digest: str) -> bool:
        """Note that the partition's tables were made from what `SettledPartition.digest` names.

        Returns:
            Whether it still stands like that; if not, nothing was noted and its tables are out of date.
        """
        with self._database.write("record_collected") as connection:
            return inventory.record_collected(connection, evaluation=evaluation, partition=partition, digest=digest)

    def restore(
        self,
        *,
        evaluation: str,
        partition: str,
        items: Sequence[InventoryItem],
        social_items: Sequence[InventoryItem] = (),
        submissions: Sequence[RememberedSubmission],
        payloads: Sequence[RememberedPayload],
    ) -> Restored:
        """Write back what another record remembers of a partition; what the ledger knows itself stays.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            items: its content that we upload, used only if this ledger has taken no inventory of the partition.
            social_items: its content that Pique fetches, likewise.
            submissions: its job attempts.
            payloads: what was received; kept for jobs that are finished here.

        Raises:
            RestoreRefused: the ledger contradicts them; nothing was written.
        """
        with self._database.write() as connection:
            return restoring.restore(
                connection,
                evaluation=evaluation,
                partition=partition,
                items={"direct": items, "social": social_items},
                remembered=submissions,
                bodies=payloads,
                now=self._clock(),
            )
