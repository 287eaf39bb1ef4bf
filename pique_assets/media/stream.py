"""The bytes of one content item for an upload, checked against its fingerprint while they flow.

Belongs here: opening content again, as often as an upload needs it. Does not: HTTP.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import MediaChanged
from pique_assets.media.file_stores import Files, GcsClientFactory
from pique_assets.media.files import OpenedFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 256 * 1024


def open_content(
    content_uri: str,
    *,
    size_bytes: int,
    fingerprint: str,
    version: str | None = None,
    gcs_client_factory: GcsClientFactory | None = None,
) -> BinaryIO:
    """Open the bytes of a content item; each call gives a fresh stream from the first byte.

    The last bytes are only handed out once all of them proved to be the fingerprinted ones. So changed
    content can start an upload, but not complete it.

    Args:
        content_uri: As in `ContentItem`.
        size_bytes: The size that was fingerprinted.
        fingerprint: SHA-256 of the bytes, 64 hex digits.
        version: As in `ContentItem`; where known, a changed file is noticed before the first byte.
        gcs_client_factory: Returns a ``google.cloud.storage.Client`` for ``gs://`` uris. Called once per
            opened stream: give one that returns the same client every time.

    Raises:
        MediaChanged: On opening or on any read: the bytes are not the fingerprinted ones.
        ContentError: The file cannot be opened or read.
    """
    file = Files(gcs_client_factory).open(content_uri)
    if file.size_bytes != size_bytes or (version is not None and file.version != version):
        with file:
            raise _changed(content_uri)
    raw = _VerifiedBytes(file, content_uri=content_uri, fingerprint=fingerprint)
    # Not more than the content: with many small files at once the buffers would be most of the memory.
    return io.BufferedReader(raw, buffer_size=min(BUFFER_BYTES, size_bytes + 1))


class _VerifiedBytes(io.RawIOBase):
    """Hands out a file's bytes, the last of them only when all of them have the expected digest."""

    def __init__(self, file: OpenedFile, *, content_uri: str, fingerprint: str) -> None:
        super().__init__()
        self._file = file
        self._content_uri = content_uri
        self._fingerprint = fingerprint
        self._digest = hashlib.sha256()
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._file.read(len(target))
        self._digest.update(data)
        self._seen += len(data)
        ended = not data or self._seen >= self._file.size_bytes
        if ended and not self._is_as_fingerprinted():
            raise _changed(self._content_uri)
        target[: len(data)] = data
        return len(data)

    def _is_as_fingerprinted(self) -> bool:
        return self._seen == self._file.size_bytes and self._digest.hexdigest() == self._fingerprint

    def close(self) -> None:
        if not self.closed:
            self._file.__exit__(None, None, None)
        super().close()


def _changed(content_uri: str) -> MediaChanged:
    return MediaChanged(
        ErrorCode.CHANGED,
        f"{content_uri} is not the file that was fingerprinted any more; run the content asset again.",
    )
