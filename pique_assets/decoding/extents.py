"""A file object that shows only some parts of a file, one after the other.

Belongs here: seeking and reading. Does not: which parts those are (`png_chunks`, `ogg_links`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO


class Extents(io.RawIOBase, BinaryIO):
    """The parts of a file, each a pair of offset and length, as if they were all there is."""

    def __init__(self, file: BinaryIO, extents: Sequence[tuple[int, int]]) -> None:
        self._file = file
        self._extents = extents
        self._length = sum(length for _, length in extents)
        self._position = 0

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether another position can be set: always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, which may lie behind the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """As many bytes as there are, at most ``size``."""
        wanted = self._length - self._position if size < 0 else min(size, self._length - self._position)
        pieces, skipped = [], 0
        for offset, length in self._extents:
            inside = self._position - skipped
            if 0 <= inside < length and wanted > 0:
                self._file.seek(offset + inside)
                piece = self._file.read(min(wanted, length - inside))
                pieces.append(piece)
                self._position += len(piece)
                wanted -= len(piece)
            skipped += length
        return b"".join(pieces)
