"""The part of the ledger that gives work to workers: claims and leases.

Belongs here: the public methods. Does not: their statements (`claims.py`, `polling.py`, `leases.py`), nor what is
recorded under a lease (`recording.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pique_assets.chunks import chunks
from pique_assets.ledger import claims, leases, polling
from pique_assets.ledger.base import LedgerBase
from pique_assets.ledger.model import Claim, Lease, LeasedSubmission, SubmissionOrder


class LedgerClaims(LedgerBase):
    """Who may work on what, and until when."""

    def claim_submission(self, order: SubmissionOrder, *, lease_s: float) -> Claim:
        """Find the submission that stands for this order, or write the intent; lease it if work is left.

        A further attempt is written only when every earlier one is rejected or abandoned without a result.

        Returns:
            ``lease`` is None if the submission is uploaded, finished or in doubt, if its social media POST was begun,
            or if another worker holds it.
        """
        return self.claim_submissions([order], lease_s=lease_s)[0]

    def claim_submissions(self, orders: Sequence[SubmissionOrder], *, lease_s: float) -> list[Claim]:
        """Do the same for many, 500 to a transaction.

        Returns:
            One claim per order, in their order; of orders with one work key the first gets the lease.
        """
        first_of: dict[str, SubmissionOrder] = {}
        for order in orders:
            first_of.setdefault(order.work_key, order)
        answers: dict[str, Claim] = {}
        for chunk in chunks(list(first_of.values())):
            with self._database.write("claim_submissions") as connection:
                now, until = self._lease_times(lease_s)
                claimed = claims.claim(connection, chunk, now=now, until=until)
            answers.update({claim.submission.work_key: claim for claim in claimed})
        return [
            answers[order.work_key] if first_of[order.work_key] is order else _again(answers[order.work_key])
            for order in orders
        ]

    def claim_interrupted(
        self, *, limit: int, lease_s: float, evaluation: str | None = None, partition: str | None = None
    ) -> list[LeasedSubmission]:
        """Lease submissions that a worker left INTENDED, PREPARED or UPLOADING, oldest first.

        Without names also those that no inventory asks for any more, because the content changed meanwhile.
        """
        with self._database.write("claim_interrupted") as connection:
            now, until = self._lease_times(lease_s)
            return claims.claim_interrupted(
                connection, now=now, until=until, limit=limit, evaluation=evaluation, partition=partition
            )

    def claim_orphans(self, *, limit: int, lease_s: float, untouched_since: datetime) -> list[LeasedSubmission]:
        """Lease interrupted submissions that no present content asks for any more, oldest first.

        The content changed, vanished, or wants another judge configuration, so no uploads will resume them.

        Args:
            limit: how many at most.
            lease_s: how long the leases last.
            untouched_since: only those that no worker has claimed, renewed, released or written since.
        """
        now, until = self._lease_times(lease_s)
        wanted = claims.orphans(now=now, untouched_since=untouched_since, limit=limit)
        with self._database.read() as connection:
            # There are hardly ever any: the question need not queue with the writers.
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_interrupted") as connection:
            return claims.claim_orphans(connection, wanted, now=now, until=until)

    def claim_unanswered(self, *, started_before: datetime, limit: int, lease_s: float) -> list[LeasedSubmission]:
        """Lease submissions that a worker left SUBMITTING, oldest first: it died, or its POST got no answer.

        Args:
            started_before: only those whose POST was begun before this.
            limit: how many at most.
            lease_s: how long the leases last.
        """
        now, until = self._lease_times(lease_s)
        wanted = claims.unanswered(now=now, started_before=started_before, limit=limit)
        with self._database.read() as connection:
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_unanswered") as connection:
            return leases.lease_selected(connection, wanted, now=now, until=until)

    def claim_for_reconciliation(self, submission_id: int, *, lease_s: float) -> LeasedSubmission | None:
        """Lease one of `unreconciled`, to record what has become known of it.

        Returns:
            None if it is neither SUBMITTING nor IN_DOUBT any more, or if another worker holds it.
        """
        with self._database.write("claim_for_reconciliation") as connection:
            now, until = self._lease_times(lease_s)
            wanted = claims.to_reconcile(submission_id, now=now)
            return next(iter(leases.lease_selected(connection, wanted, now=now, until=until)), None)

    def claim_to_give_up(self, submission_id: int, *, lease_s: float) -> LeasedSubmission | None:
        """Lease one submission that Pique has or may have, to record that nobody waits for it any more.

        Returns:
            None if it is not UPLOADING, UPLOADED, ABANDONED or GIVEN_UP, or if another worker holds it.
        """
        with self._database.write("claim_to_give_up") as connection:
            now, until = self._lease_times(lease_s)
            wanted = claims.to_give_up(submission_id, now=now)
            return next(iter(leases.lease_selected(connection, wanted, now=now, until=until)), None)

    def claim_begun_long_ago(self, *, begun_before: datetime, limit: int, lease_s: float) -> list[LeasedSubmission]:
        """Lease uploads that were begun long ago and whose end nobody knows, oldest first.

        Args:
            begun_before: only those whose PUT was begun before this.
            limit: how many at most.
            lease_s: how long the leases last.
        """
        now, until = self._lease_times(lease_s)
        wanted = claims.begun_long_ago(begun_before=begun_before, now=now, limit=limit)
        with self._database.read() as connection:
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_interrupted") as connection:
            claims.erase_expired_targets(connection, now=now)
            return leases.lease_selected(connection, wanted, now=now, until=until)

    def claim_due(
        self,
        *,
        limit: int,
        lease_s: float,
        now: datetime | None = None,
        evaluation: str | None = None,
        partition: str | None = None,
        not_of: Sequence[str] = (),
        left_for_s: float = 0.0,
    ) -> list[LeasedSubmission]:
        """Lease what is to be asked about now (UPLOADED; ABANDONED and GIVEN_UP while watched), oldest first.

        With ``not_of``, only what none of these evaluations has in an inventory; and what others have in theirs, only
        if they left it for ``left_for_s`` seconds after it was due.
        """
        moment = now or self._clock()
        wanted = polling.due(
            now=moment,
            limit=limit,
            evaluation=evaluation,
            partition=partition,
            not_of=not_of,
            left_since=moment - timedelta(seconds=left_for_s) if left_for_s else None,
        )
        with self._database.read() as connection:
            # Most ticks find nothing: they need not queue with the writers.
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        with self._database.write("claim_due") as connection:
            until = moment + timedelta(seconds=lease_s)
            return leases.lease_selected(connection, wanted, now=moment, until=until)

    def renew_lease(self, lease: Lease, *, lease_s: float) -> Lease:
        """Hold a lease longer; also one that has run out, if nobody has taken over."""
        with self._database.write("renew_lease") as connection:
            now, until = self._lease_times(lease_s)
            return leases.renew(connection, lease, now=now, until=until)

    def release_lease(self, lease: Lease, *, pique_status: str | None = None) -> None:
        """Give a lease back unused; one that is no longer held is no error.

        Args:
            lease: the caller's lease.
            pique_status: what Pique said of the job, to be remembered; None leaves what is known.
        """
        with self._database.write("release_lease") as connection:
            leases.release(connection, lease, now=self._clock(), pique_status=pique_status)


def _again(claim: Claim) -> Claim:
    return Claim(submission=claim.submission, created=False, lease=None)
