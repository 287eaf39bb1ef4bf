"""On which scale a score seems to be: Pique sends 0.85 and 85.5 for the same thing.

Belongs here: detecting a scale. Does not: applying one; nothing in the lake does, and scores stay as sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

UNIT: Final = "unit"
PERCENT: Final = "percent"
UNKNOWN: Final = "unknown"
MIXED: Final = "mixed"


def score_scale(score: float | None, *, is_social: bool = False) -> str | None:
    """The scale one score seems to be on: `unit` (0 to 1), `percent` (0 to 100), or `unknown`; None without
    a score.

    Social webhooks send percents, so there a score up to 1 may be either.
    """
    if score is None:
        return None
    if 0 <= score <= 1:
        return UNKNOWN if is_social else UNIT
    return PERCENT if 1 < score <= 100 else UNKNOWN


def common_scale(scales: Iterable[str | None]) -> str | None:
    """The scale a set of scores shares: one of theirs, or `mixed` when they must not be added up."""
    seen = {scale for scale in scales if scale is not None}
    if len(seen) > 1:
        return MIXED
    return seen.pop() if seen else None
