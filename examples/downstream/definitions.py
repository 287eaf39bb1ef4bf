"""A project's own assets behind the scores: one for each date, and one over all dates.

Belongs here: what a project that has assets of its own writes to follow scores. Does not: how content is evaluated.
"""

from pathlib import Path

import dagster as dg
import pandas as pd

from pique_assets import DatedFolder, Evaluation, ParquetLakeIOManager, build_defs, partitions_of, resources_for

MEDIA = Path(__file__).parents[1] / "demo" / "media"
RESOURCES = resources_for("local")

brand_videos = Evaluation(
    name="brand_videos",
    judge_id="judge_demo_videos",
    media=DatedFolder(MEDIA / "brand_videos"),
    start_date="2026-03-02",
    end_date="2026-03-06",
)

# Written last of a date's tables: what depends on this asset starts once all of them are there.
SCORED = brand_videos.asset_key("partition_status")

# Dagster's `eager` alone looks at the last date only; scores of a backfill, or of a slow job, land on earlier dates.
EACH_DATE_ONCE_SCORED = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())

# `eager` alone waits until every date was scored, and there may always be one that was not.
WHENEVER_A_DATE_IS_SCORED = dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())


def table(name: str) -> dg.AssetIn:
    """A table of the evaluation as an input: a frame with the rows of the date, or of all dates."""
    return dg.AssetIn(key=brand_videos.asset_key(name), input_manager_key="pique_tables")


@dg.asset(
    partitions_def=partitions_of(brand_videos),
    ins={"results": table("detector_results")},
    deps=[SCORED],
    automation_condition=EACH_DATE_ONCE_SCORED,
)
def failed_detectors(results: pd.DataFrame) -> dg.MaterializeResult[None]:
    """How many content items of a date each detector failed."""
    failed = results[results["pass_check"].eq(False)].groupby("detector_name").size()
    return dg.MaterializeResult(metadata={"failed": dg.JsonMetadataValue(failed.to_dict())})


@dg.asset(ins={"scorecard": table("scorecard_daily")}, deps=[SCORED], automation_condition=WHENEVER_A_DATE_IS_SCORED)
def pass_rates_so_far(scorecard: pd.DataFrame) -> dg.MaterializeResult[None]:
    """Pass rate of each detector over all dates that were scored."""
    by_detector = scorecard[scorecard["passed"].notna()].groupby("detector_name")
    rates = by_detector["passed"].sum() / by_detector["n"].sum()
    return dg.MaterializeResult(
        metadata={"dates": scorecard["date"].nunique(), "pass_rates": dg.JsonMetadataValue(rates.to_dict())}
    )


defs = dg.Definitions.merge(
    build_defs(evaluations=[brand_videos], resources=RESOURCES),
    dg.Definitions(
        assets=[failed_detectors, pass_rates_so_far],
        resources={"pique_tables": ParquetLakeIOManager.of(RESOURCES["lake"])},
        executor=dg.in_process_executor,
    ),
)
