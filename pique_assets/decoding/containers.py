"""Opening a file for libav so that it can name no other file and no address.

Belongs here: which containers are opened at all, and how large a picture may be. Does not: what is read of them
(`video`, `sound`, `reading`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from pique_assets.decoding.facts import UnreadableMedia

VIDEO_DEMUXERS = (
    "mov",
    "mp4",
    "m4a",
    "3gp",
    "3g2",
    "mj2",
    "matroska",
    "webm",
    "avi",
    "mpegts",
    "mpeg",
    "flv",
    "asf",
    "ogg",
)
AUDIO_DEMUXERS = (*VIDEO_DEMUXERS, "mp3", "wav", "flac", "aac")
"""Containers of media; no playlists, no image sequences, nothing that names other files or addresses."""

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded: three times 8K. A few bytes can claim a frame that fills the memory."""


@contextmanager
def opened(path: Path, *, demuxers: Sequence[str]) -> Iterator[InputContainer]:
    """The file at ``path``, opened so that it can name no other file and no address.

    Raises:
        UnreadableMedia: It is in none of these containers.
    """
    options = {
        "format_whitelist": ",".join(demuxers),
        "protocol_whitelist": "file",
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        container = av.open(path.absolute(), options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableMedia(f"the content is not media of a supported format ({type(error).__name__})") from error
    with container:
        yield container
