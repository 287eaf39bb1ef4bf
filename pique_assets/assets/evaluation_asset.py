"""What every asset of an evaluation has in common.

Belongs here: the decorator that makes an asset from a function. Does not: what any asset does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of
from pique_assets.resource_keys import ResourceKeys

# Runs of all partitions share this pool: its limit in Dagster times `Limits.concurrent_uploads` is how much the whole
# code location uploads at once.
API_POOL = "pique_api"

AssetDecorator = Callable[[Callable[..., object]], dg.AssetsDefinition]


def evaluation_asset(
    evaluation: Evaluation,
    name: str,
    *,
    keys: ResourceKeys,
    after: Sequence[str],
    pool: str | None = None,
    dated: bool = True,
) -> AssetDecorator:
    """The decorator of one asset of an evaluation.

    Args:
        evaluation: Whose asset.
        name: Name of the asset, as in `declared_assets`.
        keys: Under which the function finds the resources that its parameters name.
        after: Names of the evaluation's assets that this one depends on.
        pool: Pool of Dagster that limits how many runs execute this asset at once.
        dated: Whether the asset has a partition for each date.
    """
    spec = evaluation.asset_spec(name, after=after, partitions_def=partitions_of(evaluation) if dated else None)

    def decorate(function: Callable[..., object]) -> dg.AssetsDefinition:
        bound = keys.bind(function)
        # An operation with one spec: `dg.asset` makes the same by 400 more calls, for each asset at every load.
        return dg.multi_asset(
            name=f"{evaluation.name}__{name}",
            specs=[spec],
            required_resource_keys=bound.required_resource_keys,
            pool=pool,
        )(bound.call)

    return decorate
