"""Drawing text over real pictures, and writing the clip: H.264, with subtitle tracks where wanted.

Belongs here: scenes (the pictures behind), labels (text in a style at a place), and encoding. Does not: which clips
there are (`caption_clips`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from media_sources import media_files
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pique_assets.decoding.media import SubtitleCue

FPS = 12
WIDE = (854, 480)
TALL = (360, 640)
SQUARE = (480, 480)
FULL = (1280, 720)

FONTS = {
    "DejaVuSans": ("fonts-dejavu-core", "DejaVuSans.ttf"),
    "DejaVuSans-Bold": ("fonts-dejavu-core", "DejaVuSans-Bold.ttf"),
    "DejaVuSerif": ("fonts-dejavu-core", "DejaVuSerif.ttf"),
    "Lato-Regular": ("fonts-lato", "Lato-Regular.ttf"),
    "Lato-Black": ("fonts-lato", "Lato-Black.ttf"),
    "LiberationSans": ("fonts-liberation", "LiberationSans-Regular.ttf"),
    "LiberationSerif": ("fonts-liberation", "LiberationSerif-Italic.ttf"),
    "OpenSans": ("fonts-open-sans", "OpenSans-Semibold.ttf"),
    "OpenSans-Cond": ("fonts-open-sans", "OpenSans-CondBold.ttf"),
    "Comfortaa": ("fonts-comfortaa", "Comfortaa-Bold.ttf"),
    "DroidFallback": ("fonts-droid-fallback", "DroidSansFallbackFull.ttf"),
    "Lohit": ("fonts-lohit-deva", "Lohit-Devanagari.ttf"),
}

_Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text at a place.

    Attributes:
        text: Its lines.
        x, y: The middle of its last line's foot, in shares of the picture.
        size: The font's, as a share of the picture's height.
        font: Of `FONTS`.
        fill: The colour of the letters.
        style: ``outline``, ``box``, ``shadow`` or ``plain``.
        left: Whether ``x`` is the left edge instead of the middle.
    """

    text: str
    x: float = 0.5
    y: float = 0.93
    size: float = 0.05
    font: str = "DejaVuSans"
    fill: str = "white"
    style: str = "outline"
    left: bool = False


Overlay = Callable[[float], Sequence[Label]]
Scene = Callable[[float, tuple[int, int]], Iterator[_Picture]]
"""From seconds and size to the pictures, `FPS` a second."""


def film(package: str, name: str, *, start: float = 0.0) -> Scene:
    """A piece of a film, cut to the shape that is wanted; a film that is too short is played again."""

    def pictures(seconds: float, size: tuple[int, int]) -> Iterator[_Picture]:
        (path,) = media_files(package, name)
        wanted = round(seconds * FPS)
        made = 0
        while made < wanted:
            with av.open(str(path)) as container:
                container.seek(int(start * av.time_base))
                next_time = start
                for frame in container.decode(video=0):
                    if frame.time is None or frame.time < next_time:
                        continue
                    next_time += 1 / FPS
                    yield _fitted(frame.to_image(), size)
                    made += 1
                    if made == wanted:
                        return

    return pictures


def photo(name: str) -> Scene:
    """A slow move over a photo."""

    def pictures(seconds: float, size: tuple[int, int]) -> Iterator[_Picture]:
        (path,) = media_files("scikit-image", name)
        width, height = size
        whole = _fitted(Image.open(path).convert("RGB"), (round(width * 1.2), round(height * 1.2)))
        count = round(seconds * FPS)
        for number in range(count):
            x = round(0.2 * width * number / count)
            y = round(0.2 * height * number / count)
            yield whole[y : y + height, x : x + width]

    return pictures


def plain(*colour: int) -> Scene:
    """One colour."""

    def pictures(seconds: float, size: tuple[int, int]) -> Iterator[_Picture]:
        picture = np.full((size[1], size[0], 3), colour or (0, 0, 0), np.uint8)
        for _ in range(round(seconds * FPS)):
            yield picture

    return pictures


def _fitted(image: Image.Image, size: tuple[int, int]) -> _Picture:
    width, height = size
    scale = max(width / image.width, height / image.height)
    larger = image.resize((max(width, round(image.width * scale)), max(height, round(image.height * scale))))
    x, y = (larger.width - width) // 2, (larger.height - height) // 2
    return np.asarray(larger.crop((x, y, x + width, y + height)))


