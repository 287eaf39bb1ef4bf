"""Clocks: what a tick of one is in seconds, and one clock for a track whose timestamps start anew, jump or wrap.

Belongs here: broadcasts and recordings put together from pieces. Does not: edit lists, which libav applies.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

BACKWARD_SEC = 0.1
"""Packets come in the order of decoding: when their time goes back further than this, a clock has started anew."""

FORWARD_SEC = {"mpegts": 60.0, "mpeg": 60.0, "ogg": 60.0, "flv": 108_000.0}
"""By format, the longest gap that is one: beyond it the clock jumped. Other formats have clocks that never jump, where
a picture may well be shown for minutes."""


class Ratio(Protocol):
    """What PyAV gives for a ratio: a Fraction until 18, since 19 a class of its own."""

    @property
    def numerator(self) -> int:
        """Above the line."""

    @property
    def denominator(self) -> int:
        """Below it; 0 where a file says nonsense."""


def exact(ratio: Ratio | None) -> Fraction | None:
    """A ratio of libav's; None where it is unknown, which is None, 0 or something over 0, by the release of PyAV."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio else None


class Clock:
    """The clock of one track: moves the timestamps of its packets so that each piece goes on where the last ended."""

    def __init__(self, container: InputContainer, track: Stream) -> None:
        limit = FORWARD_SEC.get(container.format.name)
        tick = exact(track.time_base) or Fraction(1, 1_000_000)
        self.breaks = 0
        self._limits = None if limit is None else (round(BACKWARD_SEC / tick), round(limit / tick))
        self._moved_by = 0
        self._last: int | None = None
        self._end = 0

    def set(self, packet: Packet[Any]) -> None:
        """Move a packet's timestamps in place; every packet of the track has to come by, in the file's order."""
        if self._limits is None or packet.pts is None:
            return
        moment = packet.pts if packet.dts is None else packet.dts
        backward, forward = self._limits
        if self._last is not None and not -backward <= moment - self._last <= forward:
            self.breaks += 1
            self._moved_by = self._end - packet.pts
        self._last = moment
        packet.pts += self._moved_by
        if packet.dts is not None:
            packet.dts += self._moved_by
        self._end = max(self._end, packet.pts + (packet.duration or 0))
