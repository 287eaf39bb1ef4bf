"""A person's way out of doubt: what somebody found out about a social media URL whose POST was never answered.

Here: recording it, after what can be checked was checked. Not here: what webhooks tell by themselves
(`reconciliation`), and how it is said on the command line (`cli.in_doubt_command`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.errors import EvaluationError
from pique_assets.ledger import LeasedSubmission, Ledger, Submission

LEASE_S = 30.0


class DoubtRemains(EvaluationError):
    """What was said can't be true, or nobody is in doubt. Nothing was recorded."""


def record_job_found(submission_id: int, *, job_id: str, client: PiqueClient, ledger: Ledger) -> Submission:
    """Give a submission the job that somebody knows it has; its result is asked for like any other.

    Args:
        submission_id: Of an unanswered submission.
        job_id: As a run's log, Pique's support or its web site name it. Pique does not tell the URL of a job, so
            that it is this URL's is taken on trust; that it is the judge's is checked.
        client: The API.
        ledger: The record of submissions.

    Raises:
        DoubtRemains: The submission is not unanswered, or the job is another judge's.
        PiqueError: Pique does not know the job, refuses, or does not answer.
        LedgerError: Another submission has this job.
    """
    ledger.belong_to(client.pique)
    held = _held(submission_id, ledger=ledger)
    try:
        judge_id = client.get_result(job_id).result.judge_id
        if judge_id != held.submission.judge_id:
            raise DoubtRemains(
                f"job {job_id} is of judge {judge_id}, and submission {submission_id} was sent to "
                f"{held.submission.judge_id}"
            )
        return ledger.record_accepted(held.lease, job_id=job_id, next_poll_at=datetime.now(UTC))
    except BaseException:
        ledger.release_lease(held.lease)
        raise


def record_never_sent(submission_id: int, *, ledger: Ledger) -> Submission:
    """Take it that Pique never got a submission: the next run of its date sends it again.

    Should Pique have got it all the same, the URL is evaluated twice.

    Args:
        submission_id: Of an unanswered submission.
        ledger: The record of submissions.

    Raises:
        DoubtRemains: The submission is not unanswered.
        LedgerUnavailable: The ledger can't be written.
    """
    held = _held(submission_id, ledger=ledger)
    began = f"{held.submission.upload_started_at:%Y-%m-%dT%H:%M:%SZ}"
    return ledger.record_never_sent(held.lease, evidence=f"an operator says that Pique never got the POST of {began}")


def _held(submission_id: int, *, ledger: Ledger) -> LeasedSubmission:
    held = ledger.claim_for_reconciliation(submission_id, lease_s=LEASE_S)
    if held is None:
        raise DoubtRemains(
            f"submission {submission_id} is not one whose answer is missing, or a run holds it just now; "
            "`pique-assets in-doubt` lists those that are"
        )
    return held
