"""Aspect ratios: reading "9:16", and naming the ratio of a real picture.

Belongs here: when two ratios are the same. Real encoders round to even pixels, so 854x480 is meant as 16:9; ratios
that differ by at most `TOLERANCE` are one, a limit that Pique's documented image_specs example shows. Does not:
verdicts (`image_specs`, `video_specs`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator

TOLERANCE = 0.02
"""Largest relative deviation at which two ratios count as the same."""

COMMON = ("9:16", "16:9", "1:1", "4:3", "3:4", "4:5", "5:4", "2:3", "3:2", "1:2", "2:1", "21:9", "9:21")

_PATTERN = re.compile(r"(\d{1,5}(?:\.\d{1,4})?):(\d{1,5}(?:\.\d{1,4})?)", re.ASCII)


def parse(text: str) -> float:
    """Width over height of a ratio written as ``"9:16"``.

    Raises:
        ValueError: The text is no ratio of two positive numbers.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or float(match[1]) == 0 or float(match[2]) == 0:
        raise ValueError(f"{text!r} is not an aspect ratio such as '9:16'")
    return float(match[1]) / float(match[2])


def _checked(text: str) -> str:
    parse(text)
    return text


RatioText = Annotated[str, AfterValidator(_checked)]
"""An aspect ratio as a detector's option."""


def deviation(ratio: float, other: str) -> float:
    """How far ``ratio`` is from the named one, relative to the named one."""
    named = parse(other)
    return abs(ratio / named - 1)


def closest(ratio: float, candidates: Sequence[str]) -> str:
    """The candidate with the smallest deviation; the first of equals."""
    return min(candidates, key=lambda candidate: deviation(ratio, candidate))


def name_of(ratio: float) -> str:
    """A readable name: a common ratio where one is meant, else the nearest fraction of small numbers."""
    common = closest(ratio, COMMON)
    if deviation(ratio, common) <= TOLERANCE:
        return common
    # The longer side over the shorter, as a very flat fraction would end in zero.
    simple = Fraction(max(ratio, 1 / ratio)).limit_denominator(100)
    longer, shorter = simple.numerator, simple.denominator
    return f"{longer}:{shorter}" if ratio > 1 else f"{shorter}:{longer}"
