"""Video of H.264 whose pictures are two fields each, as camcorders and broadcasts record; no encoder here makes any.

Belongs here: the bits of such a stream, and files that hold it. Does not: what is expected of them.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25
_BLOCKS = 2
_CLOCK = 90_000


class _Bits:
    def __init__(self) -> None:
        self.text = ""

    def put(self, *fields: tuple[int, int]) -> _Bits:
        """Numbers, each with its count of bits; of 0 bits is one that says itself how long it is."""
        for value, count in fields:
            own = format(value + 1, "b")
            self.text += format(value, f"0{count}b") if count else "0" * (len(own) - 1) + own
        return self

    def align(self) -> _Bits:
        self.text += "0" * (-len(self.text) % 8)
        return self

    def unit(self, head: int) -> bytes:
        """The unit behind its start code, with the bytes that keep start codes out of it."""
        self.text += "1"
        self.align()
        written, zeros = bytearray([head]), 0
        for byte in int(self.text, 2).to_bytes(len(self.text) // 8, "big"):
            if zeros >= 2 and byte <= 3:
                written.append(3)
                zeros = 0
            written.append(byte)
            zeros = 0 if byte else zeros + 1
        return b"\0\0\0\1" + bytes(written)


def fields(pictures: int) -> list[bytes]:
    """The upper and the lower field of each picture, of 32x32 pixels of noise."""
    noise = np.random.default_rng(1)
    start = _Bits().put((0xF0, 8)).unit(0x09)
    found = []
    for number in range(pictures):
        for parity in (0, 1):
            # First block, type, parameters, number of the picture, a field, which one.
            bits = _Bits().put((0, 0), (7, 0), (0, 0), (0, 4), (1, 1), (parity, 1))
            bits.put(*([(parity, 8), (0, 1)] if parity else [(number % 2, 0), (parity, 8), (0, 2)]), (0, 0))
            for _ in range(_BLOCKS):
                bits.put((25, 0)).align().put(*((int(pixel), 8) for pixel in noise.integers(1, 255, 384)))
            found.append(start + (b"" if parity else _parameters()) + bits.unit(0x61 if parity else 0x65))
    return found


def write_fields(path: Path, *, pictures: int, together: bool) -> Path:
    """A file of such pictures; both fields of one are one packet, or each is one of its own."""
    pieces = fields(pictures)
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(pieces))
    if path == raw:
        return raw
    length = _CLOCK // RATE
    with av.open(raw) as source, av.open(path, "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for place in range(0, len(pieces), 2 if together else 1):
            packet = av.Packet(b"".join(pieces[place : place + 2]) if together else pieces[place])
            packet.stream, packet.time_base = stream, Fraction(1, _CLOCK)
            packet.pts = packet.dts = place * length // 2
            packet.duration = length if together else length // 2
            packet.is_keyframe = place % 2 == 0
            container.mux(packet)
    return path


def _parameters() -> bytes:
    size = [(_BLOCKS - 1, 0), (0, 0), (0, 1), (0, 1), (1, 1), (0, 1)]
    clock = [(1, 1), (0, 4), (1, 1), (1, 32), (2 * RATE, 32), (1, 1), (0, 4)]
    sequence = _Bits().put((77, 8), (0, 8), (30, 8), (0, 0), (0, 0), (0, 0), (4, 0), (1, 0), (0, 1), *size, *clock)
    numbers = [(0, 0), (0, 0), (0, 2), (0, 0), (0, 0), (0, 0), (0, 3), (0, 0), (0, 0), (0, 0), (0, 3)]
    return sequence.unit(0x67) + _Bits().put(*numbers).unit(0x68)
