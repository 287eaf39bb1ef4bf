"""Reading the bodies Pique sends into one shape: polled results, direct webhooks, social webhooks.

Belongs here: the vocabularies (contract trap 1: field names differ between them), and when a job is finished.
Rows are made in `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from pique_assets.lake.fields import Fields
from pique_assets.lake.json_text import NotReadable, is_storable, parse_json, to_json

STATUS_UNREADABLE: Final = "unreadable"
"""Our own status for a payload that cannot be read; Pique's statuses are an open set of other words."""

STATUS_UNKNOWN: Final = "unknown"
"""Our own status for a payload that holds an outcome and names no status."""

_FINISHED: Final = frozenset({"completed", "failed"})
_OPEN: Final = frozenset({"awaiting_upload", "pending", "processing"})
_EVENT_PREFIX: Final = "evaluation."
_OUTCOME_FIELDS: Final = ("detector_results", "results", "overall_score", "error")


class Phase(IntEnum):
    """How much a payload says of its job's end; the greater one wins among the payloads of a job."""

    UNREADABLE = 0
    OPEN = 1
    UNNAMED = 2
    """A status we do not know. It flows through as a row, and any end we do know replaces it."""
    FINISHED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A payload's body as parsed: `fields` when it is a JSON object, else `problem` says why not."""

    fields: dict[str, object] | None
    problem: str | None = None

    @property
    def phase(self) -> Phase:
        """What the body says of the job's end: by its status, else its event, else by holding an outcome."""
        if self.fields is None:
            return Phase.UNREADABLE
        status, event = _sent_status(self.fields), _event_status(self.fields)
        for word in (status, event):
            if word in _FINISHED:
                return Phase.FINISHED
            if word in _OPEN:
                return Phase.OPEN
        if any(self.fields.get(name) is not None for name in _OUTCOME_FIELDS):
            return Phase.FINISHED
        return Phase.UNNAMED if status or event else Phase.UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorResult:
    """One detector's result; `metrics` holds the one value sent (null is one), None when absent."""

    detector_config_id: str | None = None
    detector_name: str | None = None
    pass_check: bool | None = None
    score: float | None = None
    weight: float | None = None
    rationale: str | None = None
    metrics: tuple[object] | None = None
    timestamps: list[object] | None = None
    flagged_frames: list[object] | None = None
    other_fields: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One job's outcome in the polled vocabulary, whichever way it came; None means missing."""

    status: str
    evaluation_id: str | None = None
    batch_id: str | None = None
    content_id: str | None = None
    judge_id: str | None = None
    url: str | None = None
    event: str | None = None
    overall_score: float | None = None
    error: str | None = None
    finished_at: datetime | None = None
    results: list[DetectorResult] | None = None
    other_fields: str | None = None


def parse_body(body: bytes) -> Document:
    """The body as a JSON object, or why it is none; never raises for any bytes."""
    try:
        value = parse_json(body)
    except NotReadable as error:
        return Document(fields=None, problem=str(error))
    if not isinstance(value, dict):
        return Document(fields=None, problem=f"the body is JSON of type {type(value).__name__}, not an object")
    return Document(fields=value)


def read_evaluation(document: Document, *, job_id: str) -> Evaluation:
    """The outcome a document tells of a job.

    Raises:
        NotReadable: a part that must be kept as JSON is nested too deep to be written.
    """
    if document.fields is None:
        return unreadable(document.problem)
    if document.phase is Phase.UNREADABLE:
        return unreadable("the body names neither a status nor an outcome", other_fields=to_json(document.fields))
    fields = Fields(document.fields)
    fields.drop("job_id", job_id)
    results = fields.items("detector_results", "results")
    return Evaluation(
        status=fields.text("status") or _event_status(document.fields) or STATUS_UNKNOWN,
        evaluation_id=fields.text("evaluation_id"),
        batch_id=fields.text("batch_id"),
        content_id=fields.text("content_id"),
        judge_id=fields.text("judge_id"),
        url=fields.text("url"),
        event=fields.text("event"),
        overall_score=fields.number("overall_score"),
        error=fields.text("error", "error_message"),
        finished_at=fields.instant("timestamp", "completed_at"),
        results=None if results is None else [_read_result(result) for result in results],
        other_fields=fields.rest(),
    )


def unreadable(problem: str | None, *, other_fields: str | None = None) -> Evaluation:
    """The evaluation of a payload that cannot be read: a row with a reason, so that nothing is lost."""
    return Evaluation(status=STATUS_UNREADABLE, error=problem, other_fields=other_fields)


def _read_result(value: object) -> DetectorResult:
    if not isinstance(value, dict):
        return DetectorResult(other_fields=to_json(value))
    fields = Fields(value)
    return DetectorResult(
        detector_config_id=fields.text("detector_config_id", "criterion_id"),
        detector_name=fields.text("detector_name"),
        pass_check=fields.boolean("pass_check"),
        score=fields.number("score"),
        weight=fields.number("weight"),
        rationale=fields.text("rationale"),
        metrics=fields.anything("metrics"),
        timestamps=fields.items("timestamps"),
        flagged_frames=fields.items("flagged_frames"),
        other_fields=fields.rest(),
    )


def _sent_status(fields: dict[str, object]) -> str | None:
    status = fields.get("status")
    return status if isinstance(status, str) and status and is_storable(status) else None


def _event_status(fields: dict[str, object]) -> str | None:
    """What the event says of the status: `evaluation.failed` is failed (results seed)."""
    event = fields.get("event")
    if isinstance(event, str) and event.startswith(_EVENT_PREFIX) and is_storable(event):
        return event.removeprefix(_EVENT_PREFIX) or None
    return None
