"""What remains of a picture through re-encoding, cropping and mirroring, and where two films show the same.

Belongs here: pure functions over frames in gray. A picture becomes 64 bits: the signs of its lowest frequencies. Two
pictures of one scene differ in few of them, two of different scenes in about half. Does not: files, verdicts
(`video_matching`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pique_assets.local.detectors.aspect_ratio import parse

LARGEST_DISTANCE = 10
"""Pictures that differ in at most this many of 64 bits show the same; at 14, strangers begin to match."""

BLANK_SPREAD = 6.0
"""A picture whose brightness has a smaller standard deviation, of 255, shows nothing that can be compared."""

BAR_RANGE = 20
"""A row whose brightest and darkest pixel are closer, in every frame, belongs to a bar."""

MOST_BAR = 0.42
"""Bars are at most this share of the picture, on each side."""

CROPPED_SHARES = {0.85: 5, 0.7: 3}
CROPPED_RATIOS = ("9:16", "1:1", "4:5", "4:3", "16:9")
"""What editors cut out of a film: a share of its width and height, at so many places across and down; or the largest
piece of an aspect ratio."""

CROP_STEP = 0.05
"""The pieces of an aspect ratio are taken everywhere, in steps of this share of their own length."""

LEAST_SIDE = 8

_UNCOVERED = {"middle": (0.15, 0.85, 0.15, 0.85), "upper part": (0.0, 0.75, 0.0, 1.0)}
"""What overlays leave free, as shares of the picture: top, bottom, left, right. Compared with the same part alone."""

WHOLE, MIRRORED = "whole", ", mirrored"

SPEEDS = (1.0, 0.9, 1.1, 0.8, 1.25)

MANY_FRAMES = 100
"""Of a longer film every fourth frame is looked at first: a variant of which none is shown needs no closer look."""

MOST_PAIRS = 2**20
"""Pairs of pictures that are in memory as numbers at a time."""

_SIDE, _KEPT = 32, 8
_FRAMES_FOR_BARS = 60

Hashes = NDArray[np.uint64]
Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The pictures of a film in one variant, at equal distances in time.

    Attributes:
        variant: What was done to the pictures, such as ``crop 9:16 at 40%, mirrored``.
        hashes: 64 bits for each frame.
        blank: Which of the frames show nothing that can be compared.
    """

    variant: str
    hashes: Hashes
    blank: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a film shows what another one shows.

    Attributes:
        variant: Of the reference.
        speed: Frames of the reference for each frame of the film.
        offset: The frame of the reference that the film's first frame would show; negative where that lies before it.
        matched: The film's frames that show the same, in their order.
        score: Their share of the frames that can be compared, of whichever of the two has fewer; 0..1.
    """

    variant: str
    speed: float
    offset: int
    matched: tuple[int, ...]
    score: float


def film_signatures(frames: Sequence[Gray], *, aspect_ratio: float) -> list[Signature]:
    """A film as it is without bars, and pieces of it.

    The piece that has the reference's aspect ratio is what is left of a padding that is no plain bar: a blurred copy, a
    template with text. The others are what is left beside a logo or captions.
    """
    stripped = without_bars(frames)
    signatures = [_signature(stripped, variant=WHOLE)]
    if frames:
        piece = [_centre(frame, aspect_ratio=aspect_ratio) for frame in frames]
        if piece[0].shape != stripped[0].shape:
            signatures.append(_signature(piece, variant="centre"))
        for name, place in _UNCOVERED.items():
            signatures.append(_signature([_part(frame, place) for frame in stripped], variant=name))
    return signatures


def reference_signatures(frames: Sequence[Gray]) -> list[Signature]:
    """A reference in each variant in which a film may show it."""
    stripped = without_bars(frames)
    if not stripped:
        return []
    signatures = []
    for name, (top, bottom, left, right) in _pieces(*stripped[0].shape):
        piece = [frame[top:bottom, left:right] for frame in stripped]
        signatures.append(_signature(piece, variant=name))
        signatures.append(_signature([frame[:, ::-1] for frame in piece], variant=name + MIRRORED))
    return signatures


def best_alignment(film: Sequence[Signature], reference: Sequence[Signature]) -> Alignment | None:
    """The place where most of the film's pictures are those of the reference; None where not one is."""
    best = None
    for shown, wanted in product(film, reference):
        if shown.variant in _UNCOVERED and wanted.variant.removesuffix(MIRRORED) != shown.variant:
            continue
        for found in _alignments(shown, wanted):
            if best is None or found.score > best.score + 1e-9:
                best = found
        if best is not None and best.score == 1.0:
            return best
    return best


