"""How content is divided: one partition a day.

Belongs here: the partitions definition of every partitioned asset and check. Does not: which assets are partitioned
(`assets`).

No asset has a backfill policy. Without one Dagster backfills with a run for each partition, which carries the
partition's key. With `BackfillPolicy.multi_run(1)` each of those runs carries a range of one date instead, and the
results of partitioned checks lose their partition: the UI calls them skipped (Dagster 1.13.27).
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import dagster as dg

from pique_assets.config import Evaluation


def partitions_of(evaluation: Evaluation) -> dg.DailyPartitionsDefinition:
    """The dates of an evaluation; an item is a row in its date's tables, never a partition."""
    return _daily(evaluation.start_date, evaluation.end_date, evaluation.timezone, evaluation.end_offset)


@cache
def _daily(start_date: str, end_date: str | None, timezone: str, end_offset: int) -> dg.DailyPartitionsDefinition:
    """One definition for all assets of an evaluation, so that Dagster computes only once what follows from it."""
    return dg.DailyPartitionsDefinition(
        # As times: Dagster would parse texts by `strptime`, which makes each load of the code location slower.
        start_date=datetime.fromisoformat(start_date),
        end_date=None if end_date is None else datetime.fromisoformat(end_date),
        timezone=timezone,
        end_offset=end_offset,
    )
