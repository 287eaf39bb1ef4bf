"""Raw photos as cameras write them, without a single pixel: TIFF directories and the beginnings of other forms.

Belongs here: making them. Does not: what is expected of them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

SHORT, LONG, TEXT, BYTES = 3, 4, 2, 1
Field = tuple[int, int | bytes]
"""Type, and a number or bytes."""


def tiff(*directories: Mapping[int, Field], order: str = "<", first_at: int = 8, big: bool = False) -> bytes:
    """A TIFF file of directories that follow each other; a field 330 of -1 names the next directory."""
    mark = b"II" if order == "<" else b"MM"
    word = 8 if big else 4
    header = mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, first_at))
    place = 16 if big else first_at
    written = header.ljust(place, b"\0")
    ends = []
    for fields in directories:
        ends.append(place := place + (8 if big else 2) + len(fields) * (20 if big else 12) + word)
    extra, extra_at = b"", ends[-1]
    for number, fields in enumerate(directories):
        written += struct.pack(f"{order}{'Q' if big else 'H'}", len(fields))
        for tag, (kind, value) in sorted(fields.items()):
            if isinstance(value, bytes):
                count, inline = len(value), value.ljust(word, b"\0")
                if count > word:
                    inline = struct.pack(f"{order}{'Q' if big else 'I'}", extra_at + len(extra))
                    extra += value
            else:
                number_of = ends[number] if value == -1 else value
                code = "H" if kind == SHORT else "I"
                count, inline = 1, struct.pack(f"{order}{code}", number_of).ljust(word, b"\0")
            written += struct.pack(f"{order}HH{'Q' if big else 'I'}", tag, kind, count) + inline
        names_next = any(value == -1 for _, value in fields.values())
        is_last = number == len(directories) - 1
        following = 0 if is_last or names_next else ends[number]
        written += struct.pack(f"{order}{'Q' if big else 'I'}", following)
    return written + extra


SHOWN = {256: (LONG, 160), 257: (LONG, 120), 259: (SHORT, 1), 262: (SHORT, 2)}
"""A directory of an ordinary picture."""


SENSOR = {256: (LONG, 6000), 257: (LONG, 4000), 262: (SHORT, 32803)}
"""A directory of a sensor's pixels."""


def made_by(maker: bytes) -> dict[int, Field]:
    """A directory of a preview, which names that of the sensor's pixels."""
    return SHOWN | {271: (TEXT, maker + b"\0"), 330: (LONG, -1)}
