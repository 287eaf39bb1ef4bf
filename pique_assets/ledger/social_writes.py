"""The steps that only social media submissions take: a POST that is a commit, and whatever becomes known of it.

Belongs here: the statements around SUBMITTING and IN_DOUBT. Does not: what every submission goes through
(`writes.py`), nor how long to wait for an answer (room `evaluation`).

The POST is the moment from which Pique may be evaluating, as the PUT is for an upload; but there is no job to ask about
when its answer is lost. So the submission says before the POST that it was begun, and is sent again only if it
certainly was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger import webhooks
from pique_assets.ledger.inventory import reopen
from pique_assets.ledger.leases import RELEASED
from pique_assets.ledger.model import Lease, Submission, SubmissionState
from pique_assets.ledger.rows import load, to_leased_submission
from pique_assets.ledger.swaps import moment, read, require_free, still_runs, swap, was_settled
from pique_assets.ledger.tables import submissions

_S = SubmissionState


def submitting(connection: Connection, leases: Sequence[Lease], *, now: datetime) -> list[Submission]:
    """INTENDED -> SUBMITTING for a whole POST: from here on Pique may have it."""
    # In one order, so that two hosts which took each other's leases over cannot wait for each other.
    for lease in sorted(leases, key=lambda lease: lease.submission_id):
        values = {"upload_started_at": now}
        swap(
            connection,
            lease,
            to=_S.SUBMITTING,
            sources={_S.INTENDED},
            now=now,
            values=values,
            only_if=still_runs(now),
        )
    return [to_leased_submission(row) for row in load(connection, [lease.submission_id for lease in leases])]


def accepted(
    connection: Connection,
    lease: Lease,
    *,
    now: datetime,
    job_id: str,
    batch_id: str | None,
    next_poll_at: datetime,
    evidence: str | None,
) -> Submission:
    """SUBMITTING | IN_DOUBT -> UPLOADED: Pique named its job; due at once if a webhook came before its name.

    ``uploaded_at`` becomes the start of the POST, the best that is known, so that latencies stay useful.
    """
    known_otherwise = was_settled(connection, lease)
    woken = webhooks.job_is_named(connection, job_id)
    require_free(connection, job_id, lease=lease)
    values: dict[str, object] = {
        "job_id": job_id,
        "batch_id": batch_id,
        "uploaded_at": sa.func.coalesce(submissions.c.upload_started_at, moment(now)),
        "next_poll_at": now if woken else next_poll_at,
        **RELEASED,
    }
    if evidence is not None:
        values["evidence"] = evidence
    swap(connection, lease, to=_S.UPLOADED, sources={_S.SUBMITTING, _S.IN_DOUBT}, now=now, values=values)
    submission = read(connection, lease)
    if known_otherwise:
        reopen(connection, submission.work_key)
    return submission


def unattributed(
    connection: Connection, lease: Lease, *, now: datetime, batch_id: str | None, evidence: str
) -> Submission:
    """SUBMITTING -> SUBMITTING: an answer came, and which of its jobs is this one's can't be told."""
    values = {"batch_id": batch_id, "evidence": evidence, **RELEASED}
    swap(connection, lease, to=None, sources={_S.SUBMITTING}, now=now, values=values)
    return read(connection, lease)


def not_sent(connection: Connection, lease: Lease, *, now: datetime) -> Submission:
    """SUBMITTING -> INTENDED: Pique certainly never got it."""
    values = {"upload_started_at": None, **RELEASED}
    swap(connection, lease, to=_S.INTENDED, sources={_S.SUBMITTING}, now=now, values=values)
    return read(connection, lease)


def never_sent(connection: Connection, lease: Lease, *, now: datetime, evidence: str) -> Submission:
    """SUBMITTING | IN_DOUBT -> INTENDED: a person says that Pique never got it."""
    known_otherwise = was_settled(connection, lease)
    values = {"upload_started_at": None, "evidence": evidence, **RELEASED}
    swap(connection, lease, to=_S.INTENDED, sources={_S.SUBMITTING, _S.IN_DOUBT}, now=now, values=values)
    submission = read(connection, lease)
    if known_otherwise:
        reopen(connection, submission.work_key)
    return submission


def in_doubt(connection: Connection, lease: Lease, *, now: datetime, evidence: str) -> Submission:
    """SUBMITTING -> IN_DOUBT: settled without an answer; nothing but a person's word has it sent again."""
    swap(connection, lease, to=_S.IN_DOUBT, now=now, values={"evidence": evidence, **RELEASED})
    return read(connection, lease)
