"""Counting the pictures that a player would show, and how long it would show them.

Belongs here: counting packets, without decoding them. Does not: moving their clock (`clock`), and finding out which
picture is the first that decodes (`video`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet

_AGREES = Fraction(1, 5)
"""A stated duration that differs by less from the time until the next picture was right."""

_ROUNDED_SEC = Fraction(1, 900)
"""Matroska rounds times to a thousandth of a second."""


class Shown:
    """What was counted of one track, in constant memory.

    Attributes:
        count: Pictures that are shown.
    """

    def __init__(self, *, time_base: Fraction) -> None:
        self.count = 0
        self._time_base = time_base
        self._start: int | None = None
        # The last two pictures as shown: the time of each and the duration that its packet states.
        self._last: tuple[int, int] | None = None
        self._before: tuple[int, int] | None = None

    def add(self, pts: int | None, duration: int | None) -> None:
        """Count one picture; those without a time count, but do not make the video longer."""
        self.count += 1
        if pts is None:
            return
        self._start = pts if self._start is None else min(self._start, pts)
        picture = (pts, duration or 0)
        if self._last is None or pts > self._last[0]:
            self._last, self._before = picture, self._last
        elif pts < self._last[0] and (self._before is None or pts > self._before[0]):
            self._before = picture

    def start_sec(self) -> Fraction:
        """When the first picture is shown, by the track's clock."""
        return (self._start or 0) * self._time_base

    def duration_sec(self, *, declared_end: Fraction | None = None) -> Fraction:
        """Seconds from the first picture to the end of the last one.

        Args:
            declared_end: When the track ends by its container's word. An end within the last picture or the one that
                would follow is the end: an edit may cut a picture that stays for long, and libav leaves out the one
                in whose middle an edit begins.
        """
        if self._last is None or self._start is None:
            return Fraction(0)
        begins, lasts = self._last[0] * self._time_base, self._last_ticks() * self._time_base
        end = begins + lasts
        if declared_end is not None and begins < declared_end < end + lasts:
            end = declared_end
        return end - self.start_sec()

    def _last_ticks(self) -> int:
        """How long the last picture is shown.

        Many containers state no durations and libav puts a usual one in their place. So what is stated of the last
        picture counts only if what is stated of the one before was right; otherwise the last one is shown as long as
        the one before.
        """
        assert self._last is not None
        (moment, stated), before = self._last, self._before
        if before is None:
            return stated
        gap = moment - before[0]
        right = abs(before[1] - gap) <= max(_ROUNDED_SEC / self._time_base, gap * _AGREES)
        return stated if right and stated else gap


def shows_nothing(codec: str, packet: Packet[Any]) -> bool:
    """Whether a packet holds only a picture that others refer to: VP8 and VP9 have them."""
    body = memoryview(packet)
    if codec == "vp8":
        return len(body) > 0 and not body[0] >> 4 & 1
    if codec == "vp9" and len(body) > 0:
        # A superframe ends with its index, and one of its frames is shown.
        is_superframe = body[-1] & 0xE0 == 0xC0
        # From the top: marker (2 bits), profile (2, one more for profile 3), existing, key, shown.
        has_reserved_bit = body[0] >> 4 & 3 == 3
        flags = body[0] >> (0 if has_reserved_bit else 1)
        shows_existing, is_shown = flags >> 2 & 1, flags & 1
        return not (is_superframe or shows_existing or is_shown)
    return False
