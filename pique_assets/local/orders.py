"""What the server and its evaluation processes say to each other: one JSON line each way.

Nothing but the two messages; both sides import this, so it stays light.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class DetectorOrder(BaseModel):
    """One detector to run."""

    model_config = ConfigDict(frozen=True)

    id: str
    detector_name: str
    config: dict[str, object]
    weight: float


class EvaluationOrder(BaseModel):
    """One evaluation to do: the content at ``path`` before each detector."""

    model_config = ConfigDict(frozen=True)

    path: Path
    content_type: str
    title: str | None
    description: str | None
    detectors: list[DetectorOrder]


class EvaluationAnswer(BaseModel):
    """What came of it: an ``error``, or a score in 0..1 and detector results as polled results write them."""

    model_config = ConfigDict(frozen=True)

    error: str | None = None
    overall_score: float | None = None
    detector_results: list[dict[str, object]] | None = None
