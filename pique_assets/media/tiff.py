"""TIFF files, and the raw photos that most cameras write in the form of TIFF.

Belongs here: the directories of a TIFF file, as far as they tell a raw photo from a picture. Does not: raw photos of
other forms (`signatures`).

A raw photo is no image for a judge: its pixels are the sensor's, and what a viewer of images finds in it is the small
preview that the camera adds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pique_assets.media.content import ErrorCode
from pique_assets.media.kinds import IMAGE, Kind, NoMedia

_TIFF = Kind("image/tiff", (IMAGE,))
_COMPRESSION, _PHOTOMETRIC, _MAKE, _SUB_DIRECTORIES, _DNG_VERSION = 259, 262, 271, 330, 50706
# Pixels of a colour filter, and those that were made linear.
_OF_A_SENSOR = frozenset({32803, 34892})
# How Nikon, Sony, Samsung, Kodak and Pentax pack them.
_PACKED_BY_CAMERAS = frozenset({32767, 32770, 34713, 65000, 65535})
_FORMATS_OF_MAKERS = {
    b"nikon": "NEF",
    b"sony": "ARW",
    b"pentax": "PEF",
    b"ricoh": "PEF",
    b"samsung": "SRW",
    b"hasselblad": "3FR",
    b"epson": "ERF",
    b"kodak": "DCR",
    b"eastman": "DCR",
    b"phase one": "IIQ",
    b"leaf": "MOS",
    b"mamiya": "MEF",
    b"canon": "CR2",
}
_SIZES_OF_TYPES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_MOST_DIRECTORIES = 32
_MOST_FIELDS = 4096
_MOST_VALUES = 64


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are written: classic TIFF, or BigTIFF with its eight bytes."""

    order: str
    is_big: bool

    def number(self, data: bytes, place: int, size: int) -> int | None:
        piece = data[place : place + size]
        code = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        return int(struct.unpack(self.order + code, piece)[0]) if len(piece) == size and place >= 0 else None


def raw_photo(which: str) -> NoMedia:
    """Why a raw photo is no content."""
    return NoMedia(f"It is a raw photo ({which}): export it as JPEG or PNG.")


def sniff_tiff(head: bytes, *, size_bytes: int | None) -> Kind | NoMedia | None:
    """What these first bytes of a file are, if they are of TIFF; None if they are not.

    Args:
        head: The file's first bytes, or all of it.
        size_bytes: The file's size; None where nobody knows.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    layout = _Layout(order, is_big=False)
    version = layout.number(head, 2, 2)
    if version == 43 and layout.number(head, 4, 2) == 8:
        layout = _Layout(order, is_big=True)
    elif version != 42:
        return None
    first = layout.number(head, 8, 8) if layout.is_big else layout.number(head, 4, 4)
    if first is None or first < 8:
        return None
    if head[8:10] == b"CR" and head[10:11] == b"\2":
        return raw_photo("CR2")
    if first >= len(head):
        return _directory_far_away(first, size_bytes=size_bytes)
    fields = [_fields(head, place, layout=layout) for place in _directories(head, first, layout=layout)]
    return (_raw(fields) or _TIFF) if fields[0] else None


def _directory_far_away(first: int, *, size_bytes: int | None) -> Kind | NoMedia:
    if size_bytes is not None and first >= size_bytes:
        return NoMedia(
            "It ends before its directory, without which no TIFF can be opened: it is still being written, or was cut "
            "off.",
            ErrorCode.INCOMPLETE,
        )
    return _TIFF


def _raw(directories: list[dict[int, tuple[int, ...]]]) -> NoMedia | None:
    makes = [bytes(value & 0xFF for value in fields[_MAKE]).lower() for fields in directories if _MAKE in fields]
    if any(_DNG_VERSION in fields for fields in directories):
        return raw_photo("DNG")
    for fields in directories:
        if _OF_A_SENSOR & set(fields.get(_PHOTOMETRIC, ())) or _PACKED_BY_CAMERAS & set(fields.get(_COMPRESSION, ())):
            known = (
                name for maker, name in _FORMATS_OF_MAKERS.items() if any(make.startswith(maker) for make in makes)
            )
            return raw_photo(next(known, "in the form of TIFF"))
    return None


def _directories(head: bytes, first: int, *, layout: _Layout) -> Iterator[int]:
    """Places of the directories that begin in the head, those named by others included, each once."""
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        place = waiting.pop(0)
        if place in seen or not 8 <= place < len(head):
            continue
        seen.add(place)
        yield place
        fields = _fields(head, place, layout=layout)
        waiting += fields.get(_SUB_DIRECTORIES, ())
        following = _next_directory(head, place, layout=layout)
        if following:
            waiting.append(following)


def _shape(head: bytes, place: int, *, layout: _Layout) -> tuple[int, int, int]:
    """How many fields a directory has, where the first begins, and how many bytes each takes."""
    size_of_count, size_of_field = (8, 20) if layout.is_big else (2, 12)
    count = layout.number(head, place, size_of_count) or 0
    return count if count <= _MOST_FIELDS else 0, place + size_of_count, size_of_field


def _next_directory(head: bytes, place: int, *, layout: _Layout) -> int | None:
    count, start, size = _shape(head, place, layout=layout)
    return layout.number(head, start + count * size, 8 if layout.is_big else 4) if count else None


def _fields(head: bytes, place: int, *, layout: _Layout) -> dict[int, tuple[int, ...]]:
    """Values of a directory's fields by tag, as far as they are in the head; empty where it is no directory."""
    count, start, size = _shape(head, place, layout=layout)
    found: dict[int, tuple[int, ...]] = {}
    for at in range(start, start + count * size, size):
        tag, kind = layout.number(head, at, 2), layout.number(head, at + 2, 2)
        if tag is None or kind is None:
            break
        if kind not in _SIZES_OF_TYPES:
            return {}
        found[tag] = _values(head, at + 4, kind=kind, layout=layout)
    return found


def _values(head: bytes, at: int, *, kind: int, layout: _Layout) -> tuple[int, ...]:
    word = 8 if layout.is_big else 4
    count, size = layout.number(head, at, word) or 0, _SIZES_OF_TYPES[kind]
    place: int | None = at + word
    if count * size > word:
        place = layout.number(head, at + word, word)
    if place is None or size > word:
        return ()
    numbers = [layout.number(head, place + number * size, size) for number in range(min(count, _MOST_VALUES))]
    return tuple(number for number in numbers if number is not None)
