"""The server's end of one evaluation process: start it, give it an order, kill it at the deadline."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

from pique_assets.local.orders import EvaluationAnswer, EvaluationOrder

START_DEADLINE_S = 60.0
ANSWER_LIMIT_BYTES = 16 * 1024**2


class WorkerLost(Exception):
    """The process died or had to be killed; the text becomes the job's error."""


class WorkerProcess:
    """One evaluation process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Wrap a started process; use `start` to get one."""
        self._process = process

    @classmethod
    async def start(cls) -> WorkerProcess:
        """Start a process and wait until it has imported everything.

        Raises:
            WorkerLost: It died, or was not ready in time.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pique_assets.local.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=ANSWER_LIMIT_BYTES,
        )
        worker = cls(process)
        try:
            await worker._line(deadline_s=START_DEADLINE_S)
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs, as far as is known."""
        return self._process.returncode is None

    async def evaluate(self, order: EvaluationOrder, *, deadline_s: float) -> EvaluationAnswer:
        """Have one evaluation done.

        Raises:
            WorkerLost: The process died, passed the deadline, or answered nonsense; it is of no further use.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order.model_dump_json().encode() + b"\n")
            return EvaluationAnswer.model_validate_json(await self._line(deadline_s=deadline_s))
        except ValueError as error:
            raise WorkerLost("the evaluation process gave an unreadable answer") from error

    async def kill(self) -> None:
        """End the process, whatever it is doing, and wait until it is gone."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _line(self, *, deadline_s: float) -> bytes:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(deadline_s):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise WorkerLost(f"the evaluation did not finish within {deadline_s:g} s and was stopped") from error
        if not line:
            # Waited for before it is killed: killing a dead process would lose the reason of its death.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), timeout=1.0)
            await self.kill()
            raise WorkerLost(f"the evaluation process died ({_ending(self._process.returncode)})")
        return line


def _ending(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit status {returncode}"
