"""One content item on its way to Pique: claimed, prepared, uploaded, or recovered from whatever happened before.

Here: the order of steps for one item, each recorded in the ledger before the next begins (design sections 5 and 6).
Not here: which items a partition has and how many go at once (`partition`), and the rule for jobs of unknown fate
(`recovery`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import (
    ContentChanged,
    InvalidRequest,
    NotFound,
    PiqueError,
    Unauthorized,
    UnexpectedAnswer,
    UploadCorrupted,
    UploadError,
    UploadInterrupted,
)
from pique_assets.api.models import PresignedUpload, PresignedUploadRequest
from pique_assets.evaluation.errors import UPLOAD_CORRUPTED
from pique_assets.evaluation.lease_keeper import LeaseKeeper
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.poll_schedule import PollSchedule
from pique_assets.evaluation.recovery import Decision, Step, next_step
from pique_assets.ledger import (
    UNSENT_STATES,
    Claim,
    JobTaken,
    Lease,
    LeaseLost,
    Ledger,
    Submission,
    SubmissionOrder,
    SubmissionState,
    UploadTarget,
)
from pique_assets.ledger.failpoints import failpoint
from pique_assets.media import ContentError

# Longer than this a run does not sit on one item: it reports the item as unfinished and a later run resumes.
LONGEST_WAIT_S = 180.0
# Unreadable answers come from a bad line or a bad moment: a few more requests cost less than an unfinished item.
ASKED_AGAIN = 3
ASKED_AGAIN_AFTER_S = 0.1
# A watched job that was given up for dead is asked after this long, and then at the polling's pace.
WATCH_AFTER_S = 120.0

_Answer = TypeVar("_Answer")
OpenContent = Callable[[], BinaryIO]


class Fate(Enum):
    """How one item left the submission."""

    UPLOADED = auto()
    """Its bytes were sent in this run."""
    ADOPTED = auto()
    """Pique had its bytes already, from a run that died before it could say so."""
    KNOWN = auto()
    """Nothing to do: uploaded or finished before, or in the hands of a living run."""
    REJECTED = auto()
    """The API refused it; recorded."""
    UNUSABLE = auto()
    """The content could not be read, or is no longer what was fingerprinted."""
    UNFINISHED = auto()
    """Something passing stopped it; a later run resumes."""
    JOB_DIED = auto()
    """Its job is proven dead; another may be prepared. Never leaves `Submitter.submit`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one item left the submission, and why if it did not arrive.

    Attributes:
        error_code: For UNUSABLE: the code that goes beside the item.
    """

    fate: Fate
    reason: str = ""
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A submission in our hands.

    Attributes:
        fresh: Its job was prepared by us just now, so nobody can have sent it anything.
        quiet_since: Since when certainly nobody sends it bytes; None if nobody ever began.
        refusal: What the storage host said when it refused the last PUT; None if it did not.
    """

    submission: Submission
    lease: Lease
    fresh: bool
    quiet_since: datetime | None
    refusal: str | None = None


