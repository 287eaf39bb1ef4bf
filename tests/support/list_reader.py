"""A process that reads a manifest or a list of URLs for one date, and says how much memory that took.

Run with the path, the date and a path for its report.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path

import pyarrow.parquet

from pique_assets.media import Manifest, MediaError, SocialUrls, open_source


def peak_kib() -> int:
    """The most memory this process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1))


def main(path: str, date: str, report: str) -> None:
    """Read, and report the entries, the error if there was one, and the memory beyond that of the imports."""
    assert pyarrow.parquet
    source = SocialUrls(Path(path).with_stem("{date}")) if Path(path).suffix == ".txt" else Manifest(path)
    before = peak_kib()
    entries = []
    error = None
    try:
        for entry in open_source(source).list_entries(dt.date.fromisoformat(date)):
            entries.append([entry.filename, entry.problem and entry.problem.error])
    except MediaError as raised:
        error = str(raised)
    Path(report).write_text(json.dumps({"entries": entries, "error": error, "kib": peak_kib() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
