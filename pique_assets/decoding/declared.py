"""What a container says of its length, apart from what is in it.

Belongs here: which formats state the length of a track, and which only that of the whole file. Does not: comparing
(`video`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream

from pique_assets.decoding.clock import exact

_STATES_TRACKS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "mxf"})
_STATES_WHOLE = frozenset({"matroska,webm", "flv", "asf"})
"""The length of other formats is what libav found by reading them, so nobody declared it."""

_HEAD_BYTES = 64 * 1024
_FIRST_CLUSTER = b"\x1f\x43\xb6\x75"
_LENGTH = re.compile(rb"\x44\x89(?:\x84.{4}|\x88.{8})", re.DOTALL)
"""How Matroska states the length of a file, before its first cluster of packets."""

_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")


def declared_end_sec(container: InputContainer, track: Stream | None) -> Fraction | None:
    """When a track ends by the container's word, on the track's clock; of the whole file where ``track`` is None."""
    if track is None:
        # PyAV's types leave out that it may be None.
        whole: int | None = container.duration
        if container.format.name not in _STATES_WHOLE or whole is None or _is_a_guess(container):
            return None
        return Fraction(whole, av.time_base)
    tick = exact(track.time_base)
    if container.format.name == "avi" and track.frames and tick:
        # libav shortens the duration of a truncated file; the count of its header it leaves alone.
        return track.frames * tick
    if container.format.name in _STATES_TRACKS and track.duration is not None and tick:
        return (track.duration + (track.start_time or 0)) * tick
    for name, value in track.metadata.items():
        # Matroska's statistics; some writers add the language to the name.
        if name.startswith("DURATION") and (match := _CLOCK.match(value)):
            return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])
    return None


def _is_a_guess(container: InputContainer) -> bool:
    """Whether the length is one that libav made of the bits a second, as of a recording that was never finished."""
    if container.format.name != "matroska,webm":
        return False
    with Path(container.name).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return _LENGTH.search(head.partition(_FIRST_CLUSTER)[0]) is None
