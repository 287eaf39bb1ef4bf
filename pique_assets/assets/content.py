"""The inventory of a date: every content item, with its fingerprint or with the reason why it has none.

Here: the asset. Not here: reading media (`media`), and the way between its items and rows (`content_rows`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets import evaluation as evaluation_room, media as media_room
from pique_assets.assets.content_rows import READY, content_table
from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.metadata import Metadata
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, MediaStorageResource

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.evaluation.progress import Say
    from pique_assets.media import ContentItem


def content_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The inventory of an evaluation's media, by date."""

    @evaluation_asset(
        evaluation,
        "content",
        keys=keys,
        after=("raw_media",),
    )
    def content(
        context: dg.AssetExecutionContext, media_storage: MediaStorageResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        items = take_inventory(
            evaluation, date=context.partition_key, media_storage=media_storage, say=context.log.info
        )
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        table = content_table(items)
        return tables.write("content", table, more=_counts(table))

    return content


def take_inventory(
    evaluation: Evaluation, *, date: str, media_storage: MediaStorageResource, say: "Say"
) -> "Iterator[ContentItem]":
    """Read all media of a date once, in threads, saying how far it is.

    Raises:
        SourceUnavailable, SourceInvalid: The source as a whole can't be read.
    """
    if evaluation.media is None:
        raise ValueError(f"evaluation {evaluation.name!r} has no media to take an inventory of")
    reader = media_storage.open_source(evaluation.media)
    progress = evaluation_room.Progress(say, what="content items read")
    for item in media_room.inventory(
        reader, date=dt.date.fromisoformat(date), threads=evaluation.limits.fingerprint_threads
    ):
        yield item
        progress.advance(note=repr(item.filename))


def _counts(table: "pa.Table") -> Metadata:
    # Heavy, and of no use to whoever only loads the code location.
    import pyarrow.compute as pc

    reasons = {row["values"]: row["counts"] for row in pc.value_counts(table["error_code"].drop_null()).to_pylist()}
    return {
        "content_items": dg.IntMetadataValue(table.num_rows),
        "ready": dg.IntMetadataValue(pc.sum(pc.equal(table["state"], READY), min_count=0).as_py()),
        "unreadable": dg.JsonMetadataValue(dict(sorted(reasons.items()))),
        "bytes": dg.IntMetadataValue(pc.sum(table["size_bytes"], min_count=0).as_py()),
    }
