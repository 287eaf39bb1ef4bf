"""From an order to a submission: find the one that stands for it, or write the intent, and lease it.

Belongs here: the statements by which at most one live submission per work key exists and at most one worker
has it. Does not: the walk through the states (`writes.py`), nor polling (`polling.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.current import best_first
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.leases import grant, is_free, lease_selected, new_token
from pique_assets.ledger.model import (
    DEAD_STATES,
    POLLED_STATES,
    UNANSWERED_STATES,
    Claim,
    LeasedSubmission,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.rows import (
    AnyRow,
    for_lease_holder,
    to_lease,
    to_leased_submission,
    to_unleased_submission,
)
from pique_assets.ledger.tables import UNFINISHED, UNSENT, inventory, submissions, upload_targets


def claim(connection: Connection, orders: Sequence[SubmissionOrder], *, now: datetime, until: datetime) -> list[Claim]:
    """Find or make the submission of each order, and lease those that have work to do and nobody at it.

    Args:
        connection: a write transaction.
        orders: at most `chunks.CHUNK`, each with a work key of its own.
        now: the time.
        until: when the leases end.

    Returns:
        One claim per order, in their order.
    """
    erase_expired_targets(connection, now=now)
    by_key = {order.work_key: order for order in orders}
    before = _current(connection, list(by_key))
    token = new_token()
    _insert_missing(connection, by_key, before, token=token, now=now, until=until)
    found = {row.submission_id for row in before.values()}
    resumable = sa.select(submissions.c.submission_id).where(
        submissions.c.submission_id.in_(sorted(found)), submissions.c.live, UNSENT, is_free(now)
    )
    grant(connection, resumable, token=token, now=now, until=until)
    after = _current(connection, list(by_key))
    claims: list[Claim] = []
    for order in orders:
        row = after[order.work_key]
        if row.lease_token == token:
            created = row.submission_id not in found
            claims.append(Claim(submission=to_leased_submission(row), created=created, lease=to_lease(row)))
        else:
            claims.append(Claim(submission=to_unleased_submission(row), created=False, lease=None))
    return claims


def claim_interrupted(
    connection: Connection,
    *,
    now: datetime,
    until: datetime,
    limit: int,
    evaluation: str | None,
    partition: str | None,
) -> list[LeasedSubmission]:
    """Lease what a worker left between intent and upload, oldest first, by the index on the unsent."""
    erase_expired_targets(connection, now=now)
    wanted = _interrupted(*wanted_by(evaluation, partition), now=now, limit=limit)
    return lease_selected(connection, wanted, now=now, until=until)


def orphans(*, now: datetime, untouched_since: datetime, limit: int) -> sa.Select[int]:
    """Select interrupted submissions that no present content asks for and nobody touched lately, oldest first.

    Whatever an inventory still asks for is left to the uploads of its partition, which resume it.
    """
    asked_for = sa.select(sa.literal(1)).where(inventory.c.work_key == submissions.c.work_key, inventory.c.present)
    return _interrupted(submissions.c.updated_at <= untouched_since, sa.not_(asked_for.exists()), now=now, limit=limit)


def claim_orphans(
    connection: Connection, wanted: sa.Select[int], *, now: datetime, until: datetime
) -> list[LeasedSubmission]:
    """Lease what `orphans` selects."""
    erase_expired_targets(connection, now=now)
    return lease_selected(connection, wanted, now=now, until=until)


def unanswered(*, now: datetime, started_before: datetime, limit: int) -> sa.Select[int]:
    """Select what was left SUBMITTING by a POST begun before this moment, oldest first."""
    return (
        sa.select(submissions.c.submission_id)
        .where(
            UNFINISHED,
            submissions.c.state == SubmissionState.SUBMITTING,
            submissions.c.upload_started_at < started_before,
            is_free(now),
        )
        .order_by(submissions.c.submission_id)
        .limit(limit)
    )


def to_reconcile(submission_id: int, *, now: datetime) -> sa.Select[int]:
    """Select this submission if its social media POST has no answer and nobody is at it."""
    return sa.select(submissions.c.submission_id).where(
        submissions.c.submission_id == submission_id, submissions.c.state.in_(sorted(UNANSWERED_STATES)), is_free(now)
    )


def to_give_up(submission_id: int, *, now: datetime) -> sa.Select[int]:
    """Select this submission if Pique has it, or may have it, and nobody is at it."""
    may_have_it = sorted({SubmissionState.UPLOADING} | POLLED_STATES)
    return sa.select(submissions.c.submission_id).where(
        submissions.c.submission_id == submission_id, submissions.c.state.in_(may_have_it), is_free(now)
    )


def begun_long_ago(*, begun_before: datetime, now: datetime, limit: int) -> sa.Select[int]:
    """Select uploads that were begun before this moment and never came to an end, and that nobody is at."""
    return _interrupted(
        submissions.c.state == SubmissionState.UPLOADING,
        submissions.c.upload_started_at < begun_before,
        now=now,
        limit=limit,
    )


def _interrupted(*conditions: sa.ColumnElement[bool], now: datetime, limit: int) -> sa.Select[int]:
    return (
        sa.select(submissions.c.submission_id)
        .where(UNSENT, submissions.c.live, is_free(now), *conditions)
        .order_by(submissions.c.submission_id)
        .limit(limit)
    )


def wanted_by(evaluation: str | None, partition: str | None) -> list[sa.ColumnElement[bool]]:
    """Conditions that keep the submissions an inventory asks for; none if neither name is given."""
    if evaluation is None and partition is None:
        return []
    member = sa.select(sa.literal(1)).where(inventory.c.work_key == submissions.c.work_key)
    if evaluation is not None:
        member = member.where(inventory.c.evaluation == evaluation)
    if partition is not None:
        member = member.where(inventory.c.partition == partition)
    return [member.exists()]


def erase_expired_targets(connection: Connection, *, now: datetime) -> None:
    """Forget signed URLs that no longer work (design section 6)."""
    expired = sa.select(upload_targets.c.submission_id).where(upload_targets.c.expires_at <= now)
    connection.execute(
        sa.delete(upload_targets).where(upload_targets.c.submission_id.in_(expired.with_for_update(skip_locked=True)))
    )


def _current(connection: Connection, work_keys: Sequence[str]) -> dict[str, AnyRow]:
    statement = for_lease_holder.where(submissions.c.work_key.in_(work_keys))
    rows = connection.execute(statement.order_by(*best_first(submissions))).all()
    # The last one wins in a dict, and the best comes first.
    return {row.work_key: row for row in reversed(rows)}


def _insert_missing(
    connection: Connection,
    by_key: dict[str, SubmissionOrder],
    before: dict[str, AnyRow],
    *,
    token: str,
    now: datetime,
    until: datetime,
) -> None:
    new: list[dict[str, object]] = []
    # Sorted, so that two hosts which insert overlapping sets wait for each other in one direction only.
    for key in sorted(by_key):
        known = before.get(key)
        if known is not None and known.state not in DEAD_STATES:
            continue
        new.append(
            {
                **_ordered(by_key[key]),
                "attempt": 1 if known is None else known.attempt + 1,
                "state": SubmissionState.INTENDED,
                "live": True,
                "lease_token": token,
                "lease_expires_at": until,
                "woken": False,
                "poll_count": 0,
                "created_at": now,
                "updated_at": now,
            }
        )
    # Another host may have been faster; then its row stands and ours is ignored.
    insert_or_ignore(connection, submissions, new)


def _ordered(order: SubmissionOrder) -> dict[str, object]:
    return {name: getattr(order, name) for name in SubmissionOrder.__dataclass_fields__}
