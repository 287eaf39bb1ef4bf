"""PNG files by their chunks: the picture alone, without what was written beside it, and whether it is whole.

Belongs here: which chunks make the picture, and inflating it without holding its pixels. Text, colour profiles and
the like never decide whether a picture opens: one program writes megabytes of them, and Pillow refuses those. Does
not: measuring (`picture`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pique_assets.decoding.extents import Extents

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_OF_THE_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"acTL", b"fcTL", b"fdAT", b"eXIf"})
_LARGEST_BESIDE = 1_000_000
"""A larger chunk that is not of the picture proper, such as EXIF data, is left out, too."""

_NEVER_LEFT_OUT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"fdAT"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_INTERLACED = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The seven passes of Adam7: first column and row, and the steps between columns and rows."""

_INFLATED_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its kind, and where its body lies."""

    kind: bytes
    offset: int
    length: int


def chunks_of(file: BinaryIO) -> list[Chunk]:
    """All chunks that begin in the file, up to the end of the picture."""
    found: list[Chunk] = []
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        chunk = Chunk(kind=head[4:], offset=file.tell(), length=int.from_bytes(head[:4], "big"))
        found.append(chunk)
        if chunk.kind == b"IEND":
            break
        file.seek(chunk.offset + chunk.length + 4)
    return found


def picture_alone(file: BinaryIO, chunks: Sequence[Chunk]) -> Extents:
    """The file without the chunks that are not of the picture."""
    kept = [(0, len(SIGNATURE))]
    for chunk in chunks:
        small = chunk.length <= _LARGEST_BESIDE or chunk.kind in _NEVER_LEFT_OUT
        if chunk.kind in _OF_THE_PICTURE and small:
            kept.append((chunk.offset - 8, chunk.length + 12))
    return Extents(file, kept)


def check_whole(file: BinaryIO, chunks: Sequence[Chunk]) -> None:
    """Inflate the whole picture, a piece at a time.

    Raises:
        ValueError: Pixels are missing, or their checksums are wrong.
        zlib.error: They do not inflate.
    """
    wanted = _picture_bytes(file, chunks)
    inflater = zlib.decompressobj()
    for chunk in chunks:
        if chunk.kind != b"IDAT":
            continue
        file.seek(chunk.offset)
        left, checksum = chunk.length, zlib.crc32(chunk.kind)
        while left and (piece := file.read(min(left, _INFLATED_AT_ONCE))):
            left -= len(piece)
            checksum = zlib.crc32(piece, checksum)
            while piece and wanted > 0:
                wanted -= len(inflater.decompress(piece, _INFLATED_AT_ONCE))
                piece = inflater.unconsumed_tail
        if left or (wanted > 0 and file.read(4) != checksum.to_bytes(4, "big")):
            break
    wanted -= len(inflater.flush())
    if wanted > 0:
        raise ValueError("pixels are missing")


def _picture_bytes(file: BinaryIO, chunks: Sequence[Chunk]) -> int:
    """The bytes of all rows, each with the byte of its filter."""
    if not chunks or chunks[0].kind != b"IHDR":
        raise ValueError("no header")
    file.seek(chunks[0].offset)
    header = file.read(13)
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _CHANNELS.get(header[9], 1)

    def rows(across: int, down: int) -> int:
        return ((across * bits + 7) // 8 + 1) * down if across and down else 0

    if not header[12]:
        return rows(width, height)
    return sum(
        rows(max(0, -(-(width - left) // across)), max(0, -(-(height - top) // down)))
        for left, top, across, down in _INTERLACED
    )
