"""The local Pique's record once nothing in it changes by itself any more: for tests that compare it before and after.

Belongs here: waiting for that. Does not: reading the record, which is `pique_assets.local.record`.
"""

from __future__ import annotations

from pathlib import Path

from waiting import eventually

from pique_assets.local.record import JobRecord, read_record

ENDED = ("completed", "failed")


def settled_record(data_dir: Path) -> list[JobRecord]:
    """All jobs, once each of those that have their content has ended."""
    return eventually(
        lambda: read_record(data_dir),
        lambda jobs: all(job.status in ENDED for job in jobs if job.content_sha256 is not None),
    )
