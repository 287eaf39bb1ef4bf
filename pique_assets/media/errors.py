"""What `media` raises.

Belongs here: errors that end the reading of a whole source, or of one stream while it is uploaded. Does not: what is
wrong with one item, which never makes an inventory raise; such an item becomes a `ContentItem` with an error code.
"""

from __future__ import annotations

from pique_assets.media.content import ErrorCode
from pique_assets.visible import visible


class MediaError(Exception):
    """Base of everything this room raises on purpose."""

    def __str__(self) -> str:
        """Safe to print: names of files are anything."""
        return visible(super().__str__())


class SourceUnavailable(MediaError):
    """The source as a whole cannot be read now: no such root, bucket or manifest, no permission."""


class SourceInvalid(MediaError):
    """The source can be read but makes no sense, such as a manifest without a ``uri`` column."""


class ContentError(MediaError):
    """One content item cannot be opened or read.

    Attributes:
        code: What an inventory would show for it.
        error: The reason in one sentence.
    """

    def __init__(self, code: ErrorCode, error: str) -> None:
        """Keep both parts, so that the exception survives pickling."""
        super().__init__(code, error)
        self.code = code
        self.error = error

    def __str__(self) -> str:
        """Say the sentence; the code is for machines."""
        return visible(self.error)


class MediaChanged(ContentError):
    """The bytes behind a content uri are not the ones that were fingerprinted.

    Raised while opening or reading, always before the last bytes are handed out: an upload with an explicit
    Content-Length never completes with changed bytes.
    """
