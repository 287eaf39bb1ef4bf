"""Answers that are not as Pique gave them: lags and skew, seen from the client.

Belongs here: changing what a complete answer says. Does not: when that is due (`faults`), and broken answers
(`conversation`).
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from pique_assets.testing.faults import SHAPING_KINDS, Fault, FaultKind, FaultScript, Route
from pique_assets.testing.history import Exchange
from pique_assets.testing.wire import WireAnswer, json_object

_TIMES = frozenset({"expires_at", "timestamp", "created_at", "updated_at", "completed_at"})
_ENDED = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lag:
    """A job that looks otherwise than it is, until a time of the monotonic clock."""

    fault: Fault
    until: float


class Shaper:
    """Remembers which jobs lag, and says what clients are told instead; thread-safe."""

    def __init__(self, script: FaultScript) -> None:
        """Tell ``script`` which faults were seen."""
        self._script = script
        self._unnoticed: dict[str, _Lag] = {}
        self._invisible: dict[str, _Lag] = {}
        self._lock = threading.Lock()

    def shape(self, answer: WireAnswer, *, exchange: Exchange) -> WireAnswer:
        """What the client is told instead of Pique's ``answer``, lags of earlier requests included."""
        faults = [fault for fault in exchange.faults if fault.kind in SHAPING_KINDS]
        for fault in faults:
            if fault.kind is not FaultKind.CLOCK_SKEW and answer.status < 300:
                lags = self._unnoticed if fault.kind is FaultKind.NOTIFICATION_LAG else self._invisible
                lag = _Lag(fault=fault, until=time.monotonic() + fault.seconds)
                with self._lock:
                    lags.update(dict.fromkeys(exchange.all_job_ids, lag))
        if exchange.route is Route.RESULT and exchange.job_id is not None and answer.status < 300:
            answer = self._lagging(answer, job_id=exchange.job_id)
        for fault in faults:
            if fault.kind is FaultKind.CLOCK_SKEW:
                answer = _skewed(answer, by=timedelta(seconds=fault.seconds))
                self._script.saw(fault)
        return answer

    def _lagging(self, answer: WireAnswer, *, job_id: str) -> WireAnswer:
        now = time.monotonic()
        with self._lock:
            invisible, unnoticed = self._invisible.get(job_id), self._unnoticed.get(job_id)
        if invisible is not None and now < invisible.until:
            self._script.saw(invisible.fault)
            return replace(answer, status=404, body=json.dumps({"detail": f"Job {job_id} not found"}).encode())
        if unnoticed is not None and now < unnoticed.until:
            self._script.saw(unnoticed.fault)
            return replace(answer, body=_as_before_the_upload(answer.body))
        return answer


def with_what_was_told(exchange: Exchange, answer: WireAnswer) -> Exchange:
    """The exchange with what a client learns from this answer, as far as checks need it."""
    document = json_object(answer.body)
    if document is None or answer.status >= 300:
        return exchange
    if exchange.route is Route.PREPARE:
        return replace(exchange, expires_at=datetime.fromisoformat(str(document["expires_at"])))
    if exchange.route is Route.RESULT:
        status = str(document["status"])
        digest = None
        if status in _ENDED:
            told = [document.get(name) for name in ("overall_score", "detector_results", "error")]
            digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return replace(exchange, told_status=status, result_digest=digest)
    return exchange


def with_what_was_made(exchange: Exchange, answer: WireAnswer) -> Exchange:
    """The exchange with the job or the batch that Pique's own answer to a POST names."""
    document = json_object(answer.body)
    if document is None or answer.status >= 300:
        return exchange
    if exchange.route is Route.PREPARE:
        return replace(exchange, job_id=str(document["job_id"]))
    if exchange.route is Route.SOCIAL_MEDIA:
        jobs = document["jobs"]
        job_ids = tuple(str(job["job_id"]) for job in jobs) if isinstance(jobs, list) else ()
        return replace(exchange, batch_id=str(document["batch_id"]), job_ids=job_ids)
    return exchange


def _as_before_the_upload(body: bytes) -> bytes:
    document = json_object(body) or {}
    changed: dict[str, object] = {
        "event": "evaluation.pending",
        "status": "awaiting_upload",
        "content_id": None,
        "overall_score": None,
        "detector_results": None,
        "error": None,
    }
    return json.dumps({**document, **changed}).encode()


def _skewed(answer: WireAnswer, *, by: timedelta) -> WireAnswer:
    date = next((value for name, value in answer.headers if name.lower() == "date"), None)
    if date is not None:
        answer = answer.with_header("Date", format_datetime(parsedate_to_datetime(date) + by, usegmt=True))
    document = json_object(answer.body)
    if document is not None:
        answer = replace(answer, body=json.dumps(_moved(document, by=by), ensure_ascii=False).encode())
    return answer


def _moved(value: object, *, by: timedelta) -> object:
    """The same JSON with every known time moved; free objects such as metrics have none of these names."""
    if isinstance(value, list):
        return [_moved(item, by=by) for item in value]
    if isinstance(value, dict):
        return {
            name: _moved_time(item, by=by) if name in _TIMES and isinstance(item, str) else _moved(item, by=by)
            for name, item in value.items()
        }
    return value


def _moved_time(text: str, *, by: timedelta) -> str:
    moved = datetime.fromisoformat(text) + by
    whole = "." not in text
    return moved.astimezone(UTC).isoformat(timespec="seconds" if whole else "microseconds").replace("+00:00", "Z")
