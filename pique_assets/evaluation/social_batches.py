"""Social media URLs on their way to Pique, at most twenty to a POST, none of which is ever repeated unseen.

Here: claiming a batch, its one POST, and what each kind of answer means for each of its URLs. Not here: which URLs a
partition has (`social`), and finding the jobs of a POST whose answer never came (`reconciliation`).

The POST commits: Pique begins to evaluate when it has it (social-media-urls seed document), there is no idempotency key
and no listing of jobs. So a submission is SUBMITTING before its POST, and leaves that state only by an answer, or by
the certainty that Pique never got it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import InvalidRequest, NotFound, PiqueError, Unauthorized, UnexpectedAnswer
from pique_assets.api.models import JobStatus, SocialMediaBatch, SocialMediaJob, SocialMediaRequest
from pique_assets.evaluation.attribution import attribute
from pique_assets.evaluation.lease_keeper import LeaseKeeper
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.poll_schedule import PollSchedule
from pique_assets.evaluation.progress import Say
from pique_assets.ledger import (
    Lease,
    LeaseLost,
    Ledger,
    LedgerError,
    LedgerUnavailable,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.failpoints import failpoint
from pique_assets.visible import visible

URLS_A_BATCH: Final = 20
"""The most the API takes (social-media-urls seed document)."""

# One lost answer is weather. Two in a row are an outage, and each further POST would put twenty more URLs in doubt.
UNANSWERED_IN_A_ROW: Final = 2


class SocialFate(Enum):
    """How one URL left the submission."""

    ACCEPTED = auto()
    """Pique named its job."""
    REJECTED = auto()
    """The API refused it; recorded, and no evaluation happened."""
    UNANSWERED = auto()
    """Its POST may have arrived, and no answer came: left to reconciliation."""
    KNOWN = auto()
    """Nothing to do: in the hands of another run."""
    UNFINISHED = auto()
    """Certainly not sent; a later run does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialOutcome:
    """How one URL left the submission, and why if no job was named."""

    fate: SocialFate
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One URL that is wanted evaluated; `url` is canonical."""

    url: str
    order: SubmissionOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    wish: Wish
    lease: Lease


@dataclass(slots=True, kw_only=True)
class _Course:
    """Where the sending of many batches stands.

    Attributes:
        waiting: Batches to be sent, the next one first.
        outcomes: By URL.
        unanswered_in_a_row: POSTs without an answer since the last answer.
        leases_lost_in_a_row: Batches that could not be begun since the last one that was.
        stopped: Why nothing more is sent in this run; None while something is.
    """

    waiting: deque[Sequence[Wish]]
    outcomes: dict[str, SocialOutcome] = field(default_factory=dict)
    unanswered_in_a_row: int = 0
    leases_lost_in_a_row: int = 0
    stopped: str | None = None

    def note(self, held: Iterable[_Held], fate: SocialFate, *, reason: str = "") -> None:
        self.outcomes |= {one.wish.url: SocialOutcome(fate=fate, reason=reason) for one in held}


class BatchSender:
    """Sends URLs to one judge, one POST at a time.

    Args:
        judge_id: The judge, a video judge.
        client: The API.
        ledger: The record of submissions.
        keeper: Keeps leases alive while a batch is on its way.
        schedule: When to ask for results of what was accepted.
        limits: Length of a lease.
        webhook_url: Sent with each batch; None leaves it to the organisation's own.
        say: Hears of each batch.
    """

    def __init__(
        self,
        *,
        judge_id: str,
        client: PiqueClient,
        ledger: Ledger,
        keeper: LeaseKeeper,
        schedule: PollSchedule,
        limits: Limits,
        webhook_url: str | None,
        say: Say,
    ) -> None:
        self._judge_id = judge_id
        self._client = client
        self._ledger = ledger
        self._keeper = keeper
        self._schedule = schedule
        self._limits = limits
        self._webhook_url = webhook_url
        self._say = say

    def send(self, wishes: Sequence[Wish]) -> dict[str, SocialOutcome]:
        """Submit each URL, unless it is submitted already.

        Returns:
            How each left, by URL.

        Raises:
            Unauthorized: The key is refused; nothing more was sent.
            NotFound: The judge is gone; nothing more was sent.
            LedgerError: Nothing may be sent without the ledger. If Pique had accepted a batch, a note names its jobs.
        """
        course = _Course(waiting=deque(_batches(wishes)))
        while course.waiting and course.stopped is None:
            batch = course.waiting.popleft()
            with ExitStack() as leases:
                held = self._claim(batch, leases=leases, course=course)
                if held:
                    self._commit(held, course=course)
        left = [wish for batch in course.waiting for wish in batch]
        unfinished = SocialOutcome(fate=SocialFate.UNFINISHED, reason=course.stopped or "")
        return {wish.url: unfinished for wish in left} | course.outcomes

    def _claim(self, batch: Sequence[Wish], *, leases: ExitStack, course: _Course) -> list[_Held]:
        """Claim what nobody submits yet, waiting for the leases of a dead run to end."""
        give_up = time.monotonic() + 1.5 * self._limits.lease_s
        held: list[_Held] = []
        waiting = list(batch)
        while waiting:
            claims = self._ledger.claim_submissions([wish.order for wish in waiting], lease_s=self._limits.lease_s)
            elsewhere = []
            for wish, claim in zip(waiting, claims, strict=True):
                if claim.lease is not None:
                    leases.enter_context(self._keeper.keeping(claim.lease))
                    held.append(_Held(wish=wish, lease=claim.lease))
                elif claim.submission.state is SubmissionState.INTENDED and time.monotonic() < give_up:
                    elsewhere.append(wish)
                else:
                    course.outcomes[wish.url] = SocialOutcome(fate=SocialFate.KNOWN)
            waiting = elsewhere
            if waiting:
                time.sleep(min(1.0, self._limits.lease_s / 4))
        return held

    def _commit(self, held: Sequence[_Held], *, course: _Course) -> None:
        """The one POST of a batch."""
        request = SocialMediaRequest(
            judge_id=self._judge_id,
            video_urls=tuple(one.wish.url for one in held),
            webhook_url=self._webhook_url,
        )
        try:
            self._ledger.record_submitting([one.lease for one in held])
        except LeaseLost as lost:
            self._release(held)
            self._again(held, lost=lost, course=course)
            return
        course.leases_lost_in_a_row = 0
        failpoint("submit_urls.before")
        try:
            answer = self._client.submit_social_media(request)
        except InvalidRequest as error:
            self._refused(held, error=error, course=course)
            return
        except PiqueError as error:
            if error.may_have_taken_effect:
                self._unanswered(held, error=error, course=course)
                return
            self._not_sent(held)
            if isinstance(error, Unauthorized | NotFound):
                raise
            course.note(held, SocialFate.UNFINISHED, reason=str(error))
            course.stopped = str(error)
            return
        failpoint("submit_urls.after")
        course.unanswered_in_a_row = 0
        try:
            self._answered(held, answer=answer, course=course)
        except LedgerError as error:
            error.add_note(f"Pique had accepted {_batch(answer.batch_id)}: {_named(answer.jobs)}")
            raise

    def _again(self, held: Sequence[_Held], *, lost: LeaseLost, course: _Course) -> None:
        """On a busy machine a lease runs out without anybody taking over: only another claim can tell."""
        course.leases_lost_in_a_row += 1
        if course.leases_lost_in_a_row < self._limits.attempts:
            course.waiting.appendleft([one.wish for one in held])
        else:
            course.note(held, SocialFate.UNFINISHED, reason=f"nothing was sent: {lost}")

    def _answered(self, held: Sequence[_Held], *, answer: SocialMediaBatch, course: _Course) -> None:
        """Keep what the answer says of each URL: first the jobs, which may be evaluating already."""
        found = attribute(answer.jobs, urls=[one.wish.url for one in held])
        others = list(found.others)
        given = [(one, found.jobs.get(one.wish.url)) for one in held]
        refused = [(one, job) for one, job in given if job and not job.job_id and job.status == JobStatus.FAILED]
        unnamed = [one for one, job in given if not (job and (job.job_id or job.status == JobStatus.FAILED))]
        # Jobs of nobody are kept with the URLs that have none; where there is no such URL, with the first of all.
        spare = _evidence(answer.batch_id, others) if others and not unnamed else None
        for one, job in given:
            if job is None or not job.job_id:
                continue
            if not self._accepted(one, job_id=job.job_id, job=job, answer=answer, evidence=spare, course=course):
                others.append(job)
                unnamed.append(one)
            spare = None
        for one, job in refused:
            error = job.error_message or "Pique made no job for this URL and did not say why"
            self._reject(one, error=f"{error}; {spare}" if spare else error, course=course)
            spare = None
        reason = f"the answer to {_batch(answer.batch_id)} names no job for this URL"
        self._unattributed(unnamed, because=reason, batch_id=answer.batch_id, others=others, course=course)
        self._say(visible(f"{_batch(answer.batch_id)}: {len(held) - len(unnamed)} of {len(held)} URLs have an answer"))
        if others:
            self._say(visible(_evidence(answer.batch_id, others)))

    def _unattributed(
        self,
        held: Sequence[_Held],
        *,
        because: str,
        batch_id: str | None,
        others: Sequence[SocialMediaJob],
        course: _Course,
    ) -> None:
        """Keep with the URLs that have no job which jobs the answer names beside them."""
        reason = f"{because}; {_evidence(batch_id, others)}" if others else because
        for one in held:
            with suppress(LeaseLost):
                self._ledger.record_unattributed(one.lease, batch_id=batch_id, evidence=reason)
        course.note(held, SocialFate.UNANSWERED, reason=reason)

    def _accepted(
        self,
        one: _Held,
        *,
        job_id: str,
        job: SocialMediaJob,
        answer: SocialMediaBatch,
        evidence: str | None,
        course: _Course,
    ) -> bool:
        """Record a URL's job; False when the ledger says that the job is another content's."""
        now = datetime.now(UTC)
        # A job may have failed within the 202: its record is there to be fetched.
        next_poll_at = now if job.status == JobStatus.FAILED else self._schedule.first_poll_at(now)

        def record(lease: Lease) -> None:
            self._ledger.record_accepted(
                lease, job_id=job_id, batch_id=answer.batch_id, next_poll_at=next_poll_at, evidence=evidence
            )

        try:
            try:
                record(one.lease)
            except LeaseLost:
                # Only a reconciliation takes over what is SUBMITTING: it has recorded this job by its webhook, or given
                # the waiting up.
                late = self._ledger.claim_for_reconciliation(one.lease.submission_id, lease_s=self._limits.lease_s)
                if late is None:
                    return self._known_otherwise(one, job_id=job_id, course=course)
                record(late.lease)
        except LedgerUnavailable:
            raise
        except LedgerError as error:
            self._say(f"job {job_id} for {one.wish.url} could not be recorded: {error}")
            return False
        course.note([one], SocialFate.ACCEPTED, reason=job.error_message or "")
        return True

    def _known_otherwise(self, one: _Held, *, job_id: str, course: _Course) -> bool:
        """What to say of a URL that somebody else has recorded an answer for meanwhile."""
        reason = ""
        if self._ledger.find_job(job_id) is None:
            reason = f"the answer named job {job_id} for it, which another run has not recorded"
            self._say(f"{one.wish.url}: {reason}; `pique-assets in-doubt` lists what has no job")
        course.note([one], SocialFate.KNOWN, reason=reason)
        return True

    def _refused(self, held: Sequence[_Held], *, error: InvalidRequest, course: _Course) -> None:
        """A 400 accepted nothing. One bad URL refuses a whole batch, so the halves are tried until it is alone."""
        course.unanswered_in_a_row = 0
        if len(held) == 1:
            self._reject(held[0], error=str(error), course=course)
            return
        self._not_sent(held)
        middle = len(held) // 2
        wishes = [one.wish for one in held]
        course.waiting.extendleft([wishes[middle:], wishes[:middle]])

    def _reject(self, one: _Held, *, error: str, course: _Course) -> None:
        # Without its lease it is in the hands of a reconciliation, which finds no job for it either.
        with suppress(LeaseLost):
            self._ledger.record_rejected(one.lease, error_code="refused_by_pique", error=error)
        course.note([one], SocialFate.REJECTED, reason=error)

    def _unanswered(self, held: Sequence[_Held], *, error: PiqueError, course: _Course) -> None:
        """Whether Pique got it is not known: they stay SUBMITTING, for whoever learns more."""
        named = error.named_jobs if isinstance(error, UnexpectedAnswer) else ()
        if named:
            others = [SocialMediaJob(job_id=job_id) for job_id in named]
            self._unattributed(held, because=str(error), batch_id=None, others=others, course=course)
        else:
            self._release(held)
            course.note(held, SocialFate.UNANSWERED, reason=str(error))
        self._say(f"no certain answer for {len(held)} URLs; they are not sent again: {error}")
        course.unanswered_in_a_row += 1
        if course.unanswered_in_a_row >= UNANSWERED_IN_A_ROW:
            course.stopped = f"{UNANSWERED_IN_A_ROW} batches in a row got no certain answer, the last: {error}"

    def _not_sent(self, held: Sequence[_Held]) -> None:
        for one in held:
            self._ledger.record_not_sent(one.lease)

    def _release(self, held: Sequence[_Held]) -> None:
        for one in held:
            self._ledger.release_lease(one.lease)


def _batches(wishes: Sequence[Wish]) -> list[Sequence[Wish]]:
    return [wishes[start : start + URLS_A_BATCH] for start in range(0, len(wishes), URLS_A_BATCH)]


def _batch(batch_id: str | None) -> str:
    return f"batch {batch_id}" if batch_id else "a batch without a name"


def _evidence(batch_id: str | None, others: Sequence[SocialMediaJob]) -> str:
    return f"the answer to {_batch(batch_id)} names jobs that no URL of ours can be told to have: {_named(others)}"


def _named(jobs: Sequence[SocialMediaJob]) -> str:
    return ", ".join(f"{job.job_id} for {job.url or 'no URL'}" for job in jobs) or "no jobs"
