"""A lost ledger made anew from what others remember of it.

Belongs here: the record of a remembered submission, and the statements that write it back without ever overwriting
what a ledger knows itself. Does not: where the memories come from, which is `recovering.ledger_from_lake`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.due import jobs_are_named
from pique_assets.ledger.errors import RestoreRefused
from pique_assets.ledger.partitions import named_partition, write_inventory
from pique_assets.ledger.rows import AnyRow
from pique_assets.ledger.states import (
    FINISHED_STATES,
    POLLED_STATES,
    UNANSWERED_STATES,
    InventoryItem,
    PayloadSource,
    Source,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.tables import inventory, partitions, payloads, submissions

_S = SubmissionState

UNCONFIRMED_FOR = timedelta(days=1)
"""How long the upload URL of a job counts as alive when nobody remembers its expiry: far longer than any was seen."""

_RESTORABLE = FINISHED_STATES | POLLED_STATES | UNANSWERED_STATES | {_S.UPLOADING, _S.REJECTED}
_BEGUN = _RESTORABLE - {_S.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedSubmission:
    """One job attempt as another record than the ledger remembers it.

    UPLOADED, ABANDONED and GIVEN_UP are asked about at once. UPLOADING stands for "perhaps it has its bytes": recovery
    asks Pique first, and since the upload URL is lost, nothing is ever sent to this job. SUBMITTING is a social media
    POST of which nobody remembers an answer: it waits for one as if begun when it was ordered, and is never sent again.
    """

    order: SubmissionOrder
    attempt: int
    live: bool
    state: SubmissionState
    job_id: str | None
    batch_id: str | None
    error_code: str | None
    error: str | None
    created_at: datetime
    uploaded_at: datetime | None
    finished_at: datetime | None

    def __post_init__(self) -> None:
        """Refuse a state that says nothing once the lease or the URL that belongs to it is lost.

        Raises:
            ValueError: INTENDED or PREPARED.
        """
        if self.state not in _RESTORABLE:
            raise ValueError(f"a submission can't be restored as {self.state}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedPayload:
    """A result as it was received, with the job it belongs to."""

    job_id: str
    source: PayloadSource
    received_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What one call wrote, and how many submissions the ledger knew already."""

    submissions: int
    known: int
    payloads: int


class Restoring(LedgerPart):
    """Writing back what others remember."""

    def restore(
        self,
        *,
        evaluation: str,
        partition: str,
        items: Sequence[InventoryItem],
        social_items: Sequence[InventoryItem] = (),
        submissions: Sequence[RememberedSubmission],
        payloads: Sequence[RememberedPayload],
    ) -> Restored:
        """Write back what another record remembers of a partition; what the ledger knows itself stays.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            items: its content that we upload, used only if this ledger has taken no inventory of the partition.
            social_items: its content that Pique fetches, likewise.
            submissions: its job attempts.
            payloads: what was received; kept for jobs that are finished here.

        Raises:
            RestoreRefused: the ledger knows another job for the same work, or the same job for other work; nothing was
                written.
        """
        now = self._clock()
        by_source: dict[Source, Sequence[InventoryItem]] = {"direct": items, "social": social_items}

        def restore(connection: Connection) -> Restored:
            new = _write_submissions(connection, submissions, now=now)
            _restore_inventory(connection, evaluation=evaluation, partition=partition, items=by_source)
            written = _restore_payloads(connection, payloads)
            return Restored(submissions=new, known=len(submissions) - new, payloads=written)

        return self._database.write_alone(restore)


def _write_submissions(connection: Connection, remembered: Sequence[RememberedSubmission], *, now: datetime) -> int:
    """Write those that the ledger does not have; returns how many."""
    new: list[RememberedSubmission] = []
    for chunk in chunks(remembered):
        new += _unknown(connection, chunk)
    insert_or_ignore(connection, submissions, [_row(one, now=now) for one in new])
    jobs_are_named(connection, [one.job_id for one in new if one.job_id is not None])
    # Somebody may have written between our look and our write; then what stands must still agree.
    for chunk in chunks(new):
        if missing := _unknown(connection, chunk):
            raise _refused(missing[0], "another process is writing the same work")
    return len(new)


def _unknown(connection: Connection, remembered: Sequence[RememberedSubmission]) -> list[RememberedSubmission]:
    """Those the ledger does not have yet; refuses any that contradict what it has."""
    keys = sorted({one.order.work_key for one in remembered})
    jobs = sorted({one.job_id for one in remembered if one.job_id is not None})
    matching: sa.Select[Any] = sa.select(
        submissions.c.work_key, submissions.c.attempt, submissions.c.live, submissions.c.job_id, submissions.c.state
    ).where(sa.or_(submissions.c.work_key.in_(keys), submissions.c.job_id.in_(jobs)))
    rows = connection.execute(matching).all()
    by_attempt = {(row.work_key, row.attempt): row for row in rows}
    by_job = {row.job_id: row for row in rows if row.job_id is not None}
    live = {row.work_key: row for row in rows if row.live}
    return [one for one in remembered if not _is_known(one, by_attempt=by_attempt, by_job=by_job, live=live)]


