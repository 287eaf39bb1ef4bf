"""Small gray pictures of a video at fixed moments: the picture that is shown at each.

Belongs here: sampling and scaling. Does not: decoding (`video`), and what is seen in the pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from pique_assets.decoding.media import LOOKED_AT_SEC, Frame
from pique_assets.decoding.placement import Placement

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLACK_SEC = 0.002
"""Containers round times; a picture that begins this much after a moment is the one shown at the moment."""


class Sampler:
    """Takes the picture that is shown at every multiple of an interval."""

    def __init__(self, *, interval_s: float, side: int, most: int | None = None) -> None:
        """Begin with nothing.

        Args:
            interval_s: Seconds between two samples; doubled, and every other sample dropped, where there are too many.
            side: The longest side of a sample, in pixels; smaller pictures stay as they are.
            most: How many samples are kept; None for all.
        """
        self._interval_s = interval_s
        self._side = side
        self._most = most
        self._taken: list[Frame] = []
        self._shown: VideoFrame | None = None
        self._gray: NDArray[np.uint8] | None = None
        self._pixel_shape = 1.0
        self._scaler = VideoReformatter()

    def add(self, frame: VideoFrame, *, time_s: float, pixel_shape: float) -> None:
        """A picture is shown from now on; pictures come in their order.

        Args:
            frame: The picture.
            time_s: Seconds since the first picture.
            pixel_shape: Width over height of its pixels.
        """
        self._take_until(time_s - _SLACK_SEC)
        self._shown, self._gray = frame, None
        self._pixel_shape = pixel_shape

    def finish(self, *, end_s: float) -> tuple[Frame, ...]:
        """The samples, once the last picture was shown until ``end_s``."""
        self._take_until(end_s - _SLACK_SEC)
        if not self._taken:
            self._take_until(_SLACK_SEC)
        self._shown = None
        return tuple(self._taken)

    def _take_until(self, end_s: float) -> None:
        while self._shown is not None and (moment := len(self._taken) * self._interval_s) < min(end_s, LOOKED_AT_SEC):
            if self._gray is None:
                self._gray = self._scaled(self._shown)
            self._taken.append(Frame(time_s=round(moment, 3), gray=self._gray))
            if self._most is not None and len(self._taken) > self._most:
                self._taken = self._taken[::2]
                self._interval_s *= 2

    def _scaled(self, frame: VideoFrame) -> NDArray[np.uint8]:
        # Pixels that are not square become so.
        across = frame.width * self._pixel_shape
        scale = min(1.0, self._side / max(across, frame.height))
        small = self._scaler.reformat(
            frame,
            width=max(1, round(across * scale)),
            height=max(1, round(frame.height * scale)),
            format="gray",
            interpolation="AREA",
            threads=1,
        )
        return np.ascontiguousarray(Placement.of(frame).shown(small.to_ndarray().astype(np.uint8, copy=False)))
