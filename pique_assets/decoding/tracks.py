"""Which of a file's tracks a player shows and lets hear, and what there is beside them.

Belongs here: the choice. Does not: reading the tracks (`video`, `sound`).
"""

from __future__ import annotations

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pique_assets.decoding.facts import UnreadableMedia

_BESIDE_THE_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails
_BRANDS_OF_IMAGES = frozenset({"avif", "heic", "heix", "mif1"})
_FOR_SOME = (
    Disposition.visual_impaired
    | Disposition.hearing_impaired
    | Disposition.comment
    | Disposition.dub
    | Disposition.descriptions
    | Disposition.dependent
)


def shown_track(container: InputContainer) -> VideoStream:
    """The track that a player shows: the default one, no cover, no thumbnails, and the first of equals.

    A track of one picture comes after a track of several, because cameras store previews that way.

    Raises:
        UnreadableMedia: There is none, its coding is not supported, or the file is an image.
    """
    if container.metadata.get("major_brand") in _BRANDS_OF_IMAGES:
        raise UnreadableMedia("the file is an image, not a video")
    tracks = _pictures(container)
    if not tracks:
        raise UnreadableMedia("the file has no video stream")
    track = min(tracks, key=_rank)
    # For a coding that libav does not know, PyAV has no context.
    if track.codec_context is None:
        raise UnreadableMedia("it is in a coding that is not supported")
    return track


def heard_track(container: InputContainer) -> AudioStream | None:
    """The track that a player lets hear; None where there is no sound whose coding is known."""
    tracks = [track for track in container.streams.audio if track.codec_context is not None]
    return min(tracks, key=_rank) if tracks else None


def notes_on_others(container: InputContainer, shown: VideoStream) -> tuple[str, ...]:
    """A sentence for each other video track that a person could have meant."""
    return tuple(
        f"another video track ({track.codec_context.width}x{track.codec_context.height}) is not what players show first"
        for track in _pictures(container)
        if track is not shown and track.index != shown.index and track.codec_context is not None
    )


def _pictures(container: InputContainer) -> list[VideoStream]:
    return [track for track in container.streams.video if not track.disposition & _BESIDE_THE_PICTURE]


def _rank(track: VideoStream | AudioStream) -> tuple[bool, bool, bool, int]:
    """The smaller, the more likely a player takes the track."""
    return (
        not track.disposition & Disposition.default,
        bool(track.disposition & _FOR_SOME),
        track.type == "video" and track.frames == 1,
        track.index,
    )
