"""Closed captions (CEA-608) hidden in the pictures of a video, made on the spot as broadcasters send them.

Belongs here: writing them beside each picture of H.264, or as a track of QuickTime. Does not: reading them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np

FPS = 30
ERASE = [(0x14, 0x2C)] * 2

_NOTHING = (0x00, 0x00)
_LOAD, _TO_LAST_ROW, _SHOW = [(0x14, 0x20)] * 2, [(0x14, 0x70)] * 2, [(0x14, 0x2F)] * 2


def pop_on(text: str) -> list[tuple[int, int]]:
    """What is sent to have a text shown at once: it comes two letters a picture, and is seen with the last of them."""
    letters = text.encode("ascii").ljust(len(text) + len(text) % 2, b"\0")
    return [*_LOAD, *_TO_LAST_ROW, *zip(letters[::2], letters[1::2], strict=True), *_SHOW]


def write(path: Path, *, seconds: float, sent: Mapping[float, list[tuple[int, int]]]) -> Path:
    """A video over a plain moving picture.

    Args:
        path: A transport stream, where they are beside the pictures, or a QuickTime film, where they are a track.
        seconds: Its length.
        sent: By the second in which the last of a text or a command is sent.
    """
    pairs = [_NOTHING] * round(seconds * FPS)
    for time_s, several in sent.items():
        last = round(time_s * FPS) + 1
        pairs[last - len(several) : last] = several
    in_a_track = path.suffix == ".mov"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "slices=1:sliced-threads=0"}
        track = out.add_mux_stream("eia_608") if in_a_track else None
        pictures = [*(_picture(number) for number in range(len(pairs))), None]
        packets = [packet for picture in pictures for packet in video.encode(picture)]
        for packet, pair in zip(packets, pairs, strict=True):
            if track is not None:
                sent_now = av.Packet(b"\xfc" + bytes(map(_with_parity, pair)))
                sent_now.stream, sent_now.time_base = track, packet.time_base
                sent_now.pts, sent_now.dts, sent_now.duration = packet.pts, packet.dts, packet.duration
                out.mux([packet, sent_now])
                continue
            hidden = av.Packet(_with_captions(bytes(packet), pair))
            hidden.stream, hidden.time_base = video, packet.time_base
            hidden.pts, hidden.dts, hidden.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            out.mux(hidden)
    return path


def _picture(number: int) -> av.VideoFrame:
    shade = np.full((180, 320, 3), number % 200, np.uint8)
    shade[:, : 1 + number % 300] = 90
    return av.VideoFrame.from_ndarray(shade, format="rgb24")


def _with_captions(picture: bytes, pair: tuple[int, int]) -> bytes:
    """The pair in a message before the picture's first slice."""
    units = re.split(rb"(?=\x00\x00\x00\x01|(?<!\x00)\x00\x00\x01)", picture)
    place = next(number for number, unit in enumerate(units) if unit and unit.lstrip(b"\0")[1] & 31 in (1, 5))
    data = b"\xb5\x00\x31GA94\x03\x41\xff\xfc" + bytes(map(_with_parity, pair)) + b"\xff"
    message = b"\x00\x00\x00\x01\x06\x04" + bytes([len(data)]) + data + b"\x80"
    return b"".join([*units[:place], message, *units[place:]])


def _with_parity(byte: int) -> int:
    return byte if byte.bit_count() % 2 else byte | 0x80
