"""Leases: who may work on a submission, and until when.

Belongs here: tokens, the condition "free", granting, renewing, giving back. Does not: what is then done with
the submission (`writes.py`).

Times come from the caller's clock. Hosts that share a Postgres ledger must agree to within the length of a
lease, or one would take over from another that is still at work; the token then still keeps the first from
overwriting anything.
"""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.errors import LeaseLost
from pique_assets.ledger.model import Lease, LeasedSubmission
from pique_assets.ledger.rows import load, to_lease, to_leased_submission
from pique_assets.ledger.tables import submissions

RELEASED: dict[str, object] = {"lease_token": None, "lease_expires_at": None}
"""Column values that give a lease back."""


def new_token() -> str:
    """Make a token nobody else has; one may serve a whole batch, since a lease also names its submission."""
    return secrets.token_hex(16)


def is_free(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody holds it, or whoever did is overdue."""
    return sa.or_(submissions.c.lease_token.is_(None), submissions.c.lease_expires_at <= now)


def grant(connection: Connection, wanted: sa.Select[int], *, token: str, now: datetime, until: datetime) -> list[int]:
    """Lease the selected submissions (ids of which each `is_free`), unless another transaction is at it.

    The ids are locked first and updated then: on Postgres an UPDATE over a LIMIT with SKIP LOCKED may take
    more rows than the limit says. Skipping what others have locked also means that no two claims can wait
    for each other.

    Returns:
        The ids that were granted, in the order of the selection.
    """
    ids = list(connection.execute(wanted.with_for_update(skip_locked=True)).scalars())
    for chunk in chunks(ids):
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.submission_id.in_(chunk))
            .values(lease_token=token, lease_expires_at=until, woken=False, updated_at=now)
        )
    return ids


def lease_selected(
    connection: Connection, wanted: sa.Select[int], *, now: datetime, until: datetime
) -> list[LeasedSubmission]:
    """Lease the selected submissions (ids of which each `is_free`) with a new token, in the order of the selection."""
    ids = grant(connection, wanted, token=new_token(), now=now, until=until)
    return [
        LeasedSubmission(submission=to_leased_submission(row), lease=to_lease(row)) for row in load(connection, ids)
    ]


def renew(connection: Connection, lease: Lease, *, now: datetime, until: datetime) -> Lease:
    """Make a lease end later; also one that has run out, if nobody has taken over.

    Raises:
        LeaseLost: somebody has, or it was given back.
    """
    changed = connection.execute(
        sa.update(submissions).where(holds(lease)).values(lease_expires_at=until, updated_at=now)
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"submission {lease.submission_id}: the lease was taken over or given back; stop working on it")
    return Lease(submission_id=lease.submission_id, token=lease.token, expires_at=until)


def release(connection: Connection, lease: Lease, *, now: datetime, pique_status: str | None) -> None:
    """Give a lease back, with what Pique said if it said anything; nothing happens if it is no longer held."""
    said = {} if pique_status is None else {"pique_status": pique_status}
    connection.execute(sa.update(submissions).where(holds(lease)).values(**RELEASED, **said, updated_at=now))


def holds(lease: Lease) -> sa.ColumnElement[bool]:
    """The submission still shows this lease's token."""
    return sa.and_(submissions.c.submission_id == lease.submission_id, submissions.c.lease_token == lease.token)
