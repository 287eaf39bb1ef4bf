"""Submissions and payloads found by what is known of them: their work, their job, their state, their date.

Belongs here: methods that only read, each by an index, so that they cost what they find and not what exists. Does not:
what a partition consists of (`partitions.py`), what is due (`due.py`) or free to be claimed (`leases.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart
from pique_assets.ledger.leases import is_free
from pique_assets.ledger.rows import STREAMED, SUBMISSION_COLUMNS, best_first, items, of_partition, to_submission
from pique_assets.ledger.states import (
    DEAD_STATES,
    TERMINAL_STATES,
    UNANSWERED_STATES,
    InventoryEntry,
    StoredPayload,
    Submission,
    SubmissionState,
)
from pique_assets.ledger.tables import UNFINISHED, inventory, payloads, submissions

_number = submissions.c.submission_id
_SUBMISSIONS: sa.Select[Any] = sa.select(*SUBMISSION_COLUMNS)


class Queries(LedgerPart):
    """What a ledger can tell; on SQLite, reading neither waits for a writer nor stops one."""

    def attempts(self, *, work_key: str) -> list[Submission]:
        """Every attempt ever made for a piece of work, oldest first."""
        with self._database.read() as connection:
            of_work = _SUBMISSIONS.where(submissions.c.work_key == work_key)
            return _found(connection, of_work.order_by(_number))

    def find_job(self, job_id: str) -> Submission | None:
        """The submission of a job; None if this ledger never made it."""
        with self._database.read() as connection:
            return next(iter(_found(connection, _SUBMISSIONS.where(submissions.c.job_id == job_id))), None)

    def inventory_entries_of(self, job_id: str) -> list[InventoryEntry]:
        """Where the content of a job is wanted, sorted: it may be on several dates and in several evaluations."""
        work = sa.select(submissions.c.work_key).where(submissions.c.job_id == job_id).scalar_subquery()
        columns = (inventory.c.evaluation, inventory.c.partition, inventory.c.content_uri)
        with self._database.read() as connection:
            found = connection.execute(sa.select(*columns).where(inventory.c.work_key == work))
            return sorted({InventoryEntry(*row) for row in found})

    def current_submissions(self, work_keys: Sequence[str]) -> dict[str, Submission]:
        """The submission that stands for each piece of work; without work that nobody ever ordered."""
        best: dict[str, Submission] = {}
        with self._database.read() as connection:
            for chunk in chunks(sorted(set(work_keys))):
                of_work = _SUBMISSIONS.where(submissions.c.work_key.in_(chunk)).order_by(*best_first(submissions))
                for submission in _found(connection, of_work):
                    best.setdefault(submission.work_key, submission)
        return best

    def partition_payloads(self, *, evaluation: str, partition: str) -> Iterator[StoredPayload]:
        """The payloads of the partition's current submissions, each once, by job_id; flat in memory."""
        wanted = sa.select(submissions.c.job_id).select_from(items).where(of_partition(evaluation, partition))
        with self._database.read() as connection:
            found = connection.execute(wanted.distinct()).scalars()
            job_ids = sorted(job_id for job_id in found if job_id is not None)
        for chunk in chunks(job_ids):
            with self._database.read() as connection:
                stored = _payloads_of(connection, chunk)
            yield from stored

    def configurations_begun(self, *, evaluation: str, partition: str, judge_id: str) -> dict[str, frozenset[str]]:
        """With which configurations of a judge each of the partition's contents was begun to be evaluated.

        Returns:
            Hashes of the judge's configuration by fingerprint; nothing for content that was never sent to this judge.
        """
        pairs = (
            sa.select(submissions.c.fingerprint, submissions.c.judge_configuration_hash)
            .select_from(items)
            .where(
                of_partition(evaluation, partition),
                submissions.c.judge_id == judge_id,
                submissions.c.upload_started_at.is_not(None),
            )
            .distinct()
        )
        # Most content has been sent with one configuration, and nearly all content with the same.
        sets: dict[frozenset[str], frozenset[str]] = {}
        found: dict[str, frozenset[str]] = {}
        with self._database.read() as connection:
            for fingerprint, configuration in connection.execute(pairs, execution_options=STREAMED):
                hashes = found.get(fingerprint, frozenset()) | {configuration}
                found[fingerprint] = sets.setdefault(hashes, hashes)
        return found

    def last_configuration(self, judge_id: str) -> str | None:
        """With which configuration of a judge, by its hash, an evaluation was begun last; None if none ever was."""
        # The first match from the end of an index.
        last = (
            sa.select(submissions.c.judge_configuration_hash)
            .where(submissions.c.upload_started_at.is_not(None), submissions.c.judge_id == judge_id)
            .order_by(submissions.c.upload_started_at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            found: str | None = connection.execute(last).scalar_one_or_none()
            return found

    def evaluations_begun(self, *, since: datetime, judge_id: str | None = None) -> int:
        """How many attempts had their last PUT, or their social media POST, begun since: what may have been paid for.

        Without those that Pique refused.
        """
        # A range of an index that has all this needs.
        begun = sa.select(sa.func.count()).where(submissions.c.upload_started_at >= since)
        if judge_id is not None:
            begun = begun.where(submissions.c.judge_id == judge_id)
        with self._database.read() as connection:
            counted: int = connection.execute(begun).scalar_one()
            return counted

    def unreconciled(self, *, limit: int, after: int = 0) -> list[Submission]:
        """Social media submissions whose POST has no answer: SUBMITTING and IN_DOUBT that nobody is at, oldest first.

        Args:
            limit: how many at most.
            after: only those with a higher ``submission_id``, to go on where the last call ended.
        """
        now = self._clock()
        # Asked for one state after the other: of two at once, the databases would sort all there are.
        with self._database.read() as connection:
            found = [
                submission
                for state in sorted(UNANSWERED_STATES)
                for submission in _found(connection, unreconciled_in(state, now=now, after=after, limit=limit))
            ]
        return sorted(found, key=lambda submission: submission.submission_id)[:limit]

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
        # What has not ended is found by an index of its own, what has by its place if that is named.
        wanted = _SUBMISSIONS.where(submissions.c.state.in_(sorted(states)))
        if not (TERMINAL_STATES | DEAD_STATES) & set(states):
            wanted = wanted.where(UNFINISHED)
        if judge_id is not None:
            wanted = wanted.where(submissions.c.judge_id == judge_id)
        if evaluation is not None or partition is not None:
            asked_for = sa.select(inventory.c.work_key).where(inventory.c.work_key.is_not(None))
            if evaluation is not None:
                asked_for = asked_for.where(inventory.c.evaluation == evaluation)
            if partition is not None:
                asked_for = asked_for.where(inventory.c.partition == partition)
            wanted = wanted.where(submissions.c.work_key.in_(asked_for))
        wanted = wanted.order_by(_number.desc() if newest_first else _number).limit(limit)
        with self._database.read() as connection:
            return _found(connection, wanted)


def unreconciled_in(state: SubmissionState, *, now: datetime, after: int, limit: int) -> sa.Select[Any]:
    """Select those of one state: a range of the index on what has not ended."""
    return (
        _SUBMISSIONS.where(UNFINISHED, submissions.c.state == state, _number > after, is_free(now))
        .order_by(_number)
        .limit(limit)
    )


def _found(connection: Connection, wanted: sa.Select[Any]) -> list[Submission]:
    """The submissions that a selection of `SUBMISSION_COLUMNS` gives, in its order."""
    return [to_submission(row) for row in connection.execute(wanted)]


def _payloads_of(connection: Connection, wanted: Sequence[str]) -> list[StoredPayload]:
    """The payloads of these jobs, sorted by job, time and content."""
    rows = connection.execute(sa.select(payloads).where(payloads.c.job_id.in_(wanted))).mappings()
    found = [
        StoredPayload(
            job_id=row["job_id"],
            source=row["source"],
            received_at=row["received_at"],
            body=bytes(row["body"]),
            sha256=row["sha256"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda payload: (payload.job_id, payload.received_at, payload.sha256))
