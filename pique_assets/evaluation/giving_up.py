"""Jobs that never end: given up after a while, or by a person, so that their date is settled without them.

Belongs here: what Pique said last of such a job, when the job is given up, and what is recorded. Does not: asking Pique
for results (`results`), social media URLs that were never answered (`reconciliation`), and what the command line says
(`cli.give_up_command`).

Nothing that was given up is sent again by itself: Pique may have evaluated it. The job is watched all the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pique_assets.api.client import ReceivedResult
from pique_assets.api.errors import NoAnswer, NotFound, PiqueApiError, PiqueError, TryLater, Unauthorized
from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.errors import CannotGiveUp
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.poll_schedule import next_watch_at, sent_at
from pique_assets.evaluation.recovery import NOT_FOUND
from pique_assets.ledger import (
    FINISHED_STATES,
    UNANSWERED_STATES,
    LeasedSubmission,
    LeaseLost,
    Ledger,
    Submission,
    SubmissionState,
)

NEVER_ENDED = "never_ended"
"""Error code of what was given up because it took too long."""

BY_A_PERSON = "given_up"
"""Error code of what a person gave up."""

PATIENCE_IN_AN_OUTAGE = 2
LEASE_S = 30.0

# Statuses are an open set of words, and errors quote what Pique said: neither need be short.
LONGEST_STATUS = 80
LONGEST_ERROR = 400
EMPTY = "completed without a result"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """What Pique said last of a job that has no result: in a word or two for the ledger, in a sentence for people.

    Attributes:
        status: Pique's own status where it could be read, else what came instead.
        error: What Pique gave as the reason, or how the question failed.
        may_pass: Whether the answer says nothing about the job: nobody answered, or Pique was too busy.
    """

    status: str
    error: str | None = None
    may_pass: bool = False

    @property
    def is_error(self) -> bool:
        """Whether Pique's record of the job could not be had."""
        return self.status == NOT_FOUND or self.status.startswith("no result: ")

    def __str__(self) -> str:
        if self.status == NOT_FOUND:
            said = "Pique does not know the job (404)"
        elif self.is_error:
            said = f"Pique's answer about it can't be had ({self.status.removeprefix('no result: ')})"
        else:
            said = f"Pique says {self.status!r}"
        return f"{said}: {self.error}" if self.error else said


def of_result(received: ReceivedResult) -> LastWord:
    """The last word of an answer by which the job has not ended."""
    return LastWord(status=_short(received.result.status, LONGEST_STATUS), error=_optional(received.result.error))


def of_empty_result() -> LastWord:
    """The last word about a job that Pique calls completed, and gives no result of."""
    return LastWord(status=EMPTY)


def of_error(error: PiqueError | ValueError) -> LastWord:
    """The last word where the question failed."""
    if isinstance(error, NotFound):
        return LastWord(status=NOT_FOUND)
    name = type(error).__name__
    detail = error.detail if isinstance(error, PiqueApiError) else str(error)
    return LastWord(
        status=f"no result: {name}", error=_optional(detail), may_pass=isinstance(error, (NoAnswer, TryLater))
    )


def said_of_status(status: str | None) -> str:
    """What the ledger kept of the last word, as a sentence."""
    return "Pique was not asked yet" if status is None else str(LastWord(status=status))


def is_overdue(submission: Submission, *, said: LastWord, limits: Limits, now: datetime) -> bool:
    """Whether the submission's date need not wait for the job any longer."""
    patience_s = limits.longest_job_s * (PATIENCE_IN_AN_OUTAGE if said.may_pass else 1)
    return now >= sent_at(submission) + timedelta(seconds=patience_s)


def record_never_ended(held: LeasedSubmission, *, said: LastWord, ledger: Ledger, now: datetime) -> None:
    """Give up a job that took too long.

    Raises:
        LeaseLost: Somebody else holds it.
        LedgerUnavailable: The ledger can't be written.
    """
    since = sent_at(held.submission)
    took = f"{(now - since).total_seconds() / 3600:.1f} h"
    ledger.record_given_up(
        held.lease,
        error_code=NEVER_ENDED,
        error=f"it was sent at {since:%Y-%m-%dT%H:%M:%SZ} and has not ended within {took}. {said}",
        status=said.status,
        next_poll_at=next_watch_at(since=since, now=now),
    )


