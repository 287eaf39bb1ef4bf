"""How a submission is changed: compare-and-swap on its state and its lease.

Belongs here: the one statement by which every write is made, the refusals, and what several writes share. Does not:
the writes themselves (`writes.py`, `social_writes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.errors import JobTaken, LeaseLost, TransitionRefused
from pique_assets.ledger.leases import holds
from pique_assets.ledger.model import SETTLED_STATES, TRANSITIONS, Lease, Submission, SubmissionState
from pique_assets.ledger.rows import load, to_leased_submission
from pique_assets.ledger.tables import submissions


def swap(
    connection: Connection,
    lease: Lease,
    *,
    to: SubmissionState | None,
    now: datetime,
    values: Mapping[str, object],
    sources: Iterable[SubmissionState] | None = None,
    only_if: sa.ColumnElement[bool] | None = None,
) -> None:
    """Change one submission if it still shows this lease and a state from which the change is allowed.

    Args:
        connection: a write transaction.
        lease: the caller's lease.
        to: the new state; None leaves it (a poll).
        now: the time.
        values: the other columns to set.
        sources: the states to come from, where this write allows fewer than `TRANSITIONS`.
        only_if: a further condition on the lease.

    Raises:
        LeaseLost: the lease is no longer held.
        TransitionRefused: it is, but the state allows no such write.
    """
    allowed = {
        state
        for state, following in TRANSITIONS.items()
        if (to or state) in following and (sources is None or state in sources)
    }
    conditions = [holds(lease), submissions.c.state.in_(sorted(allowed))]
    if only_if is not None:
        conditions.append(only_if)
    state = {} if to is None else {"state": to}
    changed = connection.execute(sa.update(submissions).where(*conditions).values(**state, **values, updated_at=now))
    if changed.rowcount != 1:
        raise _refusal(connection, lease, to=to, allowed=allowed)


def _refusal(
    connection: Connection, lease: Lease, *, to: SubmissionState | None, allowed: set[SubmissionState]
) -> LeaseLost | TransitionRefused:
    found = connection.execute(
        sa.select(submissions.c.state, submissions.c.lease_token).where(
            submissions.c.submission_id == lease.submission_id
        )
    ).one_or_none()
    if found is not None and found.lease_token == lease.token and found.state not in allowed:
        wanted = "another poll" if to is None else to.value
        return TransitionRefused(
            f"submission {lease.submission_id} is {found.state.value}; {wanted} may only follow "
            + ", ".join(sorted(state.value for state in allowed))
        )
    return LeaseLost(
        f"submission {lease.submission_id}: the lease has run out, was given back or was taken over; "
        "stop working on it, whoever holds it now goes on"
    )


def was_settled(connection: Connection, lease: Lease) -> bool:
    """Whether tables may say already how it stands, which what is about to be written changes.

    Nobody but the holder of the lease can change it meanwhile.
    """
    of_this = sa.and_(
        submissions.c.submission_id == lease.submission_id, submissions.c.state.in_(sorted(SETTLED_STATES))
    )
    return connection.execute(sa.select(sa.literal(1)).where(of_this)).first() is not None


def require_free(connection: Connection, job_id: str, *, lease: Lease) -> None:
    """Refuse a job that another submission has: its result could not be told from this one's.

    Raises:
        JobTaken: another has it.
    """
    others = sa.select(submissions.c.filename).where(
        submissions.c.job_id == job_id, submissions.c.submission_id != lease.submission_id
    )
    taken = connection.execute(others).first()
    if taken is not None:
        raise JobTaken(f"Pique named job {job_id} for it, which is the job of {taken.filename}")


def still_runs(now: datetime) -> sa.ColumnElement[bool]:
    """The lease has not run out: what an act needs, while a fact may be recorded late."""
    return submissions.c.lease_expires_at > now


def unless_woken(now: datetime, next_poll_at: datetime | None) -> sa.ColumnElement[datetime | None]:
    """The next poll, or at once if a webhook came while the lease was held."""
    return sa.case((submissions.c.woken, moment(now)), else_=moment(next_poll_at))


def moment(value: datetime | None) -> sa.BindParameter[datetime | None]:
    """A time, bound as the column type stores it."""
    return sa.literal(value, type_=submissions.c.next_poll_at.type)


def read(connection: Connection, lease: Lease) -> Submission:
    """The submission as it is now."""
    return to_leased_submission(load(connection, [lease.submission_id])[0])
