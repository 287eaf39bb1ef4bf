"""The steps that only social media submissions take: a POST that is a commit, and whatever becomes known of it.

Belongs here: the writes around SUBMITTING and IN_DOUBT. Does not: what every submission goes through
(`transitions.py`), nor how long to wait for an answer (the room `evaluation`).

The POST is the moment from which Pique may be evaluating, as the PUT is for an upload; but there is no job to ask about
when its answer is lost. So the submission says before the POST that it was begun, and is sent again only if it
certainly was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.due import name_job
from pique_assets.ledger.partitions import reopen
from pique_assets.ledger.states import Lease, Submission, SubmissionState
from pique_assets.ledger.swaps import RELEASED, change, hold

_S = SubmissionState


class SocialTransitions(LedgerPart):
    """The steps of what Pique fetches from a URL; every method shows a lease."""

    @ledger_write("social")
    def record_submitting(self, connection: Connection, leases: Sequence[Lease]) -> list[Submission]:
        """INTENDED -> SUBMITTING for all of them or none, just before their POST. Keeps the leases.

        From here on none of them is sent again before it is certain that Pique did not get it.

        Args:
            leases: those of one POST; all must still run.

        Returns:
            The submissions, in the order of the leases.
        """
        now = self._clock()
        begun: dict[int, Submission] = {}
        # In one order, so that two hosts which took each other's leases over cannot wait for each other.
        for lease in sorted(leases, key=lambda lease: lease.submission_id):
            held = hold(connection, lease, now=now, to=_S.SUBMITTING, sources={_S.INTENDED}, must_run=True)
            begun[lease.submission_id] = change(connection, held, to=_S.SUBMITTING, upload_started_at=now)
        return [begun[lease.submission_id] for lease in leases]

    @ledger_write("social")
    def record_accepted(
        self,
        connection: Connection,
        lease: Lease,
        *,
        job_id: str,
        batch_id: str | None = None,
        next_poll_at: datetime,
        evidence: str | None = None,
    ) -> Submission:
        """SUBMITTING | IN_DOUBT -> UPLOADED: Pique named its job. Releases the lease.

        A webhook that came before the answer makes it due at once. ``uploaded_at`` becomes the start of the POST, the
        best that is known, so that latencies stay useful.

        Args:
            job_id: the job.
            batch_id: its batch.
            next_poll_at: when to ask for its result.
            evidence: what else the answer said that must not be lost; None leaves what is known.

        Raises:
            JobTaken: another submission has this job.
        """
        woken = name_job(connection, job_id, lease=lease)
        held = hold(connection, lease, now=self._clock(), to=_S.UPLOADED, sources={_S.SUBMITTING, _S.IN_DOUBT})
        submission = change(
            connection,
            held,
            to=_S.UPLOADED,
            job_id=job_id,
            batch_id=batch_id,
            uploaded_at=held.submission.upload_started_at or held.now,
            next_poll_at=held.now if woken else next_poll_at,
            evidence=held.submission.evidence if evidence is None else evidence,
            **RELEASED,
        )
        if held.was_settled:
            reopen(connection, submission.work_key)
        return submission

    @ledger_write("social")
    def record_unattributed(
        self, connection: Connection, lease: Lease, *, batch_id: str | None, evidence: str
    ) -> Submission:
        """SUBMITTING stays: an answer came, and which of its jobs is this one's can't be told. Releases the lease.

        Args:
            batch_id: the answer's batch, if it names one.
            evidence: the jobs that the answer names, in words.
        """
        held = hold(connection, lease, now=self._clock(), to=None, sources={_S.SUBMITTING})
        return change(connection, held, to=None, batch_id=batch_id, evidence=evidence, **RELEASED)

    @ledger_write("social")
    def record_not_sent(self, connection: Connection, lease: Lease) -> Submission:
        """SUBMITTING -> INTENDED: Pique certainly never got the POST. Releases the lease."""
        held = hold(connection, lease, now=self._clock(), to=_S.INTENDED, sources={_S.SUBMITTING})
        return change(connection, held, to=_S.INTENDED, upload_started_at=None, **RELEASED)

    @ledger_write("social")
    def record_never_sent(self, connection: Connection, lease: Lease, *, evidence: str) -> Submission:
        """SUBMITTING | IN_DOUBT -> INTENDED, so that it is sent again. Releases the lease.

        Args:
            evidence: which person says so, and why.
        """
        held = hold(connection, lease, now=self._clock(), to=_S.INTENDED, sources={_S.SUBMITTING, _S.IN_DOUBT})
        submission = change(
            connection,
            held,
            to=_S.INTENDED,
            upload_started_at=None,
            evidence=evidence,
            **RELEASED,
        )
        if held.was_settled:
            reopen(connection, submission.work_key)
        return submission

    @ledger_write("social")
    def record_in_doubt(self, connection: Connection, lease: Lease, *, evidence: str) -> Submission:
        """SUBMITTING -> IN_DOUBT: nobody waits for an answer any more. Releases the lease.

        Args:
            evidence: what was tried and seen, in words.
        """
        held = hold(connection, lease, now=self._clock(), to=_S.IN_DOUBT)
        return change(connection, held, to=_S.IN_DOUBT, evidence=evidence, **RELEASED)
