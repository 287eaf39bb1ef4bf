"""Where a lake is, and where its files lie: `<root>/<table>/judge=<judge>/date=<YYYY-MM-DD>/<evaluation>.parquet`.

Belongs here: addresses, names and paths, so that what is written and what is listed can never disagree. Does not:
reading and writing (`storage`).

fsspec's own ``url_to_fs`` takes ``::`` anywhere for a chain of file systems; here a path is a path.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import fsspec
from fsspec.implementations.local import LocalFileSystem

_URL: Final = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://(?P<path>.*)", re.DOTALL)
_CHAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::([A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]*://")
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILE: Final = re.compile(
    r"judge=(?P<judge>[^/]+)/date=(?P<date>\d{4}-\d{2}-\d{2})/(?P<evaluation>[A-Za-z0-9][^/]*)\.parquet"
)


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


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PartitionFile:
    """One file of a table: of which judge, which date, and which evaluation wrote it."""

    judge: str
    date: dt.date
    evaluation: str

    def __post_init__(self) -> None:
        for what, name in (("judge", self.judge), ("evaluation", self.evaluation)):
            if not _SAFE_NAME.fullmatch(name):
                raise ValueError(
                    f"{what} name {name!r} cannot be part of a path in the lake: use 1 to 100 letters, "
                    "digits, dots, hyphens and underscores, beginning with a letter or digit"
                )

    @property
    def names(self) -> dict[str, Any]:
        """The keyword arguments by which `Lake`'s methods take the file."""
        return {"judge": self.judge, "date": self.date, "evaluation": self.evaluation}

    @property
    def path(self) -> str:
        """Path below the table's folder; Hive style, so that any reader finds `judge` and `date` in it."""
        return f"judge={self.judge}/date={self.date.isoformat()}/{self.evaluation}.parquet"

    @classmethod
    def from_path(cls, path: str) -> PartitionFile | None:
        """The file a path below the table's folder names, or None where it is none of the lake's."""
        match = _FILE.fullmatch(path)
        if match is None:
            return None
        try:
            return cls(
                judge=match["judge"],
                date=dt.date.fromisoformat(match["date"]),
                evaluation=match["evaluation"],
            )
        except ValueError:
            return None


def as_date(date: dt.date | str) -> dt.date:
    """A partition's date, given as a date or as Dagster's partition key.

    Raises:
        ValueError: a text that is not YYYY-MM-DD, or a datetime: which day it means depends on a time zone.
    """
    if isinstance(date, dt.datetime):
        raise ValueError(f"a partition is a date, not the datetime {date.isoformat()}: say which day it means")
    if isinstance(date, dt.date):
        return date
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date, re.ASCII):
        raise ValueError(f"{date!r} is no partition date; write it as YYYY-MM-DD")
    return dt.date.fromisoformat(date)
