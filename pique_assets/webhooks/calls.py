"""What the receiver asks of its ledger, in threads: each thing once at a time, and only so many at once.

Here: threads and waiting. Not here: what is asked (`app`). A thread can't be stopped: what takes longer than its
request waits for goes on, and whoever asks for the same meanwhile waits for that, instead of beginning anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 8
MOST_CALLS = 64
MOST_BYTES = 16 * 1024 * 1024

T = TypeVar("T")


class CallsExhausted(Exception):
    """The ledger is so slow that there is no room to ask it for more."""


class LedgerCalls:
    """The calls under way."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="webhooks")
        self._under_way: dict[Hashable, asyncio.Future[Any]] = {}
        self._bytes = 0

    async def call(self, key: Hashable, work: Callable[[], T], *, size_bytes: int = 0) -> T:
        """The outcome of the call under way that has this key, or else of a new one.

        Whoever is cancelled while waiting ends the waiting, never the call.

        Args:
            key: What is asked; equal keys are the same question.
            work: Asks, in a thread.
            size_bytes: What the call keeps in memory until it ends.

        Raises:
            CallsExhausted: Too many calls are under way, or what they keep is too much; nothing was begun.
            Exception: What the work raised.
        """
        under_way = self._under_way.get(key)
        if under_way is None:
            if len(self._under_way) >= MOST_CALLS or self._bytes + size_bytes > MOST_BYTES:
                raise CallsExhausted("the ledger is too slow for all that came at once")
            under_way = asyncio.get_running_loop().run_in_executor(self._threads, work)
            self._under_way[key] = under_way
            self._bytes += size_bytes
            under_way.add_done_callback(lambda ended: self._end(key, ended, size_bytes=size_bytes))
        outcome: T = await asyncio.shield(under_way)
        return outcome

    def _end(self, key: Hashable, ended: asyncio.Future[Any], *, size_bytes: int) -> None:
        del self._under_way[key]
        self._bytes -= size_bytes
        if not ended.cancelled():
            # Looked at, or asyncio would complain where nobody waits any more.
            ended.exception()
