"""The server's end of one child process: start it, give it an order, kill it at the deadline.

Belongs here: one process of any kind. Does not: how many there are (`evaluation_pool`, `download_pool`), and what
runs in them (`evaluation_child`, `download_child`).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel

START_DEADLINE_S = 60.0
ANSWER_LIMIT_BYTES = 16 * 1024**2
LAST_WORDS_BYTES = 4096

_Answer = TypeVar("_Answer", bound=BaseModel)


class WorkerLost(Exception):
    """The process died or had to be killed; the text becomes the job's error."""


class WorkerProcess:
    """One child process that does one order at a time."""

    def __init__(self, process: asyncio.subprocess.Process, *, work: str) -> None:
        """Wrap a started process; use `start` to get one."""
        self._process = process
        self._work = work
        self._last_words = b""
        self._listening = asyncio.create_task(self._pass_on_errors())

    @classmethod
    async def start(
        cls,
        module: str,
        *,
        work: str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> WorkerProcess:
        """Start ``python -m module`` and wait until it has imported everything.

        Args:
            module: Reads an order a line, writes an answer a line, and first of all a line when it is ready.
            work: What it does, as in "the evaluation did not finish".
            arguments: Of the command.
            environment: All of its environment; None is that of the server.

        Raises:
            WorkerLost: It can't be started, died, or was not ready in time; the text has its last words.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # Nothing is imported from the working directory, where a file may be named like a library.
            "-P",
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=ANSWER_LIMIT_BYTES,
            env=environment,
            # Ctrl-C in the server's terminal is for the server, which then ends its processes.
            start_new_session=True,
        )
        worker = cls(process, work=work)
        try:
            await worker._line(deadline_s=START_DEADLINE_S)
        except WorkerLost as lost:
            await worker.kill()
            raise WorkerLost(f"{lost}; it never began to work: {worker._reason()}") from None
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs, as far as is known."""
        return self._process.returncode is None

    async def ask(self, order: BaseModel, *, answer: type[_Answer], deadline_s: float) -> _Answer:
        """Have one order done.

        Raises:
            WorkerLost: The process died, passed the deadline, or answered nonsense; it is of no further use.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order.model_dump_json().encode() + b"\n")
            return answer.model_validate_json(await self._line(deadline_s=deadline_s))
        except ValueError as error:
            raise WorkerLost(f"the {self._work} process gave an unreadable answer") from error

    async def kill(self) -> None:
        """End the process, whatever it is doing, and wait until it is gone."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        # It ends with the process, which alone can write there.
        await self._listening

    async def _pass_on_errors(self) -> None:
        """Write what the process says of errors where the server's own errors go, and keep the end of that."""
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(65536):
            self._last_words = (self._last_words + piece)[-LAST_WORDS_BYTES:]
            sys.stderr.write(piece.decode(errors="replace"))
            sys.stderr.flush()

    def _reason(self) -> str:
        """The last line of what it said, which in a traceback is the error."""
        lines = self._last_words.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    async def _line(self, *, deadline_s: float) -> bytes:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(deadline_s):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise WorkerLost(f"the {self._work} did not finish within {deadline_s:g} s and was stopped") from error
        if not line:
            # Waited for before it is killed: killing a dead process would lose the reason of its death.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), timeout=1.0)
            await self.kill()
            raise WorkerLost(f"the {self._work} process died ({_ending(self._process.returncode)})")
        return line


def _ending(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit status {returncode}"