def comparable(signatures: Sequence[Signature]) -> int:
    """How many pictures of a film can be compared at all."""
    return int((~signatures[0].blank).sum()) if signatures else 0


def without_bars(frames: Sequence[Gray]) -> list[Gray]:
    """The frames without the bars that all of them have."""
    if not frames or any(frame.shape != frames[0].shape for frame in frames):
        return list(frames)
    looked_at = np.stack(frames[:: max(1, len(frames) // _FRAMES_FOR_BARS)]).astype(np.int16)
    # Across the shorter way: a bar's row is even from end to end, in each of the frames.
    rows = (looked_at.max(axis=2) - looked_at.min(axis=2)).max(axis=0) < BAR_RANGE
    columns = (looked_at.max(axis=1) - looked_at.min(axis=1)).max(axis=0) < BAR_RANGE
    top, bottom = _inside(rows)
    left, right = _inside(columns)
    return [frame[top:bottom, left:right] for frame in frames]


def _inside(is_bar: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last line that is no bar; all lines where bars would be most of the picture."""
    length = len(is_bar)
    lines = np.flatnonzero(~is_bar)
    if not len(lines):
        return 0, length
    first, last = int(lines[0]), int(lines[-1]) + 1
    return (first, last) if max(first, length - last) <= MOST_BAR * length else (0, length)


def _pieces(height: int, width: int) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Name and place (top, bottom, left, right) of each piece of a picture that may have been cut out."""
    # The whole comes first: what can be compared, and what is blank, is told of the whole picture.
    yield WHOLE, (0, height, 0, width)
    for part, (top, bottom, left, right) in _UNCOVERED.items():
        yield part, (round(top * height), round(bottom * height), round(left * width), round(right * width))
    for share, places in CROPPED_SHARES.items():
        across, down = round(width * share), round(height * share)
        yield from _placed(f"crop {share:.0%}", height, width, down=down, across=across, steps=places - 1)
    for ratio in CROPPED_RATIOS:
        across, down = min(width, round(height * parse(ratio))), min(height, round(width / parse(ratio)))
        is_smaller = across < 0.96 * width or down < 0.96 * height
        if is_smaller and min(across, down) >= LEAST_SIDE:
            steps = 2 * round(((width - across) / across + (height - down) / down) / (2 * CROP_STEP))
            yield from _placed(f"crop {ratio}", height, width, down=down, across=across, steps=steps)


def _placed(
    name: str, height: int, width: int, *, down: int, across: int, steps: int
) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """A piece of one size at each place that it may have been taken from."""
    for top, left in product(_places(height - down, steps), _places(width - across, steps)):
        where = [f"{place / free:.0%}" for place, free in ((left, width - across), (top, height - down)) if free]
        yield f"{name} at {'/'.join(where)}", (top, top + down, left, left + across)


def _places(free: int, steps: int) -> list[int]:
    """Where a piece may begin on a line that is ``free`` pixels longer, from one end to the other."""
    return sorted({int(free * step / steps + 0.5) for step in range(steps + 1)}) if free and steps else [free // 2]


def _part(frame: Gray, place: tuple[float, float, float, float]) -> Gray:
    height, width = frame.shape
    top, bottom, left, right = place
    return frame[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def _centre(frame: Gray, *, aspect_ratio: float) -> Gray:
    height, width = frame.shape
    across, down = min(width, round(height * aspect_ratio)), min(height, round(width / aspect_ratio))
    left, top = (width - across) // 2, (height - down) // 2
    return frame[top : top + max(1, down), left : left + max(1, across)]


def _signature(frames: Sequence[Gray], *, variant: str) -> Signature:
    blank = np.array([frame.size == 0 or frame.std() < BLANK_SPREAD for frame in frames], dtype=bool)
    return Signature(variant=variant, hashes=picture_hashes(frames), blank=blank)


def picture_hashes(frames: Sequence[Gray]) -> Hashes:
    """64 bits for each picture, of any size."""
    if not frames:
        return np.zeros(0, np.uint64)
    if all(frame.shape == frames[0].shape for frame in frames):
        small = _shrunk(np.stack(frames))
    else:
        small = np.stack([_shrunk(frame) for frame in frames])
    low = _cosines() @ small @ _cosines().T
    flat = low.reshape(len(frames), -1)
    # The first is the brightness of the whole, which says nothing.
    is_set = flat > np.median(flat[:, 1:], axis=1, keepdims=True)
    is_set[:, 0] = False
    return np.packbits(is_set, axis=1).view(">u8").astype(np.uint64)[:, 0]


def _shrunk(frames: Gray) -> NDArray[np.float32]:
    """One picture, or several of one size, as averages over equal parts."""
    height, width = frames.shape[-2:]
    return _averages(height) @ frames.astype(np.float32) @ _averages(width).T


def _same(shown: Hashes, wanted: Hashes) -> NDArray[np.bool_]:
    """Which pictures of the one show the same as which pictures of the other."""
    same = np.zeros((len(shown), len(wanted)), dtype=bool)
    for few in _few_pairs(*same.shape):
        same[few] = np.bitwise_count(shown[few, None] ^ wanted) <= LARGEST_DISTANCE
    return same


def _few_pairs(rows: int, columns: int) -> Iterator[slice]:
    """Rows that make few pairs at a time: two films of an hour make fifty million, too many for numbers of 8 bytes."""
    step = max(1, MOST_PAIRS // max(1, columns))
    return (slice(first, first + step) for first in range(0, rows, step))


@cache
def _averages(length: int) -> NDArray[np.float32]:
    """The matrix that makes `_SIDE` averages of a line, each over an equal part of it."""
    edges = np.linspace(0, length, _SIDE + 1)
    places = np.arange(length)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    weights = np.clip(overlap, 0, None)
    shares: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


@cache
def _cosines() -> NDArray[np.float32]:
    """The lowest frequencies of a discrete cosine transform."""
    moments = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    return np.cos(np.arange(_KEPT)[:, None] * moments).astype(np.float32)


def _alignments(film: Signature, reference: Signature) -> Iterator[Alignment]:
    """For each speed, the offset at which most pictures are the same."""
    shown, wanted = np.flatnonzero(~film.blank), np.flatnonzero(~reference.blank)
    if not len(shown) or not len(wanted):
        return
    if len(shown) > MANY_FRAMES and not _same(film.hashes[shown[::4]], reference.hashes[wanted]).any():
        return
    same = np.zeros((len(shown), len(reference.hashes)), dtype=bool)
    same[:, wanted] = _same(film.hashes[shown], reference.hashes[wanted])
    if not same.any():
        return
    # Frames are taken at the same distances, but hardly at the same moments: the one before or after counts as well.
    near = same.copy()
    near[:, 1:] |= same[:, :-1]
    near[:, :-1] |= same[:, 1:]
    length = len(reference.hashes)
    for speed in SPEEDS:
        places = np.round(shown * speed).astype(int)
        latest = int(places[-1])
        # How many pictures are the same at each offset, the lowest one first. Of offsets that are equally good the one
        # at which the frames themselves are the same, not their neighbours.
        counts = np.zeros(latest + length)
        for few in _few_pairs(*near.shape):
            rows, columns = np.nonzero(near[few])
            weights = 100.0 + same[few][rows, columns]
            counts += np.bincount(latest + columns - places[few][rows], weights=weights, minlength=len(counts))
        offset = int(np.argmax(counts)) - latest
        inside = np.flatnonzero((places + offset >= 0) & (places + offset < length))
        matched = shown[inside[near[inside, places[inside] + offset]]]
        possible = min(len(shown), max(1, round(len(wanted) / speed)))
        yield Alignment(
            variant=reference.variant if film.variant != "centre" else f"{reference.variant}, padded",
            speed=speed,
            offset=offset,
            matched=tuple(int(frame) for frame in matched),
            score=min(1.0, round(len(matched) / possible, 4)),
        )
