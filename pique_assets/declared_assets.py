"""Every asset that an evaluation can have: what it is, before anybody's conventions.

Belongs here: name, description, kinds and table of each asset. Does not: what an asset does (`assets`), and what a team
wants otherwise (`translation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class DeclaredAsset(NamedTuple):
    """One asset.

    Attributes:
        description: One sentence, shown in the UI; `{source}` stands for the address of the content.
        kinds: Shown in the UI.
        table: The table of the lake whose rows the asset writes; None where it writes none.
    """

    description: str
    kinds: tuple[str, ...] = ("parquet",)
    table: str | None = None


ASSETS: Final[Mapping[str, DeclaredAsset]] = {
    "raw_media": DeclaredAsset("Media of each date, as it lies in {source}. Made elsewhere.", kinds=("file",)),
    "raw_social_urls": DeclaredAsset(
        "Social media URLs of each date, as listed in {source}. Made elsewhere.", kinds=("file",)
    ),
    "judge": DeclaredAsset(
        "The judge and its detector configs, as Pique describes them now.", kinds=("pique",), table="detector_configs"
    ),
    "content": DeclaredAsset(
        "Every content item of the date with its fingerprint, or with the reason why it has none.", table="content"
    ),
    "uploads": DeclaredAsset(
        "The date's content, submitted to the judge and uploaded, each item exactly once.", kinds=("pique",)
    ),
    "social_submissions": DeclaredAsset(
        "The date's social media URLs, submitted to the judge in batches, each exactly once.", kinds=("pique",)
    ),
    "evaluation_results": DeclaredAsset(
        "Pique's answers about the date's jobs, byte for byte. Waits, bounded, for open jobs; then those that are "
        "still open hold up nothing.",
        kinds=("pique", "parquet"),
        table="payloads",
    ),
    "submissions": DeclaredAsset(
        "One row per content item of the date: its job and outcome, or the reason why it has none.",
        table="submissions",
    ),
    "evaluations": DeclaredAsset(
        "One row per finished job: outcome and overall score, exactly as sent.", table="evaluations"
    ),
    "detector_results": DeclaredAsset(
        "One row per detector of a job: verdict, score, rationale.", table="detector_results"
    ),
    "detector_metrics": DeclaredAsset("One row per metric: typed, long, lossless.", table="detector_metrics"),
    "flagged_moments": DeclaredAsset("Timestamps and frames that detectors flagged.", table="flagged_moments"),
    "scorecard_daily": DeclaredAsset(
        "Per judge and detector: pass rate with its 95 % interval, and how scores spread.", table="scorecard_daily"
    ),
    "metric_catalog": DeclaredAsset(
        "Every metric path seen on the date: kinds, range, unit and meaning where known.", table="metric_catalog"
    ),
    "partition_status": DeclaredAsset(
        "Written last: counts of the date, and the run that wrote its tables.", table="partition_status"
    ),
}
"""Every asset by the name that stands last in its key, unless a translator renames it."""
