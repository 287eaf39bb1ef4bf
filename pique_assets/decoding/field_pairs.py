"""Pictures of H.264 that are two fields, each of which may be a packet of its own.

Belongs here: telling the second field of a pair, with which no new picture begins. Broadcasts and camcorders record so.
Does not: fields of other codings, and counting (`shown`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from av.packet import Packet
from av.video.stream import VideoStream

from pique_assets.decoding.nal_units import UnitBits, nal_units

_HEAD_BYTES = 4096
_SLICES = frozenset({1, 5})
_PARAMETERS = 7
_PARAMETERS_BYTES = 512
_SLICE_BYTES = 32
_WITH_COLOUR_FORMAT = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_OF_AN_MP4 = 1


@dataclass(frozen=True, slots=True)
class _Form:
    """What must be known of a stream to read whether a picture is a field."""

    has_fields: bool
    has_planes: bool
    number_bits: int


class FieldPairs:
    """Follows the packets of one track."""

    def __init__(self, track: VideoStream) -> None:
        self._is_h264 = track.codec_context.name == "h264"
        self._form: _Form | None = None
        self._first: tuple[int, int] | None = None
        extradata = track.codec_context.extradata
        if self._is_h264 and extradata:
            # An MP4 has a length of two bytes before its parameters, others have a start code.
            self._learn(b"\0\0\1" + extradata[8:] if extradata[0] == _OF_AN_MP4 else extradata)

    def is_second(self, packet: Packet[Any]) -> bool:
        """Whether a packet is the second field of a picture; every packet has to come by, in the file's order."""
        if not self._is_h264:
            return False
        head = bytes(memoryview(packet)[:_HEAD_BYTES]) if packet.is_keyframe or self._may_be_fields else b""
        if packet.is_keyframe:
            self._learn(head)
        field = self._field(head) if self._may_be_fields else None
        is_second = field is not None and self._first == (field[0], 1 - field[1])
        self._first = None if is_second else field
        return is_second

    @property
    def _may_be_fields(self) -> bool:
        return self._form is not None and self._form.has_fields

    def _learn(self, head: bytes) -> None:
        for place in nal_units(head):
            if head[place] & 0x1F == _PARAMETERS:
                try:
                    self._form = _form(UnitBits(head[place + 1 : place + _PARAMETERS_BYTES]))
                except ValueError:
                    continue

    def _field(self, head: bytes) -> tuple[int, int] | None:
        """The number of the picture, and 0 for its upper field or 1 for its lower one; None where it is no field."""
        assert self._form is not None
        for place in nal_units(head):
            if head[place] & 0x1F in _SLICES:
                bits = UnitBits(head[place + 1 : place + _SLICE_BYTES])
                try:
                    for _ in ("first block", "type", "parameters"):
                        bits.number()
                    if self._form.has_planes:
                        bits.take(2)
                    number, is_field = bits.take(self._form.number_bits), bits.take(1)
                    return (number, bits.take(1)) if is_field else None
                except ValueError:
                    return None
        return None


def _form(bits: UnitBits) -> _Form:
    """What a sequence's parameters say of it."""
    profile = bits.take(8)
    bits.take(16)
    bits.number()
    has_planes = False
    if profile in _WITH_COLOUR_FORMAT:
        colours = bits.number()
        has_planes = colours == 3 and bool(bits.take(1))
        bits.number()
        bits.number()
        bits.take(1)
        if bits.take(1):
            for place in range(12 if colours == 3 else 8):
                _pass_scaling(bits, length=16 if place < 6 else 64)
    number_bits = bits.number() + 4
    _pass_order(bits)
    bits.number()
    bits.take(1)
    bits.number()
    bits.number()
    return _Form(has_fields=not bits.take(1), has_planes=has_planes, number_bits=number_bits)


def _pass_scaling(bits: UnitBits, *, length: int) -> None:
    """Pass over a list of factors, if there is one; it ends where the next factor would be zero."""
    last = following = 8
    for _ in range(length if bits.take(1) else 0):
        if following:
            code = bits.number()
            following = (last + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
        last = following or last


def _pass_order(bits: UnitBits) -> None:
    """Pass over how the order of the pictures is told."""
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.take(1)
        bits.number()
        bits.number()
        for _ in range(min(bits.number(), 255)):
            bits.number()
