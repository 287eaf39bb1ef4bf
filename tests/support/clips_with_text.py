"""Short clips with text drawn into their pictures, or with subtitle tracks, made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from clip_rendering import Track, add_track, mux_cues
from PIL import Image, ImageDraw, ImageFont

FPS = 4
SIZE = (640, 360)

Draw = Callable[[float, ImageDraw.ImageDraw], None]
"""Draws what is shown at a moment."""


def font(points: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings: Latin letters with accents, Cyrillic and more."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), points)


def spoken(texts: Sequence[str], *, each_s: float, y: float = 0.92) -> Draw:
    """One text after the other, centred, white with a black outline."""

    def draw(time_s: float, canvas: ImageDraw.ImageDraw) -> None:
        number = int(time_s / each_s)
        if number < len(texts):
            at = (SIZE[0] / 2, SIZE[1] * y)
            canvas.text(
                at, texts[number], font=font(22), fill="white", stroke_width=2, stroke_fill="black", anchor="md"
            )

    return draw


def write(
    path: Path, *, seconds: float, draw: Draw = lambda _time_s, _canvas: None, tracks: Sequence[Track] = ()
) -> Path:
    """A clip over a picture that moves and has no text of its own."""
    across = np.linspace(0, 6, SIZE[0])[None, :] + np.linspace(0, 3, SIZE[1])[:, None]
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"preset": "ultrafast"}
        written = [add_track(out, track) for track in tracks]
        for number in range(round(seconds * FPS)):
            shade = (110 + 60 * np.sin(across + number / 3)).astype(np.uint8)
            image = Image.fromarray(shade).convert("RGB")
            draw(number / FPS, ImageDraw.Draw(image))
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")))
        out.mux(video.encode(None))
        for stream, track in zip(written, tracks, strict=True):
            mux_cues(out, stream, track)
    return path
