"""Where content comes from: sources, inventories, fingerprints, streams.

Belongs here: everything between a data engineer's folder, bucket or manifest and the bytes of an upload. Does not:
Dagster, the Pique API, the ledger, the lake.

Only the descriptions of sources are imported with the package: a code location needs nothing else while it loads, and
it is loaded for every run and step. The rest comes with the first use of its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names
from pique_assets.media.sources import DatedFolder as DatedFolder
from pique_assets.media.sources import Manifest as Manifest
from pique_assets.media.sources import SocialUrls as SocialUrls
from pique_assets.media.sources import Source as Source

if TYPE_CHECKING:
    from pique_assets.media.content import ContentItem as ContentItem
    from pique_assets.media.content import Entry as Entry
    from pique_assets.media.content import ErrorCode as ErrorCode
    from pique_assets.media.dated_inventory import inventory as inventory
    from pique_assets.media.errors import ContentError as ContentError
    from pique_assets.media.errors import MediaChanged as MediaChanged
    from pique_assets.media.errors import MediaError as MediaError
    from pique_assets.media.errors import SourceInvalid as SourceInvalid
    from pique_assets.media.errors import SourceUnavailable as SourceUnavailable
    from pique_assets.media.reader import SourceReader as SourceReader
    from pique_assets.media.reader import open_source as open_source
    from pique_assets.media.stream import open_content as open_content
    from pique_assets.media.urls import canonical_url as canonical_url
    from pique_assets.media.urls import url_fingerprint as url_fingerprint
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "content": "ContentItem Entry ErrorCode",
            "dated_inventory": "inventory",
            "errors": "ContentError MediaChanged MediaError SourceInvalid SourceUnavailable",
            "reader": "SourceReader open_source",
            "stream": "open_content",
            "urls": "canonical_url url_fingerprint",
        },
    )
