"""What every asset of an evaluation has in common. Not here: what any of them does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TypeVar

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import daily_partitions

# Runs of all partitions share it: its limit in Dagster times `Limits.concurrent_uploads` is what the whole
# code location uploads at once.
API_POOL = "pique_api"

AssetDecorator = Callable[[Callable[..., object]], dg.AssetsDefinition]
_Function = TypeVar("_Function", bound=Callable[..., object])


def dated_asset(
    evaluation: Evaluation,
    name: str,
    *,
    after: Sequence[str],
    description: str,
    kinds: Sequence[str] = ("parquet",),
    pool: str | None = None,
) -> AssetDecorator:
    """The decorator of one asset of an evaluation, partitioned by date; arguments are those of `evaluation_asset`."""
    return evaluation_asset(
        evaluation,
        name,
        after=after,
        description=description,
        kinds=kinds,
        pool=pool,
        partitions_def=daily_partitions(evaluation),
    )


def evaluation_asset(
    evaluation: Evaluation,
    name: str,
    *,
    after: Sequence[str],
    description: str,
    kinds: Sequence[str],
    pool: str | None = None,
    partitions_def: dg.PartitionsDefinition[str] | None = None,
) -> AssetDecorator:
    """The decorator of one asset of an evaluation.

    Args:
        evaluation: Whose asset.
        name: Last part of its key.
        after: Names of the evaluation's assets it depends on.
        description: One sentence, shown in the UI.
        kinds: Shown in the UI.
        pool: Pool of Dagster that limits how many runs do this at once.
        partitions_def: How it is divided; None for an asset that is whole.
    """
    # An operation with one spec: `dg.asset` does the same by a longer way, 400 calls an asset whenever this is loaded.
    asset = dg.multi_asset(
        name=f"{evaluation.name}__{name}",
        specs=[
            dg.AssetSpec(
                key=evaluation.asset_key(name),
                deps=[evaluation.asset_key(upstream) for upstream in after],
                group_name=evaluation.name,
                kinds=set(kinds),
                description=description,
            )
        ],
        partitions_def=partitions_def,
        pool=pool,
    )

    def decorate(function: Callable[..., object]) -> dg.AssetsDefinition:
        return asset(with_signature(function))

    return decorate


def with_signature(function: _Function) -> _Function:
    """The function, with its signature worked out once.

    Dagster asks for it a dozen times while it makes an asset: a seventh of what loading the code location costs.
    """
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function
