"""The jobs of one evaluation: submit a date, collect a date, or both at once.

Belongs here: which assets run together, and when the schedule submits which dates. Does not: what the assets do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import first_day_after, first_day_of, partitions_of
from pique_assets.time_fields import ticks_of

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


def submit_schedule(evaluation: Evaluation) -> dg.ScheduleDefinition:
    """A schedule that submits each partition when it is over. The schedule spends money, so it is off at first.

    Dagster's own schedule of a partitioned job takes the last partition, which `end_offset` moves.
    """

    def request_dates(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time
        dates = dates_to_submit(evaluation, at=at)
        with dg.partition_loading_context(effective_dt=at):
            available = [date for date in dates if partitions_of(evaluation).has_partition_key(date)]
        yield from (dg.RunRequest(partition_key=date, run_key=date) for date in available)
        if not dates:
            yield dg.SkipReason(f"no date of {evaluation.name} became available since the tick before")
        elif not available:
            yield dg.SkipReason(
                f"{evaluation.name} has no date {' or '.join(dates)}: see its start_date, end_date and end_offset"
            )

    return dg.ScheduleDefinition(
        name=f"{evaluation.name}_{evaluation.partitions}",
        job_name=submit_job_name(evaluation),
        cron_schedule=cron_of(evaluation),
        execution_timezone=evaluation.timezone,
        execution_fn=request_dates,
    )


def cron_of(evaluation: Evaluation) -> str:
    """When the schedule ticks: as declared, else once for each partition, on the day after its last."""
    if evaluation.schedule is not None:
        return evaluation.schedule
    weekday = dt.date.fromisoformat(str(evaluation.start_date)).isoweekday() % 7
    days = {"daily": "* * *", "weekly": f"* * {weekday}", "monthly": "1 * *"}
    return f"0 {evaluation.schedule_hour} {days[evaluation.partitions]}"


def dates_to_submit(evaluation: Evaluation, *, at: dt.datetime) -> list[str]:
    """The keys of the partitions that a tick of the schedule submits, in order.

    Args:
        evaluation: Its `timezone` says when a date ends; a negative `end_offset` makes dates available later.
        at: When the tick was scheduled, timezone-aware.

    Returns:
        The partitions that became available since the tick before: one for each tick of the schedule by the hour, any
        number for one by cron.
    """
    zone = ZoneInfo(evaluation.timezone)
    if evaluation.schedule is None:
        # The tick before was one partition ago.
        before = _partitions_ago(evaluation, first_day_of(evaluation, at.astimezone(zone).date()), count=1)
    else:
        before = _tick_before(evaluation.schedule, at=at, timezone=evaluation.timezone).date()
        before = first_day_of(evaluation, before)
    first_not_over = first_day_of(evaluation, at.astimezone(zone).date())
    dates = []
    while before < first_not_over:
        dates.append(_partitions_ago(evaluation, before, count=-min(evaluation.end_offset, 0)).isoformat())
        before = first_day_after(evaluation, before)
    return dates


def _partitions_ago(evaluation: Evaluation, first: dt.date, *, count: int) -> dt.date:
    """The first day of an earlier partition."""
    for _ in range(count):
        first = first_day_of(evaluation, first - dt.timedelta(days=1))
    return first


def _tick_before(schedule: str, *, at: dt.datetime, timezone: str) -> dt.datetime:
    """When the schedule ticked before this tick, in its time zone."""
    with dg.partition_loading_context(effective_dt=at):
        window = ticks_of(schedule, timezone=timezone).get_last_partition_window()
    if window is None:
        raise ValueError(f"the schedule {schedule!r} never ticked before {at}")
    return window.start.astimezone(ZoneInfo(timezone))
