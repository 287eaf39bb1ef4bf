"""Rows of the result tables: from one job's outcome to cells, from cells to Arrow.

Belongs here: which cell goes into which column, in the order `result_tables` declares. Which payload of a
job counts is decided in `normalise`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from pique_assets.lake.arrow_rows import MetricColumns, Row, to_table
from pique_assets.lake.bodies import DetectorResult, Document, Evaluation, read_evaluation, unreadable
from pique_assets.lake.fields import as_double
from pique_assets.lake.json_text import NotReadable, to_json
from pique_assets.lake.metrics import EscapedKeys, MetricCell, flatten_metrics
from pique_assets.lake.payload import Payload
from pique_assets.lake.result_tables import DETECTOR_METRICS, DETECTOR_RESULTS, EVALUATIONS, FLAGGED_MOMENTS
from pique_assets.lake.scale import score_scale

# Where a flagged frame says its time. The frame's shape is undocumented; these are the detectors' own names.
_FRAME_TIMES: Final = ("timestamp_sec", "timestamp")


@dataclass(frozen=True, slots=True)
class _JobRows:
    """The rows of one job, complete before any is added: no half of a job may stay behind."""

    evaluation: Row
    results: list[Row]
    metrics: list[tuple[Row, list[MetricCell]]]
    moments: list[Row]


class ResultRows:
    """Collects the rows of jobs, given in the order of their ids, into the four result tables."""

    def __init__(self) -> None:
        self._keys = EscapedKeys()
        self._evaluations: list[Row] = []
        self._results: list[Row] = []
        self._moments: list[Row] = []
        self._metrics = MetricColumns()

    def add(self, payload: Payload, document: Document) -> None:
        """Add the rows of one job; one that cannot be kept becomes an `unreadable` evaluation."""
        try:
            rows = self._job_rows(payload, read_evaluation(document, job_id=payload.job_id))
        except NotReadable as error:
            rows = self._job_rows(payload, unreadable(str(error)))
        self._evaluations.append(rows.evaluation)
        self._results.extend(rows.results)
        self._moments.extend(rows.moments)
        for owner, cells in rows.metrics:
            self._metrics.add(owner, cells)

    def tables(self) -> dict[str, pa.Table]:
        """The tables so far, by name."""
        return {
            EVALUATIONS.name: to_table(EVALUATIONS, self._evaluations),
            DETECTOR_RESULTS.name: to_table(DETECTOR_RESULTS, self._results),
            DETECTOR_METRICS.name: self._metrics.table(),
            FLAGGED_MOMENTS.name: to_table(FLAGGED_MOMENTS, self._moments),
        }

    def _job_rows(self, payload: Payload, evaluation: Evaluation) -> _JobRows:
        job_id, sha256 = payload.job_id, payload.sha256
        rows = _JobRows(_evaluation_row(payload, evaluation, sha256), [], [], [])
        for index, result in enumerate(evaluation.results or ()):
            cells = None if result.metrics is None else flatten_metrics(result.metrics[0], self._keys)
            rows.results.append(_result_row(job_id, index, result, cells, sha256))
            owner = (job_id, index, result.detector_name)
            rows.moments.extend((*owner, *cells, sha256) for cells in _moments(result))
            if cells is not None:
                rows.metrics.append(((*owner, sha256), cells))
        return rows


def _evaluation_row(payload: Payload, evaluation: Evaluation, sha256: str) -> Row:
    results = evaluation.results
    verdicts = None if results is None else [result.pass_check for result in results]
    return (
        payload.job_id,
        evaluation.evaluation_id,
        evaluation.batch_id,
        evaluation.content_id,
        evaluation.judge_id,
        evaluation.url,
        evaluation.event,
        evaluation.status,
        evaluation.overall_score,
        score_scale(evaluation.overall_score, is_social=evaluation.batch_id is not None),
        None if verdicts is None else len(verdicts),
        None if verdicts is None else verdicts.count(True),
        None if verdicts is None else verdicts.count(False),
        None if verdicts is None else verdicts.count(None),
        evaluation.error,
        evaluation.finished_at,
        payload.source,
        payload.received_at,
        sha256,
        evaluation.other_fields,
    )


def _result_row(job_id: str, index: int, result: DetectorResult, cells: list[MetricCell] | None, sha256: str) -> Row:
    return (
        job_id,
        index,
        result.detector_config_id,
        result.detector_name,
        result.pass_check,
        result.score,
        result.weight,
        result.rationale,
        None if cells is None else len(cells),
        None if result.timestamps is None else len(result.timestamps),
        None if result.flagged_frames is None else len(result.flagged_frames),
        sha256,
        result.other_fields,
    )


def _moments(result: DetectorResult) -> Iterator[Row]:
    """moment_kind, moment_index, at_s, value_json of each entry, in the order of the table's key."""
    for index, frame in enumerate(result.flagged_frames or ()):
        yield "frame", index, _frame_time(frame), to_json(frame)
    for index, entry in enumerate(result.timestamps or ()):
        at_s = as_double(entry)
        says_all = at_s is not None and isinstance(entry, float)
        yield "timestamp", index, at_s, None if says_all else to_json(entry)


def _frame_time(frame: object) -> float | None:
    if not isinstance(frame, dict):
        return None
    times = (as_double(frame.get(name)) for name in _FRAME_TIMES)
    return next((at_s for at_s in times if at_s is not None), None)