def give_up_unknown_uploads(engine: Engine, *, until: float) -> int:
    """Give up uploads whose end nobody knows, and about which Pique answers nothing that can be read.

    Whatever Pique does answer is left to the next uploads of their date, which resume them.

    Args:
        engine: Pique, the ledger, and `Limits.longest_job_s`.
        until: No further one is looked at after this `time.monotonic()`.

    Returns:
        How many were given up.

    Raises:
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    ledger, limits = engine.ledger, engine.limits
    now = datetime.now(UTC)
    begun_before = now - timedelta(seconds=limits.longest_job_s)
    given_up = 0
    looked_at: set[int] = set()
    while time.monotonic() < until:
        found = ledger.claim_begun_long_ago(begun_before=begun_before, limit=1, lease_s=limits.lease_s)
        if not found or found[0].lease.submission_id in looked_at:
            for held in found:
                ledger.release_lease(held.lease)
            break
        looked_at.add(found[0].lease.submission_id)
        given_up += _give_up_unless_answered(engine, found[0], now=now)
    return given_up


def give_up_job(name: str, *, reason: str, ledger: Ledger, send_again: bool = False) -> Submission:
    """Give up what a person names, for a reason; Pique is not asked.

    Args:
        name: A job's id; or, of a social media URL without a job, the number by which `in-doubt` lists it.
        reason: Why; it stands in the tables.
        ledger: The record of submissions.
        send_again: Count the job as dead instead, so that the next run of its date sends the content anew. Should Pique
            finish the job all the same, the content was evaluated twice.

    Returns:
        The submission as it is now.

    Raises:
        CannotGiveUp: It is no job of this ledger, has ended, has nothing at Pique, or a run holds it just now.
        LedgerUnavailable: The ledger can't be read or written.
    """
    submission = ledger.find_job(name)
    if submission is None:
        return _give_up_unanswered(name, reason=reason, ledger=ledger, send_again=send_again)
    held = ledger.claim_to_give_up(submission.submission_id, lease_s=LEASE_S)
    if held is None or (held.submission.state is SubmissionState.ABANDONED):
        if held is not None:
            ledger.release_lease(held.lease)
        raise CannotGiveUp(_why_not(submission))
    now = datetime.now(UTC)
    watch_at = next_watch_at(since=sent_at(held.submission), now=now)
    if send_again:
        return ledger.record_abandoned(held.lease, evidence=f"an operator says: {reason}", next_poll_at=watch_at)
    if held.submission.state is SubmissionState.GIVEN_UP:
        ledger.release_lease(held.lease)
        raise CannotGiveUp(f"job {name} was given up before: {held.submission.error}")
    status = held.submission.pique_status
    return ledger.record_given_up(
        held.lease,
        error_code=BY_A_PERSON,
        error=f"given up by a person: {reason}. {said_of_status(status)}",
        status=status,
        next_poll_at=watch_at,
    )


def _give_up_unless_answered(engine: Engine, held: LeasedSubmission, *, now: datetime) -> bool:
    ledger = engine.ledger
    try:
        engine.client.get_result(held.submission.job_id or "")
    except Unauthorized:
        ledger.release_lease(held.lease)
        raise
    except NotFound:
        pass
    except (PiqueError, ValueError) as error:
        said = of_error(error)
        if is_overdue(held.submission, said=said, limits=engine.limits, now=now):
            try:
                record_never_ended(held, said=said, ledger=ledger, now=now)
            except LeaseLost:
                return False
            return True
    ledger.release_lease(held.lease)
    return False


def _give_up_unanswered(name: str, *, reason: str, ledger: Ledger, send_again: bool) -> Submission:
    """A social media URL that has no job yet."""
    held = ledger.claim_for_reconciliation(int(name), lease_s=LEASE_S) if name.isdecimal() else None
    if held is None:
        raise CannotGiveUp(
            f"this ledger has no job {name}, and no unanswered URL of that number; `pique-assets jobs` and "
            "`pique-assets in-doubt` list what there is"
        )
    if send_again or held.submission.state is not SubmissionState.SUBMITTING:
        ledger.release_lease(held.lease)
        raise CannotGiveUp(f"number {name} is in doubt: `pique-assets in-doubt --never-sent {name}` has it sent again")
    return ledger.record_in_doubt(held.lease, evidence=f"given up by a person: {reason}")


def _why_not(submission: Submission) -> str:
    state = submission.state.lower()
    if submission.state in FINISHED_STATES:
        return f"job {submission.job_id} has {state}: there is nothing to give up"
    if submission.state in (SubmissionState.PREPARED, SubmissionState.REJECTED, SubmissionState.ABANDONED):
        return f"job {submission.job_id} is {state}: Pique evaluates nothing of it; run `uploads` of its date"
    if submission.state in UNANSWERED_STATES:
        return f"job {submission.job_id} is {state}: `pique-assets in-doubt` says what can be done"
    return f"job {submission.job_id} is {state}, and a run holds it just now: try again in a minute"


def _optional(text: str | None) -> str | None:
    return _short(text, LONGEST_ERROR) if text else None


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
