"""The links of a chained Ogg file: streams that were put one behind the other, as radio stations and editors do.

Belongs here: finding where each begins, because libav stops where a second one has another rate. Does not: reading
what is in them (`sound`).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

MOST_LINKS = 1000
"""A longer chain has its rest in the last link."""

_HEADER_BYTES = 27
_BEGINS_A_STREAM = 2


def links_of(path: Path) -> list[tuple[int, int]]:
    """Offset and length of each link; empty for a file that is no Ogg."""
    starts: list[int] = []
    was_beginning = False
    with path.open("rb") as file:
        position = 0
        while len(starts) < MOST_LINKS:
            file.seek(position)
            header = file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or not header.startswith(b"OggS"):
                break
            is_beginning = bool(header[5] & _BEGINS_A_STREAM)
            if is_beginning and not was_beginning:
                starts.append(position)
            was_beginning = is_beginning
            lengths = file.read(header[26])
            position += _HEADER_BYTES + len(lengths) + sum(lengths)
        end = file.seek(0, 2)
    return [(start, following - start) for start, following in pairwise([*starts, end])]
