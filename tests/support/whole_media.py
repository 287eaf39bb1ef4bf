"""Good media, small and real: to be spoilt, or to keep spoilt ones company."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image


@cache
def clip(suffix: str = ".mp4", *, codec: str = "libx264", faststart: bool = False, rotation: int = 0) -> bytes:
    """A good video of one second: 160x120, 25 frames."""
    noise = np.random.default_rng(7).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        with av.open(path, "w", options={"movflags": "faststart"} if faststart else {}) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            stream.gop_size = 5
            stream.options = {"preset": "ultrafast", "deadline": "realtime", "cpu-used": "8"}
            if rotation:
                stream.set_display_rotation(rotation)
            for shift in range(25):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(noise, shift, axis=1), format="rgb24")))
            container.mux(stream.encode())
        return path.read_bytes()


@cache
def sound(suffix: str, *, codec: str, cover: bool = False) -> bytes:
    """A second of silence, with a picture on the sleeve or without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sound{suffix}"
        with av.open(path, "w") as container:
            stream = container.add_stream(codec, rate=44100, layout="mono")
            sleeve = None
            if cover:
                sleeve = container.add_stream("mjpeg")
                sleeve.width, sleeve.height, sleeve.pix_fmt = 64, 48, "yuvj420p"
                sleeve.disposition = av.stream.Disposition.attached_pic
            for index in range(40):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 44100, index * 1024
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if sleeve is not None:
                container.mux(sleeve.encode(av.VideoFrame(64, 48, "yuvj420p")))
                container.mux(sleeve.encode())
        return path.read_bytes()


@cache
def picture(image_format: str = "JPEG", *, width: int = 64, height: int = 48) -> bytes:
    """A good image of noise."""
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    output = io.BytesIO()
    Image.fromarray(noise).save(output, image_format)
    return output.getvalue()
