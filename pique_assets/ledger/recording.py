"""The part of the ledger that writes down what happened to a submission, under the lease of whoever saw it.

Belongs here: the public methods, one for each step of the walk through the states. Does not: their statements
(`writes.py` for what every submission goes through, `social_writes.py` for what only social media does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pique_assets.ledger import social_writes, writes
from pique_assets.ledger.base import LedgerBase
from pique_assets.ledger.model import Lease, PayloadSource, Submission, SubmissionState


class LedgerRecords(LedgerBase):
    """The walk through the states; every method shows a lease."""

    def record_prepared(
        self,
        lease: Lease,
        *,
        job_id: str,
        upload_url: str,
        upload_headers: Mapping[str, str],
        expires_at: datetime,
    ) -> Submission:
        """INTENDED -> PREPARED, before the PUT. Keeps the lease.

        Raises:
            JobTaken: another submission has this job.
        """
        with self._database.write("record_prepared") as connection:
            return writes.prepared(
                connection,
                lease,
                now=self._clock(),
                job_id=job_id,
                upload_url=upload_url,
                upload_headers=upload_headers,
                expires_at=expires_at,
            )

    def record_upload_started(self, lease: Lease) -> Submission:
        """PREPARED | UPLOADING -> UPLOADING, just before the PUT. Keeps the lease, which must still run."""
        with self._database.write("record_upload_started") as connection:
            return writes.upload_started(connection, lease, now=self._clock())

    def record_uploaded(
        self, lease: Lease, *, next_poll_at: datetime, error_code: str | None = None, error: str | None = None
    ) -> Submission:
        """UPLOADING -> UPLOADED. Erases the signed URL, releases the lease.

        Args:
            lease: the caller's lease.
            next_poll_at: when to ask for its result.
            error_code: what is wrong with what arrived, in a word.
            error: the same, in a sentence.
        """
        with self._database.write("record_uploaded") as connection:
            return writes.uploaded(
                connection, lease, now=self._clock(), next_poll_at=next_poll_at, error_code=error_code, error=error
            )

    def adopt(self, lease: Lease, *, next_poll_at: datetime, status: str | None = None) -> Submission:
        """PREPARED | UPLOADING -> UPLOADED, as Pique says. Erases the signed URL, releases the lease."""
        with self._database.write("adopt") as connection:
            return writes.adopted(connection, lease, now=self._clock(), next_poll_at=next_poll_at, status=status)

    def record_submitting(self, leases: Sequence[Lease]) -> list[Submission]:
        """INTENDED -> SUBMITTING for all of them or none, just before their POST. Keeps the leases.

        From here on none of them is sent again before it is certain that Pique did not get it.

        Args:
            leases: those of one POST; all must still run.

        Returns:
            The submissions, in the order of the leases.
        """
        with self._database.write("record_submitting") as connection:
            return social_writes.submitting(connection, leases, now=self._clock())

    def record_accepted(
        self,
        lease: Lease,
        *,
        job_id: str,
        batch_id: str | None = None,
        next_poll_at: datetime,
        evidence: str | None = None,
    ) -> Submission:
        """SUBMITTING | IN_DOUBT -> UPLOADED: Pique named its job. Releases the lease.

        A webhook that came before the answer makes it due at once.

        Args:
            lease: the caller's lease.
            job_id: the job.
            batch_id: its batch.
            next_poll_at: when to ask for its result.
            evidence: what else the answer said that must not be lost; None leaves what is known.

        Raises:
            JobTaken: another submission has this job.
        """
        with self._database.write("record_accepted") as connection:
            return social_writes.accepted(
                connection,
                lease,
                now=self._clock(),
                job_id=job_id,
                batch_id=batch_id,
                next_poll_at=next_poll_at,
                evidence=evidence,
            )

    def record_unattributed(self, lease: Lease, *, batch_id: str | None, evidence: str) -> Submission:
        """SUBMITTING stays: an answer came, and which of its jobs is this one's can't be told. Releases the lease.

        Args:
            lease: the caller's lease.
            batch_id: the answer's batch, if it names one.
            evidence: the jobs that the answer names, in words.
        """
        with self._database.write("record_unattributed") as connection:
            return social_writes.unattributed(
                connection, lease, now=self._clock(), batch_id=batch_id, evidence=evidence
            )

    def record_not_sent(self, lease: Lease) -> Submission:
        """SUBMITTING -> INTENDED: Pique certainly never got the POST. Releases the lease."""
        with self._database.write("record_not_sent") as connection:
            return social_writes.not_sent(connection, lease, now=self._clock())

    def record_never_sent(self, lease: Lease, *, evidence: str) -> Submission:
        """SUBMITTING | IN_DOUBT -> INTENDED, so that it is sent again. Releases the lease.

        Args:
            lease: the caller's lease.
            evidence: which person says so, and why.
        """
        with self._database.write("record_never_sent") as connection:
            return social_writes.never_sent(connection, lease, now=self._clock(), evidence=evidence)

    def record_in_doubt(self, lease: Lease, *, evidence: str) -> Submission:
        """SUBMITTING -> IN_DOUBT: nobody waits for an answer any more. Releases the lease.

        Args:
            lease: the caller's lease.
            evidence: what was tried and seen, in words.
        """
        with self._database.write("record_in_doubt") as connection:
            return social_writes.in_doubt(connection, lease, now=self._clock(), evidence=evidence)

    def record_rejected(
        self, lease: Lease, *, error_code: str, error: str, job_id: str | None = None, batch_id: str | None = None
    ) -> Submission:
        """INTENDED | SUBMITTING -> REJECTED: it cannot be submitted. Releases the lease.

        Args:
            lease: the caller's lease.
            error_code: why, in a word.
            error: why, in a sentence.
            job_id: the job that Pique made and refused at once (an answer 202 may carry some).
            batch_id: the batch of that job.
        """
        with self._database.write("record_rejected") as connection:
            return writes.rejected(
                connection,
                lease,
                now=self._clock(),
                error_code=error_code,
                error=error,
                job_id=job_id,
                batch_id=batch_id,
            )

    def record_abandoned(self, lease: Lease, *, evidence: str, next_poll_at: datetime | None = None) -> Submission:
        """PREPARED | UPLOADING | UPLOADED | GIVEN_UP -> ABANDONED: proven dead.

        Erases the signed URL, releases the lease.

        Args:
            lease: the caller's lease.
            evidence: what proves it, in words.
            next_poll_at: when to look at the job again, in case it lives after all; None: only if a webhook
                comes.
        """
        with self._database.write("record_abandoned") as connection:
            return writes.abandoned(connection, lease, now=self._clock(), evidence=evidence, next_poll_at=next_poll_at)

    def record_given_up(
        self, lease: Lease, *, error_code: str, error: str, status: str | None, next_poll_at: datetime | None
    ) -> Submission:
        """UPLOADING | UPLOADED -> GIVEN_UP: nobody waits for it any more. Erases the signed URL, releases the lease.

        Args:
            lease: the caller's lease.
            error_code: why, in a word.
            error: why, and what Pique said last, in a sentence.
            status: what Pique said last, in a word or two; None if it said nothing.
            next_poll_at: when to look at the job again, in case it ends after all; None: only if a webhook comes.
        """
        with self._database.write("record_given_up") as connection:
            return writes.given_up(
                connection,
                lease,
                now=self._clock(),
                error_code=error_code,
                error=error,
                status=status,
                next_poll_at=next_poll_at,
            )

    def record_poll(
        self,
        lease: Lease,
        *,
        next_poll_at: datetime | None,
        status: str | None,
        empty_since: datetime | None = None,
    ) -> Submission:
        """The job is not terminal yet. Releases the lease.

        Args:
            lease: the caller's lease.
            next_poll_at: when to ask again; None ends the watch of one that is abandoned or given up.
            status: what Pique said, in a word or two.
            empty_since: since when Pique has called it completed without giving a result; None if it does not.
        """
        with self._database.write("record_poll") as connection:
            return writes.polled(
                connection,
                lease,
                now=self._clock(),
                next_poll_at=next_poll_at,
                status=status,
                empty_since=empty_since,
            )

    def record_result(
        self,
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
            lease: the caller's lease.
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
        with self._database.write("record_result") as connection:
            return writes.result(
                connection,
                lease,
                now=self._clock(),
                outcome=outcome,
                payload=payload,
                source=source,
                received_at=received_at,
                finished_at=finished_at,
                error_code=error_code,
                error=error,
                job_id=job_id,
            )
