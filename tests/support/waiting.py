"""Waiting for what another thread or another process does: for the event, however long a busy machine takes.

Belongs here: the one loop that looks again and again. Does not: what is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 600.0
"""For what will never happen: less than the time limit of a test, so that the test can say what it waited for."""

LOOK_EVERY_S = 0.02


def eventually(look: Callable[[], T], good: Callable[[T], object] = bool, *, every_s: float = LOOK_EVERY_S) -> T:
    """Look until what is seen is good; returns that.

    Args:
        look: says what there is now.
        good: whether it is what is waited for.
        every_s: seconds between two looks, for a look that is dear.

    Raises:
        AssertionError: it never came to that.
    """
    give_up = time.monotonic() + PATIENCE_S
    while not good(seen := look()):
        assert time.monotonic() < give_up, f"waited in vain, it is still {seen!r}"
        time.sleep(every_s)
    return seen
