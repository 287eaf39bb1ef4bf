"""The walk of one submission through its states; each write is compare-and-swap on state and lease.

Belongs here: the statements behind every ``record_...`` method, checked against `model.TRANSITIONS`. Does
not: claims and leases (`claims.py`, `leases.py`), nor when to do what (room `evaluation`).

A fact may be recorded late, under a lease that has run out, as long as nobody has taken over: losing it
would be worse. An act (the PUT) may only be started under a lease that still runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.errors import LeaseLost, TransitionRefused
from pique_assets.ledger.leases import RELEASED, holds
from pique_assets.ledger.model import (
    FINISHED_STATES,
    TRANSITIONS,
    Lease,
    PayloadSource,
    Submission,
    SubmissionState,
)
from pique_assets.ledger.rows import load, to_leased_submission
from pique_assets.ledger.tables import inventory, payloads, submissions, upload_targets

_S = SubmissionState


def prepared(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    job_id: str,
    upload_url: str,
    upload_headers: Mapping[str, str],
    expires_at: datetime,
) -> Submission:
    """INTENDED -> PREPARED: Pique named a job; its signed URL is kept until it is used or expires."""
    swap(
        connection,
        lease,
        to=_S.PREPARED,
        now=now,
        values={"job_id": job_id, "upload_expires_at": expires_at, "prepared_at": now},
    )
    connection.execute(
        sa.insert(upload_targets).values(
            submission_id=lease.submission_id,
            url=upload_url,
            headers=json.dumps(dict(upload_headers)),
            expires_at=expires_at,
        )
    )
    return _read(connection, lease)


def upload_started(connection: Connection, lease: Lease, *, now: datetime) -> Submission:
    """PREPARED | UPLOADING -> UPLOADING: from here on the bytes may have landed."""
    swap(
        connection,
        lease,
        to=_S.UPLOADING,
        now=now,
        values={"upload_started_at": now},
        only_if=submissions.c.lease_expires_at > now,
    )
    return _read(connection, lease)


def uploaded(connection: Connection, lease: Lease, *, now: datetime, next_poll_at: datetime) -> Submission:
    """UPLOADING -> UPLOADED: the storage host confirmed the bytes."""
    values = {"uploaded_at": now, "next_poll_at": _unless_woken(now, next_poll_at), **RELEASED}
    swap(connection, lease, to=_S.UPLOADED, sources={_S.UPLOADING}, now=now, values=values)
    return _read_without_target(connection, lease)


def adopted(
    connection: Connection, lease: Lease, *, now: datetime, next_poll_at: datetime, status: str | None
) -> Submission:
    """PREPARED | UPLOADING -> UPLOADED: Pique says that it has the bytes, whatever we remember.

    ``uploaded_at`` becomes the start of the last upload, the best that is known, so that latencies stay
    useful.
    """
    values = {
        "uploaded_at": sa.func.coalesce(submissions.c.upload_started_at, _moment(now)),
        "next_poll_at": _unless_woken(now, next_poll_at),
        "pique_status": status,
        **RELEASED,
    }
    sources = {_S.PREPARED, _S.UPLOADING}
    swap(connection, lease, to=_S.UPLOADED, sources=sources, now=now, values=values)
    return _read_without_target(connection, lease)


def rejected(connection: Connection, lease: Lease, *, now: datetime, error_code: str, error: str) -> Submission:
    """INTENDED -> REJECTED: it could not be submitted, and no evaluation happened."""
    values = {"live": False, "error_code": error_code, "error": error, "settled_at": now, **RELEASED}
    swap(connection, lease, to=_S.REJECTED, now=now, values=values)
    return _read(connection, lease)


def abandoned(
    connection: Connection, lease: Lease, *, now: datetime, evidence: str, next_poll_at: datetime | None
) -> Submission:
    """PREPARED | UPLOADING | UPLOADED | IN_DOUBT -> ABANDONED: proven dead; watched if polled again.

    Content that is gone leaves its partitions with it: nothing was evaluated, and no further attempt can be made.
    """
    values = {
        "live": False,
        "evidence": evidence,
        "next_poll_at": _unless_woken(now, next_poll_at),
        **RELEASED,
    }
    sources = {_S.PREPARED, _S.UPLOADING, _S.UPLOADED, _S.IN_DOUBT}
    swap(connection, lease, to=_S.ABANDONED, sources=sources, now=now, values=values)
    submission = _read_without_target(connection, lease)
    gone = sa.and_(inventory.c.work_key == submission.work_key, sa.not_(inventory.c.present))
    connection.execute(sa.delete(inventory).where(gone))
    return submission


def polled(
    connection: Connection, lease: Lease, *, now: datetime, next_poll_at: datetime | None, status: str | None
) -> Submission:
    """UPLOADED -> UPLOADED or ABANDONED -> ABANDONED: asked, not terminal yet."""
    values = {
        "next_poll_at": _unless_woken(now, next_poll_at),
        "poll_count": submissions.c.poll_count + 1,
        "pique_status": status,
        **RELEASED,
    }
    # Without a next poll an uploaded submission would be forgotten; only a watch may end.
    sources = {_S.ABANDONED} if next_poll_at is None else {_S.UPLOADED, _S.ABANDONED}
    swap(connection, lease, to=None, sources=sources, now=now, values=values)
    return _read(connection, lease)


def result(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    outcome: SubmissionState,
    payload: bytes,
    source: PayloadSource,
    received_at: datetime,
    finished_at: datetime | None,
    error_code: str | None,
    error: str | None,
) -> Submission:
    """-> COMPLETED | FAILED, with the payload in the same transaction."""
    if outcome not in FINISHED_STATES:
        raise ValueError(f"a result is COMPLETED or FAILED, not {outcome}")
    values = {
        "pique_status": outcome.value.lower(),
        "finished_at": finished_at or received_at,
        "settled_at": now,
        "next_poll_at": None,
        "error_code": error_code,
        "error": error,
        **RELEASED,
    }
    swap(connection, lease, to=outcome, now=now, values=values)
    submission = _read_without_target(connection, lease)
    insert_or_ignore(
        connection,
        payloads,
        [
            {
                "submission_id": submission.submission_id,
                "job_id": submission.job_id,
                "source": source,
                "received_at": received_at,
                "body": payload,
                "sha256": hashlib.sha256(payload).hexdigest(),
            }
        ],
    )
    _supersede_unsent(connection, submission, now=now)
    return submission


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


def _unless_woken(now: datetime, next_poll_at: datetime | None) -> sa.ColumnElement[datetime | None]:
    """The next poll, or at once if a webhook came while the lease was held."""
    return sa.case((submissions.c.woken, _moment(now)), else_=_moment(next_poll_at))


def _moment(value: datetime | None) -> sa.BindParameter[datetime | None]:
    return sa.literal(value, type_=submissions.c.next_poll_at.type)


def _supersede_unsent(connection: Connection, finished: Submission, *, now: datetime) -> None:
    """Stop a further attempt that has sent no byte yet: an abandoned job has finished after all.

    Its worker meets `LeaseLost` at its next write, which comes before the PUT; so nothing is evaluated twice.
    """
    sibling = sa.and_(
        submissions.c.work_key == finished.work_key,
        submissions.c.submission_id != finished.submission_id,
        submissions.c.live,
    )
    why = f"superseded: attempt {finished.attempt} (job {finished.job_id}) finished after all"
    stopped: dict[str, object] = {"live": False, "evidence": why, "updated_at": now, **RELEASED}
    intended = sa.update(submissions).where(sibling, submissions.c.state == _S.INTENDED)
    connection.execute(
        intended.values(state=_S.REJECTED, error_code="superseded", error=why, settled_at=now, **stopped)
    )
    idle = sa.select(submissions.c.submission_id).where(sibling, submissions.c.state == _S.PREPARED)
    for submission_id in list(connection.execute(idle.with_for_update()).scalars()):
        _erase_target(connection, submission_id)
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.submission_id == submission_id)
            .values(state=_S.ABANDONED, **stopped)
        )


def _erase_target(connection: Connection, submission_id: int) -> None:
    connection.execute(sa.delete(upload_targets).where(upload_targets.c.submission_id == submission_id))


def _read(connection: Connection, lease: Lease) -> Submission:
    return to_leased_submission(load(connection, [lease.submission_id])[0])


def _read_without_target(connection: Connection, lease: Lease) -> Submission:
    """Read after a write that ends the use of the signed URL: it is erased in the same transaction."""
    _erase_target(connection, lease.submission_id)
    return _read(connection, lease)
