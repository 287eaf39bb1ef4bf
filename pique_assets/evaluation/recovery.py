"""What becomes of a submission whose worker died, or whose upload nobody saw end.

A worker holds a submission by a lease, which ends soon after its process does. Then there are four cases:

1. The content is still wanted. The next run of its date claims the submission, asks Pique (`decide`) and does what
   `next_step` says: sends the content to the same job, takes the upload as arrived, waits, or has another job made
   (`uploads`).
2. No content asks for the submission any more, because the content changed or vanished. The sensor brings the
   submission to its end without ever sending a byte (`end_orphans`).
3. The content is a social media URL whose POST was begun. Nobody sends the URL again: `reconciliation` looks for the
   job.
4. Pique has the content already. Whoever polls next asks for the result (`results`).

Belongs here: the rule, asking Pique until the rule can decide, and the end of orphans. Does not: sending (`uploads`),
and giving up what never ends (`giving_up`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Final, TypeVar

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import NotFound, PiqueError, Unauthorized, UnexpectedAnswer
from pique_assets.api.models import JobStatus
from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.poll_schedule import WATCH_AFTER_S
from pique_assets.ledger import LeasedSubmission, LeaseLost, Submission, SubmissionState

NOT_FOUND: Final = "not_found"
"""What the ledger remembers as the status of a job of which Pique said 404."""

# Longer than this a run does not sit on one item: it reports the item as unfinished and a later run resumes.
LONGEST_WAIT_S: Final = 180.0
# Unreadable answers come from a bad line or a bad moment: a few more requests cost less than an unfinished item.
ASKED_AGAIN: Final = 3
ASKED_AGAIN_AFTER_S: Final = 0.1
# A living run renews its leases every few seconds, and a day's uploads are resumed by its next run within minutes or
# not for a day: after an hour without a write nobody is disturbed. An orphan that can't be ended yet is looked at again
# an hour later, because giving it back counts as a touch.
UNTOUCHED_FOR_S: Final = 3600.0
REJECTED_CODE: Final = "no_longer_wanted"

_Answer = TypeVar("_Answer")


class Step(Enum):
    """What may be done with a job without risking a second evaluation."""

    SEND = auto()
    """Pique has no bytes and the URL lives: send them to this job."""
    ADOPT = auto()
    """Pique has the bytes: wait for the result."""
    WAIT = auto()
    """Too early to tell: ask again at `Decision.at`."""
    ABANDON = auto()
    """Proven dead: another job may be prepared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next step, with the time to wait for and the evidence it rests on."""

    step: Step
    evidence: str
    at: datetime | None = None


def next_step(
    submission: Submission,
    *,
    status: str | None,
    quiet_since: datetime | None,
    now: datetime,
    limits: Limits,
    unknown_since: datetime | None = None,
) -> Decision:
    """Decide about a PREPARED or UPLOADING submission, after Pique was asked about its job.

    Args:
        submission: As the ledger has it.
        status: What Pique says of the job; None for a 404.
        quiet_since: Since when certainly nobody sends bytes to this job; None if nobody ever began.
        now: The time, UTC: when Pique was asked for the status, which may be long before it answered.
        limits: Grace periods.
        unknown_since: Since when Pique has said nothing but 404 of this job; None if this is the first time.

    Returns:
        The only step that can't lead to a second evaluation by mistake.
    """
    if status is not None and status != JobStatus.AWAITING_UPLOAD:
        return Decision(step=Step.ADOPT, evidence=f"Pique says the job is {status}")
    dead_at = _dead_at(submission, limits=limits)
    if status is None:
        return _unknown_job(submission, dead_at=dead_at, unknown_since=unknown_since or now, now=now, limits=limits)
    if now >= dead_at:
        expired = f"{submission.upload_expires_at:%Y-%m-%dT%H:%M:%SZ}"
        return Decision(
            step=Step.ABANDON, evidence=f"the upload URL expired at {expired} and Pique still awaits the upload"
        )
    if quiet_since is not None:
        noticed_by = quiet_since + timedelta(seconds=limits.notification_lag_s)
        if now < noticed_by:
            return Decision(step=Step.WAIT, at=noticed_by, evidence="Pique may not have noticed the upload yet")
    margin = timedelta(seconds=limits.expiry_margin_s)
    if submission.upload_expires_at is not None and now < submission.upload_expires_at - margin:
        return Decision(step=Step.SEND, evidence="Pique awaits the upload and the URL is valid")
    return Decision(step=Step.WAIT, at=dead_at, evidence="the upload URL is at its end, an upload may still be noticed")


def _dead_at(submission: Submission, *, limits: Limits) -> datetime:
    expires_at = submission.upload_expires_at or submission.created_at
    return expires_at + timedelta(seconds=limits.expiry_grace_s)


def _unknown_job(
    submission: Submission, *, dead_at: datetime, unknown_since: datetime, now: datetime, limits: Limits
) -> Decision:
    """A 404: not visible yet, gone, or a mistake of the moment.

    A job that may have bytes is called dead only when its URL is and the 404 lasts; one that never was sent any costs
    nothing.
    """
    creation_lag = timedelta(seconds=limits.creation_lag_s)
    visible_by = (submission.prepared_at or submission.created_at) + creation_lag
    never_sent = submission.state is SubmissionState.PREPARED
    lost_at = visible_by if never_sent else max(visible_by, dead_at, unknown_since + creation_lag)
    if now < lost_at:
        at = visible_by if now < visible_by else lost_at
        return Decision(step=Step.WAIT, at=at, evidence="Pique does not know the job yet")
    return Decision(step=Step.ABANDON, evidence="Pique does not know the job (404)")


def decide(engine: Engine, submission: Submission, *, quiet_since: datetime | None) -> Decision:
    """Ask Pique about a job until it is safe to go on, but not longer than a run should sit on one item.

    Args:
        engine: Pique, and the grace periods.
        submission: As the ledger has it, PREPARED or UPLOADING.
        quiet_since: Since when certainly nobody sends bytes to this job; None if nobody ever began.

    Returns:
        What to do; to WAIT only if that would take too long now.

    Raises:
        PiqueError: Pique refuses, or does not answer.
    """
    give_up = datetime.now(UTC) + timedelta(seconds=LONGEST_WAIT_S)
    unknown_since: datetime | None = None
    while True:
        # An answer tells of the moment it was asked for: a slow one must not pass for Pique's word after the lag.
        asked_at = datetime.now(UTC)
        status = readable(lambda: _status(submission, client=engine.client))
        unknown_since = (unknown_since or asked_at) if status is None else None
        decision = next_step(
            submission,
            status=status,
            quiet_since=quiet_since,
            now=asked_at,
            limits=engine.limits,
            unknown_since=unknown_since,
        )
        if decision.step is not Step.WAIT or decision.at is None or decision.at > give_up:
            return decision
        # Pique may notice the upload long before the lag is over, so it is asked in between.
        time.sleep(max(0.05, min(2.0, (decision.at - datetime.now(UTC)).total_seconds())))


def readable(ask: Callable[[], _Answer]) -> _Answer:
    """What Pique answers; an answer that can't be read is asked for again.

    Raises:
        PiqueError: As `ask` does.
    """
    for _ in range(ASKED_AGAIN):
        try:
            return ask()
        except UnexpectedAnswer:
            time.sleep(ASKED_AGAIN_AFTER_S)
    return ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanReport:
    """What became of the orphans that were looked at; counts are submissions.

    Attributes:
        rejected: Had no job yet; ended with the code `no_longer_wanted`.
        adopted: Pique has their bytes; their results are asked for like any other.
        abandoned: Their upload URL is dead and Pique has no bytes.
        left: Nothing is certain yet, or Pique did not answer; looked at again later.
    """

    rejected: int
    adopted: int
    abandoned: int
    left: int


class _End(StrEnum):
    """How the look at an orphan ended, by the names of an `OrphanReport`."""

    REJECTED = auto()
    ADOPTED = auto()
    ABANDONED = auto()
    LEFT = auto()


def end_orphans(
    engine: Engine, *, until: float | None = None, untouched_for_s: float = UNTOUCHED_FOR_S
) -> OrphanReport:
    """Bring interrupted submissions that no present content asks for to an end; bytes are never sent.

    Args:
        engine: Pique, the ledger, grace periods.
        until: No further submission is looked at after this `time.monotonic()`.
        untouched_for_s: Only submissions that nobody has touched for this long, in seconds.

    Raises:
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    ledger = engine.ledger
    ledger.belong_to(engine.client.pique)
    ends: Counter[_End] = Counter()
    # Fixed once: what is given back in this call is not met again in it.
    untouched_for = timedelta(seconds=untouched_for_s)
    untouched_since = datetime.now(UTC) - untouched_for
    while until is None or time.monotonic() < until:
        # One at a time: a lease is held no longer than one request takes.
        found = ledger.claim_orphans(limit=1, lease_s=engine.limits.lease_s, untouched_since=untouched_since)
        if not found:
            break
        ends[_end_or_leave(engine, found[0], untouched_for=untouched_for)] += 1
    return OrphanReport(**{end.value: ends[end] for end in _End})


