"""A limit on log lines that anybody on the network can cause.

Belongs here: the filter. Does not: where logs go. Who floods the receiver with refused requests fills no disk, and
hides no other line.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

WINDOW_S = 60.0
SAME_LINES = 5
WARNINGS = 200
"""Warnings and errors of any text within a window; only Pique itself can cause what is not as grave."""
TEXTS = 10_000


class LogLimit(logging.Filter):
    """Lets a line through a few times a minute, then says how many like it were left out."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin the first window now; `clock` counts seconds."""
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._begin()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; the first line after a window has what was left out before it."""
        text = record.getMessage()
        with self._lock:
            left_out = self._left_out() if self._clock() - self._began >= WINDOW_S else None
            passes = self._passes(text, is_grave=record.levelno >= logging.WARNING)
        if left_out:
            logging.getLogger(record.name).warning(left_out)
        return passes

    def _begin(self) -> None:
        self._began = self._clock()
        self._seen: Counter[str] = Counter()
        self._warnings = 0
        self._others = 0

    def _passes(self, text: str, *, is_grave: bool) -> bool:
        if text not in self._seen and len(self._seen) >= TEXTS:
            self._others += is_grave
            return not is_grave
        self._seen[text] += 1
        if self._seen[text] > SAME_LINES:
            return False
        self._warnings += is_grave
        if is_grave and self._warnings > WARNINGS:
            self._others += 1
            return False
        return True

    def _left_out(self) -> str:
        """What the window that ends left out, in one line; empty when that is nothing. Begins the next one."""
        repeated = {text: count - SAME_LINES for text, count in self._seen.items() if count > SAME_LINES}
        told = [f"{count} times {text!r}" for text, count in sorted(repeated.items(), key=lambda one: -one[1])[:10]]
        others = self._others + sum(repeated.values()) - sum(sorted(repeated.values(), reverse=True)[:10])
        if others:
            told.append(f"{others} other lines")
        self._begin()
        return f"left out of this log in the last minute: {'; '.join(told)}" if told else ""
