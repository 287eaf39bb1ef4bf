"""What the engine refuses or could not finish.

Belongs here: the engine's own errors and the codes it writes beside an item. Does not: errors of the API
(`api.errors`), of files (`media.errors`) or of the ledger (`ledger.errors`), which pass through unchanged.
"""

from __future__ import annotations

from typing import Final

from pique_assets.visible import visible

UPLOAD_CORRUPTED: Final = "upload_corrupted"
"""The storage host says that it got other bytes than were sent. Pique evaluates them all the same, so nothing is sent
again."""


class EvaluationError(Exception):
    """Base of the engine's errors."""

    def __str__(self) -> str:
        """Safe to print: names of files and words of Pique are anything."""
        return visible(super().__str__())


class JudgeNotUsable(EvaluationError):
    """The judge can't evaluate now: not ready, failed or inactive. Nothing was sent."""


class SubmissionsUnfinished(EvaluationError):
    """Some items could not be brought to Pique in this run; the ledger knows them and a later run resumes.

    Attributes:
        reasons: `content_uri` to what stopped it.
    """

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons
        shown = [f"{uri}: {reason}" for uri, reason in sorted(reasons.items())[:5]]
        more = f" (and {len(reasons) - 5} more)" if len(reasons) > 5 else ""
        super().__init__(
            f"{len(reasons)} content items could not be submitted in this run; run the partition again to resume, "
            f"nothing already sent is sent twice. {'; '.join(shown)}{more}"
        )


class ResultsPending(EvaluationError):
    """Jobs were still open when the waiting time was over; a later run resumes and resubmits nothing.

    Attributes:
        pending_job_ids: The jobs that Pique has not finished.
        not_uploaded: How many submissions have no uploaded bytes yet.
        unanswered: How many social media URLs were sent without a certain answer, and may still be announced.
    """

    def __init__(self, *, pending_job_ids: list[str], not_uploaded: int, waited_s: float, unanswered: int = 0) -> None:
        self.pending_job_ids = pending_job_ids
        self.not_uploaded = not_uploaded
        self.unanswered = unanswered
        parts = []
        if pending_job_ids:
            shown = ", ".join(pending_job_ids[:10]) + (", ..." if len(pending_job_ids) > 10 else "")
            parts.append(f"{len(pending_job_ids)} jobs are still open at Pique after {waited_s:.0f} s: {shown}.")
        if not_uploaded:
            parts.append(f"{not_uploaded} submissions were never uploaded: materialise `uploads` of this partition.")
        if unanswered:
            parts.append(
                f"{unanswered} social media URLs were sent and got no certain answer: they are never sent again, and "
                "wait for a webhook that names their jobs."
            )
        parts.append("Materialise this partition again to resume; nothing is submitted twice.")
        super().__init__(" ".join(parts))


class NothingSubmitted(EvaluationError):
    """Nobody has taken an inventory of this date, so there is nothing to wait for."""

    def __init__(self, *, evaluation: str, partition: str) -> None:
        super().__init__(
            f"nothing of {evaluation} {partition} was submitted, nor looked for: materialise `uploads` (or "
            "`social_submissions`) of this partition first"
        )


class CannotGiveUp(EvaluationError):
    """The job is none that could be given up now. Nothing was recorded."""
