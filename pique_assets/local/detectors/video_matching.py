"""The `video_matching` detector: whether a video shows one of some reference videos.

Belongs here: options and verdict, with the names of Pique's documented example where this project measures the same.
``timestamps`` are moments of the content that show the reference, half a second apart; flagged frames are blank ones
that the reference has not. Does not: comparing pictures (`video_signature`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from pique_assets.decoding.facts import VIDEO, UnreadableMedia
from pique_assets.decoding.media import FRAME_INTERVAL_SEC, Media, Part
from pique_assets.local.detectors.base import Detector, Material, Verdict, undetermined

if TYPE_CHECKING:
    from pique_assets.local.detectors.video_signature import Alignment, Signature

METHOD = "perceptual_hash"

THRESHOLD = 0.5
"""The score from which on a reference counts as shown: strangers reach far less, copies more (see the benchmark)."""

LEAST_FRAMES = 4
"""With fewer pictures that can be compared, nothing can be said."""

LEAST_MATCHED = 4
"""So many pictures have to be the same, however short the reference is."""

MOST_BLANK_FRAMES = 3
"""More blank frames one after another, half a second apart, fail a video, as in Pique's documented example."""

MOST_REFERENCES = 64
MOST_FLAGGED = 20


def _checked_uri(uri: str) -> str:
    if not uri.startswith("gs://"):
        raise ValueError(f"{uri!r} is no address such as gs://bucket/folder/video.mp4")
    return uri


