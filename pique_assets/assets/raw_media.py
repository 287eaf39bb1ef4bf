"""The content in its source: external assets, because somebody else makes the content.

Belongs here: what the UI shows of the source. Does not: reading the content (`content`, `social_submissions`).
"""

from __future__ import annotations

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of


def raw_media(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every uploaded file's score begins."""
    return _external(
        evaluation, "raw_media", what="Media of each date, as it lies in", address=evaluation.media_address
    )


def raw_social_urls(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every social media video's score begins."""
    what = "Social media URLs of each date, as listed in"
    return _external(evaluation, "raw_social_urls", what=what, address=evaluation.social_address)


def _external(evaluation: Evaluation, name: str, *, what: str, address: str | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=evaluation.asset_key(name),
        description=f"{what} {address or ''}. Made elsewhere.",
        group_name=evaluation.name,
        kinds={"file"},
        partitions_def=partitions_of(evaluation),
        metadata={"source": address or ""},
    )
