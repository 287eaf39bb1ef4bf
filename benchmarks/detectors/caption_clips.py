"""The clips of the benchmark of subtitles: captioned ones, ones with text that is no caption, and ones without text.

Belongs here: what is in each clip, and what the right answer is. Clips for development and clips for the test share no
scene, no font and no sentence, but for the one trailer, the credits of the one film, and the font of the Arabic clip.
Does not: drawing and encoding (`clip_rendering`), measuring (`subtitles_accuracy`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from caption_texts import SENTENCES, UNREADABLE
from clip_rendering import WIDE, Label, Overlay, Scene, Track, write_clip

from pique_assets.decoding.media import SubtitleCue

DEVELOPMENT = "development"
TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip and the right answer.

    Attributes:
        name: Also of its file, without the ending.
        part: `DEVELOPMENT` or `TEST`.
        answer: ``captioned``, ``none`` or ``unreadable``.
        kind: ``soft``, ``burned_in`` or ``none``.
        cues: What is shown as captions.
        scene, seconds, size, overlay, tracks, suffix: See `write_clip`.
    """

    name: str
    part: str
    answer: str
    kind: str
    scene: Scene
    seconds: float = 18.0
    size: tuple[int, int] = WIDE
    cues: tuple[SubtitleCue, ...] = ()
    overlay: Overlay = lambda _: ()
    tracks: tuple[Track, ...] = ()
    suffix: str = ".mp4"

    def write(self, folder: Path) -> Path:
        """The clip's file, made if it is not there yet."""
        path = folder / f"{self.name}{self.suffix}"
        if not path.exists():
            unfinished = path.with_name(f"unfinished-{path.name}")
            write_clip(
                unfinished,
                scene=self.scene,
                seconds=self.seconds,
                size=self.size,
                overlay=self.overlay,
                tracks=self.tracks,
            )
            unfinished.rename(path)
        return path


def cues_of(texts: Sequence[str], *, seconds: float, first_s: float = 0.4, pause_s: float = 0.3) -> list[SubtitleCue]:
    """Texts one after the other, each as long as people take to say it."""
    cues, moment = [], first_s
    for text in cycle(texts):
        end = moment + max(1.2, len(text) / 14)
        if end > seconds:
            return cues
        cues.append(SubtitleCue(start_s=round(moment, 3), end_s=round(end, 3), text=text))
        moment = end + pause_s
    return cues


def in_two_lines(text: str) -> str:
    """A sentence broken near its middle, as subtitles are."""
    words = text.split()
    half = (len(words) + 1) // 2
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}"


def word_by_word(texts: Sequence[str], *, seconds: float, words: int = 2) -> list[SubtitleCue]:
    """A few words at a time, quickly."""
    cues, moment = [], 0.3
    for text in cycle(texts):
        said = text.split()
        for first in range(0, len(said), words):
            end = moment + 0.32 * len(said[first : first + words])
            if end > seconds:
                return cues
            some = " ".join(said[first : first + words])
            cues.append(SubtitleCue(start_s=round(moment, 3), end_s=round(end, 3), text=some))
            moment = end
    return cues


def shown(cues: Sequence[SubtitleCue], look: Label) -> Overlay:
    """Each cue in its time."""
    return lambda time_s: [replace(look, text=cue.text) for cue in cues if cue.start_s <= time_s < cue.end_s]


def always(*labels: Label) -> Overlay:
    """The same all the time."""
    return lambda _: labels


def together(*overlays: Overlay) -> Overlay:
    """All of them."""
    return lambda time_s: [label for overlay in overlays for label in overlay(time_s)]


