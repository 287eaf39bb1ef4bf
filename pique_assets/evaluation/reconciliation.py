"""Social media URLs whose POST was never answered: their jobs are found by webhooks or by a person, or stay in doubt.

Belongs here: matching webhooks of unknown jobs with what was submitted, what a person found out, and the end of the
waiting. Does not: the POST itself (`social_posts`), receiving webhooks (`webhooks`, `ledger`), and how a person says
what was found (`cli.in_doubt_command`).

A webhook only says where to look: the job's polled result, which names the judge, decides.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import PiqueError, Unauthorized
from pique_assets.evaluation.attribution import canonical_or_none
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import EvaluationError
from pique_assets.evaluation.limits import IN_DOUBT_WAIT, Limits
from pique_assets.evaluation.progress import Say
from pique_assets.ledger import (
    UNANSWERED_STATES,
    JobTaken,
    LeasedSubmission,
    LeaseLost,
    Ledger,
    StoredWebhook,
    Submission,
    SubmissionState,
)
from pique_assets.media import url_fingerprint
from pique_assets.media.names import MAX_FILENAME_CHARACTERS
from pique_assets.media.urls import spelling
from pique_assets.visible import visible

# What nobody ever explains stays IN_DOUBT, and is looked at again as long as webhooks come: a POST has twenty.
SUBMISSIONS_LOOKED_AT: Final = 10_000
# They are loaded with their bodies, and erased after a day.
WEBHOOKS_LOOKED_AT: Final = 2_000
# For what a person says, which is recorded within moments.
LEASE_S: Final = 30.0
# Receiver and submitter may be two hosts with two clocks.
CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationReport:
    """What became of unanswered submissions.

    Attributes:
        found: Whose job was found; their results are asked for like any other.
        foreign: Jobs for a URL and judge of ours of which another job is ours: left alone.
    """

    found: int = 0
    foreign: tuple[str, ...] = ()


def find_jobs(engine: Engine, *, until: float | None = None) -> ReconciliationReport:
    """Give unanswered submissions, in doubt or not yet, the jobs that webhooks have named.

    Args:
        engine: Pique and the ledger; hears of jobs that are found, and of jobs that are not ours.
        until: No further job is asked for after this `time.monotonic()`.

    Raises:
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    client, ledger, say = engine.client, engine.ledger, engine.say
    ledger.belong_to(client.pique)
    unanswered: dict[str, list[Submission]] = defaultdict(list)
    for submission in ledger.unreconciled(limit=SUBMISSIONS_LOOKED_AT):
        unanswered[submission.fingerprint].append(submission)
    webhooks = ledger.unknown_webhooks(limit=WEBHOOKS_LOOKED_AT) if unanswered else []
    spelled = _Spellings(unanswered)
    found = 0
    foreign: list[str] = []
    answered: set[tuple[str, str]] = set()
    for webhook in webhooks:
        if until is not None and time.monotonic() >= until:
            break
        fingerprint = _fingerprint(webhook)
        if fingerprint not in unanswered:
            fingerprint = spelled.fingerprint(webhook)
        if fingerprint is None:
            continue
        judge_id = _judge_of(webhook.job_id, client=client)
        if judge_id is None:
            continue
        ours = next((one for one in unanswered[fingerprint] if _may_be(one, webhook=webhook, judge_id=judge_id)), None)
        if ours is None:
            if (fingerprint, judge_id) in answered:
                foreign.append(webhook.job_id)
                say(visible(f"job {webhook.job_id} for {webhook.url} is not ours: another job is; it is left alone"))
        elif _record(ours, webhook=webhook, ledger=ledger, limits=engine.limits):
            unanswered[fingerprint].remove(ours)
            answered.add((fingerprint, judge_id))
            found += 1
            say(visible(f"job {webhook.job_id} for {webhook.url} was found by its webhook"))
    return ReconciliationReport(found=found, foreign=tuple(foreign))


def give_up_waiting(*, ledger: Ledger, limits: Limits, evaluation: str, partition: str | None = None, say: Say) -> int:
    """Leave in doubt the unanswered URLs of an evaluation that have waited long enough.

    An evaluation whose policy is to wait for ever leaves none in doubt.

    Args:
        ledger: The record of submissions.
        limits: `social_in_doubt` and `in_doubt_wait_s`.
        evaluation: Whose submissions.
        partition: Only this date's.
        say: Hears how many.

    Returns:
        How many are in doubt now that were not before.

    Raises:
        LedgerUnavailable: The ledger can't be read or written.
    """
    if limits.social_in_doubt == IN_DOUBT_WAIT:
        return 0
    # Whose they are is asked only when there are any: that reads the evaluation's inventories.
    if not ledger.submissions(states=[SubmissionState.SUBMITTING], limit=1):
        return 0
    begun_before = datetime.now(UTC) - timedelta(seconds=limits.in_doubt_wait_s)
    waiting = ledger.submissions(
        states=[SubmissionState.SUBMITTING],
        evaluation=evaluation,
        partition=partition,
        limit=SUBMISSIONS_LOOKED_AT,
    )
    given_up = sum(
        _give_up(one, ledger=ledger, limits=limits)
        for one in waiting
        if one.upload_started_at is not None and one.upload_started_at <= begun_before
    )
    if given_up:
        say(f"{given_up} URLs are in doubt: no answer and no webhook within {limits.in_doubt_wait_s:g} s")
    return given_up


