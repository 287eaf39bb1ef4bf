"""A HEIC photo, made by bytes around one picture that PyAV encodes.

Belongs here: the boxes of such a file. Does not: what is expected of it.
"""

from __future__ import annotations

import io
import struct
from functools import cache

import av
import numpy as np


def heic(*, width: int, height: int, quarter_turns: int = 0) -> bytes:
    """A photo of noise, to be shown turned against the clock."""
    configuration, picture = _encoded(width, height)
    properties = [
        _box(b"hvcC", configuration),
        _full_box(b"ispe", struct.pack(">II", width, height)),
        _box(b"irot", bytes([quarter_turns])),
    ]
    associations = struct.pack(">IHB", 1, 1, len(properties)) + bytes([0x81, 0x02, 0x83])
    item = _full_box(b"infe", struct.pack(">HH", 1, 0) + b"hvc1" + b"\0", version=2)
    head = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")

    def meta(offset: int) -> bytes:
        location = b"\x44\x00" + struct.pack(">HHHHII", 1, 1, 0, 1, offset, len(picture))
        return _full_box(
            b"meta",
            _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + _full_box(b"pitm", struct.pack(">H", 1))
            + _full_box(b"iloc", location)
            + _full_box(b"iinf", struct.pack(">H", 1) + item)
            + _box(b"iprp", _box(b"ipco", b"".join(properties)) + _full_box(b"ipma", associations)),
        )

    before = len(head) + len(meta(0)) + 8
    return head + meta(before) + _box(b"mdat", picture)


@cache
def _encoded(width: int, height: int) -> tuple[bytes, bytes]:
    """A decoder's configuration and a coded picture, taken out of an MP4."""
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none", "tag": "hvc1"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    body = written.getvalue()
    at = body.index(b"hvcC")
    (length,) = struct.unpack(">I", body[at - 4 : at])
    with av.open(io.BytesIO(body)) as container:
        picture = next(bytes(packet) for packet in container.demux() if packet.size)
    return body[at + 4 : at - 4 + length], picture


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full_box(kind: bytes, body: bytes, *, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + body)
