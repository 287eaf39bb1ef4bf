"""How a submission is changed: compare-and-swap on its state and its lease.

Belongs here: the look at a submission that locks it, the refusals, and the one statement by which every step is
written. Does not: the steps themselves (`transitions.py`, `social_transitions.py`), nor who holds a lease
(`leases.py`).

A fact may be recorded late, under a lease that has run out, as long as nobody has taken over: losing it would be worse.
An act (a PUT, a POST) may only be started under a lease that still runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.errors import LeaseLost, TransitionRefused
from pique_assets.ledger.rows import SUBMISSION_FIELDS, for_lease_holder, to_leased_submission
from pique_assets.ledger.states import SETTLED_STATES, TRANSITIONS, Lease, Submission, SubmissionState
from pique_assets.ledger.tables import submissions

RELEASED: dict[str, object] = {"lease_token": None, "lease_expires_at": None}
"""Column values that give a lease back."""

_LOCKED = (
    for_lease_holder.add_columns(submissions.c.woken)
    .where(submissions.c.submission_id == sa.bindparam("submission_id"))
    .with_for_update(of=submissions)
)
# Which columns it sets is said by the parameters of its execution.
_SWAP = sa.update(submissions).where(
    submissions.c.submission_id == sa.bindparam("held_id"),
    submissions.c.lease_token == sa.bindparam("held_token"),
    submissions.c.state == sa.bindparam("held_state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A submission that a write has locked, and may change.

    Attributes:
        submission: As it was found.
        token: Of the lease that the caller has shown.
        woken: Whether a webhook of its job came while the lease was held.
        now: The time of the write.
    """

    submission: Submission
    token: str
    woken: bool
    now: datetime

    @property
    def was_settled(self) -> bool:
        """Whether tables may say already how it stands, which what is about to be written changes."""
        return self.submission.state in SETTLED_STATES

    def unless_woken(self, next_poll_at: datetime | None) -> datetime | None:
        """The next poll: at once if a webhook came while the lease was held."""
        return self.now if self.woken else next_poll_at


def hold(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    to: SubmissionState | None,
    sources: Iterable[SubmissionState] | None = None,
    must_run: bool = False,
) -> Held:
    """Lock one submission for a change, if it shows this lease and a state from which the change is allowed.

    Args:
        connection: A write transaction.
        lease: The caller's lease.
        now: The time.
        to: The state that is to follow; None if it stays (a poll).
        sources: The states to come from, where this write allows fewer than `TRANSITIONS`.
        must_run: Whether the lease must not have run out: what an act needs, while a fact may be recorded late.

    Raises:
        LeaseLost: The lease is no longer held.
        TransitionRefused: It is, but the state allows no such write.
    """
    row = connection.execute(_LOCKED, {"submission_id": lease.submission_id}).one_or_none()
    if row is None or row.lease_token != lease.token:
        raise _lost(lease)
    allowed = {
        state
        for state, following in TRANSITIONS.items()
        if (to or state) in following and (sources is None or state in sources)
    }
    if row.state not in allowed:
        raise TransitionRefused(
            f"submission {lease.submission_id} is {row.state.value}; "
            f"{'another poll' if to is None else to.value} may only follow "
            + ", ".join(sorted(state.value for state in allowed))
        )
    if must_run and row.lease_expires_at <= now:
        raise _lost(lease)
    return Held(submission=to_leased_submission(row), token=lease.token, woken=row.woken, now=now)


def change(connection: Connection, held: Held, *, to: SubmissionState | None, **values: object) -> Submission:
    """Write a step of a submission that `hold` has locked.

    Args:
        connection: The same transaction.
        held: The submission.
        to: The new state; None leaves it.
        values: The other columns to set.

    Returns:
        The submission as it is now; of its upload target it keeps what was found.
    """
    before = held.submission
    state = before.state if to is None else to
    changed = connection.execute(
        _SWAP,
        {
            **values,
            "state": state,
            "updated_at": held.now,
            "held_id": before.submission_id,
            "held_token": held.token,
            "held_state": before.state,
        },
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"submission {before.submission_id} was changed by another program meanwhile")
    fields = {name: _as_stored(value) for name, value in values.items() if name in SUBMISSION_FIELDS}
    return replace(before, state=state, **fields)  # type: ignore[arg-type]


def _as_stored(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"submission {lease.submission_id}: the lease has run out, was given back or was taken over; "
        "stop working on it, whoever holds it now goes on"
    )
