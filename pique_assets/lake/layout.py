"""Where a partition's file lies: `<table>/judge=<judge>/date=<YYYY-MM-DD>/<evaluation>.parquet`.

Belongs here: names and paths, so that what is written and what is listed can never disagree. No file is
touched.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILE: Final = re.compile(
    r"judge=(?P<judge>[^/]+)/date=(?P<date>\d{4}-\d{2}-\d{2})/(?P<evaluation>[A-Za-z0-9][^/]*)\.parquet"
)


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
