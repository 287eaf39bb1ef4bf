"""The bytes of one upload: read once, in chunks, and checked on their way out.

Belongs here: what must hold of content while it is sent; where it comes from and where it goes is not known
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import google_crc32c

from pique_assets.api.errors import ContentChanged

CHUNK_BYTES: Final = 256 * 1024


class ContentFailed(Exception):
    """The content can't be sent to its end; `UploadBody.failure` says why.

    It goes through the sender in place of the reason: the sender's variables hold the signed URL, and a traceback of
    the reason would lead through them.
    """


class UploadBody:
    """Content on its way out, in chunks of 256 KiB, so that memory stays flat in its size.

    The last chunk is let go only after size and checksum are found right, and after the sender has confirmed that it
    may still finish the upload: else the content never arrives completely, so no evaluation of it begins.

    Attributes:
        size_bytes: What is announced, and exactly what is sent.
        crc32c: Of all bytes read so far.
        is_complete: Whether every byte was checked, and taken by whoever reads this.
        failure: What reading the content raised or found wrong with it, or what the sender's confirmation raised.
    """

    def __init__(
        self,
        source: BinaryIO,
        *,
        size_bytes: int,
        expected_crc32c: int | None,
        job_id: str,
        before_last_chunk: Callable[[], None] | None = None,
    ) -> None:
        """Take the source at its beginning; nothing is read yet.

        Args:
            source: A binary stream, read once and not closed here.
            size_bytes: The size that was fingerprinted.
            expected_crc32c: The checksum that was fingerprinted, if known.
            job_id: Named in errors.
            before_last_chunk: Called when all other bytes are sent; what it raises breaks the upload off.
        """
        self.size_bytes = size_bytes
        self.crc32c = 0
        self.is_complete = False
        self.failure: Exception | None = None
        self._source = source
        self._expected_crc32c = expected_crc32c
        self._job_id = job_id
        self._before_last_chunk = before_last_chunk

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content.

        Raises:
            ContentFailed: It can't be read, is shorter or longer than announced, its checksum differs, or the sender
                may not finish the upload.
        """
        try:
            yield from self._checked()
        # Whatever a source raises is the caller's to know.
        except Exception as error:
            self.failure = error
        if self.failure is not None:
            raise ContentFailed

    def _checked(self) -> Iterator[bytes]:
        missing = self.size_bytes
        while missing:
            chunk = self._source.read(min(CHUNK_BYTES, missing))
            if not chunk:
                raise self._changed(f"{self.size_bytes - missing} bytes instead of {self.size_bytes}")
            missing -= len(chunk)
            self.crc32c = google_crc32c.extend(self.crc32c, chunk)
            if missing:
                yield chunk
        self._check_end()
        if self._before_last_chunk is not None:
            self._before_last_chunk()
        if self.size_bytes:
            yield chunk
        self.is_complete = True

    def _check_end(self) -> None:
        if self._source.read(1):
            raise self._changed(f"more than {self.size_bytes} bytes")
        if self._expected_crc32c not in (None, self.crc32c):
            raise self._changed("same size, another checksum")

    def _changed(self, reason: str) -> ContentChanged:
        return ContentChanged(reason, job_id=self._job_id)
