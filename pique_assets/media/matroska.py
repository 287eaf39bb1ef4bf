"""Matroska and WebM files.

Belongs here: the document type, and the kinds of tracks listed in a file's first bytes. Does not: other containers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pique_assets.media.kinds import AUDIO, VIDEO, Kind

_MAGIC = b"\x1a\x45\xdf\xa3"
_KINDS = {
    b"webm": Kind("video/webm", (VIDEO, AUDIO)),
    b"matroska": Kind("video/x-matroska", (VIDEO, AUDIO)),
}
_TRACK_KINDS = {1: VIDEO, 2: AUDIO}
_DOC_TYPE = 0x4282
_SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0x83


def sniff_matroska(head: bytes) -> Kind | None:
    """What these first bytes of a file are, if they are of Matroska or WebM; None if they are not."""
    if not head.startswith(_MAGIC):
        return None
    header = next(_elements(head), None)
    fields = _elements(header[1]) if header is not None else iter(())
    doc_type = next((value for identifier, value, _ in fields if identifier == _DOC_TYPE), b"")
    kind = _KINDS.get(doc_type.rstrip(b"\0"))
    if kind is None:
        return None
    tracks = _track_kinds(head)
    return kind.of_sound() if tracks is not None and AUDIO in tracks and VIDEO not in tracks else kind


def _track_kinds(head: bytes) -> set[str] | None:
    """Kinds of the tracks listed in ``Tracks``; None where that is not in the head, or not to its end."""
    for segment_id, segment, _ in _elements(head):
        for tracks_id, tracks, complete in _elements(segment) if segment_id == _SEGMENT else ():
            if tracks_id == _TRACKS:
                return {_TRACK_KINDS.get(kind, "") for kind in _track_types(tracks)} if complete else None
    return None


def _track_types(tracks: bytes) -> Iterator[int]:
    for entry_id, entry, _ in _elements(tracks):
        for field_id, value, _ in _elements(entry) if entry_id == _TRACK_ENTRY else ():
            if field_id == _TRACK_TYPE:
                yield int.from_bytes(value, "big")


def _elements(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Id and content of each element, and whether the data reaches its end."""
    place = 0
    while (identifier := _number(data, place)) is not None and (size := _number(data, identifier.end)) is not None:
        # All bits set: a stream that was written before its length was known.
        end = len(data) if size.bits == size.mask else size.end + size.bits
        yield identifier.bits | (identifier.mask + 1), data[size.end : end], end <= len(data)
        place = end


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of one to eight bytes: its bits, all the bits it could have, and the place behind it."""

    bits: int
    mask: int
    end: int


def _number(data: bytes, place: int) -> _Number | None:
    """The number at this place, whose first byte says how long it is; None where there is none."""
    if place >= len(data) or data[place] == 0:
        return None
    length = 9 - data[place].bit_length()
    end = place + length
    mask = (1 << 7 * length) - 1
    return _Number(int.from_bytes(data[place:end], "big") & mask, mask, end) if end <= len(data) else None
