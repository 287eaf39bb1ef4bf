"""How content is divided: one partition a day.

Here: the partitions definition of every partitioned asset and check. Not here: which assets are partitioned (`assets`).

No asset has a backfill policy. Without one Dagster backfills with a run for each partition, which carries the
partition's key. With `BackfillPolicy.multi_run(1)` each of those runs carries a range of one date instead, and the
results of partitioned checks lose their partition: the UI calls them skipped (Dagster 1.13.27).
"""

from __future__ import annotations

import dagster as dg

from pique_assets.config import Evaluation


def daily_partitions(evaluation: Evaluation) -> dg.DailyPartitionsDefinition:
    """The dates of an evaluation: daily only, never a partition per item (design section 8)."""
    return dg.DailyPartitionsDefinition(
        start_date=evaluation.start_date,
        end_date=evaluation.end_date,
        timezone=evaluation.timezone,
        end_offset=evaluation.end_offset,
    )