def _is_known(
    one: RememberedSubmission,
    *,
    by_attempt: Mapping[tuple[str, int], AnyRow],
    by_job: Mapping[str, AnyRow],
    live: Mapping[str, AnyRow],
) -> bool:
    key = one.order.work_key
    same = by_attempt.get((key, one.attempt))
    if same is not None:
        if same.job_id != one.job_id:
            raise _refused(one, f"the ledger has job {same.job_id} ({same.state}) for the same attempt")
        return True
    if one.job_id in by_job:
        raise _refused(one, "the ledger has the same job for other work")
    if one.live and key in live:
        raise _refused(one, f"the ledger is at attempt {live[key].attempt} with job {live[key].job_id}")
    return False


def _refused(one: RememberedSubmission, why: str) -> RestoreRefused:
    return RestoreRefused(
        f"{one.order.filename}: job {one.job_id} (attempt {one.attempt}, {one.state}) is to be restored, but {why}; "
        "restore into a new, empty ledger, or keep the ledger you have"
    )


def _row(one: RememberedSubmission, *, now: datetime) -> dict[str, object]:
    order = {name: getattr(one.order, name) for name in SubmissionOrder.__dataclass_fields__}
    finished = one.state in FINISHED_STATES
    expires_at = one.created_at + UNCONFIRMED_FOR if one.state is _S.UPLOADING else None
    return {
        **order,
        "attempt": one.attempt,
        "live": one.live,
        "state": one.state,
        "job_id": one.job_id,
        "batch_id": one.batch_id,
        "upload_expires_at": expires_at,
        "next_poll_at": now if one.state in POLLED_STATES else None,
        "woken": False,
        "poll_count": 0,
        "evidence": f"restored from the lake at {now:%Y-%m-%dT%H:%M:%SZ}",
        "error_code": one.error_code,
        "error": one.error,
        "created_at": one.created_at,
        "upload_started_at": (one.uploaded_at or one.created_at) if one.state in _BEGUN else None,
        "uploaded_at": one.uploaded_at,
        "finished_at": one.finished_at if finished else None,
        "settled_at": one.finished_at if finished or one.state in (_S.REJECTED, _S.GIVEN_UP) else None,
        "updated_at": now,
    }


def _restore_inventory(
    connection: Connection,
    *,
    evaluation: str,
    partition: str,
    items: Mapping[Source, Sequence[InventoryItem]],
) -> None:
    """The partition's content, unless an inventory was taken since: that one is newer than any memory."""
    taken = sa.select(inventory.c.content_key).where(
        inventory.c.evaluation == evaluation, inventory.c.partition == partition
    )
    named = sa.select(partitions.c.partition).where(named_partition(evaluation, partition))
    if connection.execute(named).first() is None and connection.execute(taken.limit(1)).first() is None:
        for source, of_source in items.items():
            write_inventory(connection, evaluation=evaluation, partition=partition, items=of_source, source=source)


def _restore_payloads(connection: Connection, bodies: Sequence[RememberedPayload]) -> int:
    """Keep the payloads of jobs that are finished here; the others will be asked for again."""
    written = 0
    for chunk in chunks(bodies):
        jobs = sorted({body.job_id for body in chunk})
        finished = connection.execute(
            sa.select(submissions.c.job_id, submissions.c.submission_id).where(
                submissions.c.job_id.in_(jobs), submissions.c.state.in_(sorted(FINISHED_STATES))
            )
        )
        submission_of = {row.job_id: row.submission_id for row in finished}
        rows = [
            {
                "submission_id": submission_of[body.job_id],
                "job_id": body.job_id,
                "source": body.source,
                "received_at": body.received_at,
                "body": body.body,
                "sha256": hashlib.sha256(body.body).hexdigest(),
            }
            for body in chunk
            if body.job_id in submission_of
        ]
        before = _payload_count(connection, jobs)
        insert_or_ignore(connection, payloads, rows)
        written += _payload_count(connection, jobs) - before
    return written


def _payload_count(connection: Connection, job_ids: Sequence[str]) -> int:
    counted: int = connection.execute(
        sa.select(sa.func.count()).select_from(payloads).where(payloads.c.job_id.in_(job_ids))
    ).scalar_one()
    return counted
