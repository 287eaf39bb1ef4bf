"""Sound in any container, and files whose index stands far away from their beginning.

Belongs here: making them. Does not: what is expected of them.
"""

from __future__ import annotations

import io
import struct

import av
import numpy as np

from pique_assets.media.content_type import SNIFFED_BYTES


def sound(container: str, codec: str, **options: str) -> bytes:
    """A second of silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for number in range(47):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), layout="mono")
            silence.sample_rate, silence.pts = 48_000, number * 1024
            for frame in resampler.resample(silence):
                output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def with_index_far_away(whole: bytes, *, boxes_between: int = 0) -> bytes:
    """A film or sound whose index stands behind more samples than are looked at."""
    index = whole[whole.index(b"moov") - 4 :]
    start = whole[: int.from_bytes(whole[:4], "big")]
    samples = struct.pack(">I4s", 8 + 2 * SNIFFED_BYTES, b"mdat") + bytes(2 * SNIFFED_BYTES)
    return start + samples + struct.pack(">I4s", 8, b"free") * boxes_between + index
