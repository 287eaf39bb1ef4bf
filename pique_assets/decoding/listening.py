"""The sound that is heard, mixed to one channel at `SOUND_RATE`, in step with the picture.

Belongs here: resampling and aligning. Does not: its levels (`levels`), and what is said in it.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from pique_assets.decoding.media import LOOKED_AT_SEC, SOUND_RATE, Sound

MOST_SAMPLES = round(LOOKED_AT_SEC * SOUND_RATE)

CANCELLED = 0.01
"""Share of the loudness of two channels below which nothing of them is left in their mix."""

_GAP_SEC = 0.1
"""A shorter hole between two frames is a container's rounding."""


class Listener:
    """Collects what is heard, until the first hour is full."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.int16]] = []
        self._length = 0
        self._start_s: float | None = None
        self._shape: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None

    @property
    def is_full(self) -> bool:
        """Whether more sound would be left out."""
        return self._length >= MOST_SAMPLES

    def add(self, frame: AudioFrame) -> None:
        """Hear a frame; its rate and its layout may differ from those of the frame before."""
        shape = (frame.sample_rate, frame.layout.name, frame.format.name)
        if shape != self._shape:
            self._flush()
            self._shape = shape
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = AudioResampler(format="s16", layout=layout, rate=SOUND_RATE)
        assert self._resampler is not None
        if frame.time is not None:
            if self._start_s is None:
                self._start_s = frame.time
            missing_s = frame.time - self._start_s - self._length / SOUND_RATE
            if missing_s > _GAP_SEC:
                self._append(np.zeros(min(round(missing_s * SOUND_RATE), MOST_SAMPLES), np.int16))
        try:
            for piece in self._resampler.resample(frame):
                self._take(piece)
        except (av.FFmpegError, ValueError):
            # A frame in a layout that can't be mixed: it stays silent, as the gap before the next one.
            self._shape = None

    def sound(self, *, picture_starts_s: float | None) -> Sound | None:
        """All of it; None where nothing was heard.

        Args:
            picture_starts_s: When the first picture is shown, by the clock of the file; None where there are none.
        """
        self._flush()
        if not self._pieces:
            return None
        samples = np.concatenate(self._pieces)
        ahead_s = 0.0 if picture_starts_s is None or self._start_s is None else self._start_s - picture_starts_s
        ahead = max(-len(samples), min(MOST_SAMPLES, round(ahead_s * SOUND_RATE)))
        aligned = samples[-ahead:] if ahead < 0 else np.concatenate([np.zeros(ahead, np.int16), samples])
        return Sound(samples=aligned[:MOST_SAMPLES]) if len(aligned) else None

    def _flush(self) -> None:
        if self._resampler is not None:
            for piece in self._resampler.resample(None):
                self._take(piece)
        self._resampler = None

    def _take(self, piece: AudioFrame) -> None:
        self._append(_mixed(piece.to_ndarray().reshape(-1, piece.layout.nb_channels)))

    def _append(self, samples: NDArray[np.int16]) -> None:
        self._pieces.append(samples[: MOST_SAMPLES - self._length])
        self._length += len(self._pieces[-1])


def _mixed(channels: NDArray[Any]) -> NDArray[np.int16]:
    """One channel of one or two, of shape (moments, channels); the first alone where a mix would silence them."""
    first = channels[:, 0].astype(np.float32)
    mix = channels.mean(axis=1, dtype=np.float32)
    # A microphone that is wired wrongly is recorded upside down on one side: listeners hear the voice all the same.
    loudness = np.square(channels, dtype=np.float32).mean() if len(channels) else 0.0
    is_silenced = np.square(mix).sum() < CANCELLED * loudness * len(mix)
    return np.rint(first if is_silenced else mix).astype(np.int16)
