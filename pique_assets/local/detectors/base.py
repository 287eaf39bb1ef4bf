"""What every detector has in common: a name, typed options, and a verdict over one content item.

Belongs here: the interface of a detector, of this package or of a user's own. The server loads a detector's class to
check a judge's options, so a module with one imports numpy, libav or a model only where it judges. Does not: reading
media (`pique_assets.decoding`), and which detectors there are (`registry`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from pique_assets.decoding.media import Media, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One content item in front of a detector.

    Attributes:
        media: What was read of the file, once for all detectors of a judge.
        title: Sent with the content.
        description: Sent with the content.
        references: The files behind the URIs that `Detector.references` names.
    """

    media: Media
    title: str | None = None
    description: str | None = None
    references: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a detector found.

    Attributes:
        pass_check: None where nothing can be said, which is no pass: see `undetermined`.
        score: 0..1; None where nothing can be said.
        rationale: One sentence.
        metrics: A JSON object.
        timestamps: Moments in seconds; each detector says of what.
        flagged_frames: Moments worth a look, as JSON objects with ``timestamp`` and ``reason``.
    """

    pass_check: bool | None
    score: float | None
    rationale: str
    metrics: Mapping[str, object]
    timestamps: Sequence[float] = ()
    flagged_frames: Sequence[Mapping[str, object]] = ()


class Detector(BaseModel):
    """One configured detector; its fields are the options of its ``config`` object.

    Options are strict (no text for a number, no unknown name), because an option that is silently ignored
    makes content pass that should not.

    Attributes:
        detector_name: As in a judge's ``detector_configs``, and the name of its entry point.
        content_types: Of which content it can judge.
        parts: What it needs of the content beyond the facts.
        extras: The extras of this package without which it can't work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    detector_name: ClassVar[str]
    content_types: ClassVar[frozenset[str]]
    parts: ClassVar[frozenset[Part]] = frozenset()
    extras: ClassVar[tuple[str, ...]] = ("local",)

    def references(self) -> Sequence[str]:
        """URIs of the files it compares content with."""
        return ()

    def reason_not_ready(self) -> str | None:
        """What is missing on this machine, and the command that brings it; None where nothing is."""
        return None

    @abstractmethod
    def judge(self, material: Material) -> Verdict:
        """Compare the material with the options: a pure function of the two."""


def undetermined(rationale: str, *, metrics: Mapping[str, object]) -> Verdict:
    """The verdict where nothing can be said: no pass, no score, and the reason."""
    return Verdict(pass_check=None, score=None, rationale=rationale, metrics={"outcome": "undetermined", **metrics})


def share_passed(passed: int, total: int) -> float:
    """The score of detectors made of checks: the share that passed, 1.0 where nothing was asked."""
    return 1.0 if total == 0 else round(passed / total, 4)
