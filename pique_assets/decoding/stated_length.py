"""How long a file of sound says that it is, where libav does not hand that word on.

Belongs here: WAVE and Wave64, whose length libav shortens to what is in the file, and the number of frames that most
MP3 files state in their first one. Does not: formats whose word libav hands on (`declared`), and comparing (`sound`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

_UNKNOWN_FROM = 0x7FFF_0000
"""Programs that write into a pipe put such a number in the place of a size that they cannot know."""

_MOST_CHUNKS = 1000
_COUNT_WITHIN_BYTES = 4096
_HAS_COUNT = 1


def wave_sec(path: Path) -> float | None:
    """Seconds of a WAVE or Wave64 whose samples are not packed, by its header; None where that does not say."""
    with path.open("rb") as file:
        start = file.read(4)
        order: Literal["big", "little"] = "big" if start == b"RIFX" else "little"
        chunks = _chunks_of_wave64(file) if start == b"riff" else _chunks(file, order=order)
        bytes_a_second = large = 0
        for name, size in chunks:
            if name == b"ds64":
                large = int.from_bytes(file.read(16)[8:], "little")
            elif name == b"fmt ":
                form = file.read(14)
                bytes_a_second = int.from_bytes(form[4:8], order) * int.from_bytes(form[12:14], order)
            elif name == b"data":
                all_bytes = large or (size if size < _UNKNOWN_FROM else 0)
                return all_bytes / bytes_a_second if bytes_a_second and all_bytes else None
    return None


def mp3_frames(path: Path) -> int | None:
    """The frames that an MP3 states in its first one; None where it states none."""
    with path.open("rb") as file:
        label = file.read(10)
        if label.startswith(b"ID3") and len(label) == 10:
            size = label[6:10]
            file.seek((size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + (20 if label[5] & 0x10 else 10))
        else:
            file.seek(0)
        head = file.read(_COUNT_WITHIN_BYTES)
    for name, place in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
        found = head.find(name)
        has_count = name == b"VBRI" or int.from_bytes(head[found + 4 : found + 8], "big") & _HAS_COUNT
        if found >= 0 and has_count:
            return int.from_bytes(head[found + place : found + place + 4], "big") or None
    return None


def _chunks(file: BinaryIO, *, order: Literal["big", "little"]) -> Iterator[tuple[bytes, int]]:
    """Name and size of each chunk; the file is at its content."""
    place = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], order)
        yield head[:4], size
        place += 8 + size + size % 2


def _chunks_of_wave64(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The same; the first four letters of a name tell them apart, and a size counts the name and itself."""
    place = 40
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        head = file.read(24)
        size = int.from_bytes(head[16:], "little") - 24
        if len(head) < 24 or size < 0:
            return
        yield head[:4], size
        place += 24 + size + -size % 8
