"""Which submissions are to be asked about now, and when the next ones are.

Belongs here: the statements around ``next_poll_at``. Does not: how long to wait (room `evaluation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.claims import wanted_by
from pique_assets.ledger.current import items, of_partition
from pique_assets.ledger.leases import is_free
from pique_assets.ledger.model import FINISHED_STATES, OPEN_STATES, POLLED_STATES, SubmissionState
from pique_assets.ledger.tables import inventory, submissions


def due(
    *,
    now: datetime,
    limit: int,
    evaluation: str | None,
    partition: str | None,
    not_of: Sequence[str] = (),
    left_since: datetime | None = None,
) -> sa.Select[int]:
    """Select the ids of due submissions, oldest first: a range of the index on next_poll_at, never a scan."""
    conditions = [sa.not_(wanted) for name in not_of for wanted in wanted_by(name, None)]
    if left_since is not None:
        asked_for = sa.select(sa.literal(1)).where(inventory.c.work_key == submissions.c.work_key)
        conditions.append(sa.or_(submissions.c.next_poll_at <= left_since, sa.not_(asked_for.exists())))
    return (
        sa.select(submissions.c.submission_id)
        .where(submissions.c.next_poll_at <= now, is_free(now), *wanted_by(evaluation, partition), *conditions)
        .order_by(submissions.c.next_poll_at, submissions.c.submission_id)
        .limit(limit)
    )


def make_due(connection: Connection, job_ids: Sequence[str], *, now: datetime) -> int:
    """Let these jobs be asked about now; one that is being uploaded or asked about, right after that.

    Returns:
        How many of them the ledger knows and waits for.
    """
    waiting = OPEN_STATES | POLLED_STATES
    woken = 0
    for chunk in chunks(sorted(set(job_ids))):
        # Locked in one order, so that two calls with the same jobs cannot wait for each other.
        ids = connection.execute(
            sa.select(submissions.c.submission_id)
            .where(submissions.c.job_id.in_(chunk), submissions.c.state.in_(sorted(waiting)))
            .order_by(submissions.c.submission_id)
            .with_for_update()
        )
        known = list(ids.scalars())
        if not known:
            continue
        next_poll_at = sa.case(
            (submissions.c.state.in_(sorted(POLLED_STATES)), sa.literal(now, type_=submissions.c.next_poll_at.type)),
            else_=None,
        )
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.submission_id.in_(known))
            .values(woken=True, next_poll_at=next_poll_at, updated_at=now)
        )
        woken += len(known)
    return woken


def next_due_at(connection: Connection, *, evaluation: str, partition: str) -> datetime | None:
    """When the first of a partition's submissions is to be asked about; None if none is waited for."""
    earliest = sa.select(sa.func.min(submissions.c.next_poll_at)).select_from(items)
    # What is given up is only watched.
    waited_for = submissions.c.state != SubmissionState.GIVEN_UP
    found: datetime | None = connection.execute(
        earliest.where(of_partition(evaluation, partition), waited_for)
    ).scalar_one()
    return found


def recent_latencies(connection: Connection, *, judge_id: str, content_type: str, limit: int) -> list[float]:
    """Seconds from upload to completion, newest first; without those that clocks made negative."""
    rows = connection.execute(
        sa.select(submissions.c.uploaded_at, submissions.c.finished_at)
        .where(
            submissions.c.judge_id == judge_id,
            submissions.c.content_type == content_type,
            submissions.c.settled_at.is_not(None),
            submissions.c.state.in_(sorted(FINISHED_STATES)),
            submissions.c.uploaded_at <= submissions.c.finished_at,
        )
        .order_by(submissions.c.settled_at.desc())
        .limit(limit)
    )
    return [(finished_at - uploaded_at).total_seconds() for uploaded_at, finished_at in rows]
