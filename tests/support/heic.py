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
    """A decoder's configuration and a coded picture, made of the units of a raw stream."""
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    written = io.BytesIO()
    with av.open(written, "w", format="hevc") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    units = [unit.rstrip(b"\0") for unit in written.getvalue().split(b"\0\0\1") if unit.strip(b"\0")]
    kinds = {unit[0] >> 1 & 0x3F: unit for unit in units}
    profile = kinds[33].replace(b"\0\0\3", b"\0\0")[3:15]
    arrays = b"".join(
        bytes([0x80 | kind]) + struct.pack(">HH", 1, len(kinds[kind])) + kinds[kind] for kind in (32, 33, 34)
    )
    configuration = b"\1" + profile + b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\x03" + arrays
    slices = [unit for unit in units if unit[0] >> 1 & 0x3F < 32]
    return configuration, b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full_box(kind: bytes, body: bytes, *, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + body)
