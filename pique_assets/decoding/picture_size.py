"""Noticing that a video's pictures change their size on the way, without decoding all of them.

Belongs here: the part of each coding's headers that holds the size. A header that differs from the one before has its
picture decoded, so that the header need not be understood. Does not: what a change means for a verdict.
"""

from __future__ import annotations

from collections.abc import Callable

import av
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pique_assets.decoding.nal_units import nal_units

MOST_CHANGES = 5
"""So many changes are told; pictures after them are not looked at."""

_HEAD_BYTES = 4096
"""Headers stand at the beginning of a packet."""


class Sizes:
    """The sizes of one track's pictures, from its key pictures' headers.

    Attributes:
        changes: The packet time, width and height of each picture that has another size than the one before.
    """

    def __init__(self, track: VideoStream) -> None:
        self.changes: list[tuple[int | None, int, int]] = []
        self._header_of = _HEADERS.get(track.codec_context.name)
        self._track = track
        self._header: bytes | None = None
        self._size: tuple[int, int] | None = None
        self._last_key: bytes | None = None
        self._last_key_pts: int | None = None

    def add(self, packet: Packet[VideoStream]) -> None:
        """Look at a packet; only key pictures begin a new size."""
        if not packet.is_keyframe or not packet.size or len(self.changes) >= MOST_CHANGES:
            return
        if self._header_of is None:
            # An unknown coding: the first and the last key picture are compared, which sees a lasting change.
            if self._size is None:
                self._compare(bytes(packet), packet.pts)
            else:
                self._last_key, self._last_key_pts = bytes(packet), packet.pts
            return
        header = self._header_of(bytes(memoryview(packet)[:_HEAD_BYTES]))
        if packet.has_sidedata("new_extradata"):
            header = (header or b"") + bytes(packet.get_sidedata("new_extradata"))
        if header is not None and header != self._header:
            self._header = header
            self._compare(bytes(packet), packet.pts)

    def finish(self) -> None:
        """All packets were seen."""
        if self._last_key is not None:
            self._compare(self._last_key, self._last_key_pts)

    def _compare(self, body: bytes, pts: int | None) -> None:
        size = _decoded_size(self._track, body)
        if size is None:
            return
        if self._size is not None and size != self._size:
            self.changes.append((pts, *size))
        self._size = size


def _decoded_size(track: VideoStream, body: bytes) -> tuple[int, int] | None:
    """The size of one key picture; None where it does not decode alone."""
    context = CodecContext.create(track.codec_context.codec, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = track.codec_context.extradata
    context.thread_count = 1
    try:
        frames: list[VideoFrame] = [*context.decode(Packet(body)), *context.decode(None)]
    except (av.FFmpegError, ValueError):
        return None
    return (frames[0].width, frames[0].height) if frames else None


def _h264(head: bytes) -> bytes | None:
    """All sequence parameter sets, behind start codes or behind their lengths."""
    for position in nal_units(head):
        if head[position] & 0x1F == 7:
            return head[position : position + 64].split(b"\0\0\x01")[0]
    return None


def _hevc(head: bytes) -> bytes | None:
    for position in nal_units(head):
        if head[position] >> 1 & 0x3F == 33:
            return head[position : position + 64].split(b"\0\0\x01")[0]
    return None


def _mpeg(head: bytes) -> bytes | None:
    found = head.find(b"\0\0\x01\xb3")
    return None if found < 0 else head[found + 4 : found + 7]


def _vp8(head: bytes) -> bytes | None:
    return head[6:10] if head[3:6] == b"\x9d\x01\x2a" else None


def _vp9(head: bytes) -> bytes | None:
    return head[1:9] if head[1:4] == b"\x49\x83\x42" else None


_HEADERS: dict[str, Callable[[bytes], bytes | None]] = {
    "h264": _h264,
    "hevc": _hevc,
    "mpeg1video": _mpeg,
    "mpeg2video": _mpeg,
    "vp8": _vp8,
    "libvpx": _vp8,
    "vp9": _vp9,
    "libvpx-vp9": _vp9,
}
