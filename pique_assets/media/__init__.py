"""Where content comes from: sources, inventories, fingerprints, streams.

Belongs here: everything between a data engineer's folder, bucket or manifest and the bytes of an upload. Does not
belong here: Dagster, the Pique API, the ledger, the lake.

Only the descriptions of sources are imported with the package: a code location needs nothing else while it loads, and
it is loaded for every run and step. The rest comes with the first use of its name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pique_assets.media.sources import DatedFolder, Manifest, SocialUrls, Source

if TYPE_CHECKING:
    from pique_assets.media.content import ContentItem, Entry, ErrorCode
    from pique_assets.media.dated_inventory import inventory
    from pique_assets.media.errors import (
        ContentError,
        MediaChanged,
        MediaError,
        SourceInvalid,
        SourceUnavailable,
    )
    from pique_assets.media.reader import SourceReader, open_source
    from pique_assets.media.stream import open_content
    from pique_assets.media.urls import canonical_url, url_fingerprint

__all__ = [
    "ContentError",
    "ContentItem",
    "DatedFolder",
    "Entry",
    "ErrorCode",
    "Manifest",
    "MediaChanged",
    "MediaError",
    "SocialUrls",
    "Source",
    "SourceInvalid",
    "SourceReader",
    "SourceUnavailable",
    "canonical_url",
    "inventory",
    "open_content",
    "open_source",
    "url_fingerprint",
]

_MODULE_OF = {
    "ContentError": "errors",
    "ContentItem": "content",
    "Entry": "content",
    "ErrorCode": "content",
    "MediaChanged": "errors",
    "MediaError": "errors",
    "SourceInvalid": "errors",
    "SourceReader": "reader",
    "SourceUnavailable": "errors",
    "canonical_url": "urls",
    "inventory": "dated_inventory",
    "open_content": "stream",
    "open_source": "reader",
    "url_fingerprint": "urls",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found
