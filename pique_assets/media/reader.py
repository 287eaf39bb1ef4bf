"""From the description of a source to something that reads it.

Belongs here: `open_source` and the reader it returns. Does not: how a folder, a manifest or a list of URLs is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from pique_assets.decoding.type_client import TypeProbe
from pique_assets.media.content import ContentItem, Entry
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.media.examine import examine
from pique_assets.media.file_stores import Files, GcsClientFactory
from pique_assets.media.files import to_uri
from pique_assets.media.fingerprint import OnBytes
from pique_assets.media.folder import list_folder
from pique_assets.media.manifest import list_manifest, missing_manifest
from pique_assets.media.social_urls import list_social_urls, missing_list, social_item
from pique_assets.media.sources import DatedFolder, Manifest, SocialUrls, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReader:
    """Reads one source. Holds no open file; safe to share between threads.

    Attributes:
        source: What is read.
        files: Where its uris are opened.
        probe: Asked about files whose structure tells nothing; holds a process from the first such file until `close`.
    """

    source: Source
    files: Files
    probe: TypeProbe = field(default_factory=TypeProbe, compare=False, repr=False)

    def list_entries(self, date: dt.date) -> Iterator[Entry]:
        """Yield the entries of a date in a steady order, without opening the content.

        A day without media yields nothing.

        Raises:
            SourceUnavailable: The root, the bucket or the manifest cannot be read.
            SourceInvalid: The manifest makes no sense.
        """
        match self.source:
            case DatedFolder(root=root):
                return list_folder(to_uri(root), files=self.files, date=date)
            case Manifest():
                return list_manifest(self.source, files=self.files, date=date)
            case SocialUrls():
                return list_social_urls(self.source, files=self.files, date=date)

    def missing_place(self, date: dt.date) -> str | None:
        """The uri of a date's folder, manifest or list, if there is none: then nothing was delivered, or elsewhere.

        Returns:
            None where it is there, however empty, and where one manifest or list has the content of all dates.

        Raises:
            SourceUnavailable: The bucket cannot be listed.
        """
        match self.source:
            case DatedFolder(root=root):
                uri, folder = to_uri(root), f"{date:%Y-%m-%d}"
                return None if self.files.store_of(uri).is_there(uri, folder) else f"{uri}/{folder}"
            case Manifest():
                return missing_manifest(self.source, files=self.files, date=date)
            case SocialUrls():
                return missing_list(self.source, files=self.files, date=date)

    def examine(self, entry: Entry, *, on_bytes: OnBytes | None = None) -> ContentItem:
        """Read one entry to its end; a URL is not fetched. Never raises for a bad item: the item says what is wrong."""
        if isinstance(self.source, SocialUrls):
            return social_item(entry)
        return examine(entry, files=self.files, probe=self.probe, on_bytes=on_bytes)

    def size_bytes(self, entry: Entry) -> int | None:
        """How large an entry is now, without reading its bytes; None for a URL, and where it cannot be opened."""
        if isinstance(self.source, SocialUrls):
            return None
        try:
            with self.files.open(entry.content_uri, root_uri=entry.root_uri) as file:
                return file.size_bytes
        except ContentError:
            return None

    def close(self) -> None:
        """Give back what reading took; the reader can go on to read."""
        self.probe.close()


def open_source(source: Source, *, gcs_client_factory: GcsClientFactory | None = None) -> SourceReader:
    """Return a reader for a source.

    Args:
        source: A `DatedFolder`, a `Manifest` or `SocialUrls`.
        gcs_client_factory: Returns a ``google.cloud.storage.Client``; called once, when the first ``gs://``
            uri is met.

    Raises:
        SourceUnavailable: No store holds such uris.
    """
    files = Files(gcs_client_factory)
    try:
        files.store_of(to_uri(source.root if isinstance(source, DatedFolder) else source.path))
    except ContentError as error:
        raise SourceUnavailable(f"{source} cannot be opened: {error}") from error
    return SourceReader(source=source, files=files)
