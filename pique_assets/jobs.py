"""The jobs of one evaluation: submit a date, collect a date, or both at once.

Belongs here: which assets run together, and at what hour of the day. Does not: what the assets do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of

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
    """The three jobs of an evaluation: submit, collect, and both in one. Daily work does not wait for results."""
    submitting = submit_assets(evaluation)
    jobs = (
        (
            submit_job_name(evaluation),
            submitting,
            "Takes the inventory of a date and submits what Pique has not; does not wait for results.",
        ),
        (
            results_job_name(evaluation),
            RESULT_ASSETS,
            "Collects a date's results and writes its tables; waits, bounded, for open jobs.",
        ),
        (everything_job_name(evaluation), submitting + RESULT_ASSETS, "From media to scorecard in one run."),
    )
    return [
        dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*map(evaluation.asset_key, assets)),
            description=description,
            executor_def=executor,
        )
        for name, assets, description in jobs
    ]


def daily_schedule(evaluation: Evaluation) -> dg.ScheduleDefinition:
    """A schedule that submits yesterday's date every day. The schedule spends money, so it is off until switched on.

    Dagster's own schedule of a partitioned job takes the last partition, which `end_offset` moves.
    """

    def request_yesterday(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        date = date_to_submit(evaluation, at=context.scheduled_execution_time)
        with dg.partition_loading_context(effective_dt=context.scheduled_execution_time):
            is_available = partitions_of(evaluation).has_partition_key(date)
        if not is_available:
            return dg.SkipReason(f"{evaluation.name} has no date {date}: see its start_date, end_date and end_offset")
        return dg.RunRequest(partition_key=date, run_key=date)

    return dg.ScheduleDefinition(
        name=f"{evaluation.name}_daily",
        job_name=submit_job_name(evaluation),
        cron_schedule=f"0 {evaluation.schedule_hour} * * *",
        execution_timezone=evaluation.timezone,
        execution_fn=request_yesterday,
    )


def date_to_submit(evaluation: Evaluation, *, at: datetime) -> str:
    """The date that a tick of the schedule submits: yesterday, or the earlier date that becomes available today.

    Args:
        evaluation: Its `timezone` says when a date ends; a negative `end_offset` makes dates available days later.
        at: When the tick was scheduled, timezone-aware.
    """
    today = at.astimezone(ZoneInfo(evaluation.timezone)).date()
    return (today - timedelta(days=1 - min(evaluation.end_offset, 0))).isoformat()
