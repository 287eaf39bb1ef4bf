"""Where content comes from: sources, inventories, fingerprints, streams.

Belongs here: everything between a data engineer's folder, bucket or manifest and the bytes of an upload. Does not:
Dagster, the Pique API, the ledger, the lake.

Only the descriptions of sources are imported with the package: a code location needs nothing else while it loads, and
it is loaded for every run and step. The rest comes with the first use of its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names
from pique_assets.media.sources import (
    DatedFolder as DatedFolder,
    Manifest as Manifest,
    SocialUrls as SocialUrls,
    Source as Source,
)

if TYPE_CHECKING:
    from pique_assets.media.content import ContentItem as ContentItem, Entry as Entry, ErrorCode as ErrorCode
    from pique_assets.media.dated_inventory import inventory as inventory
    from pique_assets.media.errors import (
        ContentError as ContentError,
        MediaChanged as MediaChanged,
        MediaError as MediaError,
        SourceInvalid as SourceInvalid,
        SourceUnavailable as SourceUnavailable,
    )
    from pique_assets.media.reader import SourceReader as SourceReader, open_source as open_source
    from pique_assets.media.stream import open_content as open_content
    from pique_assets.media.urls import canonical_url as canonical_url, url_fingerprint as url_fingerprint
else:
    __getattr__ = lazy_names(__name__)
