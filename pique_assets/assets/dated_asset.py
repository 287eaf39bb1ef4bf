"""What every partitioned asset of an evaluation has in common. Not here: what any of them does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import daily_partitions

AssetDecorator = Callable[[Callable[..., object]], dg.AssetsDefinition]


def dated_asset(
    evaluation: Evaluation,
    name: str,
    *,
    after: Sequence[str],
    description: str,
    kinds: Sequence[str] = ("parquet",),
    pool: str | None = None,
) -> AssetDecorator:
    """The decorator of one asset of an evaluation, partitioned by date.

    Args:
        evaluation: Whose asset.
        name: Last part of its key.
        after: Names of the evaluation's assets it depends on.
        description: One sentence, shown in the UI.
        kinds: Shown in the UI.
        pool: Pool of Dagster that limits how many runs do this at once.
    """
    return dg.asset(
        key=evaluation.asset_key(name),
        deps=[evaluation.asset_key(upstream) for upstream in after],
        group_name=evaluation.name,
        kinds=set(kinds),
        partitions_def=daily_partitions(evaluation),
        pool=pool,
        description=description,
    )