def font_file(name: str) -> Path:
    """A font of `FONTS`, fetched if need be."""
    package, file = FONTS[name]
    return media_files(package, file)[0]


@lru_cache(maxsize=64)
def _drawn(label: Label, size: tuple[int, int]) -> tuple[int, int, _Picture]:
    """Where a label begins, and its picture with transparency."""
    width, height = size
    points = max(8, round(label.size * height))
    font = ImageFont.truetype(str(font_file(label.font)), points)
    stroke = max(1, points // 12) if label.style == "outline" else 0
    anchor = "ld" if label.left else "md"
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    at = (label.x * width, label.y * height)
    where = {"anchor": anchor, "align": "center", "stroke_width": stroke}
    if label.style == "box":
        left, top, right, bottom = draw.multiline_textbbox(at, label.text, font=font, **where)
        pad = points // 4
        draw.rectangle((left - pad, top - pad, right + pad, bottom + pad), fill=(0, 0, 0, 200))
    if label.style == "shadow":
        off = max(1, points // 14)
        draw.multiline_text((at[0] + off, at[1] + off), label.text, font=font, fill=(0, 0, 0, 220), **where)
    draw.multiline_text(at, label.text, font=font, fill=label.fill, stroke_fill="black", **where)
    box = layer.getbbox() or (0, 0, 1, 1)
    return box[0], box[1], np.asarray(layer.crop(box))


def _with_labels(picture: _Picture, labels: Sequence[Label]) -> _Picture:
    drawn = picture.copy()
    for label in labels:
        x, y, layer = _drawn(label, (picture.shape[1], picture.shape[0]))
        part = drawn[y : y + layer.shape[0], x : x + layer.shape[1]]
        alpha = layer[:, :, 3:].astype(np.uint16)
        part[:] = ((part * (255 - alpha) + layer[:, :, :3] * alpha) // 255).astype(np.uint8)
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A subtitle track to be written.

    Attributes:
        codec: ``mov_text``, ``subrip``, ``webvtt`` or ``ass``.
        cues: What is shown.
        language: Its tag.
        forced: Whether it is marked as forced.
    """

    codec: str
    cues: tuple[SubtitleCue, ...]
    language: str | None = "eng"
    forced: bool = False


def write_clip(
    path: Path,
    *,
    scene: Scene,
    seconds: float,
    size: tuple[int, int],
    overlay: Overlay = lambda _: (),
    tracks: Sequence[Track] = (),
) -> None:
    """Encode a clip; the container follows from the file's name."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = size[0], size[1], "yuv420p"
        fast: Mapping[str, str] = {"cpu-used": "8", "deadline": "realtime", "b": "900k"}
        video.options = dict(fast) if path.suffix == ".webm" else {"preset": "ultrafast", "crf": "25"}
        written = [add_track(out, track) for track in tracks]
        for number, picture in enumerate(scene(seconds, size)):
            frame = av.VideoFrame.from_ndarray(_with_labels(picture, overlay(number / FPS)), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for stream, track in zip(written, tracks, strict=True):
            mux_cues(out, stream, track)


ASS_HEADER = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
    "MarginV, Encoding\n"
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def add_track(out: av.container.OutputContainer, track: Track) -> av.stream.Stream:
    """A subtitle stream of an output."""
    stream = out.add_stream(track.codec) if track.codec in ("mov_text", "ass") else out.add_mux_stream(track.codec)
    stream.time_base = Fraction(1, 1000)
    if track.codec in ("mov_text", "ass"):
        stream.codec_context.subtitle_header = ASS_HEADER.encode()
    if track.language:
        stream.metadata["language"] = track.language
    if track.forced:
        stream.disposition = av.stream.Disposition.forced
    return stream


def mux_cues(out: av.container.OutputContainer, stream: av.stream.Stream, track: Track) -> None:
    """Write a track's cues as packets."""
    for number, cue in enumerate(track.cues):
        words = cue.text.encode()
        if track.codec == "mov_text":
            words = len(words).to_bytes(2, "big") + words
        elif track.codec == "ass":
            words = f"{number},0,Default,,0,0,0,,{cue.text}".encode()
        packet = av.Packet(words)
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(cue.start_s * 1000)
        packet.duration = round((cue.end_s - cue.start_s) * 1000)
        out.mux(packet)
