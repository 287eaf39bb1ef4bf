"""What the server and its child processes say to each other: one JSON line each way.

Belongs here: the messages alone; both ends import this module, so it stays light. Does not: sending them
(`child_process`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class DetectorOrder(_Message):
    """One detector to run."""

    id: str
    detector_name: str
    config: dict[str, object]
    weight: float


class EvaluationOrder(_Message):
    """One evaluation to do: the content at ``path`` before each detector.

    Attributes:
        references: The files behind the URIs with which detectors compare the content.
    """

    path: Path
    content_type: str
    title: str | None
    description: str | None
    detectors: list[DetectorOrder]
    references: dict[str, Path] = {}


class DetectorAnswer(_Message):
    """What one detector found, as polled results write it; ``pass_check`` and ``score`` are null together."""

    model_config = ConfigDict(strict=True)

    detector_name: str
    detector_config_id: str
    pass_check: bool | None
    score: float | None = Field(ge=0, le=1, allow_inf_nan=False)
    rationale: str
    metrics: dict[str, object]
    timestamps: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    flagged_frames: list[dict[str, object]]

    @model_validator(mode="after")
    def _says_something_or_nothing(self) -> Self:
        if (self.pass_check is None) != (self.score is None):
            raise ValueError("pass_check and score have to be None together")
        return self


class EvaluationAnswer(_Message):
    """What came of it: an ``error``, or a score in 0..1 and detector results as polled results write them."""

    error: str | None = None
    overall_score: float | None = None
    detector_results: list[dict[str, object]] | None = None


class DownloadOrder(_Message):
    """One video to download into an empty folder.

    Attributes:
        url: An http or https address: of a video file, or of a page that shows one video.
        folder: Absolute; the answer names a file in it.
        max_bytes: Largest file that is kept.
        silence_s: Seconds the host may be silent.
    """

    url: str
    folder: Path
    max_bytes: int
    silence_s: float


class DownloadedVideo(_Message):
    """A complete file, and what its page says of it."""

    path: Path
    size_bytes: int
    sha256: str
    title: str | None
    description: str | None


class DownloadAnswer(_Message):
    """What came of it: a video, or the reason why there is none."""

    video: DownloadedVideo | None = None
    reason: str | None = None
