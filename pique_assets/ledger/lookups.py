"""Submissions found by what is known of them: their work, their job, their state, when they were begun.

Belongs here: statements that only read, each by an index, so that they cost what they find and not what exists. Does
not: what a partition consists of and how far it is (`reports.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.current import best_first
from pique_assets.ledger.leases import is_free
from pique_assets.ledger.model import (
    DEAD_STATES,
    TERMINAL_STATES,
    UNANSWERED_STATES,
    Place,
    Submission,
    SubmissionState,
)
from pique_assets.ledger.rows import SUBMISSION_COLUMNS, to_submission
from pique_assets.ledger.tables import UNFINISHED, inventory, submissions

_number = submissions.c.submission_id


def found(connection: Connection, wanted: sa.Select[Any]) -> list[Submission]:
    """The submissions that a selection of `SUBMISSION_COLUMNS` gives, in its order."""
    return [to_submission(row) for row in connection.execute(wanted)]


def attempts(work_key: str) -> sa.Select[Any]:
    """Select every attempt at a piece of work, oldest first."""
    return sa.select(*SUBMISSION_COLUMNS).where(submissions.c.work_key == work_key).order_by(_number)


def of_job(job_id: str) -> sa.Select[Any]:
    """Select the submission of a job."""
    return sa.select(*SUBMISSION_COLUMNS).where(submissions.c.job_id == job_id)


def standings(connection: Connection, work_keys: Sequence[str]) -> dict[str, Submission]:
    """The submission that stands for each piece of work, where there is one."""
    best: dict[str, Submission] = {}
    for chunk in chunks(sorted(set(work_keys))):
        of_work = sa.select(*SUBMISSION_COLUMNS).where(submissions.c.work_key.in_(chunk))
        for submission in found(connection, of_work.order_by(*best_first(submissions))):
            best.setdefault(submission.work_key, submission)
    return best


def begun(*, since: datetime, judge_id: str | None) -> sa.Select[int]:
    """Count the attempts whose PUT or POST was begun since: a range of an index that has all this needs."""
    counted = sa.select(sa.func.count()).where(submissions.c.upload_started_at >= since)
    return counted if judge_id is None else counted.where(submissions.c.judge_id == judge_id)


def last_configuration(judge_id: str) -> sa.Select[str]:
    """Select the configuration of the judge's attempt that was begun last: the first match from the end of an index."""
    return (
        sa.select(submissions.c.judge_configuration_hash)
        .where(submissions.c.upload_started_at.is_not(None), submissions.c.judge_id == judge_id)
        .order_by(submissions.c.upload_started_at.desc())
        .limit(1)
    )


def unreconciled(connection: Connection, *, now: datetime, after: int, limit: int) -> list[Submission]:
    """Social media submissions that have no answer and nobody at them, oldest first."""
    # Asked for one state after the other: of both at once, the databases would sort all there are.
    of_both = [
        submission
        for state in sorted(UNANSWERED_STATES)
        for submission in found(connection, unreconciled_in(state, now=now, after=after, limit=limit))
    ]
    return sorted(of_both, key=lambda submission: submission.submission_id)[:limit]


def unreconciled_in(state: SubmissionState, *, now: datetime, after: int, limit: int) -> sa.Select[Any]:
    """Select those of one state: a range of the index on what has not ended."""
    return (
        sa.select(*SUBMISSION_COLUMNS)
        .where(UNFINISHED, submissions.c.state == state, _number > after, is_free(now))
        .order_by(_number)
        .limit(limit)
    )


def matching(
    *,
    states: Collection[SubmissionState],
    judge_id: str | None,
    evaluation: str | None,
    partition: str | None,
    newest_first: bool,
    limit: int,
) -> sa.Select[Any]:
    """Select by state, judge and place; what has not ended by the index on that, what has by its place if named."""
    wanted = sa.select(*SUBMISSION_COLUMNS).where(submissions.c.state.in_(sorted(states)))
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
    return wanted.order_by(_number.desc() if newest_first else _number).limit(limit)


def places_of(connection: Connection, job_id: str) -> list[Place]:
    """Where the work of a job is wanted, sorted."""
    work = sa.select(submissions.c.work_key).where(submissions.c.job_id == job_id).scalar_subquery()
    rows = connection.execute(
        sa.select(inventory.c.evaluation, inventory.c.partition, inventory.c.content_uri).where(
            inventory.c.work_key == work
        )
    )
    return sorted({Place(*row) for row in rows})
