"""The content in its source: external assets, because somebody else makes the content.

Belongs here: what the UI shows of the source. Does not: reading the content (`content`, `social_submissions`).
"""

from __future__ import annotations

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of


def raw_media(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every uploaded file's score begins."""
    return evaluation.asset_spec("raw_media", partitions_def=partitions_of(evaluation))


def raw_social_urls(evaluation: Evaluation) -> dg.AssetSpec:
    """Where the lineage of every social media video's score begins."""
    return evaluation.asset_spec("raw_social_urls", partitions_def=partitions_of(evaluation))
