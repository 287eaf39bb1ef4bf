"""Measuring video with PyAV.

Belongs here: hard-won facts: rotation is a property of frames, not of streams; cover art is a video stream; a
truncated file still claims its full duration. Does not: opening (`containers`), verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pique_assets.decoding.containers import MAX_PIXELS, VIDEO_DEMUXERS, opened
from pique_assets.decoding.facts import UnreadableMedia, VideoFacts


def video_facts(path: Path) -> VideoFacts:
    """Measure the video at ``path``: one frame decoded, every packet seen.

    Raises:
        UnreadableMedia: It is no video of a supported format, has no picture, or none of its frames decodes.
    """
    with opened(path, demuxers=VIDEO_DEMUXERS) as container:
        stream = picture_stream(container)
        reading = _read(container, stream)
        frame = reading.first_frame
        if not isinstance(frame, VideoFrame):
            raise UnreadableMedia("no frame of the video can be decoded")
        width, height = frame.width, frame.height
        shape = width * (stream.sample_aspect_ratio or Fraction(1)) / height
        if abs(frame.rotation) % 180 == 90:
            width, height, shape = height, width, 1 / shape
        duration = reading.duration_sec
        audio = container.streams.audio
        return VideoFacts(
            width=width,
            height=height,
            aspect_ratio=float(shape),
            fps=float(stream.average_rate or reading.packets / Fraction(max(duration, 0.001))),
            duration_sec=duration,
            declared_duration_sec=_declared_duration(container, stream),
            audio_sample_rate=(audio[0].sample_rate or None) if audio else None,
        )


def picture_stream(container: InputContainer) -> VideoStream:
    """The stream that a player shows.

    Raises:
        UnreadableMedia: There is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise UnreadableMedia("the file has no video stream")


class _Reading:
    """What one pass over a stream's packets found."""

    def __init__(self, *, time_base: Fraction, usual_ticks: int) -> None:
        self.first_frame: object = None
        self.packets = 0
        self._time_base = time_base
        self._usual_ticks = usual_ticks
        self._start: int | None = None
        self._end = 0

    def add(self, packet: Packet[VideoStream]) -> None:
        """Count a whole packet; the last bytes of a truncated file are none."""
        moment = packet.dts if packet.pts is None else packet.pts
        if moment is None or packet.is_corrupt:
            return
        self.packets += 1
        end = moment + (packet.duration or self._usual_ticks)
        self._start = moment if self._start is None else min(self._start, moment)
        self._end = max(self._end, end)

    @property
    def duration_sec(self) -> float:
        """Seconds from the first packet to the end of the last."""
        return 0.0 if self._start is None else float((self._end - self._start) * self._time_base)


def _read(container: InputContainer, stream: VideoStream) -> _Reading:
    """Demux everything, decode until the first frame."""
    if stream.codec_context is None:
        raise UnreadableMedia("it is in a coding that is not supported")
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    time_base = stream.time_base or Fraction(1, av.time_base)
    rate = stream.average_rate
    reading = _Reading(time_base=time_base, usual_ticks=round(1 / (rate * time_base)) if rate else 0)
    for packet in _packets(container, stream):
        if reading.first_frame is None:
            reading.first_frame = _first_frame(packet)
        reading.add(packet)
    return reading


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    try:
        yield from container.demux(stream)
    except (av.FFmpegError, OSError):
        # A damaged rest: what could be read is what there is to measure.
        return


def _first_frame(packet: Packet[VideoStream]) -> object:
    try:
        frames = packet.decode()
    except (av.FFmpegError, OSError, ValueError):
        # Bit rot breaks single packets; a later one may be whole.
        return None
    return frames[0] if frames else None


def _declared_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base
