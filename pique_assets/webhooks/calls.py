"""What the receiver asks of its ledger, in threads: each thing once at a time, and only so many at once.

Belongs here: threads and waiting. Does not: what is asked (`app`). A thread can't be stopped: what takes longer than
its request waits for goes on, and whoever asks for the same meanwhile waits for that, instead of beginning anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

MOST_CALLS = 8
"""More at once would only wait for each other in the ledger, each with its webhook in memory."""

T = TypeVar("T")


class LedgerCalls:
    """The calls under way."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=MOST_CALLS, thread_name_prefix="webhooks")
        self._room = asyncio.Semaphore(MOST_CALLS)
        self._under_way: dict[Hashable, asyncio.Future[Any]] = {}

    async def call(self, key: Hashable, work: Callable[[], T]) -> T:
        """The outcome of the call under way that has this key, or else of a new one, begun when there is room.

        Whoever is cancelled while waiting ends the waiting, never a call that was begun.

        Args:
            key: What is asked; equal keys are the same question.
            work: Asks, in a thread. What it raises is raised here.
        """
        if key not in self._under_way:
            await self._room.acquire()
            if key in self._under_way:
                self._room.release()
            else:
                self._begin(key, work)
        outcome: T = await asyncio.shield(self._under_way[key])
        return outcome

    def _begin(self, key: Hashable, work: Callable[[], Any]) -> None:
        under_way = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._under_way[key] = under_way
        under_way.add_done_callback(lambda ended: self._end(key, ended))

    def _end(self, key: Hashable, ended: asyncio.Future[Any]) -> None:
        del self._under_way[key]
        self._room.release()
        if not ended.cancelled():
            # Looked at, or asyncio would complain where nobody waits any more.
            ended.exception()
