"""Closed captions that are hidden in the pictures' own stream, as American broadcasters send them.

Belongs here: turning what libav hands over beside each picture (the line 21 captions of CEA-608) into the cues of a
track. Does not: captions in a track of their own (`subtitle_text`), captions that are drawn into the picture.
"""

from __future__ import annotations

from typing import cast

import av
from av.codec.context import CodecContext
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle
from av.video.frame import VideoFrame

from pique_assets.decoding.media import SubtitleCue, SubtitleTrack
from pique_assets.decoding.subtitle_text import MOST_CUES, shown_text

CODING = "eia_608"
"""As libav names it."""

_SHOW = (0x14, 0x2F)
"""The command to show at once what was sent before."""

_ERASE = b"\xfc\x94\x2c"
"""The command to show nothing more, as it is sent."""


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
        captions = frame.side_data.get("A53_CC")
        if isinstance(captions, SideData) and len(self._cues) < MOST_CUES:
            self._read(bytes(captions), time_s=time_s)

    def tracks(self, *, end_s: float) -> tuple[SubtitleTrack, ...]:
        """The captions as a track; none where nothing is ever shown.

        Args:
            end_s: When the picture ends, which takes the last caption with it.
        """
        if self._decoder is not None:
            self._read(_ERASE, time_s=end_s)
        if not self._cues:
            return ()
        return (SubtitleTrack(codec=CODING, language=None, is_forced=False, cues=tuple(self._cues)),)

    def _read(self, captions: bytes, *, time_s: float) -> None:
        if self._decoder is None:
            decoder = CodecContext.create("cc_dec", "r")
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


def _shows(captions: bytes) -> bool:
    pairs = (captions[place + 1 : place + 3] for place in range(0, len(captions) - 2, 3))
    # Bit 7 is for parity, bit 3 tells the channel, bit 0 the field.
    return any((pair[0] & 0x76, pair[1] & 0x7F) == _SHOW for pair in pairs)
