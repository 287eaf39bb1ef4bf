"""Has libav and Pillow look into a file's first bytes, in a process that may die of them.

Belongs here: starting the process, asking it, killing it at the deadline, starting another. Does not: what happens in
the process (`type_child`), and about which files it is asked (`pique_assets.media`). Nothing here imports a decoder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Final

DEADLINE_S: Final = 10.0
START_DEADLINE_S: Final = 60.0
_DECODERS: Final = ("av", "PIL")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeAnswer:
    """What the decoders say of a file.

    Attributes:
        content_type: ``video``, ``image`` or ``audio``; None where no decoder makes anything of the file.
        media_type: MIME type.
        trouble: Why nobody could look into the file, to be put behind a sentence; None where somebody could.
        may_pass: Whether the same file may have an answer next time.
    """

    content_type: str | None = None
    media_type: str | None = None
    trouble: str | None = None
    may_pass: bool = False


class TypeProbe:
    """Asks one process, which is started with the first question and replaced when it dies. Safe between threads.

    Args:
        deadline_s: How long one file may take.
    """

    def __init__(self, *, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, head: bytes) -> TypeAnswer:
        """What a file is by its first bytes. Never raises for a file, whatever that does to the process."""
        if any(find_spec(name) is None for name in _DECODERS):
            return TypeAnswer(
                trouble=", and nothing that could look further into it is installed: pip install 'pique_assets[local]'"
            )
        with self._lock:
            was_used = self._process is not None
            answer = self._asked(head)
            if answer is None and was_used:
                # It may have died of an earlier file, or with the thread that started it.
                answer = self._asked(head)
        return answer or TypeAnswer(trouble=", and the process that looked further into it died of it")

    def close(self) -> None:
        """End the process, if there is one. The next question starts another."""
        with self._lock:
            self._end()

    def __enter__(self) -> TypeProbe:
        """Nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def _asked(self, head: bytes) -> TypeAnswer | None:
        """The process's answer; None where it died."""
        try:
            if self._process is None and not self._start():
                return TypeAnswer(
                    trouble=", and the process that looks further into files can't be started", may_pass=True
                )
            assert self._process is not None
            line = _exchanged(self._process, len(head).to_bytes(4, "big") + head, within_s=self._deadline_s)
            if line is None:
                self._end()
                return TypeAnswer(
                    trouble=f", and whoever looked further into it did not finish within {self._deadline_s:g} s",
                    may_pass=True,
                )
            found = json.loads(line)
            return TypeAnswer(content_type=found.get("content_type"), media_type=found.get("media_type"))
        except (OSError, ValueError):
            self._end()
            return None

    def _start(self) -> bool:
        try:
            self._process = _started()
            if _exchanged(self._process, b"", within_s=START_DEADLINE_S) is not None:
                return True
        except OSError:
            pass
        self._end()
        return False

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        # Closing writes what is left to be written, to a process that is gone.
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Without the working directory among its modules: it may be a folder of downloads, with an `av.py` in it.
        [sys.executable, "-P", "-m", "pique_assets.decoding.type_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Without the environment of the run, which holds the key of Pique; with the run's path of modules.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        # Ctrl-C in a terminal is for the run, which then ends its processes.
        start_new_session=True,
    )


def _exchanged(process: subprocess.Popen[bytes], question: bytes, *, within_s: float) -> bytes | None:
    """The line that follows a question; None where it did not come in time.

    Raises:
        OSError: The process died.
    """
    assert process.stdin is not None and process.stdout is not None
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        # Ends whatever the process is doing, and the waiting below with it.
        process.kill()

    timer = threading.Timer(within_s, stop)
    timer.daemon = True
    timer.start()
    line = b""
    try:
        process.stdin.write(question)
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    if line.endswith(b"\n"):
        return line
    if is_late.is_set():
        return None
    raise OSError("the process died")
