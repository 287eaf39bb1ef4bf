"""How content is divided: one partition a day, one run a partition.

Here: the partitions definition and the backfill policy of every partitioned asset. Not here: which assets are
partitioned (`assets`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pique_assets.config import Evaluation


def daily_partitions(evaluation: Evaluation) -> dg.DailyPartitionsDefinition:
    """The dates of an evaluation: daily only, never a partition per item (design section 8)."""
    return dg.DailyPartitionsDefinition(
        start_date=evaluation.start_date, timezone=evaluation.timezone, end_offset=evaluation.end_offset
    )


def one_run_per_partition() -> dg.BackfillPolicy:
    """In ranged runs partitioned checks lose their partition and one data version covers all (design section 8)."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


@contextmanager
def beta_parameters_accepted() -> Iterator[None]:
    """Declare assets with a `backfill_policy` and checks with a `partitions_def`, which Dagster calls beta and preview.

    Both are filtered by name here and nowhere else, so that any other warning still shows.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)
        yield
