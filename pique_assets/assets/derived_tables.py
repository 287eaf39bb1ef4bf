"""What is computed from the result tables of a date: the scorecard, the metric catalogue, the commit mark.

Here: the assets. Not here: the computing (`lake`), which needs neither API nor ledger.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from pique_assets import display, lake as lake_room
from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.assets.evaluation_results import collecting_run
from pique_assets.assets.judge import snapshots_of
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.metadata import Metadata, bar, markdown_table
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.lake import Lake


def scorecard_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """How judge and detectors did, by date."""

    @evaluation_asset(
        evaluation,
        "scorecard_daily",
        keys=keys,
        after=("evaluations", "detector_results", "flagged_moments", "submissions"),
    )
    def scorecard_daily(
        context: dg.AssetExecutionContext, lake: LakeResource, media_storage: MediaStorageResource
    ) -> dg.MaterializeResult[None]:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        evaluations = tables.read_upstream("evaluations")
        detector_results = tables.read_upstream("detector_results")
        scorecard = lake_room.scorecard_daily(
            evaluations=evaluations,
            detector_results=detector_results,
            judge_id=evaluation.resolved_judge_id() or _found_judge_id(evaluation, lake=tables.lake),
        )
        more = {
            **display.pass_rate_chart(scorecard),
            **_worst_items(evaluations, detector_results, tables=tables, media_storage=media_storage),
            "pass_rates": dg.MarkdownMetadataValue(pass_rates(scorecard)),
            **display.scorecard_numbers(scorecard),
        }
        return tables.write("scorecard_daily", scorecard, more=more)

    return scorecard_daily


def metric_catalog_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """Which metrics were seen, by date."""

    @evaluation_asset(
        evaluation,
        "metric_catalog",
        keys=keys,
        after=("detector_metrics",),
    )
    def metric_catalog(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[None]:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        return tables.write(
            "metric_catalog",
            lake_room.metric_catalog(tables.read_upstream("detector_metrics", columns=lake_room.CATALOGUED)),
        )

    return metric_catalog


def partition_status_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The commit mark of a date, written when all its tables are."""

    @evaluation_asset(
        evaluation,
        "partition_status",
        keys=keys,
        # All other tables are upstream of these two.
        after=("scorecard_daily", "metric_catalog"),
    )
    def partition_status(
        context: dg.AssetExecutionContext, ledger: LedgerResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        status = lake_room.partition_status(
            evaluation=evaluation.name,
            run_id=context.run.run_id,
            committed_at=datetime.now(UTC),
            payloads=tables.read_upstream("payloads", columns=["payload_sha256"]),
            submissions=tables.read_upstream("submissions"),
        )
        written = tables.write("partition_status", status, more=display.status_numbers(status))
        # Last of all: a run that failed before leaves the date uncollected, and the sensor asks for another.
        where = {"evaluation": evaluation.name, "partition": context.partition_key}
        with ledger.ledger(create=False) as opened:
            digest = opened.collecting_digest(**where, run=collecting_run(context))
            if digest is not None:
                opened.record_collected(**where, digest=digest)
        return written

    return partition_status


def pass_rates(scorecard: "pa.Table") -> str:
    """The scorecard as a picture: one bar a detector."""
    if scorecard.num_rows == 0:
        return "Nothing was evaluated on this date."
    columns = ["detector", "evaluated", "passed", "95 % interval", "median score"]
    return markdown_table(columns, [_pass_rate_row(row) for row in scorecard.to_pylist()])


def _worst_items(
    evaluations: "pa.Table",
    detector_results: "pa.Table",
    *,
    tables: PartitionTables,
    media_storage: MediaStorageResource,
) -> Metadata:
    """Pictures of the date's worst content; none where the tables are not there, for the scorecard needs neither."""
    try:
        moments = tables.read("flagged_moments", columns=["job_id", "detector_index", "moment_kind", "at_s"])
        submissions = tables.read("submissions")
    except lake_room.LakeError:
        return {}
    found = display.worst_items(evaluations=evaluations, detector_results=detector_results, flagged_moments=moments)
    return display.worst_items_metadata(found, submissions=submissions, media_storage=media_storage)


def _found_judge_id(evaluation: Evaluation, *, lake: "Lake") -> str | None:
    """The id of a judge that is declared by its file alone, as it was last found."""
    snapshot = snapshots_of(evaluation, lake=lake).latest()
    return snapshot.judge_id if snapshot else None


def _pass_rate_row(row: dict[str, Any]) -> list[object]:
    interval = f"{row['wilson_low']:.0%} to {row['wilson_high']:.0%}" if row["wilson_low"] is not None else ""
    median = f"{row['score_p50']:.3g}" if row["score_p50"] is not None else ""
    return [row["detector_name"], row["n"], bar(row["pass_rate"]), interval, median]
