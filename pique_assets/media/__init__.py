"""Where content comes from: sources, inventories, fingerprints, streams.

Belongs here: everything between a data engineer's folder, bucket or manifest and the bytes of an upload. Does
not belong here: Dagster, the Pique API, the ledger, the lake. Importing this package imports nothing but the
standard library.
"""

from __future__ import annotations

from pique_assets.media.content import ContentItem, Entry, ErrorCode
from pique_assets.media.errors import ContentError, MediaChanged, MediaError, SourceInvalid, SourceUnavailable
from pique_assets.media.inventory import inventory
from pique_assets.media.reader import SourceReader, open_source
from pique_assets.media.sources import DatedFolder, Manifest, Source
from pique_assets.media.stream import open_content

__all__ = [
    "ContentError",
    "ContentItem",
    "DatedFolder",
    "Entry",
    "ErrorCode",
    "Manifest",
    "MediaChanged",
    "MediaError",
    "Source",
    "SourceInvalid",
    "SourceReader",
    "SourceUnavailable",
    "inventory",
    "open_content",
    "open_source",
]
