"""The jobs of one evaluation: submit a date, collect a date, or both at once.

Here: which assets run together, and when daily. Not here: what they do.
"""

from __future__ import annotations

from typing import Final

import dagster as dg

from pique_assets.config import Evaluation

RESULT_ASSETS: Final = (
    "evaluation_results",
    "submissions",
    "evaluations",
    "detector_results",
    "detector_metrics",
    "flagged_moments",
    "scorecard_daily",
    "metric_catalog",
    "partition_status",
)


def submit_assets(evaluation: Evaluation) -> tuple[str, ...]:
    """Names of the assets that take a date to Pique: for files, for social media, or for both."""
    inventory = () if evaluation.media is None else ("content",)
    return ("judge", *inventory, *evaluation.submitting_assets)


def submit_job_name(evaluation: Evaluation) -> str:
    """Name of the job that submits a date and does not wait."""
    return f"{evaluation.name}_submit"


def results_job_name(evaluation: Evaluation) -> str:
    """Name of the job that collects a date's results."""
    return f"{evaluation.name}_results"


def everything_job_name(evaluation: Evaluation) -> str:
    """Name of the job that takes a date from media to scorecard in one run."""
    return f"{evaluation.name}_everything"


def jobs_of(
    evaluation: Evaluation, *, executor: dg.ExecutorDefinition = dg.in_process_executor
) -> list[dg.UnresolvedAssetJobDefinition]:
    """The three jobs of an evaluation (design section 8: daily work does not wait)."""
    return [
        submit_job(evaluation, executor=executor),
        dg.define_asset_job(
            results_job_name(evaluation),
            selection=_selection(evaluation, RESULT_ASSETS),
            description="Collects a date's results and writes its tables; waits, bounded, for open jobs.",
            executor_def=executor,
        ),
        dg.define_asset_job(
            everything_job_name(evaluation),
            selection=_selection(evaluation, submit_assets(evaluation) + RESULT_ASSETS),
            description="From media to scorecard in one run.",
            executor_def=executor,
        ),
    ]


def submit_job(
    evaluation: Evaluation, *, executor: dg.ExecutorDefinition = dg.in_process_executor
) -> dg.UnresolvedAssetJobDefinition:
    """The job that ends when Pique has the content."""
    return dg.define_asset_job(
        submit_job_name(evaluation),
        selection=_selection(evaluation, submit_assets(evaluation)),
        description="Takes the inventory of a date and submits what Pique has not; does not wait for results.",
        executor_def=executor,
    )


def daily_schedule(
    evaluation: Evaluation, *, executor: dg.ExecutorDefinition = dg.in_process_executor
) -> dg.UnresolvedPartitionedAssetScheduleDefinition | dg.ScheduleDefinition:
    """Submits yesterday's date every day. Off until switched on: it spends money."""
    return dg.build_schedule_from_partitioned_job(
        # Dagster takes the schedule's job for the job of that name, so that its executor has to be the same.
        submit_job(evaluation, executor=executor),
        name=f"{evaluation.name}_daily",
        hour_of_day=evaluation.schedule_hour,
    )


def _selection(evaluation: Evaluation, assets: tuple[str, ...]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(evaluation.asset_key(asset) for asset in assets))
