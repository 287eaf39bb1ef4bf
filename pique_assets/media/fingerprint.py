"""Fingerprints: one pass over a file's bytes, in flat memory.

Belongs here: the digests, and that the file stood still meanwhile. Does not: what the bytes mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import MediaChanged
from pique_assets.media.files import OpenedFile

CHUNK_BYTES = 1024 * 1024

OnBytes: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Digests of a whole file: SHA-256 as 64 hex digits, CRC-32C (Castagnoli) as GCS computes it."""

    sha256: str
    crc32c: int


def fingerprint(file: OpenedFile, *, first: bytes, on_bytes: OnBytes | None = None) -> Fingerprint:
    """Read the rest of a file and return the digests of all of it.

    Args:
        file: A file of which ``first`` was read already.
        first: Its first chunk, not empty.
        on_bytes: Called with the number of bytes of each chunk.

    Raises:
        MediaChanged: The file did not stand still while it was read.
        ContentError: A read failed.
    """
    # Whoever only names a source does not pay for it.
    import google_crc32c

    sha256 = hashlib.sha256()
    crc32c = 0
    seen = 0
    chunk = first
    while chunk:
        sha256.update(chunk)
        crc32c = google_crc32c.extend(crc32c, chunk)
        seen += len(chunk)
        if on_bytes is not None:
            on_bytes(len(chunk))
        # A file that grows as fast as it is read must not be read for ever.
        if seen > file.size_bytes:
            break
        chunk = file.read(CHUNK_BYTES)
    if seen != file.size_bytes or not file.is_unchanged():
        raise MediaChanged(
            ErrorCode.CHANGED,
            "The file changed while it was read: run again when nothing writes to it.",
        )
    return Fingerprint(sha256=sha256.hexdigest(), crc32c=crc32c)
