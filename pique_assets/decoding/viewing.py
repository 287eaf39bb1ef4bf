"""A video read once: its facts, and the parts of it that were asked for, in one pass over the file.

Belongs here: handing each packet to those whom it concerns. Does not: what they make of it (`video`, `frames`,
`listening`, `subtitle_text`, `closed_captions`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame

from pique_assets.decoding.clock import Clock
from pique_assets.decoding.closed_captions import ClosedCaptionReader, ClosedCaptionTrackReader, are_closed_captions
from pique_assets.decoding.containers import VIDEO_DEMUXERS, WITHOUT_EDITS, decoded, opened, packets_of
from pique_assets.decoding.facts import NothingShown, UnreadableMedia, VideoFacts
from pique_assets.decoding.frames import Sampler
from pique_assets.decoding.listening import Listener
from pique_assets.decoding.media import (
    FRAME_INTERVAL_SEC,
    FRAME_SIDE,
    LOOKED_AT_SEC,
    MOST_STILLS,
    STILL_INTERVAL_SEC,
    STILL_SIDE,
    Media,
    Part,
)
from pique_assets.decoding.ogg_links import links_of
from pique_assets.decoding.subtitle_text import SubtitleReader
from pique_assets.decoding.tracks import heard_track, shown_track
from pique_assets.decoding.video import VideoMeter

CHAINED = "it is a chain of {count} videos, one behind the other, and what comes behind the first may not be counted"


def read_video(path: Path, *, parts: frozenset[Part]) -> Media:
    """The video at ``path``.

    Raises:
        UnreadableMedia: It is no video of a supported format, has no picture, or none of its pictures decodes.
    """
    try:
        media = _read(path, parts=parts)
    except NothingShown as error:
        try:
            media = _with_note(_read(path, parts=parts, applies_edits=False), WITHOUT_EDITS)
        except UnreadableMedia:
            raise error from None
    links = links_of(path)
    return _with_note(media, CHAINED.format(count=len(links))) if len(links) > 1 else media


def _read(path: Path, *, parts: frozenset[Part], applies_edits: bool = True) -> Media:
    with opened(path, demuxers=VIDEO_DEMUXERS, applies_edits=applies_edits) as container:
        viewing = _Viewing(container, parts)
        for packet in packets_of(container, list(container.streams)):
            viewing.add(packet)
        return viewing.media()


def _with_note(media: Media, note: str) -> Media:
    assert isinstance(media.facts, VideoFacts)
    return replace(media, facts=replace(media.facts, notes=(*media.facts.notes, note)))


class _Viewing:
    """One pass over a video."""

    def __init__(self, container: InputContainer, parts: frozenset[Part]) -> None:
        self._track = shown_track(container)
        self._meter = VideoMeter(container, self._track)
        self._frames = Sampler(interval_s=FRAME_INTERVAL_SEC, side=FRAME_SIDE) if Part.FRAMES in parts else None
        self._stills = (
            Sampler(interval_s=STILL_INTERVAL_SEC, side=STILL_SIDE, most=MOST_STILLS) if Part.STILLS in parts else None
        )
        self._heard = heard_track(container) if Part.SOUND in parts else None
        self._clock = None
        if self._heard is not None:
            self._heard.codec_context.thread_count = 1
            self._clock = Clock(container, self._heard)
        self._listener = Listener()
        self._readers = {
            track.index: ClosedCaptionTrackReader(track) if are_closed_captions(track) else SubtitleReader(track)
            for track in container.streams.subtitles
            if Part.SUBTITLES in parts
        }
        self._captions = ClosedCaptionReader() if Part.SUBTITLES in parts else None
        self._is_looked_at = True
        self._pictures = 0

    def add(self, packet: Packet[Any]) -> None:
        # The packets that empty the decoders carry their track, but the number of none.
        number = packet.stream.index
        if number == self._track.index:
            wants_pictures = any(reader is not None for reader in (self._frames, self._stills, self._captions))
            for frame in self._meter.add(packet, decodes_all=wants_pictures and self._is_looked_at):
                self._see(frame)
            return
        self._meter.beside(packet)
        if self._heard is not None and number == self._heard.index:
            self._hear(packet)
        elif reader := self._readers.get(number):
            reader.add(packet)

    def media(self) -> Media:
        facts = self._meter.facts()
        start_s = self._meter.start_sec()
        return Media(
            facts=facts,
            frames=self._frames.finish(end_s=facts.duration_sec) if self._frames else (),
            stills=self._stills.finish(end_s=facts.duration_sec) if self._stills else (),
            sound=self._listener.sound(picture_starts_s=start_s),
            subtitle_tracks=(
                *(reader.read(picture_starts_s=start_s) for reader in self._readers.values()),
                *(self._captions.tracks(end_s=min(facts.duration_sec, LOOKED_AT_SEC)) if self._captions else ()),
            ),
        )

    def _see(self, frame: VideoFrame) -> None:
        time_s = self._time_s(frame)
        self._pictures += 1
        if time_s is None:
            return
        self._is_looked_at = time_s < LOOKED_AT_SEC
        for sampler in (self._frames, self._stills):
            if sampler is not None and time_s >= 0:
                sampler.add(frame, time_s=time_s, pixel_shape=self._meter.pixel_shape)
        if self._captions is not None and 0 <= time_s < LOOKED_AT_SEC:
            self._captions.add(frame, time_s=time_s)

    def _time_s(self, frame: VideoFrame) -> float | None:
        """When a picture is shown, in seconds since the first; None where nobody can say."""
        first = self._meter.first_frame
        if first is None or (first.time is None) != (frame.time is None):
            return None
        if first.time is not None and frame.time is not None:
            return frame.time - first.time
        # Pictures of raw streams have no times; they come in the order in which they are shown.
        rate = self._meter.stated_rate
        return None if rate is None else float(self._pictures / rate)

    def _hear(self, packet: Packet[Any]) -> None:
        assert self._clock is not None
        self._clock.set(packet)
        if not self._listener.is_full:
            for frame in decoded(packet):
                if isinstance(frame, AudioFrame):
                    self._listener.add(frame)
