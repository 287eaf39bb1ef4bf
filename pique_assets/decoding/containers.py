"""Opening a file for libav so that it can name no other file and no address, and reading it to its end.

Belongs here: which containers are opened at all, how large a picture may be, tags in any coding, and going on after a
damaged part. Does not: which track is shown or heard (`tracks`), and what is read of it (`video`, `sound`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.stream import Stream
from av.video.frame import VideoFrame

from pique_assets.decoding.facts import NothingShown, UnreadableMedia

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
    "mxf",
    "dv",
    "mpegvideo",
    "m4v",
    "h264",
    "hevc",
    "ivf",
)
AUDIO_DEMUXERS = (
    *VIDEO_DEMUXERS,
    "mp3",
    "wav",
    "w64",
    "flac",
    "aac",
    "aiff",
    "caf",
    "amr",
    "ac3",
    "eac3",
    "au",
    "dts",
    "wv",
    "ape",
    "tta",
)
"""Containers of media; no playlists, no image sequences, nothing that names other files or addresses."""

MAX_PIXELS = 100_000_000
"""Largest picture of a video that is decoded: three times 8K. A few bytes can claim a frame that fills the memory."""

MOST_FAULTS = 50
"""So many damaged places in a row, with nothing whole between them, are the end of what can be read."""

WITHOUT_EDITS = "its edit list leaves out all of it, and is passed over, as some players do"

_WITH_EDITS = "mov,mp4,m4a,3gp,3g2,mj2"


TAGS_IN_ANY_CODING: dict[str, Any] = (
    {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
)
"""For `av.open`: bytes of a tag that are not UTF-8 become surrogates. Since 19, PyAV does so by itself."""


@contextmanager
def opened(source: Path | BinaryIO, *, demuxers: Sequence[str], applies_edits: bool = True) -> Iterator[InputContainer]:
    """The media at a path or in a file object, opened so that they can name no other file and no address.

    Args:
        source: The media.
        demuxers: The containers they may be in.
        applies_edits: Whether what an edit list leaves out is left out.

    Raises:
        UnreadableMedia: They are in none of these containers.
    """
    options = {
        "format_whitelist": ",".join(demuxers),
        "protocol_whitelist": "file",
        "max_pixels": str(MAX_PIXELS),
        **({} if applies_edits else {"advanced_editlist": "0"}),
    }
    file = source.absolute() if isinstance(source, Path) else source
    try:
        container = av.open(file, mode="r", options=options, **TAGS_IN_ANY_CODING)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableMedia(
            "the content cannot be opened: it is damaged, cut short, or not media of a supported format "
            f"({type(error).__name__})"
        ) from error
    with container:
        yield container


def nothing_decoded(why: str, *, format_name: str) -> UnreadableMedia:
    """The error of a file of this format of which nothing can be decoded."""
    return NothingShown(why) if format_name == _WITH_EDITS else UnreadableMedia(why)


def tag_text(tag: str) -> str:
    """A tag as text that can be written anywhere: each byte that is not UTF-8 has become a replacement character."""
    return tag.encode(errors="surrogateescape").decode(errors="replace")


def side_data_of(frame: VideoFrame) -> SideDataContainer:
    """What libav hands over beside a picture, by place and by name.

    Until PyAV 18, a frame and its own ``side_data`` hold each other: of a pass over a film, hundreds of pictures would
    stay in memory until Python's collector comes by.
    """
    # PyAV's types do not say what it is made of.
    make: Any = SideDataContainer
    made: SideDataContainer = make(frame)
    return made


def packets_of(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Any]]:
    """Every packet of these streams, in the order of the file; what is damaged is left out.

    The packets that PyAV adds at the end to empty the decoders have no size; they come, too.
    """
    faults = 0
    while faults < MOST_FAULTS:
        try:
            for packet in container.demux(*streams):
                faults = 0
                yield packet
        except (av.FFmpegError, OSError):
            # The demuxer goes on behind a damaged part, unless there is nothing behind it.
            faults += 1
        else:
            return


def decoded(packet: Packet[Any]) -> list[object]:
    """The frames that a packet brings; none where bit rot broke the packet, for a later one may be whole."""
    try:
        return list(packet.decode())
    except (av.FFmpegError, OSError, ValueError):
        return []
