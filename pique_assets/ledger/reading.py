"""The half of the ledger that only reads: what callers, sensors and tables are told.

Belongs here: the public methods that change nothing. Does not: their statements (`reports.py`,
`lookups.py`, `polling.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from pique_assets.chunks import chunks
from pique_assets.ledger import claims, lookups, polling, reports
from pique_assets.ledger.base import LedgerBase
from pique_assets.ledger.model import (
    PartitionItem,
    PartitionStanding,
    Place,
    Progress,
    SettledPartition,
    Source,
    StoredPayload,
    Submission,
    SubmissionState,
)


class LedgerReports(LedgerBase):
    """What a ledger can tell; on SQLite, reading neither waits for a writer nor stops one."""

    def next_due_at(self, *, evaluation: str, partition: str) -> datetime | None:
        """When the first of the partition's submissions is to be asked about; None if none is waited for."""
        with self._database.read() as connection:
            return polling.next_due_at(connection, evaluation=evaluation, partition=partition)

    def recent_latencies(self, *, judge_id: str, content_type: str, limit: int) -> list[float]:
        """Seconds from upload to completion of the last jobs, newest first."""
        with self._database.read() as connection:
            return polling.recent_latencies(connection, judge_id=judge_id, content_type=content_type, limit=limit)

    def partition_state(self, *, evaluation: str, partition: str) -> list[PartitionItem]:
        """Every item of the partition with its current submission, sorted by content_uri."""
        with self._database.read() as connection:
            return reports.partition_state(connection, evaluation=evaluation, partition=partition)

    def partition_payloads(self, *, evaluation: str, partition: str) -> Iterator[StoredPayload]:
        """The payloads of the partition's current submissions, each once, by job_id; flat in memory."""
        with self._database.read() as connection:
            wanted = reports.job_ids(connection, evaluation=evaluation, partition=partition)
        for chunk in chunks(wanted):
            with self._database.read() as connection:
                found = reports.payloads_of(connection, chunk)
            yield from found

    def progress(self, *, evaluation: str, partition: str) -> Progress:
        """Count the partition's items by where they stand."""
        with self._database.read() as connection:
            return reports.progress(connection, evaluation=evaluation, partition=partition)

    def settled_partition(self, *, evaluation: str, partition: str) -> SettledPartition | None:
        """The partition if nothing more of it is to come, an empty day included; else None."""
        with self._database.read() as connection:
            return reports.settled_partition(connection, evaluation=evaluation, partition=partition)

    def partition_standing(self, *, evaluation: str, partition: str) -> PartitionStanding | None:
        """How the partition stands, settled or not; None where no inventory was taken."""
        with self._database.read() as connection:
            return reports.partition_standing(connection, evaluation=evaluation, partition=partition)

    def uncollected_partitions(
        self, *, at_most: int | None = None, turn: int = 0, evaluations: Collection[str] | None = None
    ) -> list[SettledPartition]:
        """Settled partitions that nobody has noted as collected since their last inventory, sorted by name.

        Args:
            at_most: How many, if not all of them; then those that `postpone_collection` names wait for their time.
            turn: Grows by one from call to call, so that each partition comes to its turn.
            evaluations: Only theirs, if not everybody's.
        """
        with self._database.read() as connection:
            return reports.uncollected_partitions(
                connection, at_most=at_most, turn=turn, now=self._clock(), evaluations=evaluations
            )

    def open_partitions(self, *, evaluations: Sequence[str], at_most: int) -> list[tuple[str, str]]:
        """Evaluation and date of partitions that are not collected and not postponed while open.

        Whether anything of them is open has to be asked of each. Those that nobody looked at for longest come first.

        Args:
            evaluations: Only theirs.
            at_most: How many.
        """
        with self._database.read() as connection:
            wanted = reports.open_partitions(evaluations, now=self._clock(), at_most=at_most)
            return [(evaluation, partition) for evaluation, partition in connection.execute(wanted)]

    def last_move(self, *, evaluation: str, partition: str) -> datetime | None:
        """When open content of the partition was last sent or taken up by a run; None if nothing is open."""
        with self._database.read() as connection:
            return reports.last_move(connection, evaluation=evaluation, partition=partition)

    def collecting_digest(self, *, evaluation: str, partition: str, run: str) -> str | None:
        """What `record_collecting` noted for a run; None if it noted another run since."""
        with self._database.read() as connection:
            return reports.collecting_digest(connection, evaluation=evaluation, partition=partition, run=run)

    def content_uris(self, *, evaluation: str, partition: str, source: Source) -> set[str]:
        """The uris of all content of one source that the partition's last inventory found."""
        with self._database.read() as connection:
            return set(connection.execute(reports.content_uris(evaluation, partition, source=source)).scalars())

    def has_due(self, *, now: datetime) -> bool:
        """Whether `Ledger.claim_due` would find anything; one look into an index."""
        with self._database.read() as connection:
            wanted = polling.due(now=now, limit=1, evaluation=None, partition=None)
            return connection.execute(wanted).first() is not None

    def has_orphans(self, *, now: datetime, untouched_since: datetime) -> bool:
        """Whether `Ledger.claim_orphans` would find anything; looks at what is unsent, not at what exists."""
        with self._database.read() as connection:
            wanted = claims.orphans(now=now, untouched_since=untouched_since, limit=1)
            return connection.execute(wanted).first() is not None

    def has_begun_long_ago(self, *, begun_before: datetime) -> bool:
        """Whether `Ledger.claim_begun_long_ago` would find anything; looks at what is unsent, not at what exists."""
        with self._database.read() as connection:
            wanted = claims.begun_long_ago(begun_before=begun_before, now=self._clock(), limit=1)
            return connection.execute(wanted).first() is not None

    def attempts(self, *, work_key: str) -> list[Submission]:
        """Every attempt ever made for a piece of work, oldest first."""
        with self._database.read() as connection:
            return lookups.found(connection, lookups.attempts(work_key))

    def find_job(self, job_id: str) -> Submission | None:
        """The submission of a job; None if this ledger never made it."""
        with self._database.read() as connection:
            return next(iter(lookups.found(connection, lookups.of_job(job_id))), None)

    def places_of(self, job_id: str) -> list[Place]:
        """Where the content of a job is wanted, sorted; content may be on several dates and in several evaluations."""
        with self._database.read() as connection:
            return lookups.places_of(connection, job_id)

    def standings(self, work_keys: Sequence[str]) -> dict[str, Submission]:
        """The submission that stands for each piece of work; without those that nobody ever ordered."""
        with self._database.read() as connection:
            return lookups.standings(connection, work_keys)

    def configurations_begun(self, *, evaluation: str, partition: str, judge_id: str) -> dict[str, frozenset[str]]:
        """With which configurations of a judge each of the partition's contents was begun to be evaluated.

        Returns:
            Hashes of the judge's configuration by fingerprint; nothing for content that was never sent to this judge.
        """
        with self._database.read() as connection:
            return reports.configurations_begun(
                connection, evaluation=evaluation, partition=partition, judge_id=judge_id
            )

    def last_configuration(self, judge_id: str) -> str | None:
        """With which configuration of a judge, by its hash, an evaluation was begun last; None if none ever was."""
        with self._database.read() as connection:
            found: str | None = connection.execute(lookups.last_configuration(judge_id)).scalar_one_or_none()
            return found

    def evaluations_begun(self, *, since: datetime, judge_id: str | None = None) -> int:
        """How many attempts had their last PUT, or their social media POST, begun since: what may have been paid for.

        Without those that Pique refused.
        """
        with self._database.read() as connection:
            counted: int = connection.execute(lookups.begun(since=since, judge_id=judge_id)).scalar_one()
            return counted

    def unreconciled(self, *, limit: int, after: int = 0) -> list[Submission]:
        """Social media submissions whose POST has no answer: SUBMITTING and IN_DOUBT that nobody is at, oldest first.

        Args:
            limit: how many at most.
            after: only those with a higher ``submission_id``, to go on where the last call ended.
        """
        with self._database.read() as connection:
            return lookups.unreconciled(connection, now=self._clock(), after=after, limit=limit)

    def submissions(
        self,
        *,
        states: Collection[SubmissionState],
        judge_id: str | None = None,
        evaluation: str | None = None,
        partition: str | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[Submission]:
        """Submissions in these states, oldest first unless told otherwise.

        Args:
            states: where they stand.
            judge_id: only of this judge.
            evaluation: only what an inventory of this evaluation asks for.
            partition: only what an inventory of this date asks for.
            newest_first: order by descending ``submission_id``.
            limit: how many at most.
        """
        wanted = lookups.matching(
            states=states,
            judge_id=judge_id,
            evaluation=evaluation,
            partition=partition,
            newest_first=newest_first,
            limit=limit,
        )
        with self._database.read() as connection:
            return lookups.found(connection, wanted)
