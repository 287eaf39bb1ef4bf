"""What Pique said last of a job that has no result: in a word or two for the ledger, in a sentence for people.

Here: the words. Not here: asking (`results`), and giving a job up (`giving_up`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pique_assets.api.client import ReceivedResult
from pique_assets.api.errors import NoAnswer, NotFound, PiqueApiError, PiqueError, TryLater

# Statuses are an open set of words, and errors quote what Pique said: neither need be short.
LONGEST_STATUS = 80
LONGEST_ERROR = 400
NOT_FOUND = "not_found"
EMPTY = "completed without a result"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """What came of one question about a job.

    Attributes:
        status: Pique's own status where it could be read, else what came instead.
        error: What Pique gave as the reason, or how the question failed.
        may_pass: Whether it says nothing about the job: nobody answered, or Pique was too busy.
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
    """The word of an answer that is no end."""
    return LastWord(status=_short(received.result.status, LONGEST_STATUS), error=_optional(received.result.error))


def of_empty_result() -> LastWord:
    """The word of a job that Pique calls completed, and gives no result of."""
    return LastWord(status=EMPTY)


def of_error(error: PiqueError | ValueError) -> LastWord:
    """The word of a question that failed."""
    if isinstance(error, NotFound):
        return LastWord(status=NOT_FOUND)
    name = type(error).__name__
    detail = error.detail if isinstance(error, PiqueApiError) else str(error)
    return LastWord(
        status=f"no result: {name}", error=_optional(detail), may_pass=isinstance(error, (NoAnswer, TryLater))
    )


def of_status(status: str | None) -> str:
    """What the ledger kept of the last word, as a sentence."""
    return "Pique was not asked yet" if status is None else str(LastWord(status=status))


def _optional(text: str | None) -> str | None:
    return _short(text, LONGEST_ERROR) if text else None


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
