"""Checks of content items and of what became of them, one row each.

Belongs here: which items are readable, settled and evaluated, and how many are not. Does not: the judge, and what the
judge measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from pique_assets import media as media_room
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, listing, naming
from pique_assets.config import Evaluation

Row = dict[str, Any]

WITHOUT_RESULT = ("failed", "rejected", "in_doubt", "given_up")
# Pique has such content, or may have it, and its result may still come.
OPEN_AT_PIQUE = ("uploaded", "submitting")
STATES_WITH_OUTCOME = ("completed", "unreadable", *WITHOUT_RESULT)


def content_item_checks(evaluation: Evaluation) -> list[PartitionCheck]:
    """The checks over `content`, where there is one, and `submissions`."""
    inventory = [
        _every_row(
            "content",
            "all_content_is_readable",
            "Warns when content could not be read; the rows say why.",
            # A line that repeats another names content that was read.
            bad=lambda row: row["error_code"] not in (None, media_room.ErrorCode.REPEATED),
            shown=("filename", "error_code", "error"),
        ),
    ]
    outcomes = [
        _every_row(
            "submissions",
            "every_content_item_has_an_outcome",
            "Fails when content never reached Pique and nothing says why.",
            bad=lambda row: row["state"] not in (*STATES_WITH_OUTCOME, *OPEN_AT_PIQUE),
            shown=("filename", "state", "job_id"),
            severity=dg.AssetCheckSeverity.ERROR,
        ),
        _every_row(
            "submissions",
            "every_job_has_ended",
            "Warns when jobs were still open when the tables were written: their results are added by a later run, "
            "which the sensor asks for.",
            bad=lambda row: row["state"] in OPEN_AT_PIQUE,
            shown=("filename", "job_id", "error"),
        ),
        _every_row(
            "submissions",
            "all_content_was_evaluated",
            "Warns when Pique failed to evaluate content, refused it, or never came to an end with it.",
            bad=lambda row: row["state"] in WITHOUT_RESULT,
            shown=("filename", "state", "job_id", "error"),
        ),
        PartitionCheck(
            asset="submissions",
            name="failure_rate_is_low",
            description="Warns when more than "
            f"{evaluation.failure_rate_warn_above:.0%} of a date's submissions came to nothing, and fails above "
            f"{evaluation.failure_rate_error_above:.0%}.",
            look=lambda tables: _failure_rate(tables, evaluation=evaluation),
        ),
    ]
    return outcomes if evaluation.media is None else inventory + outcomes


def _every_row(
    table: str,
    name: str,
    description: str,
    *,
    bad: Callable[[Row], bool],
    shown: Sequence[str],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> PartitionCheck:
    """A check that looks at every row of a table and shows the bad ones."""

    def look(tables: PartitionTables) -> Finding:
        rows = tables.read(table).to_pylist()
        found = [row for row in rows if bad(row)]
        return Finding(
            passed=not found,
            severity=severity,
            description=naming(f"{len(found)} of {len(rows)}", [[row[name] for name in shown[:2]] for row in found])
            if found
            else f"all {len(rows)} content items",
            metadata={
                "items": len(rows),
                "found": len(found),
                "share": len(found) / len(rows) if rows else 0.0,
                "first_found": listing(shown, [[row[name] for name in shown] for row in found]),
            },
        )

    return PartitionCheck(asset=table, name=name, description=description, look=look)


def _failure_rate(tables: PartitionTables, *, evaluation: Evaluation) -> Finding:
    """The share of submissions without a result; unreadable files were not submitted, and have a check of their own."""
    rows = tables.read("submissions", columns=["filename", "state"]).to_pylist()
    submitted = [row for row in rows if row["state"] != "unreadable"]
    without_result = [[row["filename"], row["state"]] for row in submitted if row["state"] in WITHOUT_RESULT]
    failed = len(without_result)
    rate = failed / len(submitted) if submitted else 0.0
    said = f"{failed} of {len(submitted)} submissions came to nothing ({rate:.1%})"
    is_error = rate > evaluation.failure_rate_error_above
    return Finding(
        passed=rate <= evaluation.failure_rate_warn_above,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=naming(said, without_result) if failed else said,
        metadata={
            "failed": failed,
            "submitted": len(submitted),
            "failure_rate": rate,
            "warn_above": evaluation.failure_rate_warn_above,
            "error_above": evaluation.failure_rate_error_above,
        },
    )
