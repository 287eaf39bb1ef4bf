"""Folders and files that only their owner may read: what lies in a local Pique's folder is content, keys and results.

Belongs here: making them, with the standard library only, so that whoever starts a server pays for none of its
imports. Does not: the secrets themselves (`secret_files`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


def make_private_folder(path: Path) -> None:
    """Make a folder for its owner alone, where there is none; a folder that somebody made keeps its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file to append to, for its owner alone, also one that others could read before."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")


def take_from_others(paths: Iterable[Path]) -> None:
    """Let only their owner read these files and folders, where they are: an earlier server may have let others."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
        elif path.is_file() and not path.is_symlink():
            path.chmod(0o600)