class Makers:
    """Makes the clips of one part from its scenes, fonts and texts."""

    def __init__(self, part: str, *, scenes: Sequence[Scene], fonts: Sequence[str]) -> None:
        self.part = part
        self._scenes = cycle(scenes)
        self._fonts = cycle(fonts)

    def captioned(
        self,
        name: str,
        language: str,
        *,
        look: Label,
        size: tuple[int, int] = WIDE,
        seconds: float = 18.0,
        lines: int = 1,
        scene: Scene | None = None,
        extra: Overlay | None = None,
        words: int = 0,
        pause_s: float = 0.3,
        upper: bool = False,
    ) -> Clip:
        """A clip with captions in its picture."""
        texts = [text.upper() if upper else text for text in SENTENCES[self.part][language]]
        if lines == 2:
            texts = [in_two_lines(text) for text in texts]
        cues = (
            word_by_word(texts, seconds=seconds, words=words)
            if words
            else cues_of(texts, seconds=seconds, pause_s=pause_s)
        )
        overlay = shown(cues, replace(look, font=next(self._fonts)))
        return Clip(
            name=f"{self.part}-captions-{name}-{language}",
            part=self.part,
            answer="captioned",
            kind="burned_in",
            scene=scene or next(self._scenes),
            seconds=seconds,
            size=size,
            cues=tuple(cues),
            overlay=together(overlay, extra) if extra else overlay,
        )

    def unreadable(self, language: str, font: str) -> Clip:
        """A clip with captions in another script."""
        cues = cues_of(UNREADABLE[self.part][language], seconds=18.0)
        return Clip(
            name=f"{self.part}-unreadable-{language}",
            part=self.part,
            answer="unreadable",
            kind="burned_in",
            scene=next(self._scenes),
            cues=tuple(cues),
            overlay=shown(cues, Label(text="", font=font, size=0.055)),
        )

    def without(
        self,
        name: str,
        overlay: Overlay = lambda _: (),
        *,
        size: tuple[int, int] = WIDE,
        scene: Scene | None = None,
        seconds: float = 18.0,
        tracks: tuple[Track, ...] = (),
    ) -> Clip:
        """A clip without captions."""
        return Clip(
            name=f"{self.part}-none-{name}",
            part=self.part,
            answer="none",
            kind="none",
            scene=scene or next(self._scenes),
            size=size,
            seconds=seconds,
            overlay=overlay,
            tracks=tracks,
        )

    def soft(self, codec: str, suffix: str, language: str) -> Clip:
        """A clip with a subtitle track."""
        cues = tuple(cues_of(SENTENCES[self.part][language], seconds=15.0))
        return Clip(
            name=f"{self.part}-soft-{codec}-{suffix[1:]}",
            part=self.part,
            answer="captioned",
            kind="soft",
            scene=next(self._scenes),
            seconds=15.0,
            cues=cues,
            tracks=(Track(codec=codec, cues=cues, language=language),),
            suffix=suffix,
        )

    def text(self, text: str, **look: object) -> Label:
        """A label in this part's next font."""
        return Label(text=text, font=next(self._fonts), **look)  # type: ignore[arg-type]


def one_after_the_other(labels: Sequence[Label], *, each_s: float, gap_s: float, first_s: float = 0.5) -> Overlay:
    """Labels in turn, with pauses."""

    def at(time_s: float) -> list[Label]:
        number, inside = divmod(time_s - first_s, each_s + gap_s)
        return [labels[int(number)]] if 0 <= number < len(labels) and inside < each_s else []

    return at


def ticker(label: Label, *, speed: float = 0.16) -> Overlay:
    """A line that runs through the picture from right to left."""
    endless = replace(label, text="   +++   ".join([label.text] * 3), left=True)
    return lambda time_s: [replace(endless, x=round(0.3 - speed * time_s, 3))]


def rolling(labels: Sequence[Label], *, speed: float = 0.07) -> Overlay:
    """Lines that run through the picture from below."""

    def at(time_s: float) -> list[Label]:
        moved = [replace(label, y=round(label.y - speed * time_s, 3)) for label in labels]
        return [label for label in moved if 0.03 < label.y < 1.05]

    return at


def numbered(look: Label, write: Callable[[float], str]) -> Overlay:
    """A text that follows the clock."""
    return lambda time_s: [replace(look, text=write(time_s))]


def timecode(time_s: float) -> str:
    """As editing programs burn it in."""
    return f"01:00:{int(time_s):02d}:{int(time_s % 1 * 25):02d}"


def all_clips() -> list[Clip]:
    """Every clip of both parts."""
    import clips_for_development
    import clips_for_the_test

    return [*clips_for_development.clips(), *clips_for_the_test.clips()]
