"""Submissions made and bytes sent: the step after which Pique evaluates.

Belongs here: the asset, and which table has a date's content. Does not: what a submission needs (`submitting`), and how
it survives crashes (`evaluation`, `ledger`).
"""

from __future__ import annotations

from typing import Final

import dagster as dg

from pique_assets import evaluation as evaluation_room
from pique_assets.assets.content_rows import ContentRows
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.assets.submitting import ContentToSubmit, submitting_asset
from pique_assets.config import Evaluation
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, MediaStorageResource

_COUNTS: Final = {
    "content": "content",
    "unusable": "unusable",
    "already_known": "already_known",
    "uploaded": "sent",
    "adopted": "adopted",
    "rejected": "rejected",
    "bytes_uploaded": "bytes_uploaded",
}


def uploads_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The submissions of an evaluation's media, by date."""

    def read(
        context: dg.AssetExecutionContext, lake: LakeResource, media_storage: MediaStorageResource
    ) -> ContentToSubmit:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        return ContentToSubmit(
            items=ContentRows(tables.read_upstream("content")),
            way=evaluation_room.Uploads(open_content=media_storage.content_opener()),
        )

    return submitting_asset(
        evaluation,
        "uploads",
        keys=keys,
        after=("content", "judge"),
        read=read,
        counts=_COUNTS,
    )
