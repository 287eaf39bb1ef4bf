"""The content in its source: external assets, because somebody else makes the content.

Belongs here: what the UI shows of the source. Does not: reading the content (`content`, `social_submissions`).
"""

from __future__ import annotations

import os

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import daily_partitions


def raw_media(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every uploaded file's score begins."""
    address = evaluation.media_address or ""
    return _external(
        evaluation,
        "raw_media",
        description=f"Media of each date, as it lies in {address}. Made elsewhere.",
        address=address,
    )


def raw_social_urls(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every social media video's score begins."""
    address = "" if evaluation.social is None else os.fspath(evaluation.social.path)
    return _external(
        evaluation,
        "raw_social_urls",
        description=f"Social media URLs of each date, as listed in {address}. Made elsewhere.",
        address=address,
    )


def _external(evaluation: Evaluation, name: str, *, description: str, address: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=evaluation.asset_key(name),
        description=description,
        group_name=evaluation.name,
        kinds={"file"},
        partitions_def=daily_partitions(evaluation),
        metadata={"source": address},
    )
