"""The commit mark of a partition: what was counted, and which run wrote the tables.

Belongs here: `partition_status` from a partition's `payloads` and `submissions`. Does not: who writes it, and when
(the caller).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import pyarrow as pa

from pique_assets.lake.schemas import build_table

_STATE_COUNTED_IN: Final = {
    "unreadable_count": "unreadable",
    "completed_count": "completed",
    "failed_count": "failed",
    "rejected_count": "rejected",
    "in_doubt_count": "in_doubt",
}
# Nobody can say the fate of these either; with a column of its own, older files could not be read.
_COUNTED_AS: Final = {"given_up": "in_doubt"}


def partition_status(
    *, evaluation: str, run_id: str | None, committed_at: datetime, payloads: pa.Table, submissions: pa.Table
) -> pa.Table:
    """The `partition_status` table of one partition: one row.

    Args:
        evaluation: name of the evaluation.
        run_id: the Dagster run that wrote the partition's tables; None where it was none.
        committed_at: when they were all written, timezone-aware.
        payloads: the partition's `payloads`.
        submissions: the partition's `submissions`.
    """
    states = [_COUNTED_AS.get(state, state) for state in submissions.column("state").to_pylist()]
    row = {
        "evaluation": evaluation,
        "run_id": run_id,
        "committed_at": committed_at,
        "payload_digest": _digest(payloads),
        "content_count": len(states),
        **{column: states.count(state) for column, state in _STATE_COUNTED_IN.items()},
    }
    return build_table("partition_status", [row])


def _digest(payloads: pa.Table) -> str:
    hashes = sorted(payloads.column("payload_sha256").to_pylist())
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
