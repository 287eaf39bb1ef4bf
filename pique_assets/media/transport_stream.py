"""MPEG transport streams, which may begin anywhere, inside a packet too.

Belongs here: packets of 188 bytes, with the time stamps of Blu-ray and camcorders (192) or the checks of broadcasters
(204), and whether a stream holds sound alone. Does not: program streams (`signatures`).
"""

from __future__ import annotations

from collections.abc import Iterator

from pique_assets.media.kinds import AUDIO, VIDEO, Kind

_KIND = Kind("video/mp2t", (VIDEO, AUDIO))
_PACKET_BYTES = (188, 192, 204)
_LOOKED_AT = 12
_ENOUGH = 3
_SYNC = 0x47
_TABLES_IN = 2000
"""Packets among which the tables of a stream are looked for; they are repeated ten times a second."""
_SOUND_TYPES = frozenset({0x03, 0x04, 0x0F, 0x11, 0x1C, 0x81, 0x87})


def sniff_transport_stream(head: bytes) -> Kind | None:
    """What these first bytes of a file are, if they are packets of a transport stream; None if they are not."""
    for packet_bytes in _PACKET_BYTES:
        # Of a file of fewer packets, all that begin in it.
        wanted = min(_LOOKED_AT, len(head) // packet_bytes)
        if wanted < _ENOUGH:
            continue
        for start in range(packet_bytes):
            syncs = head[start : packet_bytes * wanted : packet_bytes]
            if syncs == b"G" * len(syncs) and _are_packets(head, start, packet_bytes=packet_bytes, count=wanted):
                packets = _packets(head, start, packet_bytes=packet_bytes)
                return _KIND.of_sound() if _holds_sound_alone(packets) else _KIND
    return None


def _are_packets(head: bytes, start: int, *, packet_bytes: int, count: int) -> bool:
    """Whether each has what every packet has: content or an adaptation field. The letter G alone is in any text."""
    places = [
        start + number * packet_bytes for number in range(count) if start + number * packet_bytes + 4 <= len(head)
    ]
    return len(places) >= _ENOUGH and all(head[at + 3] & 0x30 and not head[at + 1] & 0x80 for at in places)


def _packets(head: bytes, start: int, *, packet_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Number of the stream and content of each packet with which something begins."""
    for at in range(start, min(len(head) - 188, start + _TABLES_IN * packet_bytes), packet_bytes):
        packet = head[at : at + 188]
        if packet[0] != _SYNC or not packet[1] & 0x40 or not packet[3] & 0x10:
            continue
        skipped = 5 + packet[4] if packet[3] & 0x20 else 4
        yield (packet[1] & 0x1F) << 8 | packet[2], packet[skipped:]


def _holds_sound_alone(packets: Iterator[tuple[int, bytes]]) -> bool:
    """Whether the first map of a program lists sound, and no picture; False where no map is found."""
    maps: set[int] = set()
    for number, content in packets:
        section = content[1 + content[0] :] if content else b""
        if number == 0 and section[:1] == b"\0":
            entries = section[8 : 3 + _section_bytes(section) - 4]
            programs = [entries[at : at + 4] for at in range(0, len(entries) - 3, 4)]
            maps |= {(one[2] & 0x1F) << 8 | one[3] for one in programs if one[:2] != b"\0\0"}
        elif number in maps and section[:1] == b"\2":
            types = set(_stream_types(section))
            return bool(types & _SOUND_TYPES) and types <= _SOUND_TYPES | {0x05, 0x15}
    return False


def _stream_types(section: bytes) -> Iterator[int]:
    if len(section) < 12:
        return
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    end = min(len(section), 3 + _section_bytes(section) - 4)
    while at + 5 <= end:
        yield section[at]
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])


def _section_bytes(section: bytes) -> int:
    return (section[1] & 0x0F) << 8 | section[2] if len(section) >= 3 else 0
