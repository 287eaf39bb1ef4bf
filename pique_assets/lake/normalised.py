"""How a payload becomes rows: all tables that follow from Pique's answers alone, in one pass over them.

Reads from top to bottom: which of a job's payloads counts, what its body says, and which cell stands in which column
of `evaluations`, `detector_results`, `detector_metrics` and `flagged_moments`.

Belongs here: the whole way from a body's bytes to rows. Does not: how metrics are kept as paths and typed values
(`metrics`), when a value fits a column (`fields`), what is JSON (`json_text`), and writing files (`storage`).

Columns are built, not rows: a day has a million metrics, and each Python object made for one of them is paid for by
that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import groupby, islice
from operator import attrgetter
from typing import Final, TypeVar

import pyarrow as pa

from pique_assets.lake.fields import ABSENT, Fields, as_boolean, as_instant, as_list, as_number, as_text
from pique_assets.lake.json_text import NotReadable, parse_json, to_json
from pique_assets.lake.metrics import MetricPaths, flatten_metrics, metric_columns
from pique_assets.lake.payload import Payload
from pique_assets.lake.scale import score_scale
from pique_assets.lake.tables import DETECTOR_METRICS, DETECTOR_RESULTS, EVALUATIONS, FLAGGED_MOMENTS

_T = TypeVar("_T")

STATUS_UNREADABLE: Final = "unreadable"
"""Our own status for a payload that cannot be read; Pique's statuses are an open set of other words."""

STATUS_UNKNOWN: Final = "unknown"
"""Our own status for a payload that holds an outcome and names no status."""

RESULT_TABLES: Final = (EVALUATIONS, DETECTOR_RESULTS, DETECTOR_METRICS, FLAGGED_MOMENTS)

# Bodies of so many bytes become rows at once: what Python makes of them still fits the processor's cache.
_PART_BYTES: Final = 192 * 1024

_FINISHED: Final = frozenset({"completed", "failed"})
_OPEN: Final = frozenset({"awaiting_upload", "pending", "processing"})
_EVENT_PREFIX: Final = "evaluation."
_OUTCOME_FIELDS: Final = ("detector_results", "results", "overall_score", "error")

# Where a flagged frame says its time. The frame's shape is undocumented; these are the detectors' own names.
_FRAME_TIMES: Final = ("timestamp_sec", "timestamp")

_by_job = attrgetter("job_id")


def normalise(payloads: Iterable[Payload]) -> dict[str, pa.Table]:
    """The tables `evaluations`, `detector_results`, `detector_metrics` and `flagged_moments` of these payloads.

    Of a job's payloads one counts: the end of the job beats its progress, a polled answer beats a webhook, a
    newer one an older one. Jobs that are not finished have no rows. A payload that cannot be read becomes an
    evaluation with status `unreadable`. The result does not depend on the order of the payloads, and rows
    are sorted by key.

    Args:
        payloads: Any payloads, several of a job among them.

    Returns:
        The four tables by name, each with its declared schema, also when empty.
    """
    parts = list(normalised_parts(sorted(payloads, key=_by_job)))
    return {
        spec.name: pa.concat_tables([spec.schema.empty_table(), *(part[spec.name] for part in parts)])
        for spec in RESULT_TABLES
    }


def normalised_parts(payloads: Iterable[Payload]) -> Iterator[dict[str, pa.Table]]:
    """The same tables part by part, in memory that does not grow with the number of payloads.

    Args:
        payloads: Sorted by job, as the table `payloads` is.

    Yields:
        The next rows of all four tables by name; the parts of a table, one after the other, are sorted by its key.

    Raises:
        ValueError: The payloads are not sorted by job.
    """
    answers: list[_Answer] = []
    size = 0
    for answer in _ended_jobs(payloads):
        answers.append(answer)
        size += len(answer.payload.body)
        if size >= _PART_BYTES:
            yield _tables(answers)
            answers, size = [], 0
    if answers:
        yield _tables(answers)


# Which of a job's payloads counts.


class _Phase(IntEnum):
    """How much a payload says of its job's end; the greater one wins among the payloads of a job."""

    UNREADABLE = 0
    OPEN = 1
    UNNAMED = 2
    """A status we do not know. It flows through as a row, and any end we do know replaces it."""
    FINISHED = 3


