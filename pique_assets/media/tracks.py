"""Which kinds of track a container says it holds, where its first bytes tell.

Belongs here: MP4 (and QuickTime) boxes and Matroska (and WebM) elements, just as far as the kinds of their tracks. The
formats themselves are told in ``content_type``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VIDEO_TRACK, AUDIO_TRACK = "video", "audio"

_MP4_HANDLERS = {b"vide": VIDEO_TRACK, b"soun": AUDIO_TRACK}
_MATROSKA_TRACKS = {1: VIDEO_TRACK, 2: AUDIO_TRACK}
_SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0x83


def holds_sound_alone(head: bytes) -> bool:
    """Whether these first bytes of an MP4, QuickTime, Matroska or WebM file list all its tracks, and no picture is one.

    False where they do not reach the list, as in an MP4 whose index stands at its end.
    """
    kinds = _matroska_tracks(head) if head.startswith(b"\x1a\x45\xdf\xa3") else _mp4_tracks(head)
    return kinds is not None and AUDIO_TRACK in kinds and VIDEO_TRACK not in kinds


def _mp4_tracks(head: bytes) -> set[str] | None:
    """Kinds of the tracks listed in ``moov``; None where that is not in the head, or not to its end."""
    for name, body, complete in _boxes(head):
        if name == b"moov":
            return {_MP4_HANDLERS.get(handler, "") for handler in _handlers(body)} if complete else None
    return None


def _handlers(moov: bytes) -> Iterator[bytes]:
    for track_name, track, _ in _boxes(moov):
        for media_name, media, _ in _boxes(track) if track_name == b"trak" else ():
            for name, body, _ in _boxes(media) if media_name == b"mdia" else ():
                if name == b"hdlr":
                    # A version, flags and a field that QuickTime alone uses stand before the handler.
                    yield body[8:12]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name and content of each box, and whether the data reaches its end."""
    place = 0
    while place + 8 <= len(data):
        size, header = int.from_bytes(data[place : place + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        elif size == 0:
            size = len(data) - place
        if size < header:
            return
        yield data[place + 4 : place + 8], data[place + header : place + size], place + size <= len(data)
        place += size


def _matroska_tracks(head: bytes) -> set[str] | None:
    """Kinds of the tracks listed in ``Tracks``; None where that is not in the head, or not to its end."""
    for segment_id, segment, _ in _elements(head):
        for tracks_id, tracks, complete in _elements(segment) if segment_id == _SEGMENT else ():
            if tracks_id == _TRACKS:
                return {_MATROSKA_TRACKS.get(kind, "") for kind in _track_types(tracks)} if complete else None
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
