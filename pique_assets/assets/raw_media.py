"""The media as it lies there: an external asset, because nothing here makes it."""

from __future__ import annotations

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import daily_partitions


def raw_media(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every score begins."""
    return dg.AssetSpec(
        key=evaluation.asset_key("raw_media"),
        description=f"Media of each date, as it lies in {evaluation.media_address}. Made elsewhere.",
        group_name=evaluation.name,
        kinds={"file"},
        partitions_def=daily_partitions(evaluation),
        metadata={"source": dg.MetadataValue.text(evaluation.media_address)},
    )
