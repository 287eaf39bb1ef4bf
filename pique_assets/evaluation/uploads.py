"""Files on their way to Pique: one by one, several at once, each recorded step by step.

Belongs here: the thread pool, and the order of steps for one item: prepared, uploaded, or resumed from whatever
happened before, each step recorded in the ledger before the next begins. Does not: which items a partition has
(`plan`), who works on which (`claiming`), and the rule for jobs whose upload may have ended (`recovery`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import BinaryIO, Final

from pydantic import ValidationError

from pique_assets.api.body import CHUNK_BYTES
from pique_assets.api.errors import (
    ContentChanged,
    InvalidRequest,
    NotFound,
    PiqueError,
    Unauthorized,
    UploadCorrupted,
    UploadError,
    UploadInterrupted,
)
from pique_assets.api.models import Judge, PresignedUpload, PresignedUploadRequest
from pique_assets.evaluation.claiming import Claimed, LeaseKeeper
from pique_assets.evaluation.errors import UPLOAD_CORRUPTED, JudgeNotUsable
from pique_assets.evaluation.poll_schedule import WATCH_AFTER_S
from pique_assets.evaluation.recovery import Step, decide, readable
from pique_assets.evaluation.submitting import Outcome, SendingEnd, Shipment
from pique_assets.ledger import JobTaken, Lease, LeaseLost, Ledger, Source, Submission, SubmissionState, UploadTarget
from pique_assets.ledger.failpoints import failpoint
from pique_assets.media import ContentError, ContentItem

# Claimed and waiting for a thread, for each thread: enough that one claim serves several items, few enough that another
# run of the same date finds items to work on.
CLAIMED_PER_UPLOAD: Final = 2


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """The way of files, whose bytes are uploaded.

    Attributes:
        open_content: Opens a ready item's bytes at their beginning; raises `ContentError` when they can't be had.
    """

    open_content: Callable[[ContentItem], BinaryIO]
    source: Source = "direct"
    sent_items: str = "content items submitted"

    def require_fitting(self, judge: Judge, items: Sequence[ContentItem]) -> None:
        """Refuse content of which nothing is what the judge evaluates: that is the wrong judge, or the wrong media.

        Single items of another type become rows with an error (`plan.WantedContent`).

        Raises:
            JudgeNotUsable: The message says what the judge evaluates and what there is.
        """
        types = Counter(item.content_type for item in items if item.is_ready)
        if types and judge.content_type not in types:
            there = " and ".join(f"{count} {content_type}" for content_type, count in sorted(types.items(), key=str))
            raise JudgeNotUsable(
                f"judge {judge.id} ({judge.name}) evaluates {judge.content_type}, and all content is of another type "
                f"({there}); nothing was sent. Is it the judge of this media?"
            )

    def send(self, shipment: Shipment) -> None:
        """Upload every item of the queue, as `submitting.WayOfSending` says."""
        limits, queue, tally = shipment.engine.limits, shipment.queue, shipment.tally
        uploader = _Uploader(shipment, open_content=self.open_content)
        at_most = CLAIMED_PER_UPLOAD * limits.concurrent_uploads
        pool = ThreadPoolExecutor(max_workers=limits.concurrent_uploads, thread_name_prefix="upload")
        under_way: dict[Future[Outcome | _Again], Claimed] = {}
        ended: SimpleQueue[Future[Outcome | _Again]] = SimpleQueue()
        try:
            while True:
                while len(under_way) <= at_most // 2 and (taken := queue.take(at_most - len(under_way))):
                    for claimed in taken:
                        future = pool.submit(uploader.bring, claimed)
                        under_way[future] = claimed
                        future.add_done_callback(ended.put)
                if not under_way and queue.is_empty:
                    break
                # As long as the threads have enough to do, what another run holds can wait.
                wants_more = len(under_way) <= at_most // 2
                try:
                    future = ended.get(timeout=queue.pause_s if wants_more else None)
                except Empty:
                    continue
                claimed, came_of_it = under_way.pop(future), future.result()
                if isinstance(came_of_it, Outcome):
                    tally.add(claimed.item, outcome=came_of_it)
                elif claimed.attempt < limits.attempts:
                    queue.put_back([claimed], another_attempt=True)
                else:
                    reason = f"after {limits.attempts} attempts, the last time {came_of_it.reason}"
                    tally.add(claimed.item, outcome=Outcome(end=SendingEnd.UNFINISHED, reason=reason))
        finally:
            # On an error or a cancelled run, items that were not begun are left to the next run.
            pool.shutdown(cancel_futures=True)
            for future, claimed in under_way.items():
                if future.cancelled():
                    queue.give_back(claimed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """The item has to be claimed once more: its job is proven dead, or its lease was lost."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A submission in our hands.

    Attributes:
        fresh: Its upload as Pique has prepared it just now, so that nobody can have sent it anything; else None.
        quiet_since: Since when certainly nobody sends it bytes; None if nobody ever began.
        refusal: What the storage host said when it refused the last PUT; None if it did not.
    """

    submission: Submission
    lease: Lease
    fresh: PresignedUpload | None
    quiet_since: datetime | None
    refusal: str | None = None


class _Beginning:
    """The moment from which an upload's bytes may land.

    Attributes:
        submission: As it is now.
    """

    def __init__(self, held: _Held, *, ledger: Ledger, keeper: LeaseKeeper) -> None:
        self.submission = held.submission
        self._lease = held.lease
        self._ledger = ledger
        self._keeper = keeper

    def record(self) -> None:
        """Note it in the ledger, which says at the same time that the lease is held from now on.

        Raises:
            LeaseLost: Somebody took over.
            LedgerUnavailable: The ledger can't say.
        """
        with self._keeper.confirmed_by_write(self._lease):
            self.submission = self._ledger.record_upload_started(self._lease, lease_s=self._keeper.lease_s)
        failpoint("upload.before")


class _Uploader:
    """Brings claimed items to Pique, one call per item; safe to call from several threads."""

    def __init__(self, shipment: Shipment, *, open_content: Callable[[ContentItem], BinaryIO]) -> None:
        self._engine = shipment.engine
        self._client = shipment.engine.client
        self._ledger = shipment.engine.ledger
        self._limits = shipment.engine.limits
        self._keeper = shipment.keeper
        self._queue = shipment.queue
        self._schedule = shipment.schedule
        self._open_content = open_content

    def bring(self, claimed: Claimed) -> Outcome | _Again:
        """Make sure that Pique has this content exactly once.

        Raises:
            Unauthorized: The key is refused; every other item would be too.
            NotFound: The judge is gone.
            LedgerUnavailable: Nothing may be sent without the ledger.
        """
        try:
            return self._bring(claimed)
        except LeaseLost as lost:
            # On a busy machine a lease runs out without anybody taking over: only another claim can tell.
            return _Again(reason=f"it was taken from this run: {lost}")
        finally:
            self._queue.drop(claimed)

    def _bring(self, claimed: Claimed) -> Outcome | _Again:
        """Take a claimed submission as far as it goes."""
        submission, lease = claimed.submission, claimed.lease
        try:
            if submission.state is SubmissionState.INTENDED:
                prepared = self._prepare(submission, lease=lease)
                if isinstance(prepared, Outcome):
                    return prepared
                return self._send_or_recover(prepared, item=claimed.item)
            quiet_since = _now() if submission.state is SubmissionState.UPLOADING else None
            held = _Held(submission=submission, lease=lease, fresh=None, quiet_since=quiet_since)
            return self._send_or_recover(held, item=claimed.item)
        except (Unauthorized, NotFound):
            self._ledger.release_lease(lease)
            raise
        except (PiqueError, JobTaken) as error:
            self._ledger.release_lease(lease)
            return Outcome(end=SendingEnd.UNFINISHED, reason=str(error))

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
                webhook_url=self._engine.webhook_url,
            )
            upload = readable(lambda: self._client.create_presigned_upload(request))
        except (InvalidRequest, ValidationError) as error:
            self._ledger.record_rejected(lease, error_code="refused_by_pique", error=_sentence(error))
            return Outcome(end=SendingEnd.REJECTED, reason=_sentence(error))
        failpoint("prepare.after")
        prepared = self._ledger.record_prepared(
            lease,
            job_id=upload.job_id,
            upload_url=upload.upload_url,
            upload_headers=upload.upload_headers,
            expires_at=upload.expires_at,
        )
        return _Held(submission=prepared, lease=lease, fresh=upload, quiet_since=None)

    def _send_or_recover(self, held: _Held, *, item: ContentItem) -> Outcome | _Again:
        for _ in range(self._limits.attempts):
            if held.fresh is None:
                decision = decide(self._engine, held.submission, quiet_since=held.quiet_since)
                if decision.step is Step.ABANDON:
                    return self._abandon(held, evidence=decision.evidence)
                if decision.step is Step.ADOPT:
                    self._ledger.adopt(held.lease, next_poll_at=_now())
                    return Outcome(end=SendingEnd.ADOPTED, reason=decision.evidence)
                if decision.step is Step.WAIT:
                    break
                if held.refusal is not None:
                    return self._abandon(held, evidence=f"{held.refusal}; {decision.evidence}")
            sent = self._send(held, item=item)
            if not isinstance(sent, _Held):
                return sent
            held = sent
        self._ledger.release_lease(held.lease)
        return Outcome(end=SendingEnd.UNFINISHED, reason=f"job {held.submission.job_id} is not uploaded yet")

    def _send(self, held: _Held, *, item: ContentItem) -> Outcome | _Again | _Held:
        """One PUT; an outcome when the item's way is over, else what is held now.

        Before any byte leaves, the ledger says that the lease is held and notes that the bytes may land; before the
        last chunk, it says once more that the lease is held: whoever took over while this process was stopped, or cut
        off from the ledger, may send the content. Content of one chunk has both said at once.
        """
        target = held.submission.upload_target
        if target is None:
            return replace(held, fresh=None)
        beginning = _Beginning(held, ledger=self._ledger, keeper=self._keeper)
        in_one_chunk = _size_bytes(held.submission) <= CHUNK_BYTES
        flaw: UploadCorrupted | None = None
        try:
            if not in_one_chunk:
                beginning.record()
            self._client.upload(
                held.fresh or _presigned(held.submission, target),
                open_body=partial(self._open_content, item),
                size_bytes=_size_bytes(held.submission),
                crc32c=item.crc32c,
                begin_before=target.expires_at - timedelta(seconds=self._limits.expiry_margin_s),
                before_last_chunk=beginning.record if in_one_chunk else partial(self._keeper.confirm, held.lease),
            )
        except (ContentError, ContentChanged) as error:
            self._abandon(held, evidence=f"no complete upload: {error}")
            return Outcome(end=SendingEnd.UNUSABLE, reason=str(error), error_code=_error_code(error))
        except UploadCorrupted as error:
            # Whatever arrived is being evaluated, and paid for: another job would be paid for once more, at each run.
            flaw = error
        except UploadError as error:
            return self._after_failed_put(held, uploading=beginning.submission, error=error)
        failpoint("upload.after")
        self._ledger.record_uploaded(
            held.lease,
            next_poll_at=self._schedule.first_poll_at(_now()),
            error_code=UPLOAD_CORRUPTED if flaw else None,
            error=str(flaw) if flaw else None,
        )
        return Outcome(end=SendingEnd.SENT)

    def _after_failed_put(self, held: _Held, *, uploading: Submission, error: UploadError) -> _Held | _Again:
        """A job is dead without asking only if it can't have its bytes: none of its PUTs was sent to the end."""
        refused = not isinstance(error, UploadInterrupted)
        quiet_since = _now() if error.may_have_taken_effect else held.quiet_since
        if refused and quiet_since is None:
            return self._abandon(held, evidence=str(error))
        return _Held(
            submission=uploading,
            lease=held.lease,
            fresh=None,
            quiet_since=quiet_since,
            # Of an earlier PUT, which may have landed, a refusal of this one says nothing.
            refusal=str(error) if refused and held.quiet_since is None else None,
        )

    def _abandon(self, held: _Held, *, evidence: str) -> _Again:
        watch_at = _now() + timedelta(seconds=WATCH_AFTER_S)
        self._ledger.record_abandoned(held.lease, evidence=evidence, next_poll_at=watch_at)
        return _Again(reason=f"its job died: {evidence}")


def _now() -> datetime:
    return datetime.now(UTC)


def _job_id(submission: Submission) -> str:
    if submission.job_id is None:
        raise ValueError(f"submission {submission.submission_id} is {submission.state} without a job id")
    return submission.job_id


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
