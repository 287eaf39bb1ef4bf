"""One content item as a detector sees it: its facts, and what was sampled of it in one pass over the file.

Belongs here: values, and how much of a file is looked at. Does not: reading a file (`reading`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pique_assets.decoding.facts import MediaFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOKED_AT_SEC = 3600.0
"""Frames, stills, sound and subtitles are of the first hour; the facts are of the whole file."""

FRAME_INTERVAL_SEC = 0.5
FRAME_SIDE = 128
"""The longest side of a frame, in pixels."""

STILL_INTERVAL_SEC = 1.5
STILL_SIDE = 640
"""The longest side of a still, in pixels: text that viewers can read is read at this size, too."""

MOST_STILLS = 400
"""A longer video has stills that are further apart."""

SOUND_RATE = 16_000
"""Samples per second, as models of speech take them."""


class Part(StrEnum):
    """What a detector may need of a content item beyond its facts. Only what is asked for is decoded."""

    FRAMES = "frames"
    STILLS = "stills"
    SOUND = "sound"
    SUBTITLES = "subtitles"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The picture that is shown at a moment.

    Attributes:
        time_s: Seconds since the first picture.
        gray: Brightness 0..255, of shape (height, width), as shown: rotation is applied.
    """

    time_s: float
    gray: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """What is heard, mixed to one channel.

    Equal only to itself: what follows from it can be kept for the next detector that asks.

    Attributes:
        samples: 16 bits, `SOUND_RATE` a second, of shape (moments,); the first is heard with the first picture.
    """

    samples: NDArray[np.int16]

    @property
    def duration_s(self) -> float:
        """Seconds of it."""
        return len(self.samples) / SOUND_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleCue:
    """A text and when it is shown, in seconds since the first picture."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleTrack:
    """A track of subtitles that players can turn on.

    Attributes:
        codec: As libav names it, such as ``mov_text``.
        language: Its tag, such as ``eng``; None without one.
        is_forced: Whether it holds only what even viewers without subtitles must see.
        cues: In their order; None where they are pictures, whose text is not known.
    """

    codec: str
    language: str | None
    is_forced: bool
    cues: tuple[SubtitleCue, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Media:
    """One content item, read once.

    Attributes:
        facts: What was measured.
        frames: See `Part.FRAMES`; empty where it was not asked for, like all of these.
        stills: See `Part.STILLS`.
        sound: See `Part.SOUND`; None also without an audible track.
        subtitle_tracks: See `Part.SUBTITLES`.
    """

    facts: MediaFacts
    frames: tuple[Frame, ...] = ()
    stills: tuple[Frame, ...] = ()
    sound: Sound | None = None
    subtitle_tracks: tuple[SubtitleTrack, ...] = ()
