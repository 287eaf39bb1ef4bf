"""What an examination finds: one sentence about one thing, and whether that thing is as it must be.

Belongs here: the words `ok`, `warn`, `wrong`. Does not: looking (`doctor_of_pique`, `doctor_of_machine`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        what: The thing: `key`, `host`, `clock`.
        verdict: `warn` where nothing fails today, `wrong` where something will.
        sentence: What was found; where that is not right, also what to do.
    """

    what: str
    verdict: Verdict
    sentence: str


def ok(what: str, sentence: str) -> Diagnosis:
    """A thing that is as it must be."""
    return Diagnosis(what=what, verdict="ok", sentence=sentence)


def warn(what: str, sentence: str) -> Diagnosis:
    """A thing that somebody should look at."""
    return Diagnosis(what=what, verdict="warn", sentence=sentence)


def wrong(what: str, sentence: str) -> Diagnosis:
    """A thing that will make something fail."""
    return Diagnosis(what=what, verdict="wrong", sentence=sentence)
