"""The units that packets of H.264 and HEVC consist of.

Belongs here: where units begin, and reading their bits. Does not: what a unit says (`picture_size`, `field_pairs`).
"""

from __future__ import annotations

import re

_START_CODE = re.compile(rb"\0\0\x01")
_LONGEST_NUMBER = 32


def nal_units(head: bytes) -> list[int]:
    """Where units begin: behind start codes, or else behind lengths of 4 bytes."""
    if head.startswith((b"\0\0\x01", b"\0\0\0\x01")):
        return [match.end() for match in _START_CODE.finditer(head) if match.end() < len(head)]
    found, position = [], 4
    while position < len(head):
        found.append(position)
        position += int.from_bytes(head[position - 4 : position], "big") + 4
    return found


class UnitBits:
    """Reads the bits of a unit, one field after the other."""

    def __init__(self, unit: bytes) -> None:
        """Begin at the first bit.

        Args:
            unit: The unit behind its type, with the bytes that keep start codes out of it.
        """
        body = unit.replace(b"\0\0\3", b"\0\0")
        self._bits = int.from_bytes(body, "big")
        self._left = 8 * len(body)

    def take(self, count: int) -> int:
        """A number of so many bits.

        Raises:
            ValueError: There are fewer.
        """
        if count > self._left:
            raise ValueError("the unit ends")
        self._left -= count
        return self._bits >> self._left & (1 << count) - 1

    def number(self) -> int:
        """A number that says itself how long it is (Exp-Golomb).

        Raises:
            ValueError: The unit ends in it, or it is none.
        """
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_NUMBER:
                raise ValueError("the number is too long")
        return (1 << zeros) - 1 + self.take(zeros)
