"""Turns at a host: how threads wait until one more request may be under way.

Belongs here: the queue of waiting threads, shared by all threads of a client. Does not: how many requests may be under
way (`concurrency_policy`), and which answers count as too much, which the transports say.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pique_assets.api.concurrency_policy import ConcurrencyPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConcurrency:
    """The requests to one host at one moment.

    Attributes:
        limit: Requests that may be under way now.
        most: The configured maximum, where `limit` begins.
        under_way: Requests that are under way.
        waiting: Threads that want to send a request.
        pause_s: Seconds until the next request may leave, because the host asked for a pause; 0 without a pause.
        overloads: Answers so far that said that requests are too many.
    """

    limit: int
    most: int
    under_way: int
    waiting: int
    pause_s: float
    overloads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """The requests to the two kinds of host that a client talks to, at one moment."""

    api: HostConcurrency
    storage: HostConcurrency


class AdaptiveLimit:
    """A semaphore, first come, first served, whose limit a `ConcurrencyPolicy` sets. Thread-safe."""

    def __init__(self, *, most: int, longest_pause_s: float) -> None:
        """Begin with as many requests as are allowed at most.

        Args:
            most: Requests under way at most, whatever the host can take.
            longest_pause_s: The longest pause that a host is granted; a longer wish is cut.

        Raises:
            ValueError: Not even one request is allowed.
        """
        self._policy = ConcurrencyPolicy.begin(most=most, longest_pause_s=longest_pause_s)
        self._under_way = 0
        self._lock = threading.Lock()
        self._queue: deque[threading.Condition] = deque()
        self._stopped = threading.Event()

    def enter(self, *, patience_s: float = math.inf, until: float = math.inf) -> Slot | None:
        """Wait for a turn.

        Args:
            patience_s: Longest wait for other requests, in seconds; a pause that the host asked for does not count.
            until: The `time.monotonic()` after which a turn is of no use, whatever the thread waits for.

        Returns:
            The right to send one request, to be used in a ``with``; None when the wait was too long or `stop` was
            called.
        """
        began = time.monotonic()
        with self._lock:
            place = threading.Condition(self._lock)
            self._queue.append(place)
            try:
                while not self._stopped.is_set():
                    now = time.monotonic()
                    give_up_at = min(until, max(began, self._policy.paused_until) + patience_s)
                    if now >= give_up_at:
                        return None
                    if self._is_turn_of(place, now=now):
                        return self._slot()
                    place.wait(min(self._look_again_at(place, now=now, latest=give_up_at) - now, threading.TIMEOUT_MAX))
                return None
            finally:
                self._queue.remove(place)
                self._wake_next()

    def nap(self, seconds: float) -> None:
        """Sleep, but not beyond `stop`."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """Grant nothing more, and wake every thread that waits or naps. Requests under way go on."""
        with self._lock:
            self._stopped.set()
            for place in self._queue:
                place.notify()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def snapshot(self) -> HostConcurrency:
        """The requests to the host now."""
        with self._lock:
            return HostConcurrency(
                limit=self._policy.limit,
                most=self._policy.most,
                under_way=self._under_way,
                waiting=len(self._queue),
                pause_s=max(0.0, self._policy.paused_until - time.monotonic()),
                overloads=self._policy.overloads,
            )

    def _is_turn_of(self, place: threading.Condition, *, now: float) -> bool:
        has_room = self._under_way < self._policy.limit and now >= self._policy.paused_until
        return has_room and self._queue[0] is place

    def _slot(self) -> Slot:
        self._under_way += 1
        self._policy = self._policy.sent(under_way=self._under_way)
        return Slot(self, round_number=self._policy.round_number)

    def _look_again_at(self, place: threading.Condition, *, now: float, latest: float) -> float:
        # Only the first thread has to watch the clock for a pause: a thread that leaves the queue wakes the next.
        is_paused = now < self._policy.paused_until and self._queue[0] is place
        return min(latest, self._policy.paused_until) if is_paused else latest

    def _wake_next(self) -> None:
        if self._queue:
            self._queue[0].notify()

    def _overloaded(self, *, round_number: int, pause_s: float) -> None:
        with self._lock:
            self._policy = self._policy.overloaded(
                sent_in_round=round_number, under_way=self._under_way, pause_s=pause_s, now=time.monotonic()
            )

    def _succeeded(self, *, round_number: int) -> None:
        with self._lock:
            self._policy = self._policy.succeeded(
                sent_in_round=round_number, under_way=self._under_way, now=time.monotonic()
            )

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._wake_next()


class Slot:
    """The right to have one request under way, until the end of its ``with`` block.

    Inside the block, the holder says how the host took the request; a holder that says nothing changes no limit.
    """

    def __init__(self, limit: AdaptiveLimit, *, round_number: int) -> None:
        """Made by `AdaptiveLimit.enter` alone."""
        self._limit = limit
        self._round_number = round_number

    def __enter__(self) -> Self:
        """Return the slot, which is held already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next thread go."""
        self._limit._leave()

    def succeeded(self) -> None:
        """The host took the request."""
        self._limit._succeeded(round_number=self._round_number)

    def overloaded(self, *, pause_s: float = 0.0) -> None:
        """The host said that requests are too many, and may have asked for a pause, which all threads keep."""
        self._limit._overloaded(round_number=self._round_number, pause_s=pause_s)