def reconcile_partition(engine: Engine, *, partition: Partition, until: float | None = None) -> int:
    """Find the jobs of a partition's unanswered submissions, and leave in doubt what has waited long enough.

    Where a partition has no unanswered submission, that costs one look into an index.

    Args:
        engine: Pique, the ledger, and how long to wait.
        partition: Which date of which evaluation.
        until: No further job is asked for after this `time.monotonic()`.

    Returns:
        How many of its submissions still wait for an answer.

    Raises:
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    ledger = engine.ledger
    if not ledger.submissions(states=UNANSWERED_STATES, **partition.names, limit=1):
        return 0
    find_jobs(engine, until=until)
    give_up_waiting(
        ledger=ledger,
        limits=engine.limits,
        evaluation=partition.evaluation,
        partition=partition.key,
        say=engine.say,
    )
    waiting = [SubmissionState.SUBMITTING]
    return len(ledger.submissions(states=waiting, **partition.names, limit=SUBMISSIONS_LOOKED_AT))


class DoubtRemains(EvaluationError):
    """What was said can't be true, or nobody is in doubt. Nothing was recorded."""


def record_job_found(engine: Engine, submission_id: int, *, job_id: str) -> Submission:
    """Give a submission the job that somebody knows it has; its result is asked for like any other.

    Args:
        engine: Pique and the ledger.
        submission_id: Of an unanswered submission.
        job_id: As a run's log, Pique's support or its web site name it. Pique does not tell the URL of a job, so
            that it is this URL's is taken on trust; that it is the judge's is checked.

    Raises:
        DoubtRemains: The submission is not unanswered, or the job is another judge's.
        PiqueError: Pique does not know the job, refuses, or does not answer.
        LedgerError: Another submission has this job.
    """
    ledger = engine.ledger
    ledger.belong_to(engine.client.pique)
    held = _held(submission_id, ledger=ledger)
    try:
        judge_id = engine.client.get_result(job_id).result.judge_id
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


class _Spellings:
    """The URLs of unanswered submissions by what all spellings of a URL have in common; worked out when first asked."""

    def __init__(self, unanswered: Mapping[str, Sequence[Submission]]) -> None:
        self._unanswered = unanswered
        self._by_spelling: dict[str, set[str]] | None = None

    def fingerprint(self, webhook: StoredWebhook) -> str | None:
        """The fingerprint of the one URL that the webhook may spell otherwise; None where there is none, or several."""
        url = canonical_or_none(webhook.url)
        found = set() if url is None else self._spelled().get(spelling(url), set())
        return next(iter(found)) if len(found) == 1 else None

    def _spelled(self) -> Mapping[str, set[str]]:
        if self._by_spelling is None:
            self._by_spelling = defaultdict(set)
            for fingerprint, submissions in self._unanswered.items():
                # The name of social media content is its URL without the scheme, unless it had to be cut.
                url = f"https://{submissions[0].filename}"
                if len(submissions[0].filename) < MAX_FILENAME_CHARACTERS:
                    self._by_spelling[spelling(url)].add(fingerprint)
        return self._by_spelling


def _fingerprint(webhook: StoredWebhook) -> str | None:
    url = canonical_or_none(webhook.url)
    return None if url is None else url_fingerprint(url)


def _judge_of(job_id: str, *, client: PiqueClient) -> str | None:
    """The judge that a job's own record names; None when it can't be had now."""
    try:
        return client.get_result(job_id).result.judge_id
    except Unauthorized:
        raise
    except (PiqueError, ValueError):
        # Asked again as long as the webhook is kept. An id that no address can hold names no job.
        return None


def _may_be(submission: Submission, *, webhook: StoredWebhook, judge_id: str) -> bool:
    """Whether the webhook's job may come from this submission: the judge's, and announced after the POST was begun."""
    if submission.judge_id != judge_id or submission.upload_started_at is None:
        return False
    return webhook.received_at >= submission.upload_started_at - CLOCKS_DIFFER_BY


def _record(submission: Submission, *, webhook: StoredWebhook, ledger: Ledger, limits: Limits) -> bool:
    held = ledger.claim_for_reconciliation(submission.submission_id, lease_s=limits.lease_s)
    if held is None:
        return False
    try:
        ledger.record_accepted(
            held.lease, job_id=webhook.job_id, batch_id=_batch_of(webhook), next_poll_at=datetime.now(UTC)
        )
    except (LeaseLost, JobTaken):
        return False
    return True


def _batch_of(webhook: StoredWebhook) -> str | None:
    try:
        document = json.loads(webhook.body)
    except (ValueError, RecursionError):
        return None
    batch_id = document.get("batch_id") if isinstance(document, dict) else None
    return batch_id if isinstance(batch_id, str) else None


def _give_up(submission: Submission, *, ledger: Ledger, limits: Limits) -> bool:
    held = ledger.claim_for_reconciliation(submission.submission_id, lease_s=limits.lease_s)
    if held is None:
        # In the hands of a run that still waits for its answer, or found meanwhile.
        return False
    if held.submission.state is not SubmissionState.SUBMITTING:
        ledger.release_lease(held.lease)
        return False
    evidence = (
        f"its POST was begun at {submission.upload_started_at:%Y-%m-%dT%H:%M:%SZ}; no certain answer came, and no "
        f"webhook named a job for it within {limits.in_doubt_wait_s:g} s, so Pique may or may not have evaluated it"
    )
    if submission.evidence:
        # Jobs that its answer named: the way to its result, for a person who can tell.
        evidence = f"{evidence}; {submission.evidence}"
    try:
        ledger.record_in_doubt(held.lease, evidence=evidence)
    except LeaseLost:
        return False
    return True


def _held(submission_id: int, *, ledger: Ledger) -> LeasedSubmission:
    held = ledger.claim_for_reconciliation(submission_id, lease_s=LEASE_S)
    if held is None:
        raise DoubtRemains(
            f"submission {submission_id} is not one whose answer is missing, or a run holds it just now; "
            "`pique-assets in-doubt` lists those that are"
        )
    return held
