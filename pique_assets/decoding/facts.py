"""What is measured of a content item: the numbers that follow from its bytes.

Belongs here: values alone. Does not: how they are measured (`video`, `picture`, `levels`), and what is sampled of a
content item beside them (`media`).
"""

from __future__ import annotations

from dataclasses import dataclass

VIDEO = "video"
IMAGE = "image"
AUDIO = "audio"


class UnreadableMedia(Exception):
    """The content cannot be decoded as what it was said to be; the text becomes the job's error."""


class NothingShown(UnreadableMedia):
    """Nothing can be decoded of a file whose format has edit lists, which may leave out all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What was measured of a video.

    Attributes:
        width: Pixels across, as shown (rotation applied).
        height: Pixels down, as shown.
        aspect_ratio: Width over height as shown, with the pixels' own shape taken into account.
        fps: Frames per second, the average over the whole video.
        duration_sec: Seconds from the first frame to the end of the last one that is really in the file.
        declared_duration_sec: Seconds the container claims for the picture, or None where it claims nothing.
        audio_sample_rate: Samples per second of the track that is heard, or None without audio.
        frames: Pictures that are shown.
        notes: What a person must know of the file beside these numbers, a sentence each.
    """

    width: int
    height: int
    aspect_ratio: float
    fps: float
    duration_sec: float
    declared_duration_sec: float | None
    audio_sample_rate: int | None
    frames: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What was measured of an image: pixels as shown (EXIF orientation applied), dpi as stored; notes as of a video."""

    width: int
    height: int
    mode: str
    format: str
    dpi: tuple[float, float] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """What was measured of an audio file; how, and what *speech* means here, is told in `sound`.

    Attributes:
        duration_sec: Seconds of sound that are played.
        sample_rate: Samples per second, of the beginning where the rate changes.
        peak_dbfs: The loudest sample, in dB below full scale.
        noise_floor_dbfs: The level of the quietest parts.
        clipped_ratio: Share of the samples at full scale, 0..1.
        silence_ratio: Share of the time in which nothing is to be heard, 0..1.
        speech_segments_count: Segments that stand out from the background.
        speech_duration_sec: Seconds of them.
        speech_rms: Their amplitude, full scale at 1; None without any.
        noise_duration_sec: Seconds of the rest.
        noise_rms: Its amplitude; None where there is too little of it.
        notes: As of a video.
    """

    duration_sec: float
    sample_rate: int
    peak_dbfs: float
    noise_floor_dbfs: float
    clipped_ratio: float
    silence_ratio: float
    speech_segments_count: int
    speech_duration_sec: float
    speech_rms: float | None
    noise_duration_sec: float
    noise_rms: float | None
    notes: tuple[str, ...] = ()


MediaFacts = VideoFacts | ImageFacts | AudioFacts
