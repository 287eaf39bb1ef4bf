"""The ledger as its callers see it: each public method is one transaction (claims of many: a few).

Belongs here: opening, and whatever changes something; the methods that only read are in `reading.py`. Does not:
statements (`claims.py`, `writes.py`, `polling.py`, `inventory.py`), nor any decision about when to send, wait or give
up, which is the room `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from pique_assets.ledger import claims, inventory, leases, polling, restoring, writes
from pique_assets.ledger.database import Database
from pique_assets.ledger.migrations import bring_up_to_date
from pique_assets.ledger.model import (
    Claim,
    InventoryItem,
    Lease,
    LeasedSubmission,
    PayloadSource,
    Submission,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.reading import LedgerReports
from pique_assets.ledger.restoring import RememberedPayload, RememberedSubmission, Restored
from pique_assets.ledger.rows import chunks

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger(LedgerReports):
    """The durable record of what is wanted from Pique; thread-safe, shared by processes and (Postgres) hosts.

    Every method raises `LedgerUnavailable` when the database cannot do its part. Methods that take a lease
    raise `LeaseLost` when it is no longer held, and `TransitionRefused` when the submission's state allows
    no such write; in both cases nothing was changed. Leases are in seconds (``lease_s``), all times
    timezone-aware.
    """

    def __init__(self, database: Database, *, clock: Clock = _utc_now) -> None:
        """Wrap a database that is up to date; use `Ledger.open`."""
        super().__init__(database)
        self._clock = clock

    @classmethod
    def open(cls, url: str, *, clock: Clock = _utc_now, busy_timeout_s: float = 30.0) -> Self:
        """Open a ledger, making or upgrading its tables; several processes may do so at once.

        Args:
            url: ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host/database``.
            clock: tells the time, timezone-aware.
            busy_timeout_s: how long to wait for another writer.

        Raises:
            ValueError: the URL is neither.
            LedgerUnavailable: it cannot be opened; the message says why and what to do.
        """
        database = Database.open(url, busy_timeout_s=busy_timeout_s)
        try:
            bring_up_to_date(database)
        except BaseException:
            database.close()
            raise
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
        return f"<Ledger: {self._database.location}>"

    # The inventory of a partition

    def record_inventory(self, *, evaluation: str, partition: str, items: Sequence[InventoryItem]) -> None:
        """Make the partition consist of these items; the same items again change nothing.

        Content that vanished, or can no longer be read, keeps its row if a submission was made for it
        and not abandoned.

        Raises:
            ValueError: two items have the same content_uri.
        """
        with self._database.write("record_inventory") as connection:
            inventory.record_inventory(connection, evaluation=evaluation, partition=partition, items=items)

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
        submissions: Sequence[RememberedSubmission],
        payloads: Sequence[RememberedPayload],
    ) -> Restored:
        """Write back what another record remembers of a partition; what the ledger knows itself stays.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            items: its content, used only if this ledger has taken no inventory of it.
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
                items=items,
                remembered=submissions,
                bodies=payloads,
                now=self._clock(),
            )

    # Claims

    def claim_submission(self, order: SubmissionOrder, *, lease_s: float) -> Claim:
        """Find the submission that stands for this order, or write the intent; lease it if work is left.

        A further attempt is written only when every earlier one is rejected or abandoned without a result.

        Returns:
            ``lease`` is None if the submission is uploaded, finished or in doubt, or if another worker
            holds it.
        """
        return self.claim_submissions([order], lease_s=lease_s)[0]

    def claim_submissions(self, orders: Sequence[SubmissionOrder], *, lease_s: float) -> list[Claim]:
        """Do the same for many, 500 to a transaction.

        Returns:
            One claim per order, in their order; of orders with one work key the first gets the lease.
        """
        first_of: dict[str, SubmissionOrder] = {}
        for order in orders:
            first_of.setdefault(order.work_key, order)
        answers: dict[str, Claim] = {}
        for chunk in chunks(list(first_of.values())):
            with self._database.write("claim_submissions") as connection:
                now, until = self._lease_times(lease_s)
                claimed = claims.claim(connection, chunk, now=now, until=until)
            answers.update({claim.submission.work_key: claim for claim in claimed})
        return [
            answers[order.work_key] if first_of[order.work_key] is order else _again(answers[order.work_key])
            for order in orders
        ]

    def claim_interrupted(
        self, *, limit: int, lease_s: float, evaluation: str | None = None, partition: str | None = None
    ) -> list[LeasedSubmission]:
        """Lease submissions that a worker left INTENDED, PREPARED or UPLOADING, oldest first.

        Without names also those that no inventory asks for any more, because the content changed meanwhile.
        """
        with self._database.write("claim_interrupted") as connection:
            now, until = self._lease_times(lease_s)
            return claims.claim_interrupted(
                connection, now=now, until=until, limit=limit, evaluation=evaluation, partition=partition
            )

    def claim_orphans(self, *, limit: int, lease_s: float, untouched_since: datetime) -> list[LeasedSubmission]:
        """Lease interrupted submissions that no present content asks for any more, oldest first.

        The content changed, vanished, or wants another judge configuration, so no uploads will resume them.

        Args:
            limit: how many at most.
            lease_s: how long the leases last.
            untouched_since: only those that no worker has claimed, renewed, released or written since.
        """
        now, until = self._lease_times(lease_s)
        wanted = claims.orphans(now=now, untouched_since=untouched_since, limit=limit)
        with self._database.read() as connection:
            # There are hardly ever any: the question need not queue with the writers.
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_interrupted") as connection:
            return claims.claim_orphans(connection, wanted, now=now, until=until)

    def renew_lease(self, lease: Lease, *, lease_s: float) -> Lease:
        """Hold a lease longer; also one that has run out, if nobody has taken over."""
        with self._database.write("renew_lease") as connection:
            now, until = self._lease_times(lease_s)
            return leases.renew(connection, lease, now=now, until=until)

    def release_lease(self, lease: Lease) -> None:
        """Give a lease back unused; one that is no longer held is no error."""
        with self._database.write("release_lease") as connection:
            leases.release(connection, lease, now=self._clock())

    # The walk through the states

    def record_prepared(
        self,
        lease: Lease,
        *,
        job_id: str,
        upload_url: str,
        upload_headers: Mapping[str, str],
        expires_at: datetime,
    ) -> Submission:
        """INTENDED -> PREPARED, before the PUT. Keeps the lease."""
        with self._database.write("record_prepared") as connection:
            return writes.prepared(
                connection,
                lease,
                now=self._clock(),
                job_id=job_id,
                upload_url=upload_url,
                upload_headers=upload_headers,
                expires_at=expires_at,
            )

    def record_upload_started(self, lease: Lease) -> Submission:
        """PREPARED | UPLOADING -> UPLOADING, just before the PUT. Keeps the lease, which must still run."""
        with self._database.write("record_upload_started") as connection:
            return writes.upload_started(connection, lease, now=self._clock())

    def record_uploaded(self, lease: Lease, *, next_poll_at: datetime) -> Submission:
        """UPLOADING -> UPLOADED. Erases the signed URL, releases the lease."""
        with self._database.write("record_uploaded") as connection:
            return writes.uploaded(connection, lease, now=self._clock(), next_poll_at=next_poll_at)

    def adopt(self, lease: Lease, *, next_poll_at: datetime, status: str | None = None) -> Submission:
        """PREPARED | UPLOADING -> UPLOADED, as Pique says. Erases the signed URL, releases the lease."""
        with self._database.write("adopt") as connection:
            return writes.adopted(connection, lease, now=self._clock(), next_poll_at=next_poll_at, status=status)

    def record_rejected(self, lease: Lease, *, error_code: str, error: str) -> Submission:
        """INTENDED -> REJECTED: it cannot be submitted. Releases the lease."""
        with self._database.write("record_rejected") as connection:
            return writes.rejected(connection, lease, now=self._clock(), error_code=error_code, error=error)

    def record_abandoned(self, lease: Lease, *, evidence: str, next_poll_at: datetime | None = None) -> Submission:
        """-> ABANDONED: proven dead. Erases the signed URL, releases the lease.

        Args:
            lease: the caller's lease.
            evidence: what proves it, in words.
            next_poll_at: when to look at the job again, in case it lives after all; None: only if a webhook
                comes.
        """
        with self._database.write("record_abandoned") as connection:
            return writes.abandoned(connection, lease, now=self._clock(), evidence=evidence, next_poll_at=next_poll_at)

    def record_poll(self, lease: Lease, *, next_poll_at: datetime | None, status: str | None) -> Submission:
        """The job is not terminal yet. Releases the lease; None ends the watch of an abandoned one."""
        with self._database.write("record_poll") as connection:
            return writes.polled(connection, lease, now=self._clock(), next_poll_at=next_poll_at, status=status)

    def record_result(
        self,
        lease: Lease,
        *,
        outcome: SubmissionState,
        payload: bytes,
        source: PayloadSource,
        received_at: datetime,
        finished_at: datetime | None = None,
        error_code: str | None = None,
        error: str | None = None,
    ) -> Submission:
        """-> COMPLETED | FAILED with the payload, at once. Erases the signed URL, releases the lease.

        If an abandoned job finishes after all, a further attempt that has sent no byte yet is stopped.

        Raises:
            ValueError: ``outcome`` is neither COMPLETED nor FAILED.
        """
        with self._database.write("record_result") as connection:
            return writes.result(
                connection,
                lease,
                now=self._clock(),
                outcome=outcome,
                payload=payload,
                source=source,
                received_at=received_at,
                finished_at=finished_at,
                error_code=error_code,
                error=error,
            )

    # Polling

    def claim_due(
        self,
        *,
        limit: int,
        lease_s: float,
        now: datetime | None = None,
        evaluation: str | None = None,
        partition: str | None = None,
        not_of: Sequence[str] = (),
    ) -> list[LeasedSubmission]:
        """Lease what is to be asked about now (UPLOADED, and ABANDONED while watched), oldest first.

        With ``not_of``, only what none of these evaluations has in an inventory.
        """
        moment = now or self._clock()
        wanted = polling.due(now=moment, limit=limit, evaluation=evaluation, partition=partition, not_of=not_of)
        with self._database.read() as connection:
            # Most ticks find nothing: they need not queue with the writers.
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_due") as connection:
            until = moment + timedelta(seconds=lease_s)
            return polling.claim_due(connection, wanted, now=moment, until=until)

    def make_due(self, job_ids: Sequence[str]) -> int:
        """Let these jobs be asked about now, as after a webhook; returns how many of them are waited for."""
        with self._database.write("make_due") as connection:
            return polling.make_due(connection, job_ids, now=self._clock())

    def _lease_times(self, lease_s: float) -> tuple[datetime, datetime]:
        if lease_s <= 0:
            raise ValueError(f"lease_s must be positive, not {lease_s}")
        now = self._clock()
        return now, now + timedelta(seconds=lease_s)


def _again(claim: Claim) -> Claim:
    return Claim(submission=claim.submission, created=False, lease=None)
