"""A ledger file that stops working in the middle of a process's work.

Belongs here: what goes wrong with the file, and when. Does not: what is expected of those who use it.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import threading
from pathlib import Path

LOCKED, FULL = "locked", "full"
_PATIENCE_S = 20
_GARBAGE = b"rotten " * 1000


class LedgerTrouble:
    """Lets a SQLite ledger be locked by somebody else, or its disk be full, where a failpoint would kill the process.

    For a process of its own: it replaces `os.kill`, by which failpoints kill.

    Args:
        url: The ledger's.
        kind: `LOCKED` or `FULL`.
    """

    def __init__(self, url: str, *, kind: str) -> None:
        self._path = url.removeprefix("sqlite:///")
        self._lock: sqlite3.Connection | None = None
        self._locking = threading.Thread(target=self._take_the_lock, name="somebody else", daemon=True)
        self._begin = {LOCKED: self._lock_it, FULL: self._fill_the_disk}[kind]
        self._began = False
        os.kill = self._instead_of_dying

    def end(self) -> None:
        """Let the disk have room again; a lock ends with the process."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def _instead_of_dying(self, pid: int, signal: int) -> None:
        if not self._began:
            self._began = True
            self._begin()

    def _lock_it(self) -> None:
        self._locking.start()
        # At once, unless this process is in the middle of a transaction: then right after it.
        self._locking.join(0.2)

    def _take_the_lock(self) -> None:
        self._lock = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
        self._lock.execute("BEGIN IMMEDIATE")

    def _fill_the_disk(self) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # Else a module that is imported now would be kept half compiled.
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))


def spoil(path: Path) -> dict[Path, bytes]:
    """Overwrite a ledger and what SQLite keeps beside it; returns what was there."""
    files = [file for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")) if file.exists()]
    before = {file: file.read_bytes() for file in files}
    for file in files:
        file.write_bytes(_GARBAGE)
    return before
