"""The text of subtitle tracks, as players show it.

Belongs here: every coding that libav turns into text. Does not: reading subtitles that are pictures, which are listed
without their text; and what the text says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from av.packet import Packet
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from pique_assets.decoding.containers import decoded, tag_text
from pique_assets.decoding.media import LOOKED_AT_SEC, SubtitleCue, SubtitleTrack

PICTURES = frozenset({"dvbsub", "dvdsub", "pgssub", "xsub"})
"""Codings of subtitles that are pictures."""

_MARKUP = re.compile(r"\{\\[^}]*\}")
"""How a text says that it is italic, where it stands and the like, once libav has read it."""

_DRAWING = re.compile(r"\{[^}]*\\p[1-9][^}]*\}.*?(?=\{[^}]*\\p0[^}]*\}|$)")
"""The lines of a shape that ASS draws, which are no text."""

MOST_CUES = 20_000
"""Of one track: more than a text every fifth of a second of the first hour."""


@dataclass(slots=True)
class SubtitleReader:
    """Collects the cues of one track."""

    track: SubtitleStream
    _codec: str = "unknown"
    _cues: list[tuple[float, float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.track.codec_context is not None:
            # Read before anything is decoded: PyAV 19 dies of reading the name of a decoder that could not be opened.
            self._codec = self.track.codec_context.name
            # libav would leave out each line that is not UTF-8.
            self.track.codec_context.options = {"sub_charenc_mode": "ignore"}

    def add(self, packet: Packet[SubtitleStream]) -> None:
        """Read a packet of the track."""
        if self._are_pictures or packet.pts is None or not packet.size or len(self._cues) >= MOST_CUES:
            return
        start_s = float(packet.pts * packet.time_base)
        text, shown_s = _text_and_seconds(packet)
        if packet.duration:
            shown_s = float(packet.duration * packet.time_base)
        if text:
            self._cues.append((start_s, start_s + shown_s, text))

    def read(self, *, picture_starts_s: float) -> SubtitleTrack:
        """The whole track, in seconds since the first picture."""
        moved = [(start - picture_starts_s, end - picture_starts_s, text) for start, end, text in sorted(self._cues)]
        return SubtitleTrack(
            codec=self._codec,
            language=None if self.track.language is None else tag_text(self.track.language),
            is_forced=bool(self.track.disposition & Disposition.forced),
            cues=None
            if self._are_pictures
            else tuple(
                SubtitleCue(start_s=round(max(0.0, start), 3), end_s=round(end, 3), text=text)
                for start, end, text in moved
                if end > 0 and start < LOOKED_AT_SEC
            ),
        )

    @property
    def _are_pictures(self) -> bool:
        return self._codec in PICTURES or self._codec == "unknown"


def _text_and_seconds(packet: Packet[SubtitleStream]) -> tuple[str, float]:
    """A packet's text without markup, and how long its coding says it is shown."""
    parts, shown_s = [], 0.0
    for found in decoded(packet):
        rects = found if isinstance(found, SubtitleSet) else [found]
        if isinstance(found, SubtitleSet):
            shown_s = max(shown_s, (found.end_display_time - found.start_display_time) / 1000)
        parts += [rect for rect in rects if isinstance(rect, AssSubtitle)]
    # A length of 2**32 ms is libav's word for "until the next".
    return shown_text(parts), shown_s if shown_s < 1000 else 0.0


def shown_text(parts: Sequence[AssSubtitle]) -> str:
    """The text of what is shown at once, without markup, line by line."""
    texts = [(part.dialogue or part.text).decode(errors="replace") for part in parts]
    lines = [_MARKUP.sub("", _DRAWING.sub("", text)).replace("\\h", " ").strip() for text in texts]
    return "\n".join(line for line in lines if line)
