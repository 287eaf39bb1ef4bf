"""What to do with a job whose upload is not known to have ended: the rules of design section 6, without any doing.

Here: one pure function from what the ledger and Pique say to the next step. Not here: asking Pique, waiting, sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from pique_assets.api.models import JobStatus
from pique_assets.evaluation.limits import Limits
from pique_assets.ledger import Submission, SubmissionState

NOT_FOUND: Final = "not_found"
"""What the ledger remembers as the status of a job of which Pique said 404."""


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
    """Decide about a PREPARED or UPLOADING submission (design section 6, "Recovery asks Pique first").

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
    if submission.upload_expires_at is not None and now < submission.upload_expires_at - _margin(limits):
        return Decision(step=Step.SEND, evidence="Pique awaits the upload and the URL is valid")
    return Decision(step=Step.WAIT, at=dead_at, evidence="the upload URL is at its end, an upload may still be noticed")


def _margin(limits: Limits) -> timedelta:
    return timedelta(seconds=limits.expiry_margin_s)


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
