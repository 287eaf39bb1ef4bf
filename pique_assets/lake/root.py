"""From a lake's address to its file system and the path in it.

Belongs here: what is a path and what is a URL. Does not: reading and writing (`storage.py`), and where files lie below
the root (`layout.py`).

fsspec's own ``url_to_fs`` takes ``::`` anywhere for a chain of file systems; here a path is a path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import fsspec
from fsspec.implementations.local import LocalFileSystem

_URL: Final = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://(?P<path>.*)", re.DOTALL)
_CHAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::([A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]*://")


def file_system_of(root: str, *, storage_options: Mapping[str, object]) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a lake, and the lake's path in it, without a slash at the end.

    Args:
        root: A local path, or a URL.
        storage_options: What the file system needs.

    Raises:
        ValueError: The URL chains file systems, or no file system is known for it.
        ImportError: The file system's package is not installed.
    """
    if _CHAIN.match(root):
        raise ValueError(
            f"the lake's address {root!r} chains file systems, and a copy in between would show old files: name the "
            "folder or bucket itself"
        )
    match = _URL.match(root)
    protocol = match["protocol"].lower() if match else "file"
    if match is None or protocol in ("file", "local"):
        path = root if match is None else _path_of_file_url(match["path"])
        # Not Path.resolve: a link stays what it is, and may be changed later to lead elsewhere.
        return LocalFileSystem(**storage_options), os.path.normpath(Path(path).expanduser().absolute())
    file_system_class = fsspec.get_filesystem_class(protocol)
    options = {**file_system_class._get_kwargs_from_urls(root), **storage_options}
    file_system = file_system_class(**options)
    return file_system, str(file_system._strip_protocol(root)).rstrip("/")


def _path_of_file_url(rest: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost"):
        raise ValueError(f"the lake's address names the host {host!r}: a file:// URL has three slashes before its path")
    return os.fsdecode(unquote_to_bytes(os.fsencode(slash + path)))
