"""The walk of one submission through its states: what is written when, by whoever holds its lease.

Belongs here: each step that an upload takes, and those by which every submission ends; a method is a write: its name,
the states it may leave, its statement and its failpoints. Does not: how a step is compared and swapped (`swaps.py`),
the steps that only social media takes (`social_transitions.py`), nor when to do what (the room `evaluation`).

The order of an upload: INTENDED (`leases.py`), a POST to Pique, `record_prepared`, `record_upload_started`, the PUT,
`record_uploaded`, polls, `record_result`. Each fact is on disk before the next request is sent, so that whoever finds
the submission after a crash knows what may have happened. When the bytes have arrived, `record_uploaded` sets UPLOADED
and the time of the first poll, erases the signed URL and gives the lease back, in one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.due import name_job
from pique_assets.ledger.partitions import reopen
from pique_assets.ledger.states import (
    FINISHED_STATES,
    POLLED_STATES,
    Lease,
    PayloadSource,
    Submission,
    SubmissionState,
    UploadTarget,
)
from pique_assets.ledger.swaps import RELEASED, Held, change, hold
from pique_assets.ledger.tables import inventory, payloads, submissions, upload_targets

_S = SubmissionState
_KEEP_TARGET = sa.insert(upload_targets)
_ERASE_TARGET = sa.delete(upload_targets).where(upload_targets.c.submission_id == sa.bindparam("of_submission"))


class Transitions(LedgerPart):
    """The steps of a submission; every method shows a lease."""

    @ledger_write("upload")
    def record_prepared(
        self,
        connection: Connection,
        lease: Lease,
        *,
        job_id: str,
        upload_url: str,
        upload_headers: Mapping[str, str],
        expires_at: datetime,
    ) -> Submission:
        """INTENDED -> PREPARED, before the PUT: Pique named a job. Keeps the signed URL until it is used or expires.

        Keeps the lease.

        Raises:
            JobTaken: another submission has this job.
        """
        woken = name_job(connection, job_id, lease=lease)
        held = hold(connection, lease, now=self._clock(), to=_S.PREPARED)
        prepared = change(
            connection,
            held,
            to=_S.PREPARED,
            job_id=job_id,
            upload_expires_at=expires_at,
            prepared_at=held.now,
            woken=woken,
        )
        target = UploadTarget(url=upload_url, headers=dict(upload_headers), expires_at=expires_at.astimezone(UTC))
        row = {"submission_id": prepared.submission_id, "url": upload_url, "expires_at": expires_at}
        connection.execute(_KEEP_TARGET, {**row, "headers": json.dumps(target.headers)})
        return replace(prepared, upload_target=target)

    @ledger_write("upload")
    def record_upload_started(
        self, connection: Connection, lease: Lease, *, lease_s: float | None = None
    ) -> Submission:
        """PREPARED | UPLOADING -> UPLOADING, before any byte is sent: from here on the bytes may have landed.

        Keeps the lease, which must still run; with `lease_s`, it lasts so many seconds from now.
        """
        held = hold(connection, lease, now=self._clock(), to=_S.UPLOADING, must_run=True)
        renewed = {} if lease_s is None else {"lease_expires_at": held.now + timedelta(seconds=lease_s)}
        # What Pique said of the job before is no longer news.
        return change(connection, held, to=_S.UPLOADING, upload_started_at=held.now, pique_status=None, **renewed)

    @ledger_write("upload")
    def record_uploaded(
        self,
        connection: Connection,
        lease: Lease,
        *,
        next_poll_at: datetime,
        error_code: str | None = None,
        error: str | None = None,
    ) -> Submission:
        """UPLOADING -> UPLOADED: the storage host confirmed the bytes, perhaps with something wrong about them.

        Erases the signed URL, releases the lease.

        Args:
            next_poll_at: when to ask for its result.
            error_code: what is wrong with what arrived, in a word.
            error: the same, in a sentence.
        """
        held = _erase_target(
            connection, hold(connection, lease, now=self._clock(), to=_S.UPLOADED, sources={_S.UPLOADING})
        )
        return change(
            connection,
            held,
            to=_S.UPLOADED,
            uploaded_at=held.now,
            next_poll_at=held.unless_woken(next_poll_at),
            error_code=error_code,
            error=error,
            **RELEASED,
        )

    @ledger_write("upload")
    def adopt(
        self, connection: Connection, lease: Lease, *, next_poll_at: datetime, status: str | None = None
    ) -> Submission:
        """PREPARED | UPLOADING -> UPLOADED: Pique says that it has the bytes, whatever we remember.

        Erases the signed URL, releases the lease. ``uploaded_at`` becomes the start of the last upload, the best that
        is known, so that latencies stay useful.
        """
        held = _erase_target(
            connection, hold(connection, lease, now=self._clock(), to=_S.UPLOADED, sources={_S.PREPARED, _S.UPLOADING})
        )
        return change(
            connection,
            held,
            to=_S.UPLOADED,
            uploaded_at=held.submission.upload_started_at or held.now,
            next_poll_at=held.unless_woken(next_poll_at),
            pique_status=status,
            **RELEASED,
        )

    @ledger_write("upload")
    def record_rejected(
        self,
        connection: Connection,
        lease: Lease,
        *,
        error_code: str,
        error: str,
        job_id: str | None = None,
        batch_id: str | None = None,
    ) -> Submission:
        """INTENDED | SUBMITTING -> REJECTED: it could not be submitted, and no evaluation happened. Releases the lease.

        Args:
            error_code: why, in a word.
            error: why, in a sentence.
            job_id: the job that Pique made and refused at once (an answer 202 may carry some).
            batch_id: the batch of that job.
        """
        if job_id is not None:
            name_job(connection, job_id, lease=lease)
        held = hold(connection, lease, now=self._clock(), to=_S.REJECTED)
        return change(
            connection,
            held,
            to=_S.REJECTED,
            live=False,
            error_code=error_code,
            error=error,
            job_id=job_id,
            batch_id=batch_id,
            # A POST that was refused began no evaluation.
            upload_started_at=None,
            settled_at=held.now,
            **RELEASED,
        )

    @ledger_write("upload")
    def record_abandoned(
        self, connection: Connection, lease: Lease, *, evidence: str, next_poll_at: datetime | None = None
    ) -> Submission:
        """PREPARED | UPLOADING | UPLOADED | GIVEN_UP -> ABANDONED: proven dead; a further attempt may be made.

        Erases the signed URL, releases the lease. Content that is gone leaves its partitions with it: nothing was
        evaluated, and no further attempt can be made.

        Args:
            evidence: what proves it, in words.
            next_poll_at: when to look at the job again, in case it lives after all; None: only if a webhook
                comes.
        """
        sources = {_S.PREPARED, _S.UPLOADING, _S.UPLOADED, _S.GIVEN_UP}
        held = hold(connection, lease, now=self._clock(), to=_S.ABANDONED, sources=sources)
        held = _erase_target(connection, held)
        submission = change(
            connection,
            held,
            to=_S.ABANDONED,
            live=False,
            evidence=evidence,
            error_code=None,
            error=None,
            settled_at=None,
            next_poll_at=held.unless_woken(next_poll_at),
            **RELEASED,
        )
        # This locks the partitions before any of their content, as recording an inventory does: else the two could wait
        # for each other.
        reopen(connection, submission.work_key)
        gone = sa.and_(inventory.c.work_key == submission.work_key, sa.not_(inventory.c.present))
        connection.execute(sa.delete(inventory).where(gone))
        return submission

    @ledger_write("collecting")
    def record_given_up(
        self,
        connection: Connection,
        lease: Lease,
        *,
        error_code: str,
        error: str,
        status: str | None,
        next_poll_at: datetime | None,
    ) -> Submission:
        """UPLOADING | UPLOADED -> GIVEN_UP: nobody waits for it any more. Erases the signed URL, releases the lease.

        Args:
            error_code: why, in a word.
            error: why, and what Pique said last, in a sentence.
            status: what Pique said last, in a word or two; None if it said nothing.
            next_poll_at: when to look at the job again, in case it ends after all; None: only if a webhook comes.
        """
        held = _erase_target(
            connection, hold(connection, lease, now=self._clock(), to=_S.GIVEN_UP, sources={_S.UPLOADING, _S.UPLOADED})
        )
        return change(
            connection,
            held,
            to=_S.GIVEN_UP,
            error_code=error_code,
            error=error,
            pique_status=status,
            settled_at=held.now,
            next_poll_at=held.unless_woken(next_poll_at),
            **RELEASED,
        )

    @ledger_write("upload")
    def record_poll(
        self,
        connection: Connection,
        lease: Lease,
        *,
        next_poll_at: datetime | None,
        status: str | None,
        empty_since: datetime | None = None,
    ) -> Submission:
        """UPLOADED, ABANDONED or GIVEN_UP, which it stays: the job is not terminal yet. Releases the lease.

        Args:
            next_poll_at: when to ask again; None ends the watch of one that is abandoned or given up.
            status: what Pique said, in a word or two.
            empty_since: since when Pique has called it completed without giving a result; None if it does not.
        """
        # Without a next poll an uploaded submission would be forgotten; only a watch may end.
        sources = POLLED_STATES - {_S.UPLOADED} if next_poll_at is None else POLLED_STATES
        held = hold(connection, lease, now=self._clock(), to=None, sources=sources)
        return change(
            connection,
            held,
            to=None,
            next_poll_at=held.unless_woken(next_poll_at),
            poll_count=held.submission.poll_count + 1,
            pique_status=status,
            empty_since=empty_since,
            **RELEASED,
        )

    @ledger_write("upload")
    def record_result(
        self,
        connection: Connection,
        lease: Lease,
        *,
        outcome: SubmissionState,
        payload: bytes,
        source: PayloadSource,
        received_at: datetime,
        finished_at: datetime | None = None,
        error_code: str | None = None,
        error: str | None = None,
        job_id: str | None = None,
    ) -> Submission:
        """-> COMPLETED | FAILED with the payload, at once. Erases the signed URL, releases the lease.

        If an abandoned job finishes after all, a further attempt that has sent no byte yet is stopped.

        Args:
            outcome: COMPLETED or FAILED.
            payload: what was received, byte for byte.
            source: how it was received.
            received_at: when.
            finished_at: Pique's time of completion.
            error_code: why the evaluation failed, in a word.
            error: why, in a sentence.
            job_id: the job, where none is known yet (SUBMITTING, IN_DOUBT).

        Raises:
            ValueError: ``outcome`` is neither COMPLETED nor FAILED.
            JobTaken: another submission has the job.
            LedgerError: no job is known.
        """
        if outcome not in FINISHED_STATES:
            raise ValueError(f"a result is COMPLETED or FAILED, not {outcome}")
        if job_id is not None:
            name_job(connection, job_id, lease=lease)
        held = hold(connection, lease, now=self._clock(), to=outcome)
        held = _erase_target(connection, held)
        submission = change(
            connection,
            held,
            to=outcome,
            job_id=held.submission.job_id or job_id,
            pique_status=outcome.value.lower(),
            finished_at=finished_at or received_at,
            settled_at=held.now,
            next_poll_at=None,
            error_code=error_code,
            error=error,
            **RELEASED,
        )
        row = {
            "submission_id": submission.submission_id,
            "job_id": submission.job_id,
            "source": source,
            "received_at": received_at,
            "body": payload,
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        insert_or_ignore(connection, payloads, [row])
        if not submission.live:
            _supersede_unsent(connection, submission, now=held.now)
        if held.was_settled:
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
        connection.execute(_ERASE_TARGET, {"of_submission": submission_id})
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.submission_id == submission_id)
            .values(state=_S.ABANDONED, **stopped)
        )


def _erase_target(connection: Connection, held: Held) -> Held:
    """Forget the signed URL, if there is one: it is of no more use, in the transaction that says so."""
    if held.submission.upload_target is None:
        return held
    connection.execute(_ERASE_TARGET, {"of_submission": held.submission.submission_id})
    return replace(held, submission=replace(held.submission, upload_target=None))