@dataclass(frozen=True, slots=True)
class _Body:
    """What a payload's bytes say.

    Attributes:
        phase: How far the job is.
        fields: The fields of the JSON object; of bytes that are none, the status and error which its row gets.
        kept: JSON of an object that names neither a status nor an outcome; its row keeps all of it as `other_fields`.
    """

    phase: _Phase
    fields: dict[str, object]
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A payload, the SHA-256 of its bytes, and what they say."""

    payload: Payload
    sha256: str
    body: _Body

    @property
    def weight(self) -> tuple[_Phase, bool, datetime, str]:
        """The answer with the greatest weight is the one that counts."""
        return self.body.phase, not self.payload.is_webhook, self.payload.received_at, self.sha256


def _ended_jobs(payloads: Iterable[Payload]) -> Iterator[_Answer]:
    """The answer that counts of each job, but for jobs that Pique says are still open."""
    before = ""
    for job_id, of_job in groupby(payloads, key=_by_job):
        if job_id < before:
            raise ValueError(f"payloads are not sorted by job: {job_id!r} comes after {before!r}")
        before = job_id
        answers = (_Answer(payload, payload.sha256, _read(payload.body)) for payload in of_job)
        answer = max(answers, key=attrgetter("weight"))
        if answer.body.phase is not _Phase.OPEN:
            yield answer


def _read(body: bytes) -> _Body:
    try:
        value = parse_json(body)
        if not isinstance(value, dict):
            return _unreadable(f"the body is JSON of type {type(value).__name__}, not an object")
        phase = _phase(value)
        if phase is _Phase.UNREADABLE:
            return _unreadable("the body names neither a status nor an outcome", kept=to_json(value))
    except NotReadable as error:
        return _unreadable(str(error))
    return _Body(phase, value)


def _unreadable(problem: str, *, kept: str | None = None) -> _Body:
    """A body that can't be read still makes a row, with the reason, so that nothing is lost."""
    return _Body(_Phase.UNREADABLE, {"status": STATUS_UNREADABLE, "error": problem}, kept)


def _phase(fields: Mapping[str, object]) -> _Phase:
    """What a body says of the job's end: by its status, else its event, else by holding an outcome."""
    status, event = as_text(fields.get("status")), _event_status(fields.get("event"))
    for word in (status, event):
        if word in _FINISHED:
            return _Phase.FINISHED
        if word in _OPEN:
            return _Phase.OPEN
    if any(fields.get(name) is not None for name in _OUTCOME_FIELDS):
        return _Phase.FINISHED
    return _Phase.UNNAMED if status or event else _Phase.UNREADABLE


def _event_status(event: object) -> str | None:
    """What an event says of the status: `evaluation.failed` is failed."""
    text = as_text(event) or ""
    return text.removeprefix(_EVENT_PREFIX) or None if text.startswith(_EVENT_PREFIX) else None


# Which cell stands in which column.


def _tables(answers: Sequence[_Answer]) -> dict[str, pa.Table]:
    """The rows of these jobs; of a job that can't be kept as it is, one row that says why."""
    try:
        return _rows(answers)
    except NotReadable as error:
        if len(answers) == 1:
            return _rows([_Answer(answers[0].payload, answers[0].sha256, _unreadable(str(error)))])
        middle = len(answers) // 2
        first, second = _tables(answers[:middle]), _tables(answers[middle:])
        return {name: pa.concat_tables([first[name], second[name]]) for name in first}


def _rows(answers: Sequence[_Answer]) -> dict[str, pa.Table]:
    bodies = Fields([answer.body.fields for answer in answers])
    lists = bodies.take("detector_results", "results", fit=as_list)
    results = [result for sent in lists for result in sent or ()]
    fields = Fields([result if isinstance(result, dict) else {} for result in results])
    verdicts = fields.take("pass_check", fit=as_boolean)
    # What each row about a detector result repeats, once for each result.
    owner = _repeated(
        {
            "job_id": pa.array([answer.payload.job_id for answer in answers], pa.string()),
            "payload_sha256": pa.array([answer.sha256 for answer in answers], pa.string()),
        },
        [len(sent or ()) for sent in lists],
    )
    owner["detector_index"] = pa.array([index for sent in lists for index in range(len(sent or ()))], pa.int64())
    owner["detector_name"] = pa.array(fields.take("detector_name", fit=as_text), pa.string())
    metrics, metric_counts = _detector_metrics(fields.take_as_sent("metrics"), owner=owner)
    timestamps = fields.take("timestamps", fit=as_list)
    frames = fields.take("flagged_frames", fit=as_list)
    detector_results = {
        **owner,
        "detector_config_id": fields.take("detector_config_id", "criterion_id", fit=as_text),
        "pass_check": verdicts,
        "score": fields.take("score", fit=as_number),
        "weight": fields.take("weight", fit=as_number),
        "rationale": fields.take("rationale", fit=as_text),
        "metric_count": metric_counts,
        "timestamp_count": _lengths(timestamps),
        "flagged_frame_count": _lengths(frames),
        "other_fields": [
            rest if isinstance(result, dict) else to_json(result)
            for result, rest in zip(results, fields.rest(), strict=True)
        ],
    }
    return {
        EVALUATIONS.name: _evaluations(answers, bodies=bodies, verdicts=_split(verdicts, lists)),
        DETECTOR_RESULTS.name: DETECTOR_RESULTS.from_columns(detector_results),
        DETECTOR_METRICS.name: metrics,
        FLAGGED_MOMENTS.name: _flagged_moments(timestamps, frames, owner=owner),
    }


