"""The half of the ledger that only reads: what callers, sensors and tables are told.

Belongs here: the public methods that change nothing. Does not: their statements (`reports.py`, `polling.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pique_assets.ledger import claims, polling, reports
from pique_assets.ledger.database import Database
from pique_assets.ledger.model import PartitionItem, Progress, SettledPartition, StoredPayload, Submission
from pique_assets.ledger.rows import chunks
from pique_assets.ledger.tables import submissions


class LedgerReports:
    """What a ledger can tell; on SQLite, reading neither waits for a writer nor stops one."""

    def __init__(self, database: Database) -> None:
        """Wrap a database that is up to date."""
        self._database = database

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

    def uncollected_partitions(self) -> list[SettledPartition]:
        """Settled partitions that nobody has noted as collected since their last inventory, sorted by name."""
        with self._database.read() as connection:
            return reports.uncollected_partitions(connection)

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

    def attempts(self, *, work_key: str) -> list[Submission]:
        """Every attempt ever made for a piece of work, oldest first."""
        with self._database.read() as connection:
            return reports.submissions_where(connection, submissions.c.work_key == work_key)

    def find_job(self, job_id: str) -> Submission | None:
        """The submission of a job; None if this ledger never made it."""
        with self._database.read() as connection:
            found = reports.submissions_where(connection, submissions.c.job_id == job_id)
        return found[0] if found else None
