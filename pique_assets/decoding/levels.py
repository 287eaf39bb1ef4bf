"""Levels of sound, and what stands out from the background.

Belongs here: the measuring. There is no model of a voice: *speech* means sound that stands out from the quietest
parts of the recording by `SPEECH_ABOVE_FLOOR_DB` for long enough; a bell would count too. That is enough to measure
how far a recording is above its own noise, and not enough to say what is heard. Does not: decoding (`sound`), verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pique_assets.decoding.facts import AudioFacts

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

Samples = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Meter:
    """Adds up what is kept of the samples: of an hour's audio, the levels of its windows.

    Attributes:
        sample_rate: Of the first samples.
        duration_sec: Seconds of sound that were decoded, each in its own rate.
    """

    sample_rate: int = 0
    duration_sec: float = 0.0
    _rate: int = 0
    _peak: float = 0.0
    _clipped: int = 0
    _values: int = 0
    _rest: Samples = field(default_factory=lambda: np.zeros((0, 0)))
    _powers: list[Samples] = field(default_factory=list)

    def add(self, samples: Samples, *, sample_rate: int) -> None:
        """Take samples of shape (channels, moments), full scale at 1."""
        if sample_rate != self._rate or len(samples) != len(self._rest):
            # What is left of the other rate is less than a window.
            self._rate, self._rest = sample_rate, np.zeros((len(samples), 0))
            self.sample_rate = self.sample_rate or sample_rate
        loudness = np.abs(samples)
        self._peak = max(self._peak, float(loudness.max(initial=0.0)))
        self._clipped += int((loudness >= CLIPPED_AT).sum())
        self._values += samples.size
        self.duration_sec += samples.shape[1] / sample_rate
        waiting = np.concatenate([self._rest, samples], axis=1)
        length = max(1, round(sample_rate * WINDOW_SEC))
        whole = waiting.shape[1] // length * length
        self._powers.append(_power(waiting[:, :whole].reshape(len(samples), -1, length)))
        self._rest = waiting[:, whole:]

    def facts(self, *, duration_sec: float, notes: tuple[str, ...]) -> AudioFacts | None:
        """What was measured; None where there was nothing."""
        levels = self._levels_db()
        if not len(levels):
            return None
        floor_db = float(np.percentile(levels, FLOOR_PERCENTILE))
        speech = _speech(levels, floor_db=floor_db)
        noise = ~_widened(speech, by=_windows(EDGE_SEC))
        noise_sec = float(noise.sum()) * WINDOW_SEC
        return AudioFacts(
            duration_sec=duration_sec,
            sample_rate=self.sample_rate,
            peak_dbfs=_decibels(self._peak),
            noise_floor_dbfs=floor_db,
            clipped_ratio=self._clipped / self._values,
            silence_ratio=float((levels < SILENT_DBFS).mean()),
            speech_segments_count=len(_runs(speech)),
            speech_duration_sec=float(speech.sum()) * WINDOW_SEC,
            speech_rms=_rms(levels[speech]) if speech.any() else None,
            noise_duration_sec=noise_sec,
            noise_rms=_rms(levels[noise]) if noise_sec >= LEAST_NOISE_SEC else None,
            notes=notes,
        )

    def _levels_db(self) -> Samples:
        """The level of each whole window, in dB below full scale; what is shorter than one window is one."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if not len(powers) and self._rest.size:
            powers = _power(self._rest[:, None])
        levels: Samples = np.maximum(10 * np.log10(np.maximum(powers, 1e-30)), QUIETEST_DBFS)
        return levels


def _power(windows: Samples) -> Samples:
    """The power of each window, of shape (channels, windows, moments).

    Of each channel alone, since channels that are out of phase are heard, and nothing is left of their mixture.
    """
    # The variance, because a constant offset is not to be heard.
    power: Samples = windows.var(axis=2).mean(axis=0)
    return power


def _speech(levels: Samples, *, floor_db: float) -> _Mask:
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


def _rms(levels_db: Samples) -> float:
    return math.sqrt(float((10 ** (levels_db / 10)).mean()))


def _decibels(amplitude: float) -> float:
    return max(20 * math.log10(amplitude), QUIETEST_DBFS) if amplitude > 0 else QUIETEST_DBFS
