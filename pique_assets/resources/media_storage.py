"""The resource for media storage.

Belongs here: how media is reached. Does not: listing and reading media, which is the room `media`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import dagster as dg
from pydantic import Field

from pique_assets import media as media_room

if TYPE_CHECKING:
    from pique_assets.media import ContentItem, Source, SourceReader
    from pique_assets.media.file_stores import GcsClientFactory
    from pique_assets.media.gcs_files import GcsClient


class MediaStorageResource(dg.ConfigurableResource[Any]):
    """How media is reached: local files as they are, gs:// through dagster-gcp."""

    gcs_project: str | None = Field(
        default=None, description="Google Cloud project for gs:// media; the credentials' own when left out."
    )

    def open_source(self, source: Source) -> SourceReader:
        """A reader for a source of dated media.

        Raises:
            SourceUnavailable: Nothing can read such a source.
        """
        return media_room.open_source(source, gcs_client_factory=self._gcs_client_factory())

    def content_opener(self) -> Callable[[ContentItem], BinaryIO]:
        """A function that opens a ready item's bytes, verified against its fingerprint while they are read."""
        client_factory = self._gcs_client_factory()

        def open_item(item: ContentItem) -> BinaryIO:
            if item.size_bytes is None or item.fingerprint is None:
                raise ValueError(f"{item.content_uri} is not ready: {item.error}")
            return media_room.open_content(
                item.content_uri,
                size_bytes=item.size_bytes,
                fingerprint=item.fingerprint,
                version=item.version,
                gcs_client_factory=client_factory,
            )

        return open_item

    def _gcs_client_factory(self) -> GcsClientFactory:
        """A function that returns one and the same client, made at its first call: at the first gs:// uri."""

        @lru_cache(maxsize=1)
        def client() -> GcsClient:
            from dagster_gcp import GCSResource

            opened: GcsClient = GCSResource(project=self.gcs_project).get_client()
            return opened

        return client