def _evaluations(
    answers: Sequence[_Answer], *, bodies: Fields, verdicts: Sequence[Sequence[bool | None] | None]
) -> pa.Table:
    for answer, left in zip(answers, bodies.left, strict=True):
        # A field that only repeats what is known; another job's id stays in `other_fields`.
        if left.get("job_id") == answer.payload.job_id:
            del left["job_id"]
    events = [_event_status(answer.body.fields.get("event")) for answer in answers]
    statuses = bodies.take("status", fit=as_text)
    scores = bodies.take("overall_score", fit=as_number)
    batches = bodies.take("batch_id", fit=as_text)
    columns = {
        "job_id": [answer.payload.job_id for answer in answers],
        "evaluation_id": bodies.take("evaluation_id", fit=as_text),
        "batch_id": batches,
        "content_id": bodies.take("content_id", fit=as_text),
        "judge_id": bodies.take("judge_id", fit=as_text),
        "url": bodies.take("url", fit=as_text),
        "event": bodies.take("event", fit=as_text),
        "status": [status or event or STATUS_UNKNOWN for status, event in zip(statuses, events, strict=True)],
        "overall_score": scores,
        "overall_score_scale": [
            score_scale(score, is_social=batch is not None) for score, batch in zip(scores, batches, strict=True)
        ],
        "detectors": _lengths(verdicts),
        "detectors_passed": [None if some is None else some.count(True) for some in verdicts],
        "detectors_failed": [None if some is None else some.count(False) for some in verdicts],
        "detectors_undecided": [None if some is None else some.count(None) for some in verdicts],
        "error": bodies.take("error", "error_message", fit=as_text),
        "finished_at": bodies.take("timestamp", "completed_at", fit=as_instant),
        "source": [answer.payload.source for answer in answers],
        "received_at": [answer.payload.received_at for answer in answers],
        "payload_sha256": [answer.sha256 for answer in answers],
        "other_fields": [answer.body.kept or rest for answer, rest in zip(answers, bodies.rest(), strict=True)],
    }
    return EVALUATIONS.from_columns(columns)


def _detector_metrics(sent: Sequence[object], *, owner: Mapping[str, pa.Array]) -> tuple[pa.Table, list[int | None]]:
    """A row for each value in the metrics of each result, and how many rows each result has."""
    known_paths = MetricPaths()
    counts: list[int | None] = []
    paths: list[str] = []
    values: list[object] = []
    for metrics in sent:
        if metrics is ABSENT:
            counts.append(None)
            continue
        found = flatten_metrics(metrics, known_paths)
        of_result = sorted(found)
        paths += of_result
        values += map(found.__getitem__, of_result)
        counts.append(len(of_result))
    repeated = _repeated(owner, [count or 0 for count in counts])
    return DETECTOR_METRICS.from_columns({**repeated, "metric_path": paths, **metric_columns(values)}), counts


def _flagged_moments(
    timestamps: Sequence[Sequence[object] | None],
    frames: Sequence[Sequence[object] | None],
    *,
    owner: Mapping[str, pa.Array],
) -> pa.Table:
    """A row for each entry of the two lists of each result, in the order of the table's key."""
    kinds: list[str] = []
    indexes: list[int] = []
    at_s: list[float | None] = []
    texts: list[str | None] = []
    counts: list[int] = []
    for marked, flagged in zip(timestamps, frames, strict=True):
        counts.append(len(marked or ()) + len(flagged or ()))
        if flagged:
            kinds += ["frame"] * len(flagged)
            indexes += range(len(flagged))
            at_s += map(_frame_time, flagged)
            texts += map(to_json, flagged)
        if marked:
            kinds += ["timestamp"] * len(marked)
            indexes += range(len(marked))
            at_s += (seconds := list(map(as_number, marked)))
            # A fraction says all of itself there; 12 and 12.0 would be one.
            texts += [
                None if at is not None and type(entry) is float else to_json(entry)
                for at, entry in zip(seconds, marked, strict=True)
            ]
    repeated = _repeated(owner, counts)
    return FLAGGED_MOMENTS.from_columns(
        {**repeated, "moment_kind": kinds, "moment_index": indexes, "at_s": at_s, "value_json": texts}
    )


def _frame_time(frame: object) -> float | None:
    if not isinstance(frame, dict):
        return None
    times = (as_number(frame.get(name)) for name in _FRAME_TIMES)
    return next((at_s for at_s in times if at_s is not None), None)


def _repeated(columns: Mapping[str, pa.Array], counts: Sequence[int]) -> dict[str, pa.Array]:
    """The cells of each row as many times as counted for it."""
    rows: list[int] = []
    for row, count in enumerate(counts):
        rows += [row] * count
    taken = pa.array(rows, pa.int64())
    return {name: cells.take(taken) for name, cells in columns.items()}


def _split(cells: Sequence[_T], lists: Sequence[Sequence[object] | None]) -> list[Sequence[_T] | None]:
    """The cells of all entries of some lists, list by list."""
    left = iter(cells)
    return [None if some is None else list(islice(left, len(some))) for some in lists]


def _lengths(lists: Sequence[Sequence[object] | None]) -> list[int | None]:
    return [None if some is None else len(some) for some in lists]
