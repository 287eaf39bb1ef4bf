"""What every expendable child process puts on itself before it touches anything from strangers.

Belongs here: limits that the operating system keeps. Does not: which addresses a process may reach (`network_guard`).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1


def private_output() -> BinaryIO:
    """The pipe to the server, out of reach of libraries that print."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "wb")


def confine(*, memory_bytes: int) -> None:
    """Die with the server, even in the middle of native code, and never take more than the memory allowed.

    Linux only; elsewhere the end of the input ends an idle process, and memory is not limited.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def say(answers: BinaryIO, line: bytes) -> None:
    """Send one line to the server."""
    answers.write(line + b"\n")
    answers.flush()
