"""Real media made on the spot by PyAV and Pillow: videos, sounds, images.

Belongs here: makers that several rooms' tests use. Does not: damage (`hostile_media`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

_QUICK = {
    "h264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def noise_frames(width: int, height: int, count: int) -> Iterator[av.VideoFrame]:
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    for number in range(count):
        yield av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), format="rgb24")


def make_video(
    path: Path,
    *,
    width: int = 320,
    height: int = 240,
    fps: int = 25,
    count: int = 50,
    codec: str = "h264",
    rotation: int = 0,
    sound: bool = False,
    cover: bool = False,
    sample_aspect_ratio: str | None = None,
    times: list[int] | None = None,
    options: dict[str, str] | None = None,
    encoder_options: dict[str, str] | None = None,
    sound_s: float | None = None,
) -> Path:
    """Encode a real clip; ``times`` are the frames' own times in 1/1000 s, for a variable frame rate."""
    with av.open(path, "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size = 10
        stream.options = encoder_options or _QUICK.get(codec, {})
        if rotation:
            stream.set_display_rotation(rotation)
        if sample_aspect_ratio:
            stream.codec_context.sample_aspect_ratio = Fraction(sample_aspect_ratio)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        audio = container.add_stream("aac", rate=44100) if sound else None
        picture = None
        if cover:
            picture = container.add_stream("mjpeg")
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
        for number, frame in enumerate(noise_frames(width, height, len(times) if times else count)):
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            _add_silence(container, audio, seconds=sound_s or count / fps)
        if picture is not None:
            container.mux(picture.encode(next(noise_frames(64, 64, 1))))
            container.mux(picture.encode())
    return path


def _add_silence(container, stream, *, seconds: float) -> None:
    for number in range(int(seconds * 44100 / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, number * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def make_sound(path: Path) -> Path:
    with av.open(path, "w") as container:
        _add_silence(container, container.add_stream("aac", rate=44100, layout="mono"), seconds=1.0)
    return path


def image_bytes(width: int = 120, height: int = 90, image_format: str = "PNG", **options: object) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    output = io.BytesIO()
    Image.fromarray(noise).save(output, image_format, **options)
    return output.getvalue()
