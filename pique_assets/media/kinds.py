"""What a file turned out to be: a media format, or something that no judge takes.

Belongs here: the values that all modules which look into files answer with. Does not: how a file is looked into.
"""

from __future__ import annotations

from dataclasses import dataclass

from pique_assets.media.content import ErrorCode

VIDEO, IMAGE, AUDIO = "video", "image", "audio"
CONTENT_TYPES = (VIDEO, IMAGE, AUDIO)
"""The content types a direct upload takes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A media format.

    Attributes:
        media_type: MIME type.
        content_types: What such a file may be; the first is what it is where neither its name nor a person says more.
        is_sound_in_video_format: The file holds sound alone, in a container that is known for video, so that a name
            such as ``memo.mp4`` is no contradiction.
    """

    media_type: str
    content_types: tuple[str, ...]
    is_sound_in_video_format: bool = False

    def of_sound(self) -> Kind:
        """The same container where it holds sound alone."""
        return Kind(sound_media_type(self.media_type), (AUDIO,), is_sound_in_video_format=True)


@dataclass(frozen=True, slots=True)
class NoMedia:
    """Why a file is no content: a code for machines, a sentence for people."""

    reason: str
    code: ErrorCode = ErrorCode.UNSUPPORTED_TYPE


def is_certainly(what: str) -> NoMedia:
    """No media, of a kind that the file's own structure tells beyond doubt.

    Args:
        what: Such as "a PDF document".
    """
    return NoMedia(f"It is no video, image or audio file: it is {what}.")


def sound_media_type(media_type: str) -> str:
    """The media type of a container of video that holds sound alone."""
    return media_type.replace("video/", "audio/")
