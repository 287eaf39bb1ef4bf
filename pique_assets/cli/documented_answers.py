"""The answers of Pique as docs/contract.md has them, and in what a real answer differs from that.

Belongs here: fields, types and allowed values, and the comparison. Does not: asking (`spend_one`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Documented:
    """One field of an answer.

    Attributes:
        kind: The JSON type, or `time` for a text in ISO 8601 with a time zone.
        allowed: The only values, if there is such a list.
        may_be_missing: Whether the field may be absent or null.
    """

    kind: str
    allowed: tuple[str, ...] = ()
    may_be_missing: bool = False


Fields = Mapping[str, Documented]

_TEXT, _TIME, _LIST, _OBJECT = (Documented(kind) for kind in ("text", "time", "list", "object"))

DETECTOR_CONFIG: Final[Fields] = {
    "id": _TEXT,
    "detector_name": _TEXT,
    "config": _OBJECT,
    "weight": Documented("number"),
}
JUDGE: Final[Fields] = {
    "id": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "content_type": Documented("text", ("video", "image", "audio", "text")),
    "status": Documented("text", ("ready", "pending", "failed")),
    "detector_configs": _LIST,
    "is_active": Documented("boolean"),
    "created_at": _TIME,
    "updated_at": _TIME,
}
PREPARED_UPLOAD: Final[Fields] = {
    "job_id": _TEXT,
    "upload_url": _TEXT,
    "upload_headers": _OBJECT,
    "expires_at": _TIME,
}
DETECTOR_RESULT: Final[Fields] = {
    "detector_name": _TEXT,
    "detector_config_id": _TEXT,
    "pass_check": Documented("boolean", may_be_missing=True),
    "score": Documented("number", may_be_missing=True),
    "rationale": Documented("text", may_be_missing=True),
    "metrics": Documented("object", may_be_missing=True),
    "timestamps": Documented("list", may_be_missing=True),
    "flagged_frames": Documented("list", may_be_missing=True),
}
ERROR: Final[Fields] = {"detail": _TEXT}

_EVENTS = ("evaluation.completed", "evaluation.failed", "evaluation.pending")
_STATUSES = ("awaiting_upload", "pending", "processing", "completed", "failed")
_ENDED = ("completed", "failed")


def result_fields(status: object) -> Fields:
    """The fields of a result, which depend on how far its job is."""
    completed, ended = status == "completed", status in _ENDED
    return {
        "event": Documented("text", (f"evaluation.{status}",) if ended else _EVENTS),
        "job_id": _TEXT,
        "content_id": Documented("text", may_be_missing=not completed),
        "judge_id": _TEXT,
        "status": Documented("text", _STATUSES),
        "overall_score": Documented("number", may_be_missing=not completed),
        "detector_results": Documented("list", may_be_missing=not completed),
        "error": Documented("text", may_be_missing=status != "failed"),
        "timestamp": _TIME,
    }


def differences(answer: object, fields: Fields, *, where: str) -> Iterator[str]:
    """In what an answer differs from its documentation, a sentence each.

    Args:
        answer: Parsed JSON.
        fields: What is documented.
        where: The name of what is compared, such as `judge` or `result.detector_results[0]`.
    """
    if not isinstance(answer, dict):
        yield f"{where} is {_kind(answer)}, documented is an object"
        return
    for name, documented in fields.items():
        value = answer.get(name)
        if value is None:
            if not documented.may_be_missing:
                yield f"{where}.{name} is {'null' if name in answer else 'missing'}, documented is {documented.kind}"
        elif (kind := _kind(value)) != documented.kind and not (documented.kind == "time" and _is_time(value)):
            yield f"{where}.{name} is {kind}, documented is {documented.kind}"
        elif documented.allowed and value not in documented.allowed:
            yield f"{where}.{name} is {value!r}, documented is {' or '.join(documented.allowed)}"
    for name in answer:
        if name not in fields:
            yield f"{where}.{name} is not documented"


def _kind(value: object) -> str:
    # A boolean is a number to Python, and not to JSON.
    kinds = {bool: "boolean", str: "text", int: "number", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), "null")


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
