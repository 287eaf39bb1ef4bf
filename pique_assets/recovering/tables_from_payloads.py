"""The tables of a date made anew from what the lake keeps as received: without the API, the ledger and Dagster.

Belongs here: which tables follow from `payloads` and `submissions`, and in which order they are written. Does not: how
a table is computed (`lake`, by the functions that the assets call too), and the command (`cli`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from pique_assets.lake import (
    CATALOGUED,
    FileMissing,
    Lake,
    LakeError,
    PartitionFile,
    metric_catalog,
    partition_status,
    scorecard_daily,
    write_result_tables,
)

if TYPE_CHECKING:
    import pyarrow as pa

DERIVED_TABLES: Final = (
    "evaluations",
    "detector_results",
    "detector_metrics",
    "flagged_moments",
    "scorecard_daily",
    "metric_catalog",
)
"""The tables that follow from `payloads`, in the order they are written; `partition_status` comes after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What was rebuilt; partitions are counted once for each evaluation.

    Attributes:
        partitions: Dates whose tables were written.
        rows: Rows written, by table.
        uncommitted: Dates without `submissions`: their tables were written, but no commit mark.
        failed: Dates that could not be rebuilt, with the reason; each of their files is as it was, or rebuilt.
    """

    partitions: int
    rows: dict[str, int]
    uncommitted: tuple[PartitionFile, ...]
    failed: dict[PartitionFile, str]


def rebuild_tables(
    lake: Lake,
    *,
    judge: str | None = None,
    evaluation: str | None = None,
    start: dt.date | str | None = None,
    end: dt.date | str | None = None,
    say: Callable[[str], None],
) -> RebuildReport:
    """Write every table that follows from the `payloads` of these dates; may be repeated.

    With the same version of pique_assets the files are, byte for byte, those the assets wrote.

    Args:
        lake: Where the tables are.
        judge: Only this judge's folder.
        evaluation: Only this evaluation.
        start: First date.
        end: Last date, included.
        say: Hears how far the rebuilding is.

    Raises:
        LakeError, OSError: The lake can't be listed.
    """
    found = lake.partitions("payloads", judge=judge, start=start, end=end)
    wanted = [file for file in found if evaluation in (None, file.evaluation)]
    rows = dict.fromkeys((*DERIVED_TABLES, "partition_status"), 0)
    uncommitted = []
    failed = {}
    for number, file in enumerate(wanted, start=1):
        place = f"{number} of {len(wanted)}: {file.evaluation} {file.date}"
        try:
            written = _rebuild(lake, file)
        except (LakeError, OSError) as error:
            # One damaged file must not keep the other dates from being rebuilt.
            failed[file] = str(error)
            say(f"{place} failed")
            continue
        for name, count in written.items():
            rows[name] += count
        if "partition_status" not in written:
            uncommitted.append(file)
        say(f"{place}, {written['evaluations']} evaluations, {written['detector_metrics']} metrics")
    return RebuildReport(partitions=len(wanted) - len(failed), rows=rows, uncommitted=tuple(uncommitted), failed=failed)


def _rebuild(lake: Lake, file: PartitionFile) -> dict[str, int]:
    """Write one partition's tables.

    Returns:
        Rows by table; `partition_status` is missing where there is nothing to say it from.
    """
    payloads = lake.read("payloads", **file.names, columns=["payload_sha256"])
    try:
        submissions = lake.read("submissions", **file.names)
    except FileMissing:
        submissions = None
    written = write_result_tables(lake, **file.names)
    derived = {
        "scorecard_daily": scorecard_daily(
            evaluations=lake.read("evaluations", **file.names),
            detector_results=lake.read("detector_results", **file.names),
            judge_id=_judge_id(submissions),
        ),
        "metric_catalog": metric_catalog(lake.read("detector_metrics", **file.names, columns=CATALOGUED)),
    }
    if submissions is not None:
        derived["partition_status"] = _status(lake, file, payloads=payloads, submissions=submissions)
    written |= {name: lake.write(name, table, **file.names) for name, table in derived.items()}
    return {name: one.row_count for name, one in written.items()}


def _judge_id(submissions: pa.Table | None) -> str | None:
    """The judge of payloads that name none: the one the partition's content was last submitted to."""
    rows = [] if submissions is None else submissions.select(["created_at", "judge_id"]).to_pylist()
    known = [(row["created_at"], row["judge_id"]) for row in rows if row["judge_id"] is not None]
    return max(known)[1] if known else None


def _status(lake: Lake, file: PartitionFile, *, payloads: pa.Table, submissions: pa.Table) -> pa.Table:
    """The commit mark: the present one if it says the same of these tables, so that its file stays the same."""
    mark = partial(partition_status, evaluation=file.evaluation, payloads=payloads, submissions=submissions)
    try:
        marks = lake.read("partition_status", **file.names).to_pylist()
    except LakeError:
        # A mark that is missing or damaged is written anew either way.
        marks = []
    for before in marks:
        unchanged = mark(run_id=before["run_id"], committed_at=before["committed_at"])
        if unchanged.to_pylist() == [before]:
            return unchanged
    return mark(run_id=None, committed_at=datetime.now(UTC))
