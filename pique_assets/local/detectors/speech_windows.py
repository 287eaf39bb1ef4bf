"""Spans of speech, and the windows of it that are heard one by one.

Belongs here: cutting and values, in plain Python. Does not: finding speech (`speech`), hearing its language
(`spoken_language`), limits and verdicts (`language`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[float, float]
"""Start and end, in seconds."""

WINDOW_S = 8.5
"""Speech in one window, or up to half as much again: enough to tell a language by, and to find a change of it."""

MOST_WINDOWS = 24
"""Of more speech than these windows hold, windows spread evenly over all of the speech are heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechWindow:
    """What was heard in one window.

    Attributes:
        spans: The speech, without the pauses.
        probabilities: Of each language by its code; they sum to 1.
    """

    spans: tuple[Span, ...]
    probabilities: Mapping[str, float]

    @property
    def start_s(self) -> float:
        """When its speech begins."""
        return self.spans[0][0]

    @property
    def end_s(self) -> float:
        """When its speech ends."""
        return self.spans[-1][1]

    @property
    def speech_s(self) -> float:
        """Seconds of speech in it."""
        return seconds_in(self.spans)

    @property
    def language(self) -> str:
        """The code of the most probable language."""
        return max(self.probabilities, key=lambda code: self.probabilities[code])

    @property
    def probability(self) -> float:
        """Of that language."""
        return self.probabilities[self.language]


def seconds_in(spans: Sequence[Span]) -> float:
    """Seconds of speech in all."""
    return round(sum(end - start for start, end in spans), 3)


def cut(spans: Sequence[Span]) -> list[tuple[Span, ...]]:
    """All of the speech in windows that are equally long, as near to `WINDOW_S` as that allows."""
    total_s = seconds_in(spans)
    count = max(1, round(total_s / WINDOW_S))
    windows: list[list[Span]] = [[]]
    room_s = total_s / count
    for start_s, end_s in spans:
        while len(windows) < count and end_s - start_s > room_s:
            windows[-1].append((start_s, round(start_s + room_s, 3)))
            windows.append([])
            start_s, room_s = round(start_s + room_s, 3), total_s / count
        windows[-1].append((start_s, end_s))
        room_s -= end_s - start_s
    return [tuple(window) for window in windows if window]


def spread(windows: Sequence[tuple[Span, ...]]) -> list[tuple[Span, ...]]:
    """At most `MOST_WINDOWS` of them, the first and the last among these."""
    if len(windows) <= MOST_WINDOWS:
        return list(windows)
    return [windows[round(number * (len(windows) - 1) / (MOST_WINDOWS - 1))] for number in range(MOST_WINDOWS)]