class Submitter:
    """Brings content items to Pique, one call per item; safe to call from several threads.

    Args:
        client: The API.
        ledger: The record of submissions.
        keeper: Keeps leases alive while an item is worked on.
        schedule: When to ask for results of what was uploaded.
        limits: Grace periods and attempts.
        webhook_url: Where Pique is to announce results; None leaves it to the organisation's own.
    """

    def __init__(
        self,
        *,
        client: PiqueClient,
        ledger: Ledger,
        keeper: LeaseKeeper,
        schedule: PollSchedule,
        limits: Limits,
        webhook_url: str | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._keeper = keeper
        self._schedule = schedule
        self._limits = limits
        self._webhook_url = webhook_url

    def submit(self, order: SubmissionOrder, *, open_content: OpenContent) -> Outcome:
        """Make sure that Pique has this content exactly once.

        Args:
            order: What is wanted.
            open_content: Opens the bytes at their beginning; raises `ContentError` when they can't be had.

        Returns:
            How the item left.

        Raises:
            Unauthorized: The key is refused; every other item would be too.
            NotFound: The judge is gone.
            LedgerUnavailable: Nothing may be sent without the ledger.
        """
        reason = ""
        for _ in range(self._limits.attempts):
            claim = self._claim(order)
            if claim.lease is None:
                return Outcome(fate=Fate.KNOWN)
            try:
                with self._keeper.keeping(claim.lease):
                    outcome = self._bring(claim.submission, lease=claim.lease, open_content=open_content)
            except LeaseLost as lost:
                # On a busy machine a lease runs out without anybody taking over: only another claim can tell.
                reason = f"it was taken from this run: {lost}"
                continue
            if outcome.fate is not Fate.JOB_DIED:
                return outcome
            reason = f"its job died: {outcome.reason}"
        return Outcome(fate=Fate.UNFINISHED, reason=f"after {self._limits.attempts} attempts, the last time {reason}")

    def _claim(self, order: SubmissionOrder) -> Claim:
        """Claim the order, waiting for the lease of a dead run to end.

        A holder that still lives after that long will finish the item itself.
        """
        give_up = time.monotonic() + 1.5 * self._limits.lease_s
        while True:
            claim = self._ledger.claim_submission(order, lease_s=self._limits.lease_s)
            held_elsewhere = claim.lease is None and claim.submission.state in UNSENT_STATES
            if not held_elsewhere or time.monotonic() > give_up:
                return claim
            time.sleep(min(1.0, self._limits.lease_s / 4))

    def _bring(self, submission: Submission, *, lease: Lease, open_content: OpenContent) -> Outcome:
        """Take a claimed submission as far as it goes."""
        try:
            if submission.state is SubmissionState.INTENDED:
                prepared = self._prepare(submission, lease=lease)
                if isinstance(prepared, Outcome):
                    return prepared
                return self._send_or_recover(prepared, open_content=open_content)
            in_flight = submission.state is SubmissionState.UPLOADING
            held = _Held(submission=submission, lease=lease, fresh=False, quiet_since=_now() if in_flight else None)
            return self._send_or_recover(held, open_content=open_content)
        except (Unauthorized, NotFound):
            self._ledger.release_lease(lease)
            raise
        except (PiqueError, JobTaken) as error:
            self._ledger.release_lease(lease)
            return Outcome(fate=Fate.UNFINISHED, reason=str(error))

    def _prepare(self, wanted: Submission, *, lease: Lease) -> _Held | Outcome:
        """Have a job made. Repeating it, also after a crash, is harmless: only bytes start an evaluation."""
        failpoint("prepare.before")
        try:
            request = PresignedUploadRequest(
                judge_id=wanted.judge_id,
                content_type=wanted.content_type,
                filename=wanted.filename,
                file_size_bytes=_size_bytes(wanted),
                title=wanted.title,
                description=wanted.description,
                webhook_url=self._webhook_url,
            )
            upload = _readable(lambda: self._client.create_presigned_upload(request))
        except (InvalidRequest, ValidationError) as error:
            self._ledger.record_rejected(lease, error_code="refused_by_pique", error=_sentence(error))
            return Outcome(fate=Fate.REJECTED, reason=_sentence(error))
        failpoint("prepare.after")
        prepared = self._ledger.record_prepared(
            lease,
            job_id=upload.job_id,
            upload_url=upload.upload_url,
            upload_headers=upload.upload_headers,
            expires_at=upload.expires_at,
        )
        return _Held(submission=prepared, lease=lease, fresh=True, quiet_since=None)

    def _send_or_recover(self, held: _Held, *, open_content: OpenContent) -> Outcome:
        for _ in range(self._limits.attempts):
            if not held.fresh:
                decision = self._decide(held)
                if decision.step is Step.ABANDON:
                    return self._abandon(held, evidence=decision.evidence)
                if decision.step is Step.ADOPT:
                    self._ledger.adopt(held.lease, next_poll_at=_now())
                    return Outcome(fate=Fate.ADOPTED, reason=decision.evidence)
                if decision.step is Step.WAIT:
                    break
                if held.refusal is not None:
                    return self._abandon(held, evidence=f"{held.refusal}; {decision.evidence}")
            sent = self._send(held, open_content=open_content)
            if isinstance(sent, Outcome):
                return sent
            held = sent
        self._ledger.release_lease(held.lease)
        return Outcome(fate=Fate.UNFINISHED, reason=f"job {held.submission.job_id} is not uploaded yet")

    def _decide(self, held: _Held) -> Decision:
        """Ask Pique until it is safe to go on, but not longer than a run should sit on one item."""
        give_up = _now() + timedelta(seconds=LONGEST_WAIT_S)
        unknown_since: datetime | None = None
        while True:
            # An answer tells of the moment it was asked for: a slow one must not pass for Pique's word after the lag.
            asked_at = _now()
            status = self._status(held.submission)
            unknown_since = (unknown_since or asked_at) if status is None else None
            decision = next_step(
                held.submission,
                status=status,
                quiet_since=held.quiet_since,
                now=asked_at,
                limits=self._limits,
                unknown_since=unknown_since,
            )
            if decision.step is not Step.WAIT or decision.at is None or decision.at > give_up:
                return decision
            # Pique may notice the upload long before the lag is over, so it is asked in between.
            time.sleep(max(0.05, min(2.0, (decision.at - _now()).total_seconds())))

    def _status(self, submission: Submission) -> str | None:
        """What Pique says of the job, None for a 404."""
        try:
            return _readable(lambda: self._client.get_result(_job_id(submission))).result.status
        except NotFound:
            return None

    def _send(self, held: _Held, *, open_content: OpenContent) -> Outcome | _Held:
        """One PUT; an outcome when the item's way is over, else what is held now."""
        uploading = self._ledger.record_upload_started(held.lease)
        target = uploading.upload_target
        if target is None:
            return _Held(submission=uploading, lease=held.lease, fresh=False, quiet_since=held.quiet_since)
        failpoint("upload.before")
        flaw: UploadCorrupted | None = None
        try:
            self._client.upload(
                _presigned(uploading, target),
                open_body=open_content,
                size_bytes=_size_bytes(uploading),
                begin_before=target.expires_at - timedelta(seconds=self._limits.expiry_margin_s),
                # Whoever took over while this process was stopped, or cut off from the ledger, may send the content.
                before_last_chunk=partial(self._keeper.confirm, held.lease),
            )
        except (ContentError, ContentChanged) as error:
            self._abandon(held, evidence=f"no complete upload: {error}")
            return Outcome(fate=Fate.UNUSABLE, reason=str(error), error_code=_error_code(error))
        except UploadCorrupted as error:
            # Whatever arrived is being evaluated, and paid for: another job would be paid for once more, at each run.
            flaw = error
        except UploadError as error:
            return self._after_failed_put(held, uploading=uploading, error=error)
        failpoint("upload.after")
        self._ledger.record_uploaded(
            held.lease,
            next_poll_at=self._schedule.first_poll_at(_now()),
            error_code=UPLOAD_CORRUPTED if flaw else None,
            error=str(flaw) if flaw else None,
        )
        return Outcome(fate=Fate.UPLOADED)

    def _after_failed_put(self, held: _Held, *, uploading: Submission, error: UploadError) -> _Held | Outcome:
        """A job is dead without asking only if it can't have its bytes: none of its PUTs was sent to the end."""
        refused = not isinstance(error, UploadInterrupted)
        quiet_since = _now() if error.may_have_taken_effect else held.quiet_since
        if refused and quiet_since is None:
            return self._abandon(held, evidence=str(error))
        return _Held(
            submission=uploading,
            lease=held.lease,
            fresh=False,
            quiet_since=quiet_since,
            # Of an earlier PUT, which may have landed, a refusal of this one says nothing.
            refusal=str(error) if refused and held.quiet_since is None else None,
        )

    def _abandon(self, held: _Held, *, evidence: str) -> Outcome:
        watch_at = _now() + timedelta(seconds=WATCH_AFTER_S)
        self._ledger.record_abandoned(held.lease, evidence=evidence, next_poll_at=watch_at)
        return Outcome(fate=Fate.JOB_DIED, reason=evidence)


def _now() -> datetime:
    return datetime.now(UTC)


def _job_id(submission: Submission) -> str:
    if submission.job_id is None:
        raise ValueError(f"submission {submission.submission_id} is {submission.state} without a job id")
    return submission.job_id


def _readable(ask: Callable[[], _Answer]) -> _Answer:
    """What Pique answers; an answer that can't be read is asked for again."""
    for _ in range(ASKED_AGAIN):
        try:
            return ask()
        except UnexpectedAnswer:
            time.sleep(ASKED_AGAIN_AFTER_S)
    return ask()


def _size_bytes(submission: Submission) -> int:
    if submission.size_bytes is None:
        raise ValueError(f"submission {submission.submission_id} is social media: there is nothing to upload")
    return submission.size_bytes


def _presigned(submission: Submission, target: UploadTarget) -> PresignedUpload:
    return PresignedUpload(
        job_id=_job_id(submission),
        upload_url=target.url,
        upload_headers=dict(target.headers),
        expires_at=target.expires_at,
    )


def _error_code(error: ContentError | ContentChanged) -> str:
    return str(error.code) if isinstance(error, ContentError) else "changed"


def _sentence(error: InvalidRequest | ValidationError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return str(error)
