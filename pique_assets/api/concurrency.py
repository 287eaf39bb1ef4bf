"""How many requests may be under way to one host: fewer when it says it is too much, slowly more when it is not.

Here belong the limit, the queue before it and the pause a host asks for, shared by all threads of a client. What
counts as too much is the transport's to tell; how long a single request is repeated is ``policy``'s.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

# After a level proved too high it is left alone for this long, and for so many times the pause that the host asked
# for: else most of the time would go by in pauses that trying it again brings about.
_SHY_S: Final = 5.0
_SHY_PAUSES: Final = 10.0

# A host that asks for pauses often takes a burst after each of them: the limit then grows by one in the time of such a
# pause, or in this time where the pause is longer, and not in the time of a burst.
_LONGEST_STEP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConcurrency:
    """How things stand with one host at one moment.

    Attributes:
        limit: Requests that may be under way now.
        most: The configured maximum, where `limit` begins.
        under_way: Requests that are.
        waiting: Threads that want to send one.
        pause_s: Seconds until the next request may leave, because the host asked for a pause; 0 if it did not.
        overloads: Answers so far that said it is too much.
    """

    limit: int
    most: int
    under_way: int
    waiting: int
    pause_s: float
    overloads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How things stand with the two kinds of host a client talks to."""

    api: HostConcurrency
    storage: HostConcurrency


class AdaptiveLimit:
    """A limit on requests under way, first come, first served. Thread-safe.

    It is halved when the host says it is too much, and falls to its square root when that comes with a pause, at most
    once for all requests that were under way together: they were sent under one limit, so their refusals are one piece
    of news. It grows by one for each round of requests that used it up and succeeded, so it settles near what the host
    can take; a level that it grew to and that was too high costs it that one step, and is not tried again for a while.
    It is never below 1, so there is always somebody to find out that the host has recovered.
    """

    def __init__(self, *, most: int, longest_pause_s: float) -> None:
        """Begin with as many as are allowed at most.

        Args:
            most: Requests under way at most, whatever the host can take.
            longest_pause_s: The longest pause a host is granted; longer wishes are cut, not followed.

        Raises:
            ValueError: Not even one request is allowed.
        """
        if most < 1:
            raise ValueError(f"at least one request must be allowed at a time, not {most}")
        self._most = most
        self._longest_pause_s = longest_pause_s
        self._limit = float(most)
        self._lock = threading.Lock()
        self._queue: deque[threading.Condition] = deque()
        self._stopped = threading.Event()
        self._paused_until = 0.0
        self._under_way = 0
        self._busiest = 0
        self._round = 0
        self._has_grown = False
        self._too_high = math.inf
        self._shy_until = 0.0
        self._step_s = 0.0
        self._next_step_at = 0.0
        self._overloads = 0

    def enter(self, *, patience_s: float = math.inf, until: float = math.inf) -> Slot | None:
        """Wait for a turn.

        Args:
            patience_s: Longest wait for other requests, in seconds; a pause the host asked for does not count.
            until: The `time.monotonic()` after which a turn is of no use, whatever it is waited for.

        Returns:
            The right to send one request, to be used in a ``with``; None when it took too long or `stop` was called.
        """
        began = time.monotonic()
        with self._lock:
            place = threading.Condition(self._lock)
            self._queue.append(place)
            try:
                while not self._stopped.is_set():
                    now = time.monotonic()
                    give_up = min(until, max(began, self._paused_until) + patience_s)
                    if now >= give_up:
                        return None
                    if self._is_turn_of(place, now=now):
                        self._under_way += 1
                        self._busiest = max(self._busiest, self._under_way)
                        return Slot(self, round_=self._round)
                    # Only the first has to watch the clock for a pause: whoever leaves the queue wakes the next.
                    pause_ends = self._paused_until if self._queue[0] is place else 0.0
                    look_again = min(give_up, pause_ends) if pause_ends > now else give_up
                    place.wait(min(look_again - now, threading.TIMEOUT_MAX))
                return None
            finally:
                self._queue.remove(place)
                self._wake_next()

    def nap(self, seconds: float) -> None:
        """Sleep, but not beyond `stop`."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """Grant nothing more, and wake every thread that waits or naps. What is under way goes on."""
        with self._lock:
            self._stopped.set()
            for place in self._queue:
                place.notify()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is granted any more."""
        return self._stopped.is_set()

    def snapshot(self) -> HostConcurrency:
        """How things stand now."""
        with self._lock:
            return HostConcurrency(
                limit=int(self._limit),
                most=self._most,
                under_way=self._under_way,
                waiting=len(self._queue),
                pause_s=max(0.0, self._paused_until - time.monotonic()),
                overloads=self._overloads,
            )

    def _is_turn_of(self, place: threading.Condition, *, now: float) -> bool:
        return self._queue[0] is place and self._under_way < int(self._limit) and now >= self._paused_until

    def _wake_next(self) -> None:
        if self._queue:
            self._queue[0].notify()

    def _overloaded(self, *, round_: int, pause_s: float) -> None:
        with self._lock:
            now = time.monotonic()
            pause_s = min(pause_s, self._longest_pause_s)
            self._paused_until = max(self._paused_until, now + pause_s)
            self._overloads += 1
            if round_ != self._round:
                return
            # What was really tried counts: halving an allowance that nobody uses would change nothing.
            tried = min(int(self._limit), self._busiest)
            if self._has_grown:
                self._too_high = tried
                self._shy_until = now + pause_s + max(_SHY_S, _SHY_PAUSES * pause_s)
                # The level below did well a moment ago.
                self._limit = max(1.0, tried - 1)
            else:
                # On the way down no level is to blame: the host still suffers from the first. Each further refusal
                # that asks for a pause would stop everybody, so there are to be few of them.
                self._limit = max(1.0, math.sqrt(tried) if pause_s else tried / 2)
            self._step_s = min(pause_s, _LONGEST_STEP_S)
            self._next_step_at = self._paused_until + self._step_s
            self._has_grown = False
            self._round += 1
            self._busiest = self._under_way

    def _succeeded(self, *, round_: int) -> None:
        with self._lock:
            # A success proves something about the limit only if the limit was what held others back.
            if round_ != self._round or self._under_way < int(self._limit):
                return
            now = time.monotonic()
            grown = min(float(self._most), self._limit + 1 / self._limit)
            is_step = int(grown) > int(self._limit)
            if (grown >= max(2, self._too_high) and now < self._shy_until) or (is_step and now < self._next_step_at):
                return
            if is_step:
                self._has_grown = True
                self._next_step_at = now + self._step_s
            self._limit = grown

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._wake_next()


class Slot:
    """The right to have one request under way, until the end of its ``with`` block.

    Whoever holds it says inside the block how the host took the request; without a word nothing is learnt from it.
    """

    def __init__(self, limit: AdaptiveLimit, *, round_: int) -> None:
        """Made by `AdaptiveLimit.enter` alone."""
        self._limit = limit
        self._round = round_

    def __enter__(self) -> Self:
        """Held already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one go."""
        self._limit._leave()

    def succeeded(self) -> None:
        """The host took the request."""
        self._limit._succeeded(round_=self._round)

    def overloaded(self, *, pause_s: float = 0.0) -> None:
        """The host said it is too much, and may have asked for a pause, which all threads keep."""
        self._limit._overloaded(round_=self._round, pause_s=pause_s)
