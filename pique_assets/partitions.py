"""How content is divided: one partition a day, a week or a month.

Belongs here: the partitions definition of every partitioned asset and check, and from a day to its partition. Does not:
which assets are partitioned (`assets`), and which dates a declaration may give (`time_fields`).

No asset has a backfill policy. Without one Dagster backfills with a run for each partition, which carries the
partition's key; the `judge`, which has no partitions, gets a run of its own, and what follows from the judge a second
run for each date. With `BackfillPolicy.multi_run(1)` each of those runs carries a range of one date instead, and the
results of partitioned checks lose their partition: the UI calls them skipped (Dagster 1.13.27).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import dagster as dg

from pique_assets.config import Cadence, Evaluation

TimeWindowPartitions = dg.DailyPartitionsDefinition | dg.WeeklyPartitionsDefinition | dg.MonthlyPartitionsDefinition


def partitions_of(evaluation: Evaluation) -> TimeWindowPartitions:
    """The dates of an evaluation; an item is a row in its date's tables, never a partition."""
    return _partitions(
        evaluation.partitions,
        str(evaluation.start_date),
        None if evaluation.end_date is None else str(evaluation.end_date),
        evaluation.timezone,
        evaluation.end_offset,
    )


def first_day_after(evaluation: Evaluation, first: dt.date) -> dt.date:
    """The first day of the partition after the one that begins on this day."""
    if evaluation.partitions == "monthly":
        return (first + dt.timedelta(days=31)).replace(day=1)
    return first + dt.timedelta(days=7 if evaluation.partitions == "weekly" else 1)


def first_day_of(evaluation: Evaluation, day: dt.date) -> dt.date:
    """The first day of the partition that a day belongs to."""
    if evaluation.partitions == "monthly":
        return day.replace(day=1)
    if evaluation.partitions == "weekly":
        return day - dt.timedelta(days=(day - dt.date.fromisoformat(str(evaluation.start_date))).days % 7)
    return day


@cache
def _partitions(
    cadence: Cadence, start_date: str, end_date: str | None, timezone: str, end_offset: int
) -> TimeWindowPartitions:
    """One definition for all assets of an evaluation, so that Dagster computes only once what follows from it."""
    # As times: Dagster would parse texts by `strptime`, which makes each load of the code location slower.
    start = dt.datetime.fromisoformat(start_date)
    end = None if end_date is None else dt.datetime.fromisoformat(end_date)
    if cadence == "weekly":
        return dg.WeeklyPartitionsDefinition(
            start_date=start,
            end_date=end,
            timezone=timezone,
            end_offset=end_offset,
            # Dagster counts from Sunday.
            day_offset=start.isoweekday() % 7,
        )
    if cadence == "monthly":
        return dg.MonthlyPartitionsDefinition(start_date=start, end_date=end, timezone=timezone, end_offset=end_offset)
    return dg.DailyPartitionsDefinition(start_date=start, end_date=end, timezone=timezone, end_offset=end_offset)
