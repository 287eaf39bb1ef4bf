"""Measuring a video while its packets pass by: what a player would show, counted.

Belongs here: hard-won facts: rotation is a property of frames, not of streams; a truncated file still claims its full
duration; packets before the first key picture decode to nothing. Does not: choosing the track (`tracks`), counting
(`shown`), samples of the pictures (`frames`), verdicts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pique_assets.decoding.clock import Clock, exact
from pique_assets.decoding.containers import MAX_PIXELS, decoded, nothing_decoded
from pique_assets.decoding.declared import declared_end_sec
from pique_assets.decoding.facts import VideoFacts
from pique_assets.decoding.field_pairs import FieldPairs
from pique_assets.decoding.picture_size import Sizes
from pique_assets.decoding.placement import Placement
from pique_assets.decoding.shown import Shown, shows_nothing
from pique_assets.decoding.tracks import heard_track, notes_on_others

MOST_BEFORE_THE_FIRST = 100_000
"""So many packets may pass until a picture decodes; a video that needs more has none."""

_WITHOUT_SHOWN_TIMES = frozenset({"avi"})
"""Formats that number their pictures in the order of decoding; what libav says of the times shown is a guess."""

_ROUNDED_SEC = Fraction(1, 10)
"""A track that ends by less before the whole file is the one that lasts as long."""

_BROADCAST = frozenset({"mpegts", "mpeg"})
"""Formats that mark a packet as damaged where a neighbour was lost: its picture is shown all the same."""


class VideoMeter:
    """Measures one track.

    Attributes:
        first_frame: The first picture that is shown; None until it is decoded.
    """

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        track.codec_context.thread_count = 1
        # Without the loop filter on pictures that no other refers to, decoding takes a fifth less.
        track.codec_context.options = {"max_pixels": str(MAX_PIXELS), "skip_loop_filter": "noref"}
        self.first_frame: VideoFrame | None = None
        self._container = container
        self._track = track
        self._time_base = exact(track.time_base) or Fraction(1, av.time_base)
        self._clock = Clock(container, track)
        self._shown = Shown(time_base=self._time_base)
        self._sizes = Sizes(track)
        self._fields = FieldPairs(track)
        # Read before anything is decoded: PyAV 19 dies of reading the name of a decoder that could not be opened.
        self._coding = track.codec_context.name
        self._first_pts: int | None = None
        self._waiting: list[tuple[int | None, int | None, int | None]] = []
        self._counts_by_dts = container.format.name in _WITHOUT_SHOWN_TIMES
        self._counts_damaged = container.format.name in _BROADCAST
        self._furthest_end = Fraction(0)

    def add(self, packet: Packet[VideoStream], *, decodes_all: bool) -> list[VideoFrame]:
        """Count a packet of the track, and return its pictures.

        Args:
            packet: The next in the file's order; the empty one at the end comes too.
            decodes_all: Otherwise packets are decoded only until the first picture.
        """
        self._clock.set(packet)
        if packet.size:
            self._sizes.add(packet)
        frames: list[VideoFrame] = []
        if decodes_all or self.first_frame is None:
            frames = [frame for frame in decoded(packet) if isinstance(frame, VideoFrame)]
        if packet.size and self._is_shown(packet):
            moment = packet.dts if self._counts_by_dts or packet.pts is None else packet.pts
            self._waiting.append((packet.pts, moment, packet.duration))
        if self.first_frame is None and frames:
            self.first_frame = frames[0]
            self._first_pts = frames[0].pts
        if self.first_frame is not None or len(self._waiting) > MOST_BEFORE_THE_FIRST:
            self._count_waiting()
        return frames

    def beside(self, packet: Packet[Any]) -> None:
        """See a packet of another track: how far the file goes tells whether it was cut short."""
        if packet.pts is not None and packet.size and (tick := exact(packet.time_base)):
            self._furthest_end = max(self._furthest_end, (packet.pts + (packet.duration or 0)) * tick)

    @property
    def pixel_shape(self) -> float:
        """Width over height of a pixel as stored; the container's word goes before that of the coding."""
        ratio = exact(self._track.sample_aspect_ratio) or exact(self._track.codec_context.sample_aspect_ratio)
        # Players do not follow absurd ones.
        return float(ratio) if ratio and Fraction(1, 10) < ratio < 10 else 1.0

    @property
    def stated_rate(self) -> Fraction | None:
        """Pictures a second by the word of a stream without times; None where it states nothing."""
        # The average that libav names of some is its own assumption.
        stated = self._stated_rates()
        return stated[-1] if stated else None

    def start_sec(self) -> float:
        """When the first picture is shown, by the clock of the file."""
        return float(self._shown.start_sec())

    def facts(self) -> VideoFacts:
        """What was measured, once every packet has passed.

        Raises:
            UnreadableMedia: No picture can be decoded.
        """
        frame = self.first_frame
        if frame is None:
            most = f"{MAX_PIXELS / 1e6:.0f} megapixels"
            why = f"no frame of the video can be decoded (larger ones than {most} are not tried)"
            raise nothing_decoded(why, format_name=self._container.format.name)
        self._sizes.finish()
        placement = Placement.of(frame)
        width, height = placement.shown_size(frame.width, frame.height)
        shape = frame.width * self.pixel_shape / frame.height
        declared_end = self._declared_end()
        duration = self._shown.duration_sec(declared_end=declared_end)
        if not duration and (rate := self.stated_rate):
            # Raw streams have no times.
            duration = self._shown.count / rate
        heard = heard_track(self._container)
        return VideoFacts(
            width=width,
            height=height,
            aspect_ratio=1 / shape if placement.lies_on_its_side else shape,
            fps=self._rate(min(duration, self._shown.duration_sec())),
            duration_sec=float(duration),
            declared_duration_sec=None if declared_end is None else float(declared_end - self._shown.start_sec()),
            audio_sample_rate=(heard.sample_rate or None) if heard else None,
            frames=self._shown.count,
            notes=(*self._notes(placement), *notes_on_others(self._container, self._track)),
        )

    def _is_shown(self, packet: Packet[VideoStream]) -> bool:
        """Edit lists have libav mark what they leave out; the last packet of a truncated file is damaged."""
        completes_another = self._fields.is_second(packet)
        if packet.is_discard or (packet.is_corrupt and not self._counts_damaged):
            return False
        return not completes_another and not shows_nothing(self._coding, packet)

    def _count_waiting(self) -> None:
        """Count what came until the first picture decoded; what is shown before that picture did not decode."""
        start = self._first_pts
        for pts, moment, duration in self._waiting:
            if start is None or pts is None or pts >= start:
                self._shown.add(moment, duration)
        self._waiting.clear()
        # Later packets count whatever their times, which damaged files have run backwards.
        self._first_pts = None

    def _stated_rates(self) -> list[Fraction]:
        stated = (exact(self._track.average_rate), exact(self._track.guessed_rate))
        return [rate for rate in stated if rate]

    def _rate(self, duration: Fraction) -> float:
        """Pictures a second, counted; where times are too coarse to tell, the rate that the file states."""
        if not duration:
            return float(self.stated_rate or 0)
        counted = self._shown.count / duration
        unsure = 2 * self._time_base / duration
        for rate in self._stated_rates():
            if abs(counted / rate - 1) <= unsure:
                return float(rate)
        return float(counted)

    def _declared_end(self) -> Fraction | None:
        """When the picture is said to end; a word on the whole file is one on the picture if no other track lasts."""
        of_track = declared_end_sec(self._container, self._track)
        if of_track is not None:
            return of_track
        whole = declared_end_sec(self._container, None)
        return whole if whole is not None and whole > self._furthest_end + _ROUNDED_SEC else None

    def _notes(self, placement: Placement) -> list[str]:
        notes = []
        for pts, width, height in self._sizes.changes:
            across, down = placement.shown_size(width, height)
            at = "" if pts is None else f" at {float(pts * self._time_base - self._shown.start_sec()):.1f}s"
            notes.append(f"the picture changes to {across}x{down}{at}, and the first size is the one measured")
        if self._clock.breaks:
            pieces = self._clock.breaks + 1
            notes.append(f"it is put together from {pieces} pieces with clocks of their own, and all of them count")
        return notes