class VideoMatching(Detector):
    """The reference videos, one of which must be shown: re-encoded, cropped, padded, mirrored, trimmed or overlaid."""

    detector_name: ClassVar[str] = "video_matching"
    content_types: ClassVar[frozenset[str]] = frozenset({VIDEO})
    parts: ClassVar[frozenset[Part]] = frozenset({Part.FRAMES})

    reference_videos: list[Annotated[str, AfterValidator(_checked_uri)]] = Field(
        min_length=1, max_length=MOST_REFERENCES
    )

    def references(self) -> Sequence[str]:
        """The reference videos."""
        return self.reference_videos

    def judge(self, material: Material) -> Verdict:
        """Look for each reference; the best one decides."""
        media = material.media
        searched = [_search(media, uri=uri, path=material.references[uri]) for uri in self.reference_videos]
        best = max(searched, key=lambda one: one.score)
        all_blank = _blank_frames(media)
        blank = [number for number in all_blank if not best.has_blank(number)]
        longest_blank = _longest_run(blank)
        compared = len(media.frames) - len(all_blank)
        metrics = _metrics(searched, best=best, compared=compared, blank=blank, longest_blank=longest_blank)
        # What could not be compared may be the one that is shown.
        problem = next((one.problem for one in searched if one.problem is not None), None)
        if problem is not None and not best.is_shown:
            return undetermined(problem, metrics=metrics)
        passed = best.is_shown and longest_blank <= MOST_BLANK_FRAMES
        return Verdict(
            pass_check=passed,
            score=best.score,
            rationale=_rationale(best, longest_blank=longest_blank),
            metrics={"outcome": "passed" if passed else "failed", **metrics},
            timestamps=[_seconds(number) for number in best.matched] if best.is_shown else [],
            flagged_frames=[{"timestamp": _seconds(number), "reason": "blank"} for number in blank[:MOST_FLAGGED]],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What became of looking for one reference.

    Attributes:
        uri: The reference.
        alignment: The best one; None where nothing is the same, or nothing could be compared.
        problem: Why nothing could be compared; None where it could.
        reference: The reference's signatures.
    """

    uri: str
    alignment: Alignment | None
    problem: str | None
    reference: Sequence[Signature]

    @property
    def matched(self) -> tuple[int, ...]:
        return () if self.alignment is None else self.alignment.matched

    @property
    def score(self) -> float:
        if self.alignment is None:
            return -1.0 if self.problem else 0.0
        return self.alignment.score if len(self.matched) >= LEAST_MATCHED else 0.0

    @property
    def is_shown(self) -> bool:
        return self.score >= THRESHOLD

    def has_blank(self, number: int) -> bool:
        """Whether the reference is blank, too, where the film shows this frame."""
        if self.alignment is None or not self.is_shown:
            return False
        place = round(number * self.alignment.speed) + self.alignment.offset
        near = self.reference[0].blank[max(0, place - 2) : max(0, place + 3)]
        return bool(near.any())


def _search(media: Media, *, uri: str, path: Path) -> _Search:
    from pique_assets.local.detectors.video_signature import best_alignment, comparable, film_signatures

    status = path.stat()
    reference, aspect_ratio, problem = _reference(path, status.st_size, status.st_mtime_ns)
    film = film_signatures([frame.gray for frame in media.frames], aspect_ratio=aspect_ratio)
    frames = comparable(film)
    if problem is None and frames < LEAST_FRAMES:
        problem = f"only {frames} frames of the video show anything that can be compared, {LEAST_FRAMES} are needed"
    elif problem is not None:
        problem = f"the reference {uri} can't be compared: {problem}"
    alignment = None if problem else best_alignment(film, reference)
    return _Search(uri=uri, alignment=alignment, problem=problem, reference=reference)


@lru_cache(maxsize=MOST_REFERENCES)
def _reference(path: Path, _size: int, _changed_ns: int) -> tuple[Sequence[Signature], float, str | None]:
    """The signatures of the file, its aspect ratio, and why it is of no use; kept while the file is the same."""
    from pique_assets.decoding.reading import read_media
    from pique_assets.local.detectors.video_signature import comparable, reference_signatures, without_bars

    try:
        media = read_media(path, content_type=VIDEO, parts=frozenset({Part.FRAMES}))
    except UnreadableMedia as error:
        return (), 1.0, str(error).replace("the content ", "it ", 1)
    frames = [frame.gray for frame in media.frames]
    signatures = reference_signatures(frames)
    seen = comparable(signatures)
    if seen < LEAST_FRAMES:
        return signatures, 1.0, f"only {seen} of its frames show anything that can be compared"
    height, width = without_bars(frames)[0].shape
    return signatures, width / height, None


def _blank_frames(media: Media) -> list[int]:
    from pique_assets.local.detectors.video_signature import BLANK_SPREAD

    return [number for number, frame in enumerate(media.frames) if frame.gray.std() < BLANK_SPREAD]


def _longest_run(numbers: Sequence[int]) -> int:
    """How many of the numbers follow each other at most."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    return max((len(list(run)) for _, run in runs), default=0)


def _metrics(
    searched: Sequence[_Search], *, best: _Search, compared: int, blank: Sequence[int], longest_blank: int
) -> dict[str, object]:
    score = max(best.score, 0.0)
    return {
        "detected_pattern": "source_video" if best.is_shown else None,
        "frames_compared": compared,
        "blank_frames_detected": len(blank),
        "blank_frame_details": [{"timestamp": _seconds(number)} for number in blank[:MOST_FLAGGED]],
        "blank_frame_failure": longest_blank > MOST_BLANK_FRAMES,
        "max_consecutive_blank_frames": longest_blank,
        "config": {"max_consecutive_blank_frames_allowed": MOST_BLANK_FRAMES},
        "methods": {METHOD: {"score": score, "threshold": THRESHOLD}},
        "sources": {f"reference_{number}": _source(one) for number, one in enumerate(searched)},
        "combined_methods": {"score": score},
        "verdict": {"pass": best.is_shown, "mode": "combined"},
        "thresholds": {METHOD: THRESHOLD},
    }


def _source(one: _Search) -> dict[str, object]:
    score = max(one.score, 0.0)
    found: dict[str, object] = {"uri": one.uri, "score": score, "methods": {METHOD: {"score": score}}}
    if one.problem is not None:
        found["problem"] = one.problem
    if one.alignment is not None and one.is_shown:
        found |= {
            "variant": one.alignment.variant,
            "speed": one.alignment.speed,
            "frames_matched": len(one.matched),
            "first_match_sec": _seconds(one.matched[0]),
            "last_match_sec": _seconds(one.matched[-1]),
            "reference_offset_sec": _seconds(one.alignment.offset),
        }
    return found


def _rationale(best: _Search, *, longest_blank: int) -> str:
    if not best.is_shown:
        return f"no reference is shown: the nearest reaches {best.score:g}, wanted at least {THRESHOLD:g}"
    assert best.alignment is not None
    first, last = _seconds(best.matched[0]), _seconds(best.matched[-1])
    shown = (
        f"{best.uri} is shown from {first:g} s to {last:g} s ({best.alignment.variant}), with a score of {best.score:g}"
    )
    if longest_blank > MOST_BLANK_FRAMES:
        return f"{shown}, but {_seconds(longest_blank):g} s are blank where the reference is not"
    return shown


def _seconds(frames: int) -> float:
    return round(frames * FRAME_INTERVAL_SEC, 3)
