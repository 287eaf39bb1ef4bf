"""How the engine says how far it is.

Belongs here: how often a sentence is worth saying. Does not: where sentences are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Say = Callable[[str], None]


class Progress:
    """Says how much is done, at most every few seconds, and always when all of a known total is.

    Args:
        say: Where sentences go, such as a run's log.
        what: What is counted, in the plural: "uploads".
        total: How many there are; None where nobody knows yet.
        every_s: Shortest time between two sentences, in seconds.
    """

    def __init__(self, say: Say, *, what: str, total: int | None = None, every_s: float = 2.0) -> None:
        self._say = say
        self._what = what
        self._total = total
        self._every_s = every_s
        self._done = 0
        self._said_at = time.monotonic()

    def advance(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if now - self._said_at >= self._every_s or self._done == self._total:
            self._said_at = now
            of_total = f" of {self._total}" if self._total is not None else ""
            self._say(f"{self._done}{of_total} {self._what}{': ' + note if note else ''}")
