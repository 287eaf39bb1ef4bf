"""An audio file read once: its levels, and its sound where that was asked for.

Belongs here: decoding everything that a player would play, however the rate changes on the way. Does not: levels
(`levels`), verdicts.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from pique_assets.decoding.clock import Clock, exact
from pique_assets.decoding.containers import (
    AUDIO_DEMUXERS,
    WITHOUT_EDITS,
    decoded,
    nothing_decoded,
    opened,
    packets_of,
)
from pique_assets.decoding.declared import declared_end_sec
from pique_assets.decoding.extents import Extents
from pique_assets.decoding.facts import NothingShown, UnreadableMedia
from pique_assets.decoding.levels import Meter
from pique_assets.decoding.listening import Listener
from pique_assets.decoding.media import Media, Part
from pique_assets.decoding.ogg_links import links_of
from pique_assets.decoding.stated_length import mp3_frames, wave_sec
from pique_assets.decoding.tracks import heard_track

PADDING_SEC = 0.2
"""An encoder's last block is longer than what was put into it; by less than this a track's word is its end."""

LACKING_SEC = 0.5
"""What a whole file may lack of its declared duration."""

MOST_CHANGES = 5
"""So many changes of rate or layout are told."""

_STATES_LENGTH = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "wav", "w64", "aiff", "caf", "au", "flac", "wv", "ape", "tta"})
"""Formats whose header states how long the sound is, which libav hands on; of others libav makes a guess."""

_SAMPLES_OF_MP3 = {True: 1152, False: 576}
"""Samples of a frame: of a rate from 32 kHz on, and of a lower one."""


def read_audio(path: Path, *, parts: frozenset[Part]) -> Media:
    """Decode the whole audio at ``path`` and measure it.

    Raises:
        UnreadableMedia: It is no audio of a supported format, or nothing of it can be decoded.
    """
    try:
        return _read(path, parts=parts)
    except NothingShown as error:
        try:
            return _read(path, parts=parts, applies_edits=False)
        except UnreadableMedia:
            raise error from None


def _read(path: Path, *, parts: frozenset[Part], applies_edits: bool = True) -> Media:
    hearing = _Hearing(path, listener=Listener() if Part.SOUND in parts else None)
    if not applies_edits:
        hearing.notes.append(WITHOUT_EDITS)
    links = links_of(path)
    with ExitStack() as stack:
        sources: list[Path | BinaryIO] = [path]
        if len(links) > 1:
            file = stack.enter_context(path.open("rb"))
            sources = [Extents(file, [link]) for link in links]
            hearing.notes.append(f"it is a chain of {len(links)} streams, and all of them were measured")
        for source in sources:
            with opened(source, demuxers=AUDIO_DEMUXERS, applies_edits=applies_edits) as container:
                hearing.read(container)
    return hearing.media()


class _Hearing:
    """One pass over the audio, of one container or of several that are chained."""

    def __init__(self, path: Path, *, listener: Listener | None) -> None:
        self.notes: list[str] = []
        self._path = path
        self._format_name = ""
        self._meter = Meter()
        self._listener = listener
        self._end_sec = 0.0
        self._shape: tuple[int, str] | None = None
        self._changes = 0

    def read(self, container: InputContainer) -> None:
        """Decode a container to its end."""
        track = heard_track(container)
        self._format_name = container.format.name
        if track is None:
            raise UnreadableMedia(
                "it is in a coding that is not supported" if container.streams.audio else "the file has no audio stream"
            )
        before = self._meter.duration_sec
        track.codec_context.thread_count = 1
        clock = Clock(container, track)
        self._resampler = AudioResampler(format="fltp")
        for packet in packets_of(container, [track]):
            clock.set(packet)
            for frame in decoded(packet):
                if isinstance(frame, AudioFrame):
                    self._hear(frame)
        declared = _declared_sec(container, track, path=self._path)
        self._end_sec += self._played_sec(declared, found=self._meter.duration_sec - before)

    def media(self) -> Media:
        """What was measured."""
        facts = self._meter.facts(duration_sec=self._end_sec, notes=tuple(self.notes))
        if facts is None:
            raise nothing_decoded("nothing of the audio can be decoded", format_name=self._format_name)
        sound = None if self._listener is None else self._listener.sound(picture_starts_s=None)
        return Media(facts=facts, sound=sound)

    def _hear(self, frame: AudioFrame) -> None:
        shape = (frame.sample_rate, frame.layout.name)
        if shape != self._shape:
            self._note_change(shape)
            self._resampler = AudioResampler(format="fltp")
        try:
            pieces = self._resampler.resample(frame)
        except (av.FFmpegError, ValueError):
            # A frame that contradicts itself: what comes later may be whole.
            self._shape = None
            return
        for piece in pieces:
            samples = np.nan_to_num(piece.to_ndarray().astype(np.float64))
            self._meter.add(samples, sample_rate=piece.sample_rate)
        if self._listener is not None and not self._listener.is_full:
            self._listener.add(frame)

    def _note_change(self, shape: tuple[int, str]) -> None:
        if self._shape is not None and self._changes < MOST_CHANGES:
            self._changes += 1
            self.notes.append(
                f"at {self._meter.duration_sec:.1f}s the sound changes from {self._shape[0]} Hz {self._shape[1]} "
                f"to {shape[0]} Hz {shape[1]}"
            )
        self._shape = shape

    def _played_sec(self, declared: float | None, *, found: float) -> float:
        """Seconds that a player plays of what was found, by the word of a file that has one."""
        if declared is None:
            return found
        if declared - found > LACKING_SEC:
            self.notes.append(f"it is cut short: its container declares {declared:.1f}s")
        return declared if 0 < found - declared < PADDING_SEC else found


def _declared_sec(container: InputContainer, track: AudioStream, *, path: Path) -> float | None:
    """Seconds of the track by the word of the file; None where it has none."""
    name, tick = container.format.name, exact(track.time_base)
    if name in ("wav", "w64") and track.codec_context.name.startswith("pcm_"):
        return wave_sec(path)
    if name == "mp3":
        frames = mp3_frames(path) or 0
        return frames * _SAMPLES_OF_MP3[track.sample_rate >= 32_000] / track.sample_rate or None
    if name in _STATES_LENGTH and track.duration is not None and tick is not None:
        return float(track.duration * tick)
    # A word on the whole file may be of another track, or a guess of libav's by the bits a second.
    end = declared_end_sec(container, track)
    return float(end) if end else None
