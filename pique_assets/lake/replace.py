"""Replacing a file as a whole, so that no reader ever sees half of it and a crash leaves the old one.

Belongs here: temporary names, fsync and rename on a local disk; a single put elsewhere (an object store
shows an object only when all of it has arrived).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import Final, Protocol

# Long after any writer is done with its temporary file, soon enough that crashes do not fill a disk.
_ABANDONED_AFTER_S: Final = 24 * 3600


class FileSystem(Protocol):
    """The one method of an fsspec file system needed here."""

    def pipe_file(self, path: str, value: bytes) -> object:
        """Put an object."""


def replace_file(fs: FileSystem, path: str, data: bytes, *, is_local: bool) -> None:
    """Make `data` the content of `path`, whole or not at all; folders are made as needed.

    Raises:
        OSError: the file system refused; what was at `path` is untouched.
    """
    if is_local:
        _replace_local(Path(path), data)
    else:
        fs.pipe_file(path, data)


def _replace_local(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # The leading dot hides it from Hive readers, the ending from `*.parquet`.
    prefix = f".{target.name}."
    _remove_abandoned(target.parent, prefix)
    temporary = target.parent / f"{prefix}{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _remove_abandoned(folder: Path, prefix: str) -> None:
    """A writer killed between writing and renaming leaves its temporary file behind."""
    oldest = time.time() - _ABANDONED_AFTER_S
    for leftover in folder.iterdir():
        if leftover.name.startswith(prefix):
            with contextlib.suppress(FileNotFoundError):
                if leftover.stat().st_mtime < oldest:
                    leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """The rename itself must survive a power cut (not on Windows, which cannot open a folder)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
