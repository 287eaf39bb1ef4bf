"""What became of each file of a `pique-assets evaluate`, for people and for programs.

Belongs here: ledger rows and payloads as one result a file, and how results are printed. Does not: getting them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pique_assets.lake as lake_room
import pique_assets.ledger as ledger_room
from pique_assets.cli.text_table import text_table
from pique_assets.media.files import LOCAL_SCHEME, to_path


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorVerdict:
    """What one detector said, as Pique sent it; `metrics` is None where there were none."""

    detector_name: str | None
    detector_config_id: str | None
    pass_check: bool | None
    score: float | None
    rationale: str | None
    metrics: object


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of one file; without a result, `error` says why."""

    content_uri: str
    state: str
    job_id: str | None
    overall_score: float | None
    detectors: tuple[DetectorVerdict, ...]
    error_code: str | None
    error: str | None

    @property
    def is_evaluated(self) -> bool:
        """Whether Pique scored it."""
        return self.state == "completed"


def file_results(ledger: ledger_room.Ledger, *, evaluation: str, partition: str) -> list[FileResult]:
    """One result for each content item of a partition, sorted by uri."""
    payloads = [
        lake_room.Payload(job_id=stored.job_id, source=stored.source, received_at=stored.received_at, body=stored.body)
        for stored in ledger.partition_payloads(evaluation=evaluation, partition=partition)
    ]
    tables = lake_room.normalise(payloads)
    scores = {row["job_id"]: row["overall_score"] for row in tables["evaluations"].to_pylist()}
    metrics = lake_room.restore_metrics(tables["detector_metrics"])
    verdicts: dict[str, list[DetectorVerdict]] = {}
    for row in tables["detector_results"].to_pylist():
        verdict = DetectorVerdict(
            detector_name=row["detector_name"],
            detector_config_id=row["detector_config_id"],
            pass_check=row["pass_check"],
            score=row["score"],
            rationale=row["rationale"],
            metrics=metrics.get((row["job_id"], row["detector_index"])),
        )
        verdicts.setdefault(row["job_id"], []).append(verdict)
    rows = ledger.partition_state(evaluation=evaluation, partition=partition)
    return [_result(row, scores=scores, verdicts=verdicts) for row in rows]


def _result(
    row: ledger_room.PartitionItem, *, scores: dict[str, float | None], verdicts: dict[str, list[DetectorVerdict]]
) -> FileResult:
    item, submission = row.item, row.submission
    job_id = submission.job_id if submission else None
    state = "unreadable" if item.work_key is None else "unsubmitted"
    return FileResult(
        content_uri=item.content_uri,
        state=submission.state.lower() if submission else state,
        job_id=job_id,
        overall_score=scores.get(job_id) if job_id else None,
        detectors=tuple(verdicts.get(job_id, ())) if job_id else (),
        error_code=item.error_code or (submission.error_code if submission else None),
        error=item.error or (submission.error if submission else None),
    )


def as_json(results: Iterable[FileResult]) -> list[dict[str, Any]]:
    """The results as plain values."""
    return [asdict(result) for result in results]


def as_text(results: Sequence[FileResult]) -> str:
    """The results as a table: a line for the file, one for each of its detectors."""
    columns = ("file", "detector", "pass", "score", "rationale")
    return text_table(columns, [line for result in results for line in _lines(result)])


def _lines(result: FileResult) -> Iterable[tuple[object, ...]]:
    name = shown_path(result.content_uri)
    if not result.is_evaluated:
        yield name, result.state, None, None, result.error or "no result yet"
        return
    yield name, "overall", None, _number(result.overall_score), None
    for verdict in result.detectors:
        yield None, verdict.detector_name, _passed(verdict.pass_check), _number(verdict.score), verdict.rationale


def shown_path(content_uri: str) -> str:
    """A content uri as a person would write it: a path, relative where that is shorter."""
    if not content_uri.startswith(LOCAL_SCHEME):
        return content_uri
    path = to_path(content_uri)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return os.fsencode(shown).decode(errors="backslashreplace")


def _passed(pass_check: bool | None) -> str:
    return {True: "yes", False: "NO", None: "undecided"}[pass_check]


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.4g}"
