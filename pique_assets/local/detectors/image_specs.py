"""The `image_specs` detector: size and shape of an image against limits.

Belongs here: options and verdict, with the names of Pique's documented example.
Does not: measuring (`pique_assets.decoding`).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

import pique_assets.local.detectors.aspect_ratio as aspect_ratio
from pique_assets.decoding.facts import IMAGE, ImageFacts
from pique_assets.local.detectors.base import Detector, Material, Verdict, share_passed


class ImageSpecs(Detector):
    """Limits on an image; every option is optional, sizes in pixels, megapixels in 10^6 pixels."""

    detector_name: ClassVar[str] = "image_specs"
    content_types: ClassVar[frozenset[str]] = frozenset({IMAGE})

    min_width: int | None = Field(default=None, ge=0)
    min_height: int | None = Field(default=None, ge=0)
    min_megapixels: float | None = Field(default=None, ge=0)
    allowed_aspect_ratios: list[aspect_ratio.RatioText] | None = Field(default=None, min_length=1)

    def judge(self, material: Material) -> Verdict:
        """Check each limit that is set against the image as measured."""
        facts = material.media.facts
        if not isinstance(facts, ImageFacts):
            raise TypeError(f"image_specs needs an image, not {type(facts).__name__}")
        checks = self._checks(facts)
        issues = [_issue(name, check) for name, check in checks.items() if not check["pass"]]
        return Verdict(
            pass_check=not issues,
            score=share_passed(len(checks) - len(issues), len(checks)),
            rationale="; ".join(
                [*(issues or [f"{facts.width}x{facts.height} {facts.format} within limits"]), *facts.notes]
            ),
            metrics={"checks": checks, "issues": issues, "image_metadata": _metadata(facts)},
        )

    def _checks(self, facts: ImageFacts) -> dict[str, dict[str, object]]:
        checks: dict[str, dict[str, object]] = {}
        for name, actual, minimum in (
            ("min_width", facts.width, self.min_width),
            ("min_height", facts.height, self.min_height),
            ("min_megapixels", _megapixels(facts), self.min_megapixels),
        ):
            if minimum is not None:
                checks[name] = {"pass": actual >= minimum, "actual": actual, "threshold": minimum}
        if self.allowed_aspect_ratios is not None:
            checks["aspect_ratio"] = _aspect_ratio_check(facts, self.allowed_aspect_ratios)
        return checks


def _aspect_ratio_check(facts: ImageFacts, allowed: list[str]) -> dict[str, object]:
    ratio = facts.width / facts.height
    nearest = aspect_ratio.closest(ratio, allowed)
    deviation = aspect_ratio.deviation(ratio, nearest)
    return {
        "pass": deviation <= aspect_ratio.TOLERANCE,
        "actual": round(ratio, 4),
        "closest_ratio": nearest,
        "deviation": round(deviation, 4),
        "limit": aspect_ratio.TOLERANCE,
    }


def _issue(name: str, check: dict[str, object]) -> str:
    if name == "aspect_ratio":
        return f"aspect ratio {check['actual']} is {check['deviation']} away from {check['closest_ratio']}"
    return f"{name.removeprefix('min_')} is {check['actual']}, wanted at least {check['threshold']}"


def _megapixels(facts: ImageFacts) -> float:
    return round(facts.width * facts.height / 1_000_000, 4)


def _metadata(facts: ImageFacts) -> dict[str, object]:
    notes = {"notes": list(facts.notes)} if facts.notes else {}
    return {
        "width": facts.width,
        "height": facts.height,
        "megapixels": _megapixels(facts),
        "mode": facts.mode,
        "format": facts.format,
        "dpi": None if facts.dpi is None else list(facts.dpi),
        **notes,
    }
