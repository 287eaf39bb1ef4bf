"""Everything that is known of one job, from raw media to every score row.

Belongs here: finding it in ledger and lake. Does not: how it is printed (`trace_command`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pique_assets.lake as lake_room
import pique_assets.ledger as ledger_room

RESULT_TABLES: Final = ("evaluations", "detector_results", "detector_metrics", "flagged_moments")

# The ledger's columns and those of the lake's `submissions` have the same names.
FACTS: Final = (
    "state",
    "attempt",
    "source",
    "batch_id",
    "judge_id",
    "judge_configuration_hash",
    "fingerprint",
    "filename",
    "size_bytes",
    "content_type",
    "title",
    "description",
    "error_code",
    "error",
)
STEPS: Final = {
    "created_at": "intent recorded",
    "prepared_at": "job prepared",
    "upload_started_at": "last sending begun",
    "uploaded_at": "content at Pique",
    "finished_at": "finished, as Pique says",
    "settled_at": "result recorded",
}


@dataclass(frozen=True, slots=True)
class TraceStep:
    """Something that happened to the job."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at the job's work."""

    number: int
    job_id: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadFact:
    """One answer of Pique about the job."""

    source: str
    received_at: datetime
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The job's rows of one table; `uri` is their Parquet file, None where they are in no file yet."""

    table: str
    uri: str | None
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTrace:
    """One job's way.

    Attributes:
        job_id: Its id at Pique.
        known_to: `ledger`, or `lake` where the ledger does not know it.
        facts: Values of `FACTS`.
        content: Where the content is wanted: evaluation, date, uri.
        walk: What happened to it, in this order.
        attempts: Every attempt at the same work, itself included.
        payloads: Pique's answers.
        tables: Its rows: one entry for each table and file.
    """

    job_id: str
    known_to: str
    facts: dict[str, Any]
    content: tuple[ledger_room.InventoryEntry, ...]
    walk: tuple[TraceStep, ...]
    attempts: tuple[Attempt, ...]
    payloads: tuple[PayloadFact, ...]
    tables: tuple[TableRows, ...]


def trace_job(job_id: str, *, ledger: ledger_room.Ledger | None, lake: lake_room.Lake) -> JobTrace | None:
    """Follow one job through ledger and lake.

    Args:
        job_id: Its id at Pique.
        ledger: The record of submissions, where there is one.
        lake: Where the tables are; may be empty.

    Returns:
        What is known; None if neither knows the job.

    Raises:
        LedgerError, LakeError: One of the two can't be read.
    """
    submission = ledger.find_job(job_id) if ledger else None
    if ledger is None or submission is None:
        return _from_lake(job_id, lake=lake)
    places = ledger.inventory_entries_of(job_id)
    payloads = _payloads(job_id, places=places, ledger=ledger)
    files = [file for place in places for file in _files_of(place, lake=lake)]
    return JobTrace(
        job_id=job_id,
        known_to="ledger",
        facts={name: getattr(submission, name) for name in FACTS} | {"state": submission.state.lower()},
        content=tuple(places),
        walk=_walk({name: getattr(submission, name) for name in STEPS}),
        attempts=tuple(
            Attempt(one.attempt, one.job_id, one.state.lower()) for one in ledger.attempts(work_key=submission.work_key)
        ),
        payloads=tuple(
            PayloadFact(source=one.source, received_at=one.received_at, size_bytes=len(one.body), sha256=one.sha256)
            for one in payloads
        ),
        tables=tuple(_rows_in_files(job_id, files=files, lake=lake)) or tuple(_rows_of(payloads)),
    )


def _from_lake(job_id: str, *, lake: lake_room.Lake) -> JobTrace | None:
    found = [
        (file, row)
        for file in lake.partitions("submissions")
        for row in _rows_of_job(job_id, table="submissions", file=file, lake=lake)
    ]
    if not found:
        return None
    files = list(dict.fromkeys(file for file, _ in found))
    _, row = found[-1]
    return JobTrace(
        job_id=job_id,
        known_to="lake",
        facts={name: row[name] for name in FACTS},
        content=tuple(
            ledger_room.InventoryEntry(file.evaluation, file.date.isoformat(), one["content_uri"])
            for file, one in found
        ),
        walk=_walk({name: row.get(name) for name in STEPS}),
        attempts=(Attempt(row["attempt"], job_id, row["state"]),),
        payloads=tuple(
            PayloadFact(
                source=one["source"],
                received_at=one["received_at"],
                size_bytes=len(one["body"]),
                sha256=one["payload_sha256"],
            )
            for one in _rows_of_job(job_id, table="payloads", file=files[-1], lake=lake)
        ),
        tables=tuple(_rows_in_files(job_id, files=files, lake=lake)),
    )


def _payloads(
    job_id: str, *, places: Sequence[ledger_room.InventoryEntry], ledger: ledger_room.Ledger
) -> list[ledger_room.StoredPayload]:
    """Every place has the same; the ledger hands payloads out by place."""
    for place in places[:1]:
        every = ledger.partition_payloads(evaluation=place.evaluation, partition=place.partition)
        return [payload for payload in every if payload.job_id == job_id]
    return []


def _walk(times: Mapping[str, datetime | None]) -> tuple[TraceStep, ...]:
    # Pique's clock may differ from ours, so the steps stay in their order rather than that of their times.
    return tuple(TraceStep(at, what) for name, what in STEPS.items() if (at := times[name]) is not None)


def _files_of(place: ledger_room.InventoryEntry, *, lake: lake_room.Lake) -> Iterator[lake_room.PartitionFile]:
    """The files of a place, whatever folder its judge has; none for a partition that is no date."""
    try:
        files = lake.partitions("evaluations", start=place.partition, end=place.partition)
    except ValueError:
        return
    yield from (file for file in files if file.evaluation == place.evaluation)


def _rows_in_files(
    job_id: str, *, files: Iterable[lake_room.PartitionFile], lake: lake_room.Lake
) -> Iterator[TableRows]:
    for file in files:
        for table in RESULT_TABLES:
            rows = _rows_of_job(job_id, table=table, file=file, lake=lake)
            uri = lake.uri(table, judge=file.judge, date=file.date, evaluation=file.evaluation)
            yield TableRows(table=table, uri=uri, rows=rows)


def _rows_of(payloads: Iterable[ledger_room.StoredPayload]) -> Iterator[TableRows]:
    """What the tables will hold when they are written."""
    tables = lake_room.normalise(
        lake_room.Payload(job_id=one.job_id, source=one.source, received_at=one.received_at, body=one.body)
        for one in payloads
    )
    for table in RESULT_TABLES:
        yield TableRows(table=table, uri=None, rows=tables[table].to_pylist())


def _rows_of_job(
    job_id: str, *, table: str, file: lake_room.PartitionFile, lake: lake_room.Lake
) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    try:
        found = lake.read(table, judge=file.judge, date=file.date, evaluation=file.evaluation)
    except lake_room.LakeError:
        # Not written yet, or not readable: `rebuild` says what is wrong with it.
        return []
    rows: list[dict[str, Any]] = found.filter(pc.field("job_id") == job_id).to_pylist()
    return rows