def _end_or_leave(engine: Engine, held: LeasedSubmission, *, untouched_for: timedelta) -> _End:
    try:
        return _end(engine, held, untouched_for=untouched_for)
    except LeaseLost:
        # Somebody wants it after all, and goes on with it.
        return _End.LEFT
    except Unauthorized:
        engine.ledger.release_lease(held.lease)
        raise
    except PiqueError:
        engine.ledger.release_lease(held.lease)
        return _End.LEFT


def _end(engine: Engine, held: LeasedSubmission, *, untouched_for: timedelta) -> _End:
    submission, ledger = held.submission, engine.ledger
    if submission.state is SubmissionState.INTENDED or submission.job_id is None:
        ledger.record_rejected(
            held.lease,
            error_code=REJECTED_CODE,
            error="its run ended before Pique named a job, and the content has changed or vanished since",
        )
        return _End.REJECTED
    now = datetime.now(UTC)
    quiet_since = now if submission.state is SubmissionState.UPLOADING else None
    status = _status(submission, client=engine.client)
    decision = next_step(
        submission,
        status=status,
        quiet_since=quiet_since,
        now=now,
        limits=engine.limits,
        # The last look was so long ago at least; in between, nobody has asked.
        unknown_since=now - untouched_for if submission.pique_status == NOT_FOUND else None,
    )
    if decision.step is Step.ADOPT:
        ledger.adopt(held.lease, next_poll_at=now, status=status)
        return _End.ADOPTED
    if decision.step is Step.ABANDON:
        watch_at = now + timedelta(seconds=WATCH_AFTER_S)
        evidence = f"no content asks for it any more; {decision.evidence}"
        ledger.record_abandoned(held.lease, evidence=evidence, next_poll_at=watch_at)
        return _End.ABANDONED
    ledger.release_lease(held.lease, pique_status=status or NOT_FOUND)
    return _End.LEFT


def _status(submission: Submission, *, client: PiqueClient) -> str | None:
    """What Pique says of the submission's job, None for a 404."""
    if submission.job_id is None:
        raise ValueError(f"submission {submission.submission_id} is {submission.state} without a job id")
    try:
        return client.get_result(submission.job_id).result.status
    except NotFound:
        return None
