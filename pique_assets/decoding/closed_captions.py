"""Closed captions as American broadcasters send them (the line 21 captions of CEA-608), a few letters a picture.

Belongs here: turning what libav hands over beside each picture, or as a track of QuickTime, into the cues of a track.
Does not: subtitles that come as whole texts (`subtitle_text`), captions that are drawn into the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import av
from av.codec.context import CodecContext
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle
from av.video.frame import VideoFrame

from pique_assets.decoding.containers import side_data_of, tag_text
from pique_assets.decoding.media import LOOKED_AT_SEC, SubtitleCue, SubtitleTrack
from pique_assets.decoding.subtitle_text import MOST_CUES, shown_text

CODING = "eia_608"
"""As libav names it."""

_DECODER = "cc_dec"

_SHOW = (0x14, 0x2F)
"""The command to show at once what was sent before."""

_ERASE = b"\xfc\x94\x2c"
"""The command to show nothing more, as it is sent."""


MOST_SENT = 60 * 3600
"""Packets of one track: one for each picture of the first hour, at 60 a second."""


def are_closed_captions(track: SubtitleStream) -> bool:
    """Whether a track holds captions of this kind."""
    return track.codec_context is not None and track.codec_context.name == _DECODER


class ClosedCaptionReader:
    """Collects the cues that come beside the pictures."""

    def __init__(self) -> None:
        self._decoder: SubtitleCodecContext | None = None
        self._cues: list[SubtitleCue] = []
        self._shown_since_s = 0.0

    def add(self, frame: VideoFrame, *, time_s: float) -> None:
        """Read what comes with a picture; pictures come in their order.

        Args:
            frame: The picture.
            time_s: Seconds since the first picture.
        """
        captions = side_data_of(frame).get("A53_CC")
        if isinstance(captions, SideData) and len(self._cues) < MOST_CUES:
            self.read(bytes(captions), time_s=time_s)

    def tracks(self, *, end_s: float) -> tuple[SubtitleTrack, ...]:
        """The captions as a track; none where nothing is ever shown.

        Args:
            end_s: When the picture ends, which takes the last caption with it.
        """
        cues = self.cues(end_s=end_s)
        return (SubtitleTrack(codec=CODING, language=None, is_forced=False, cues=cues),) if cues else ()

    def cues(self, *, end_s: float) -> tuple[SubtitleCue, ...]:
        """All cues, the last of which ends with ``end_s``."""
        if self._decoder is not None:
            self.read(_ERASE, time_s=end_s)
        return tuple(self._cues)

    def read(self, captions: bytes, *, time_s: float) -> None:
        """Read what is sent at a moment."""
        if self._decoder is None:
            decoder = CodecContext.create(_DECODER, "r")
            assert isinstance(decoder, SubtitleCodecContext)
            self._decoder = decoder
        packet = cast("Packet[SubtitleStream]", Packet(captions))
        packet.pts = round(time_s * av.time_base)
        try:
            found = self._decoder.decode2(packet)
        except av.FFmpegError:
            return
        text = shown_text([rect for rect in found or () if isinstance(rect, AssSubtitle)])
        # The decoder speaks when a caption goes, not when it comes.
        if text and time_s > self._shown_since_s:
            self._cues.append(SubtitleCue(start_s=round(self._shown_since_s, 3), end_s=round(time_s, 3), text=text))
        if text or _shows(captions):
            self._shown_since_s = time_s


@dataclass(slots=True)
class ClosedCaptionTrackReader:
    """Collects what is sent in a track."""

    track: SubtitleStream
    _sent: list[tuple[float, float, bytes]] = field(default_factory=list)

    def add(self, packet: Packet[SubtitleStream]) -> None:
        """Keep a packet of the track."""
        if packet.pts is None or not packet.size or len(self._sent) >= MOST_SENT:
            return
        tick = float(packet.time_base)
        self._sent.append((packet.pts * tick, (packet.pts + (packet.duration or 0)) * tick, bytes(packet)))

    def read(self, *, picture_starts_s: float) -> SubtitleTrack:
        """The whole track, in seconds since the first picture."""
        reader = ClosedCaptionReader()
        ends_s = 0.0
        for start_s, end_s, captions in sorted(self._sent):
            ends_s = end_s - picture_starts_s
            if start_s - picture_starts_s < LOOKED_AT_SEC:
                reader.read(captions, time_s=max(0.0, start_s - picture_starts_s))
        return SubtitleTrack(
            codec=CODING,
            language=None if self.track.language is None else tag_text(self.track.language),
            is_forced=bool(self.track.disposition & Disposition.forced),
            cues=reader.cues(end_s=min(ends_s, LOOKED_AT_SEC)),
        )


def _shows(captions: bytes) -> bool:
    pairs = (captions[place + 1 : place + 3] for place in range(0, len(captions) - 2, 3))
    # Bit 7 is for parity, bit 3 tells the channel, bit 0 the field.
    return any((pair[0] & 0x76, pair[1] & 0x7F) == _SHOW for pair in pairs)
