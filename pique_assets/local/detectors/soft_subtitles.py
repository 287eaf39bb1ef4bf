"""Subtitle tracks of a file: which of them are subtitles, and how much of the picture's time they cover.

Belongs here: rules over the cues of a track. Does not: reading a file (`pique_assets.decoding`), text in the picture
(`captions`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pique_assets.decoding.media import SubtitleCue, SubtitleTrack
from pique_assets.local.detectors.caption_words import letters_of

_MARKUP = re.compile(r"<[^<>]*>|\{[^{}]*\}")
_DESCRIBED = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\uff08[^\uff08\uff09]*\uff09|\u3010[^\u3010\u3011]*\u3011")
_SPEAKER = re.compile(r"^[^:]{1,30}:(?=\s|$)")
_INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2028-\u202e\u2060\ufeff]+")
_LINE_BREAK = re.compile(r"\\[Nn]|\r\n?|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTrack:
    """A subtitle track, and whether viewers can read along with it.

    Attributes:
        codec: As libav names it.
        language: Its tag; None without one.
        is_forced: Whether it holds only what even viewers without subtitles must see.
        cues: Those that show something while there is a picture.
        coverage: The share of the picture's time in which one of them is shown, 0..1.
        reason_against: Why it does not count; None where it does.
        is_unclear: Whether its cues are pictures, so that nobody knows what is in it.
    """

    codec: str
    language: str | None
    is_forced: bool
    cues: tuple[SubtitleCue, ...]
    coverage: float
    reason_against: str | None
    is_unclear: bool = False


def judged(track: SubtitleTrack, *, end_s: float, least_cues: int) -> JudgedTrack:
    """Look at the cues of a track.

    Args:
        track: As it was read.
        end_s: When the picture ends.
        least_cues: With fewer different texts it is a note, such as who made the video.
    """
    cues = tuple(_shown(track.cues or (), end_s=end_s))
    # Words alone: what a drone or a counter writes into a track are other numbers in the same words.
    texts = len({letters_of(_words(cue.text)) for cue in cues} - {""})
    reason = None
    if track.cues is None:
        reason = "its cues are pictures, which are not read"
    elif track.is_forced:
        reason = "it is a forced track, which holds only what even viewers without subtitles must see"
    elif not cues:
        reason = "it shows nothing while there is a picture"
    elif not texts:
        reason = "it has no words that are said, only numbers or descriptions of sounds"
    elif texts < least_cues:
        reason = f"it has {texts} different cue{'' if texts == 1 else 's'}, wanted at least {least_cues}"
    return JudgedTrack(
        codec=track.codec,
        language=None if track.language in (None, "", "und") else track.language,
        is_forced=track.is_forced,
        cues=cues,
        coverage=coverage_of([(cue.start_s, cue.end_s) for cue in cues], [(0.0, end_s)]),
        reason_against=reason,
        is_unclear=track.cues is None and not track.is_forced,
    )


def _words(text: str) -> str:
    """What is said, without what subtitles for the deaf describe: sounds in brackets, and who speaks."""
    lines = (_SPEAKER.sub("", line) for line in _DESCRIBED.sub(" ", text).splitlines())
    return "\n".join(lines)


def _shown(cues: Sequence[SubtitleCue], *, end_s: float) -> list[SubtitleCue]:
    """The cues with text, within the picture's time, without markup."""
    shown = []
    for cue in cues:
        text = _plain(cue.text)
        start, end = max(0.0, cue.start_s), min(end_s, cue.end_s)
        if text and end > start:
            shown.append(SubtitleCue(start_s=start, end_s=end, text=text))
    return shown


def _plain(text: str) -> str:
    """The text as viewers see it, line by line."""
    lines = _LINE_BREAK.split(_MARKUP.sub("", text))
    return "\n".join(line for line in (_INVISIBLE.sub(" ", line).strip() for line in lines) if line)


def coverage_of(spans: Sequence[tuple[float, float]], whole: Sequence[tuple[float, float]]) -> float:
    """The share of ``whole`` that is within ``spans``; 0 where the whole is nothing.

    Args:
        spans: Starts and ends, in any order; they may overlap.
        whole: The same, apart from each other.
    """
    total = sum(end - start for start, end in whole)
    merged: list[list[float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    common = sum(
        max(0.0, min(end, whole_end) - max(start, whole_start))
        for start, end in merged
        for whole_start, whole_end in whole
    )
    return round(min(1.0, common / total), 4) if total > 0 else 0.0
