"""Social media URLs submitted: the step after which Pique downloads and evaluates.

Belongs here: the asset, and which lists have a date's URLs. Does not: what a submission needs (`submitting`), reading
lists (`media`), and how a submission survives lost answers (`evaluation`, `ledger`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from pique_assets import evaluation as evaluation_room, media as media_room
from pique_assets.assets.submitting import ContentToSubmit, submitting_asset
from pique_assets.config import Evaluation
from pique_assets.metadata import markdown_table
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, MediaStorageResource

if TYPE_CHECKING:
    from pique_assets.media import ContentItem

SHOWN_LINES: Final = 20

_COUNTS: Final = {
    "urls": "usable",
    "unusable": "unusable",
    "already_known": "already_known",
    "accepted": "sent",
    "rejected": "rejected",
    "unanswered": "unanswered",
}


def social_submissions_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The submissions of an evaluation's social media URLs, by date."""

    def read(
        context: dg.AssetExecutionContext, lake: LakeResource, media_storage: MediaStorageResource
    ) -> ContentToSubmit:
        if evaluation.social is None:
            raise ValueError(f"evaluation {evaluation.name!r} has no lists of social media URLs")
        source = media_storage.open_source(evaluation.social)
        items = list(media_room.inventory(source, date=dt.date.fromisoformat(context.partition_key)))
        return ContentToSubmit(
            items=items,
            way=evaluation_room.SocialPosts(),
            metadata={"wrong_lines": dg.MarkdownMetadataValue(_wrong_lines(items))},
        )

    return submitting_asset(
        evaluation,
        "social_submissions",
        keys=keys,
        after=("raw_social_urls", "judge"),
        read=read,
        counts=_COUNTS,
    )


def _wrong_lines(items: Sequence[ContentItem]) -> str:
    wrong = [item for item in items if not item.is_ready]
    if not wrong:
        return "None."
    return markdown_table(["list", "error"], [[item.filename, item.error] for item in wrong[:SHOWN_LINES]])
