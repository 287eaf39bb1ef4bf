"""The `video_specs` detector: size, shape, length and frame rate of a video against limits.

Belongs here: options and verdict, with the names of Pique's documented example.
Does not: measuring (`pique_assets.decoding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

import pique_assets.local.detectors.aspect_ratio as aspect_ratio
from pique_assets.decoding.facts import VIDEO, VideoFacts
from pique_assets.local.detectors.base import Detector, Material, Verdict, share_passed

TRUNCATION_SLACK_SEC = 0.5
"""What a whole file may lack of its declared duration, because containers round."""


class VideoSpecs(Detector):
    """Limits on a video; every option is optional, sizes in pixels, durations in seconds."""

    detector_name: ClassVar[str] = "video_specs"
    content_types: ClassVar[frozenset[str]] = frozenset({VIDEO})

    min_width: int | None = Field(default=None, ge=0)
    max_width: int | None = Field(default=None, ge=0)
    min_height: int | None = Field(default=None, ge=0)
    max_height: int | None = Field(default=None, ge=0)
    min_duration_sec: float | None = Field(default=None, ge=0)
    max_duration_sec: float | None = Field(default=None, ge=0)
    min_fps: float | None = Field(default=None, ge=0)
    max_fps: float | None = Field(default=None, ge=0)
    allowed_aspect_ratios: list[aspect_ratio.RatioText] | None = Field(default=None, min_length=1)

    def judge(self, material: Material) -> Verdict:
        """Check each limit that is set against the video as measured."""
        facts = material.media.facts
        if not isinstance(facts, VideoFacts):
            raise TypeError(f"video_specs needs a video, not {type(facts).__name__}")
        specs = _specs(facts)
        checks = self._checks(facts, specs)
        issues = [_issue(name, check) for name, check in checks.items() if not check["pass"]]
        return Verdict(
            pass_check=not issues,
            score=share_passed(len(checks) - len(issues), len(checks)),
            rationale=_rationale(specs, issues, notes=facts.notes),
            metrics={
                "video_specs": specs,
                "checks": checks,
                "issues_count": len(issues),
                "total_checks": len(checks),
            },
        )

    def _checks(self, facts: VideoFacts, specs: dict[str, object]) -> dict[str, dict[str, object]]:
        checks: dict[str, dict[str, object]] = {}
        # What is compared is what is shown, of limits too: a video of 24000/1001 pictures a second, reported as 23.98,
        # must not fail a limit of 23.976.
        duration, fps = _shown(facts.duration_sec), _shown(facts.fps)
        for name, actual, minimum, maximum in (
            ("width", facts.width, self.min_width, self.max_width),
            ("height", facts.height, self.min_height, self.max_height),
            ("duration", duration, self.min_duration_sec, self.max_duration_sec),
            ("fps", fps, self.min_fps, self.max_fps),
        ):
            if minimum is not None:
                checks[f"{name}_min"] = {"pass": actual >= _shown(minimum), "actual": actual, "threshold": minimum}
            if maximum is not None:
                checks[f"{name}_max"] = {"pass": actual <= _shown(maximum), "actual": actual, "threshold": maximum}
        if self.allowed_aspect_ratios is not None:
            nearest = aspect_ratio.closest(facts.aspect_ratio, self.allowed_aspect_ratios)
            checks["aspect_ratio"] = {
                "pass": aspect_ratio.deviation(facts.aspect_ratio, nearest) <= aspect_ratio.TOLERANCE,
                "actual": specs["aspect_ratio"],
                "allowed": self.allowed_aspect_ratios,
            }
        return checks


def _shown(figure: float) -> float:
    return round(figure, 2)


def _specs(facts: VideoFacts) -> dict[str, object]:
    specs: dict[str, object] = {
        "width": facts.width,
        "height": facts.height,
        "aspect_ratio": aspect_ratio.name_of(facts.aspect_ratio),
        "fps": _shown(facts.fps),
        "duration_sec": _shown(facts.duration_sec),
        "audio_sample_rate": facts.audio_sample_rate,
    }
    declared = facts.declared_duration_sec
    if declared is not None and declared - facts.duration_sec > TRUNCATION_SLACK_SEC:
        specs["declared_duration_sec"] = _shown(declared)
    if facts.notes:
        specs["notes"] = list(facts.notes)
    return specs


def _issue(name: str, check: dict[str, object]) -> str:
    if isinstance(allowed := check.get("allowed"), list):
        return f"aspect ratio is {check['actual']}, wanted {' or '.join(allowed)}"
    measured, _, limit = name.rpartition("_")
    return f"{measured} is {check['actual']}, wanted {'at least' if limit == 'min' else 'at most'} {check['threshold']}"


def _rationale(specs: dict[str, object], issues: list[str], *, notes: Sequence[str]) -> str:
    seen = f"{specs['width']}x{specs['height']} ({specs['aspect_ratio']})"
    seen += f", {specs['fps']}fps, {specs['duration_sec']}s"
    if "declared_duration_sec" in specs:
        seen += f" (cut short: the container declares {specs['declared_duration_sec']}s)"
    verdict = f"{seen}: {'; '.join(issues)}" if issues else f"{seen} within limits"
    return "; ".join([verdict, *notes])
