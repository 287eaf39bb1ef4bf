"""Measuring audio with PyAV and numpy: levels, and what stands out from the background.

Belongs here: the measuring. There is no model of a voice: *speech* means sound that stands out from the quietest
parts of the recording by `SPEECH_ABOVE_FLOOR_DB` for long enough; a bell would count too. That is enough to measure
how far a recording is above its own noise, and not enough to say what is heard. Does not: verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from pique_assets.decoding.containers import AUDIO_DEMUXERS, opened
from pique_assets.decoding.facts import AudioFacts, UnreadableMedia

WINDOW_SEC = 0.02
"""Length of the windows whose levels are compared."""

FLOOR_PERCENTILE = 10
"""The noise floor is the level that this share of the windows, in percent, does not exceed."""

SPEECH_ABOVE_FLOOR_DB = 6.0
SPEECH_ABOVE_DBFS = -50.0
"""Speech is above the floor by the one and above the other, whichever is louder."""

PAUSE_SEC = 0.2
"""A shorter pause does not end a segment of speech."""

SHORTEST_SPEECH_SEC = 0.1
"""What is shorter is a click."""

EDGE_SEC = 0.1
"""Next to speech nothing counts as noise: words fade in and out."""

LEAST_NOISE_SEC = 0.2
"""With less than this between the words, the noise can't be measured."""

QUIETEST_DBFS = -96.0
"""The step of 16 bits, and the level that digital silence is given: a ratio to nothing has no number."""

SILENT_DBFS = -60.0
CLIPPED_AT = 0.999

_Samples = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def audio_facts(path: Path) -> AudioFacts:
    """Decode the whole audio at ``path`` and measure it.

    Raises:
        UnreadableMedia: It is no audio of a supported format, or nothing of it can be decoded.
    """
    with opened(path, demuxers=AUDIO_DEMUXERS) as container:
        if not container.streams.audio:
            raise UnreadableMedia("the file has no audio stream")
        meter = _Meter()
        for samples, sample_rate in _decoded(container, container.streams.audio[0]):
            meter.add(samples, sample_rate=sample_rate)
    levels = meter.levels_db()
    if not len(levels):
        raise UnreadableMedia("nothing of the audio can be decoded")
    floor_db = float(np.percentile(levels, FLOOR_PERCENTILE))
    speech = _speech(levels, floor_db=floor_db)
    noise = ~_widened(speech, by=_windows(EDGE_SEC))
    noise_sec = float(noise.sum()) * WINDOW_SEC
    return AudioFacts(
        duration_sec=meter.duration_sec,
        sample_rate=meter.sample_rate,
        peak_dbfs=_decibels(meter.peak),
        noise_floor_dbfs=floor_db,
        clipped_ratio=meter.clipped / meter.values,
        silence_ratio=float((levels < SILENT_DBFS).mean()),
        speech_segments_count=len(_runs(speech)),
        speech_duration_sec=float(speech.sum()) * WINDOW_SEC,
        speech_rms=_rms(levels[speech]) if speech.any() else None,
        noise_duration_sec=noise_sec,
        noise_rms=_rms(levels[noise]) if noise_sec >= LEAST_NOISE_SEC else None,
    )


@dataclass(slots=True)
class _Meter:
    """Adds up what is kept of the samples: of an hour's audio, the levels of its windows."""

    sample_rate: int = 0
    peak: float = 0.0
    clipped: int = 0
    values: int = 0
    _moments: int = 0
    _rest: _Samples = field(default_factory=lambda: np.zeros(0))
    _powers: list[_Samples] = field(default_factory=list)

    def add(self, samples: _Samples, *, sample_rate: int) -> None:
        """Take samples of shape (channels, moments), full scale at 1."""
        self.sample_rate = sample_rate
        loudness = np.abs(samples)
        self.peak = max(self.peak, float(loudness.max(initial=0.0)))
        self.clipped += int((loudness >= CLIPPED_AT).sum())
        self.values += samples.size
        self._moments += samples.shape[1]
        mixed = np.concatenate([self._rest, samples.mean(axis=0)])
        length = max(1, round(sample_rate * WINDOW_SEC))
        whole = len(mixed) // length * length
        # The variance, because a constant offset is not to be heard.
        self._powers.append(mixed[:whole].reshape(-1, length).var(axis=1))
        self._rest = mixed[whole:]

    def levels_db(self) -> _Samples:
        """The level of each whole window, in dB below full scale; what is shorter than one window is one."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if not len(powers) and len(self._rest):
            powers = np.array([self._rest.var()])
        levels: _Samples = np.maximum(10 * np.log10(np.maximum(powers, 1e-30)), QUIETEST_DBFS)
        return levels

    @property
    def duration_sec(self) -> float:
        """Seconds of sound that were decoded."""
        return self._moments / self.sample_rate if self.sample_rate else 0.0


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[tuple[_Samples, int]]:
    """All samples that decode, in their own rate; damaged parts are left out."""
    if stream.codec_context is None:
        raise UnreadableMedia("it is in a coding that is not supported")
    stream.codec_context.thread_count = 1
    resampler = av.AudioResampler(format="fltp")
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            for frame in packet.decode():
                for piece in resampler.resample(frame):
                    yield np.nan_to_num(piece.to_ndarray().astype(np.float64)), piece.sample_rate
        except (av.FFmpegError, OSError, ValueError):
            # Bit rot breaks single packets; a later one may be whole. After the end of the file there is none.
            continue


def _speech(levels: _Samples, *, floor_db: float) -> _Mask:
    """Which windows belong to a segment of speech, its short pauses included."""
    loud = levels > max(floor_db + SPEECH_ABOVE_FLOOR_DB, SPEECH_ABOVE_DBFS)
    for start, end in _runs(~loud):
        if start > 0 and end < len(loud) and end - start < _windows(PAUSE_SEC):
            loud[start:end] = True
    for start, end in _runs(loud):
        if end - start < _windows(SHORTEST_SPEECH_SEC):
            loud[start:end] = False
    return loud


def _runs(mask: _Mask) -> list[tuple[int, int]]:
    """Start and end of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _widened(mask: _Mask, *, by: int) -> _Mask:
    wide = mask.copy()
    for start, end in _runs(mask):
        wide[max(0, start - by) : end + by] = True
    return wide


def _windows(seconds: float) -> int:
    return round(seconds / WINDOW_SEC)


def _rms(levels_db: _Samples) -> float:
    return math.sqrt(float((10 ** (levels_db / 10)).mean()))


def _decibels(amplitude: float) -> float:
    return max(20 * math.log10(amplitude), QUIETEST_DBFS) if amplitude > 0 else QUIETEST_DBFS
