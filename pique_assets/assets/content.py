"""The inventory of a date: every content item, with its fingerprint or with the reason why it has none.

Here: the asset and the way between inventory items and rows of the `content` table. Not here: reading media (`media`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.dated_asset import dated_asset
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.metadata import Metadata
from pique_assets.resources import LakeResource, MediaStorageResource

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.evaluation.progress import Say
    from pique_assets.media import ContentItem


def content_asset(evaluation: Evaluation) -> dg.AssetsDefinition:
    """The inventory of an evaluation's media, by date."""

    @dated_asset(
        evaluation,
        "content",
        after=("raw_media",),
        description="Every content item of the date with its fingerprint, or with the reason why it has none.",
    )
    def content(
        context: dg.AssetExecutionContext, media_storage: MediaStorageResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        items = take_inventory(
            evaluation, date=context.partition_key, media_storage=media_storage, say=context.log.info
        )
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        return tables.write("content", content_table(items), more=_counts(items))

    return content


def take_inventory(
    evaluation: Evaluation, *, date: str, media_storage: MediaStorageResource, say: "Say"
) -> "list[ContentItem]":
    """Read all media of a date once, in threads, saying how far it is.

    Raises:
        SourceUnavailable, SourceInvalid: The source as a whole can't be read.
    """
    from pique_assets.evaluation.progress import Progress
    from pique_assets.media import inventory

    if evaluation.media is None:
        raise ValueError(f"evaluation {evaluation.name!r} has no media to take an inventory of")
    reader = media_storage.open_source(evaluation.media)
    items = []
    progress = Progress(say, what="content items read")
    for item in inventory(reader, date=dt.date.fromisoformat(date), threads=evaluation.limits.fingerprint_threads):
        items.append(item)
        progress.advance(note=repr(item.filename))
    return items


def content_table(items: "Iterable[ContentItem]") -> "pa.Table":
    """Inventory items as rows of the `content` table."""
    from pique_assets.lake import build_table

    return build_table(
        "content",
        [
            {
                "content_uri": item.content_uri,
                "filename": item.filename,
                "size_bytes": item.size_bytes,
                "content_type": item.content_type,
                "fingerprint": item.fingerprint,
                "title": item.title,
                "description": item.description,
                "state": "ready" if item.is_ready else "unreadable",
                "error_code": item.error_code,
                "error": item.error,
            }
            for item in items
        ],
    )


def content_items(table: "pa.Table") -> "list[ContentItem]":
    """Rows of the `content` table as inventory items."""
    from pique_assets.media import ContentItem

    return [ContentItem(**{name: value for name, value in row.items() if name != "state"}) for row in table.to_pylist()]


def _counts(items: "list[ContentItem]") -> Metadata:
    reasons = Counter(item.error_code for item in items if item.error_code is not None)
    return {
        "content_items": dg.IntMetadataValue(len(items)),
        "ready": dg.IntMetadataValue(sum(item.is_ready for item in items)),
        "unreadable": dg.JsonMetadataValue(dict(sorted(reasons.items()))),
        "bytes": dg.IntMetadataValue(sum(item.size_bytes or 0 for item in items)),
    }
