"""Ogg files, in which any number of streams may lie beside each other.

Belongs here: the first page of each stream. Does not: other containers.
"""

from __future__ import annotations

from collections.abc import Iterator

from pique_assets.media.kinds import AUDIO, VIDEO, Kind

_MAGIC = b"OggS\0"
_BEGINS = 2
_VIDEO_CODECS = (b"\x80theora", b"BBCD\0", b"\x01video", b"OVP80")
_VIDEO = Kind("video/ogg", (VIDEO,))
_AUDIO = Kind("audio/ogg", (AUDIO,))


def sniff_ogg(head: bytes) -> Kind | None:
    """What these first bytes of a file are, if they are pages of Ogg; None if they are not."""
    if not head.startswith(_MAGIC):
        return None
    # The first pages of all streams come before anything else of any.
    return _VIDEO if any(page.startswith(_VIDEO_CODECS) for page in _first_pages(head)) else _AUDIO


def _first_pages(head: bytes) -> Iterator[bytes]:
    place = 0
    while head.startswith(_MAGIC, place) and len(head) >= place + 27 and head[place + 5] & _BEGINS:
        lengths = head[place + 27 : place + 27 + head[place + 26]]
        start = place + 27 + head[place + 26]
        yield head[start : start + sum(lengths)]
        place = start + sum(lengths)
