"""Social media URLs on their way to Pique, at most twenty to a POST, none of which is ever repeated unseen.

Belongs here: the one POST of a batch, and what each kind of answer means for each of its URLs. Does not: which URLs a
partition has (`plan`), who works on which (`claiming`), which job of an answer is which URL's (`attribution`), and
finding the jobs of a POST whose answer never came (`reconciliation`).

The POST commits: Pique begins to evaluate when it has it, there is no idempotency key and no listing of jobs. So a
submission is SUBMITTING before its POST, and leaves that state only by an answer, or by the certainty that Pique never
got the POST.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pique_assets.api.errors import InvalidRequest, NotFound, PiqueError, Unauthorized, UnexpectedAnswer
from pique_assets.api.models import JobStatus, Judge, SocialMediaBatch, SocialMediaJob, SocialMediaRequest
from pique_assets.evaluation.attribution import attribute
from pique_assets.evaluation.claiming import Claimed
from pique_assets.evaluation.errors import JudgeNotUsable
from pique_assets.evaluation.submitting import Outcome, SendingEnd, Shipment
from pique_assets.ledger import Lease, LeaseLost, LedgerError, LedgerUnavailable, Source
from pique_assets.ledger.failpoints import failpoint
from pique_assets.media import ContentItem
from pique_assets.visible import visible

URLS_A_BATCH: Final = 20
"""The most the API takes in one POST."""

# One lost answer is weather. Two in a row are an outage, and each further POST would put twenty more URLs in doubt.
UNANSWERED_IN_A_ROW: Final = 2

SOCIAL_CONTENT_TYPE: Final = "video"


@dataclass(frozen=True, kw_only=True)
class SocialPosts:
    """The way of social media URLs, whose videos Pique fetches itself."""

    source: Source = "social"
    sent_items: str = "URLs submitted"

    def require_fitting(self, judge: Judge, items: Sequence[ContentItem]) -> None:
        """Refuse a judge that social media can't be given to.

        Raises:
            JudgeNotUsable: The judge evaluates something else than video.
        """
        if judge.content_type != SOCIAL_CONTENT_TYPE:
            raise JudgeNotUsable(
                f"judge {judge.id} ({judge.name}) evaluates {judge.content_type}; social media needs a judge of "
                f"content type {SOCIAL_CONTENT_TYPE}: use another judge"
            )

    def send(self, shipment: Shipment) -> None:
        """Submit every URL of the queue, one POST at a time, as `submitting.WayOfSending` says.

        Raises:
            Unauthorized: The key is refused; nothing more was sent.
            NotFound: The judge is gone; nothing more was sent.
            LedgerError: Nothing may be sent without the ledger. If Pique had accepted a batch, a note names its jobs.
        """
        _BatchSender(shipment).send()


class _BatchSender:
    """Sends URLs to one judge, one POST at a time."""

    def __init__(self, shipment: Shipment) -> None:
        self._judge_id = shipment.judge.id
        self._client = shipment.engine.client
        self._ledger = shipment.engine.ledger
        self._limits = shipment.engine.limits
        self._webhook_url = shipment.engine.webhook_url
        self._say = shipment.engine.say
        self._queue = shipment.queue
        self._schedule = shipment.schedule
        self._tally = shipment.tally
        self._unanswered_in_a_row = 0
        # Why nothing more is sent in this run; None while something is.
        self._stopped: str | None = None

    def send(self) -> None:
        """Send batch after batch, until all are sent or Pique can't be reached."""
        while self._stopped is None and not self._queue.is_empty:
            batch = self._queue.take(URLS_A_BATCH)
            if not batch:
                time.sleep(self._queue.pause_s or 0.0)
                continue
            try:
                self._commit(batch)
            finally:
                for one in batch:
                    self._queue.drop(one)
        unfinished = Outcome(end=SendingEnd.UNFINISHED, reason=self._stopped or "")
        for item in self._queue.rest():
            self._tally.add(item, outcome=unfinished)

    def _commit(self, batch: Sequence[Claimed]) -> None:
        """The one POST of a batch."""
        request = SocialMediaRequest(
            judge_id=self._judge_id,
            video_urls=tuple(one.item.content_uri for one in batch),
            webhook_url=self._webhook_url,
        )
        try:
            self._ledger.record_submitting([one.lease for one in batch])
        except LeaseLost as lost:
            self._release(batch)
            self._try_again(batch, lost=lost)
            return
        failpoint("submit_urls.before")
        try:
            answer = self._client.submit_social_media(request)
        except InvalidRequest as error:
            self._refused(batch, error=error)
            return
        except PiqueError as error:
            if error.may_have_taken_effect:
                self._unanswered(batch, error=error)
                return
            self._not_sent(batch)
            if isinstance(error, Unauthorized | NotFound):
                raise
            self._note(batch, SendingEnd.UNFINISHED, reason=str(error))
            self._stopped = str(error)
            return
        failpoint("submit_urls.after")
        self._unanswered_in_a_row = 0
        try:
            self._answered(batch, answer=answer)
        except LedgerError as error:
            error.add_note(f"Pique had accepted {_batch(answer.batch_id)}: {_named(answer.jobs)}")
            raise

    def _note(self, batch: Iterable[Claimed], end: SendingEnd, *, reason: str = "") -> None:
        for one in batch:
            self._tally.add(one.item, outcome=Outcome(end=end, reason=reason))

    def _try_again(self, batch: Sequence[Claimed], *, lost: LeaseLost) -> None:
        """On a busy machine a lease runs out without anybody taking over: only another claim can tell."""
        again = [one for one in batch if one.attempt < self._limits.attempts]
        if again:
            self._queue.put_back(again, another_attempt=True)
        given_up = [one for one in batch if one.attempt >= self._limits.attempts]
        self._note(given_up, SendingEnd.UNFINISHED, reason=f"nothing was sent: {lost}")

    def _answered(self, batch: Sequence[Claimed], *, answer: SocialMediaBatch) -> None:
        """Keep what the answer says of each URL: first the jobs, which may be evaluating already."""
        found = attribute(answer.jobs, urls=[one.item.content_uri for one in batch])
        others = list(found.others)
        given = [(one, found.jobs.get(one.item.content_uri)) for one in batch]
        refused = [(one, job) for one, job in given if job and not job.job_id and job.status == JobStatus.FAILED]
        unnamed = [one for one, job in given if not (job and (job.job_id or job.status == JobStatus.FAILED))]
        # Jobs of nobody are kept with the URLs that have none; where there is no such URL, with the first of all.
        spare = _evidence(answer.batch_id, others) if others and not unnamed else None
        for one, job in given:
            if job is None or not job.job_id:
                continue
            if not self._accepted(one, job_id=job.job_id, job=job, answer=answer, evidence=spare):
                others.append(job)
                unnamed.append(one)
            spare = None
        for one, job in refused:
            error = job.error_message or "Pique made no job for this URL and did not say why"
            self._reject(one, error=f"{error}; {spare}" if spare else error)
            spare = None
        reason = f"the answer to {_batch(answer.batch_id)} names no job for this URL"
        self._unattributed(unnamed, because=reason, batch_id=answer.batch_id, others=others)
        self._say(
            visible(f"{_batch(answer.batch_id)}: {len(batch) - len(unnamed)} of {len(batch)} URLs have an answer")
        )
        if others:
            self._say(visible(_evidence(answer.batch_id, others)))

    def _unattributed(
        self,
        batch: Sequence[Claimed],
        *,
        because: str,
        batch_id: str | None,
        others: Sequence[SocialMediaJob],
    ) -> None:
        """Keep with the URLs that have no job which jobs the answer names beside them."""
        reason = f"{because}; {_evidence(batch_id, others)}" if others else because
        for one in batch:
            with suppress(LeaseLost):
                self._ledger.record_unattributed(one.lease, batch_id=batch_id, evidence=reason)
        self._note(batch, SendingEnd.UNANSWERED, reason=reason)

    def _accepted(
        self,
        one: Claimed,
        *,
        job_id: str,
        job: SocialMediaJob,
        answer: SocialMediaBatch,
        evidence: str | None,
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
                    return self._known_otherwise(one, job_id=job_id)
                record(late.lease)
        except LedgerUnavailable:
            raise
        except LedgerError as error:
            self._say(f"job {job_id} for {one.item.content_uri} could not be recorded: {error}")
            return False
        self._note([one], SendingEnd.SENT, reason=job.error_message or "")
        return True

    def _known_otherwise(self, one: Claimed, *, job_id: str) -> bool:
        """What to say of a URL that somebody else has recorded an answer for meanwhile."""
        reason = ""
        if self._ledger.find_job(job_id) is None:
            reason = f"the answer named job {job_id} for it, which another run has not recorded"
            self._say(f"{one.item.content_uri}: {reason}; `pique-assets in-doubt` lists what has no job")
        self._note([one], SendingEnd.KNOWN, reason=reason)
        return True

    def _refused(self, batch: Sequence[Claimed], *, error: InvalidRequest) -> None:
        """A 400 accepted nothing. One bad URL refuses a whole batch, so the halves are tried until it is alone."""
        self._unanswered_in_a_row = 0
        if len(batch) == 1:
            self._reject(batch[0], error=str(error))
            return
        self._not_sent(batch)
        middle = len(batch) // 2
        for half in (batch[middle:], batch[:middle]):
            self._queue.put_back(half, another_attempt=False)

    def _reject(self, one: Claimed, *, error: str) -> None:
        # Without its lease it is in the hands of a reconciliation, which finds no job for it either.
        with suppress(LeaseLost):
            self._ledger.record_rejected(one.lease, error_code="refused_by_pique", error=error)
        self._note([one], SendingEnd.REJECTED, reason=error)

    def _unanswered(self, batch: Sequence[Claimed], *, error: PiqueError) -> None:
        """Whether Pique got it is not known: they stay SUBMITTING, for whoever learns more."""
        named = error.named_jobs if isinstance(error, UnexpectedAnswer) else ()
        if named:
            others = [SocialMediaJob(job_id=job_id) for job_id in named]
            self._unattributed(batch, because=str(error), batch_id=None, others=others)
        else:
            self._release(batch)
            self._note(batch, SendingEnd.UNANSWERED, reason=str(error))
        self._say(f"no certain answer for {len(batch)} URLs; they are not sent again: {error}")
        self._unanswered_in_a_row += 1
        if self._unanswered_in_a_row >= UNANSWERED_IN_A_ROW:
            self._stopped = f"{UNANSWERED_IN_A_ROW} batches in a row got no certain answer, the last: {error}"

    def _not_sent(self, batch: Sequence[Claimed]) -> None:
        for one in batch:
            self._ledger.record_not_sent(one.lease)

    def _release(self, batch: Sequence[Claimed]) -> None:
        for one in batch:
            self._ledger.release_lease(one.lease)


def _batch(batch_id: str | None) -> str:
    return f"batch {batch_id}" if batch_id else "a batch without a name"


def _evidence(batch_id: str | None, others: Sequence[SocialMediaJob]) -> str:
    return f"the answer to {_batch(batch_id)} names jobs that no URL of ours can be told to have: {_named(others)}"


def _named(jobs: Sequence[SocialMediaJob]) -> str:
    return ", ".join(f"{job.job_id} for {job.url or 'no URL'}" for job in jobs) or "no jobs"
