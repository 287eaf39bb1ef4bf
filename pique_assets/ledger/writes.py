"""The walk of one submission through its states; each write is compare-and-swap on state and lease (`swaps.py`).

Belongs here: the statements behind the ``record_...`` methods. Does not: those of the steps that only social media
takes (`social_writes.py`), claims and leases (`claims.py`, `leases.py`), nor when to do what (room `evaluation`).

A fact may be recorded late, under a lease that has run out, as long as nobody has taken over: losing it
would be worse. An act (the PUT) may only be started under a lease that still runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger import webhooks
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.inventory import reopen
from pique_assets.ledger.leases import RELEASED
from pique_assets.ledger.model import (
    FINISHED_STATES,
    POLLED_STATES,
    Lease,
    PayloadSource,
    Submission,
    SubmissionState,
)
from pique_assets.ledger.swaps import moment, read, require_free, still_runs, swap, unless_woken, was_settled
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
    woken = webhooks.job_is_named(connection, job_id)
    require_free(connection, job_id, lease=lease)
    values = {"job_id": job_id, "upload_expires_at": expires_at, "prepared_at": now, "woken": woken}
    swap(connection, lease, to=_S.PREPARED, now=now, values=values)
    connection.execute(
        sa.insert(upload_targets).values(
            submission_id=lease.submission_id,
            url=upload_url,
            headers=json.dumps(dict(upload_headers)),
            expires_at=expires_at,
        )
    )
    return read(connection, lease)


def upload_started(connection: Connection, lease: Lease, *, now: datetime) -> Submission:
    """PREPARED | UPLOADING -> UPLOADING: from here on the bytes may have landed."""
    swap(
        connection,
        lease,
        to=_S.UPLOADING,
        now=now,
        # What Pique said of the job before is no longer news.
        values={"upload_started_at": now, "pique_status": None},
        only_if=still_runs(now),
    )
    return read(connection, lease)


def uploaded(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    next_poll_at: datetime,
    error_code: str | None,
    error: str | None,
) -> Submission:
    """UPLOADING -> UPLOADED: the storage host confirmed the bytes, perhaps with something wrong about them."""
    values = {
        "uploaded_at": now,
        "next_poll_at": unless_woken(now, next_poll_at),
        "error_code": error_code,
        "error": error,
        **RELEASED,
    }
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
        "uploaded_at": sa.func.coalesce(submissions.c.upload_started_at, moment(now)),
        "next_poll_at": unless_woken(now, next_poll_at),
        "pique_status": status,
        **RELEASED,
    }
    sources = {_S.PREPARED, _S.UPLOADING}
    swap(connection, lease, to=_S.UPLOADED, sources=sources, now=now, values=values)
    return _read_without_target(connection, lease)


def rejected(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    error_code: str,
    error: str,
    job_id: str | None,
    batch_id: str | None,
) -> Submission:
    """INTENDED | SUBMITTING -> REJECTED: it could not be submitted, and no evaluation happened."""
    if job_id is not None:
        webhooks.job_is_named(connection, job_id)
        require_free(connection, job_id, lease=lease)
    values = {
        "live": False,
        "error_code": error_code,
        "error": error,
        "job_id": job_id,
        "batch_id": batch_id,
        # A POST that was refused began no evaluation.
        "upload_started_at": None,
        "settled_at": now,
        **RELEASED,
    }
    swap(connection, lease, to=_S.REJECTED, now=now, values=values)
    return read(connection, lease)


def abandoned(
    connection: Connection, lease: Lease, *, now: datetime, evidence: str, next_poll_at: datetime | None
) -> Submission:
    """PREPARED | UPLOADING | UPLOADED | GIVEN_UP -> ABANDONED: proven dead; watched if polled again.

    Content that is gone leaves its partitions with it: nothing was evaluated, and no further attempt can be made.
    """
    known_otherwise = was_settled(connection, lease)
    values = {
        "live": False,
        "evidence": evidence,
        "error_code": None,
        "error": None,
        "settled_at": None,
        "next_poll_at": unless_woken(now, next_poll_at),
        **RELEASED,
    }
    sources = {_S.PREPARED, _S.UPLOADING, _S.UPLOADED, _S.GIVEN_UP}
    swap(connection, lease, to=_S.ABANDONED, sources=sources, now=now, values=values)
    submission = _read_without_target(connection, lease)
    gone = sa.and_(inventory.c.work_key == submission.work_key, sa.not_(inventory.c.present))
    connection.execute(sa.delete(inventory).where(gone))
    if known_otherwise:
        reopen(connection, submission.work_key)
    return submission


def given_up(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    error_code: str,
    error: str,
    status: str | None,
    next_poll_at: datetime | None,
) -> Submission:
    """UPLOADING | UPLOADED -> GIVEN_UP: nobody waits for its result any more; watched if polled again."""
    values = {
        "error_code": error_code,
        "error": error,
        "pique_status": status,
        "settled_at": now,
        "next_poll_at": unless_woken(now, next_poll_at),
        **RELEASED,
    }
    swap(connection, lease, to=_S.GIVEN_UP, sources={_S.UPLOADING, _S.UPLOADED}, now=now, values=values)
    return _read_without_target(connection, lease)


def polled(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    next_poll_at: datetime | None,
    status: str | None,
    empty_since: datetime | None,
) -> Submission:
    """UPLOADED, ABANDONED or GIVEN_UP, which it stays: asked, not terminal yet."""
    values = {
        "next_poll_at": unless_woken(now, next_poll_at),
        "poll_count": submissions.c.poll_count + 1,
        "pique_status": status,
        "empty_since": empty_since,
        **RELEASED,
    }
    # Without a next poll an uploaded submission would be forgotten; only a watch may end.
    sources = POLLED_STATES - {_S.UPLOADED} if next_poll_at is None else POLLED_STATES
    swap(connection, lease, to=None, sources=sources, now=now, values=values)
    return read(connection, lease)


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
    job_id: str | None,
) -> Submission:
    """-> COMPLETED | FAILED, with the payload in the same transaction."""
    if outcome not in FINISHED_STATES:
        raise ValueError(f"a result is COMPLETED or FAILED, not {outcome}")
    known_otherwise = was_settled(connection, lease)
    if job_id is not None:
        webhooks.job_is_named(connection, job_id)
        require_free(connection, job_id, lease=lease)
    values = {
        "job_id": sa.func.coalesce(submissions.c.job_id, sa.literal(job_id, type_=submissions.c.job_id.type)),
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
    if known_otherwise:
        reopen(connection, submission.work_key)
    return submission


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


def _read_without_target(connection: Connection, lease: Lease) -> Submission:
    """Read after a write that ends the use of the signed URL: it is erased in the same transaction."""
    _erase_target(connection, lease.submission_id)
    return read(connection, lease)
