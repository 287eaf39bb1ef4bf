"""Asset checks: what a partition's tables should look like, and a warning where they don't.

Here: checks over the tables of one date. Not here: anything that stops a run; one bad item never fails its partition
(design section 5), it is counted here.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import warnings
from collections.abc import Callable
from typing import Any

import dagster as dg

from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.metadata import markdown_table
from pique_assets.partitions import daily_partitions
from pique_assets.resources import LakeResource

Row = dict[str, Any]

SHOWN_ITEMS = 20
SETTLED_STATES = ("completed", "failed", "rejected", "in_doubt", "unreadable")


def checks_of(evaluation: Evaluation, *, partitioned: bool = True) -> list[dg.AssetChecksDefinition]:
    """The checks of one evaluation.

    Args:
        evaluation: Whose tables are checked.
        partitioned: Give checks the partitions of their asset. Dagster calls that a preview; without it a check runs
            all the same and its result stands beside the asset instead of the partition.
    """
    return [
        _check(
            evaluation,
            table="content",
            name="all_content_is_readable",
            description="Warns when content could not be read; the rows say why.",
            bad=lambda rows: [row for row in rows if row["error_code"] is not None],
            shown=("filename", "error_code", "error"),
            severity=dg.AssetCheckSeverity.WARN,
            partitioned=partitioned,
        ),
        _check(
            evaluation,
            table="submissions",
            name="every_content_item_has_an_outcome",
            description="Fails when content has neither a result nor a reason why there is none.",
            bad=lambda rows: [row for row in rows if row["state"] not in SETTLED_STATES],
            shown=("filename", "state", "job_id"),
            severity=dg.AssetCheckSeverity.ERROR,
            partitioned=partitioned,
        ),
        _check(
            evaluation,
            table="submissions",
            name="all_content_was_evaluated",
            description="Warns when Pique failed to evaluate content, or refused it.",
            bad=lambda rows: [row for row in rows if row["state"] in ("failed", "rejected", "in_doubt")],
            shown=("filename", "state", "job_id", "error"),
            severity=dg.AssetCheckSeverity.WARN,
            partitioned=partitioned,
        ),
    ]


def _check(
    evaluation: Evaluation,
    *,
    table: str,
    name: str,
    description: str,
    bad: Callable[[list[Row]], list[Row]],
    shown: tuple[str, ...],
    severity: dg.AssetCheckSeverity,
    partitioned: bool,
) -> dg.AssetChecksDefinition:
    """A check that looks at every row of a table and shows the bad ones."""
    with warnings.catch_warnings():
        # The switch for this preview is `partitioned`.
        warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)

        @dg.asset_check(
            asset=evaluation.asset_key(table),
            name=name,
            description=description,
            partitions_def=daily_partitions(evaluation) if partitioned else None,
        )
        def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
            tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
            rows = tables.read(table).to_pylist()
            found = bad(rows)
            return dg.AssetCheckResult(
                passed=not found,
                severity=severity,
                description=f"{len(found)} of {len(rows)} content items" if found else f"all {len(rows)} content items",
                metadata={
                    "items": len(rows),
                    "found": len(found),
                    "share": len(found) / len(rows) if rows else 0.0,
                    "first_found": dg.MarkdownMetadataValue(_listing(found, shown=shown)),
                },
            )

    return check


def _listing(rows: list[Row], *, shown: tuple[str, ...]) -> str:
    if not rows:
        return "None."
    return markdown_table(list(shown), [[row[name] for name in shown] for row in rows[:SHOWN_ITEMS]])
