"""A lost ledger rebuilt from the lake, so that nothing is evaluated again.

Belongs here: what the tables `submissions`, `payloads` and `content` say about each job, and what they can't say. Does
not: how a ledger writes what is remembered (`ledger`), the command (`cli`), and Dagster.

The lake knows a job from the moment its date's `submissions` were materialised. What was submitted after that, and the
signed upload URLs, were in the ledger alone: `RestoreReport` says where such gaps may be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pique_assets.lake import FileMissing, Lake, PartitionFile
from pique_assets.ledger import (
    DEAD_STATES,
    FINISHED_STATES,
    OPEN_STATES,
    InventoryItem,
    Ledger,
    RememberedPayload,
    RememberedSubmission,
    Source,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.recovering.unknown_jobs import note_restored

_S = SubmissionState
_Row = Mapping[str, Any]
_Attempt = tuple[str, int]

# How far a job has come. Where two dates remember a job differently, the memory that is further in this list is newer.
_FURTHER = (
    _S.UPLOADING,
    _S.SUBMITTING,
    _S.IN_DOUBT,
    _S.UPLOADED,
    _S.GIVEN_UP,
    _S.REJECTED,
    _S.ABANDONED,
    _S.FAILED,
    _S.COMPLETED,
)

_JOBLESS = frozenset({_S.SUBMITTING, _S.REJECTED, _S.IN_DOUBT})


class LakeUnusable(Exception):
    """The lake has nothing to restore from, or rows that no pique_assets wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Content of one date for which the lake names no job; Pique may have a job for that content all the same."""

    evaluation: str
    date: str
    content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What was restored, and what the lake does not know.

    Attributes:
        partitions: Dates, counted once for each evaluation.
        submissions: Job attempts written into the ledger.
        known: Job attempts that the ledger had already.
        payloads: Results written into the ledger.
        open: Restored jobs whose result is still to come: the next runs ask Pique for them.
        unanswered: Social media URLs that were sent and not answered: they wait for a webhook, and are not sent again.
        unconfirmed: Open jobs of which the lake does not say that their bytes arrived: the next runs ask Pique before
            they send anything, and send nothing to these jobs.
        contradicted: Jobs that share work and attempt with another job, which was restored in their place.
        gaps: Dates with content that has no job in the lake. If somebody submitted that content shortly before the
            ledger was lost, its next uploads evaluate it again.
    """

    partitions: int
    submissions: int
    known: int
    payloads: int
    open: int
    unanswered: int
    unconfirmed: int
    contradicted: tuple[str, ...]
    gaps: tuple[Gap, ...]


def restore_ledger(
    *, lake: Lake, ledger: Ledger, say: Callable[[str], None], evaluations: Collection[str] = ()
) -> RestoreReport:
    """Write every job the lake remembers into a ledger; may be repeated, also after an interruption.

    Each date is one transaction. Memory grows with the number of submissions, not with their payloads.

    Args:
        lake: Where the tables are.
        ledger: A new ledger, or one that agrees with the lake.
        say: Hears how far the restoring is.
        evaluations: Only these, where others in the lake belong to another ledger; all when left out.

    Raises:
        LedgerOfAnotherPique: The lake holds results of another Pique than the ledger; nothing was written.
        LakeUnusable: There is no `submissions` table, or a row lacks what every submission has.
        RestoreRefused: The ledger contradicts the lake; what was written before stays and is true.
        LakeError, LedgerError: One of the two can't be read or written.
    """
    versions = {
        file: version
        for file, version in lake.versions("submissions").items()
        if not evaluations or file.evaluation in evaluations
    }
    files = sorted(versions)
    if not files:
        of = f" of {', '.join(sorted(evaluations))}" if evaluations else ""
        raise LakeUnusable(f"{lake.root} holds no `submissions` table{of}: there is nothing to restore from")
    if pique := lake.pique():
        ledger.belong_to(pique)
    dates = [_remembered_date(lake, file) for file in files]
    attempts, contradicted = _agreed_attempts(dates)
    say(f"the lake names {len(attempts)} jobs of {len(files)} dates")
    by_file: dict[PartitionFile, list[RememberedSubmission]] = {}
    for submission, file in attempts:
        by_file.setdefault(file, []).append(submission)
    counts: Counter[str] = Counter()
    for number, date in enumerate(dates, start=1):
        file = date.file
        written = ledger.restore(
            evaluation=file.evaluation,
            partition=file.date.isoformat(),
            items=date.items["direct"],
            social_items=date.items["social"],
            submissions=by_file.get(file, ()),
            payloads=_payloads(lake, file),
        )
        counts.update(submissions=written.submissions, known=written.known, payloads=written.payloads)
        say(f"{number} of {len(files)} dates: {file.evaluation} {file.date}, {written.submissions} jobs restored")
    _mark_collected(ledger, files)
    note_restored(lake=lake, ledger=ledger, versions=versions)
    states = Counter(submission.state for submission, _ in attempts)
    return RestoreReport(
        partitions=len(files),
        submissions=counts["submissions"],
        known=counts["known"],
        payloads=counts["payloads"],
        open=states[_S.UPLOADED] + states[_S.UPLOADING],
        unanswered=states[_S.SUBMITTING],
        unconfirmed=states[_S.UPLOADING],
        contradicted=contradicted,
        gaps=tuple(_gaps(lake, dates=dates, evaluations=evaluations)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _RememberedDate:
    """What the lake's `submissions` of one date say.

    Attributes:
        file: Which date, of which evaluation.
        items: The date's content, by how it reaches Pique.
        attempts: The job attempts that the date's rows name.
        accounted_for: Fingerprints of content that has a job, or that Pique refused.
    """

    file: PartitionFile
    items: Mapping[Source, list[InventoryItem]]
    attempts: list[RememberedSubmission]
    accounted_for: frozenset[str]


def _remembered_date(lake: Lake, file: PartitionFile) -> _RememberedDate:
    # The ids alone: which results the lake has must be known of all dates before the first is written, and the bodies
    # of all dates are more than memory holds.
    with_payload = {row["job_id"] for row in _rows(lake, "payloads", file, columns=["job_id"])}
    items: dict[Source, list[InventoryItem]] = {"direct": [], "social": []}
    attempts, accounted_for = [], set()
    for row in _rows(lake, "submissions", file):
        items.setdefault(row["source"], []).append(_inventory_item(row))
        attempt = _submission(row, with_payload=with_payload, file=file)
        if attempt is not None:
            attempts.append(attempt)
        if row["job_id"] is not None or row["state"] == "rejected":
            accounted_for.add(row["fingerprint"])
    return _RememberedDate(file=file, items=items, attempts=attempts, accounted_for=frozenset(accounted_for))


def _agreed_attempts(
    dates: Iterable[_RememberedDate],
) -> tuple[list[tuple[RememberedSubmission, PartitionFile]], tuple[str, ...]]:
    """Every attempt as the date that knows most remembers it, with that date; and the jobs that another date denies."""
    best: dict[_Attempt, tuple[RememberedSubmission, PartitionFile]] = {}
    contradicted: set[str] = set()
    for date in dates:
        for one in date.attempts:
            attempt = (one.order.work_key, one.attempt)
            other = best.get(attempt)
            if other is not None and _contradict(one, other[0]):
                loser = min(one, other[0], key=_how_far)
                contradicted.add(str(loser.job_id))
            if other is None or _how_far(one) > _how_far(other[0]):
                best[attempt] = (one, date.file)
    alive = _with_liveness([one for one, _ in best.values()])
    return [(alive[attempt], file) for attempt, (_, file) in best.items()], tuple(sorted(contradicted))


def _contradict(one: RememberedSubmission, other: RememberedSubmission) -> bool:
    """Whether the two name different jobs; a date may remember a social media POST without the job of its answer."""
    return None not in (one.job_id, other.job_id) and one.job_id != other.job_id


def _how_far(one: RememberedSubmission) -> int:
    return _FURTHER.index(one.state)


def _with_liveness(attempts: Iterable[RememberedSubmission]) -> dict[_Attempt, RememberedSubmission]:
    """The attempts with at most one live for each work: the last that is not dead.

    An open attempt before the last had died, else nobody would have made another.
    """
    by_work: dict[str, list[RememberedSubmission]] = {}
    for one in attempts:
        by_work.setdefault(one.order.work_key, []).append(one)
    found: dict[_Attempt, RememberedSubmission] = {}
    for key, of_work in by_work.items():
        live_is_named = False
        for place, one in enumerate(sorted(of_work, key=lambda attempt: attempt.attempt, reverse=True)):
            state = _S.ABANDONED if place > 0 and one.state in (_S.UPLOADED, _S.UPLOADING, _S.GIVEN_UP) else one.state
            live = state not in DEAD_STATES and not live_is_named
            live_is_named = live_is_named or live
            found[key, one.attempt] = replace(one, state=state, live=live)
    return found


def _submission(row: _Row, *, with_payload: set[str], file: PartitionFile) -> RememberedSubmission | None:
    """The job attempt a row names; None for content that had none."""
    state = _state(row, with_payload=with_payload)
    if state is None:
        return None
    return RememberedSubmission(
        order=SubmissionOrder(
            work_key=_given(row, "work_key", file),
            judge_id=_given(row, "judge_id", file),
            judge_configuration_hash=_given(row, "judge_configuration_hash", file),
            content_type=_given(row, "content_type", file),
            fingerprint=_given(row, "fingerprint", file),
            filename=_given(row, "filename", file),
            size_bytes=None if row["source"] == "social" else _given(row, "size_bytes", file),
            title=row["title"],
            description=row["description"],
            source=row["source"],
        ),
        attempt=_given(row, "attempt", file),
        live=state not in DEAD_STATES,
        state=state,
        job_id=row["job_id"] if state in _JOBLESS else _given(row, "job_id", file),
        batch_id=row["batch_id"],
        # The row of an open job says here only that the job was open.
        error_code=None if state in OPEN_STATES else row["error_code"],
        error=None if state in OPEN_STATES else row["error"],
        created_at=_given(row, "created_at", file),
        uploaded_at=row["uploaded_at"],
        finished_at=row["finished_at"],
    )


def _state(row: _Row, *, with_payload: set[str]) -> SubmissionState | None:
    """What the state of a row still means without the ledger; None where the row has no job yet."""
    named = row["state"].upper()
    if named not in SubmissionState.__members__ or named == _S.INTENDED:
        return None
    state = SubmissionState(named)
    if state in (_S.PREPARED, _S.UPLOADING):
        return _S.UPLOADING
    if state in FINISHED_STATES and row["job_id"] not in with_payload:
        # The result is lost, but not the evaluation: the next run asks Pique for the result again.
        return _S.UPLOADED
    return state


def _given(row: _Row, column: str, file: PartitionFile) -> Any:  # noqa: ANN401
    value = row[column]
    if value is None:
        raise LakeUnusable(
            f"submissions of {file.evaluation} {file.date}: {row['content_uri']} is {row['state']} and has no "
            f"{column}; no pique_assets wrote this row"
        )
    return value


def _inventory_item(row: _Row) -> InventoryItem:
    readable = row["work_key"] is not None
    return InventoryItem(
        content_uri=row["content_uri"],
        filename=row["filename"],
        size_bytes=row["size_bytes"],
        fingerprint=row["fingerprint"],
        content_type=row["content_type"],
        title=row["title"],
        description=row["description"],
        work_key=row["work_key"],
        error_code=None if readable else row["error_code"] or "unreadable",
        error=None if readable else row["error"],
    )


def _mark_collected(ledger: Ledger, files: Sequence[PartitionFile]) -> None:
    """The tables of a settled date are in the lake already: no sensor needs to ask for a run."""
    for file in files:
        where = {"evaluation": file.evaluation, "partition": file.date.isoformat()}
        settled = ledger.settled_partition(**where)
        if settled is not None:
            ledger.record_collected(**where, digest=settled.digest)


def _gaps(lake: Lake, *, dates: Iterable[_RememberedDate], evaluations: Collection[str]) -> Iterator[Gap]:
    """Dates whose inventory has ready content that no row of `submissions` names a job for."""
    accounted_for = {date.file: date.accounted_for for date in dates}
    for file in lake.partitions("content"):
        if evaluations and file.evaluation not in evaluations:
            continue
        rows = _rows(lake, "content", file, columns=["fingerprint", "state"])
        wanted = {row["fingerprint"] for row in rows if row["state"] == "ready"}
        if missing := wanted - accounted_for.get(file, frozenset()):
            yield Gap(evaluation=file.evaluation, date=file.date.isoformat(), content=len(missing))


def _payloads(lake: Lake, file: PartitionFile) -> list[RememberedPayload]:
    columns = ["job_id", "source", "received_at", "body"]
    return [RememberedPayload(**row) for row in _rows(lake, "payloads", file, columns=columns)]


def _rows(
    lake: Lake, table_name: str, file: PartitionFile, *, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    try:
        table = lake.read(table_name, **file.names, columns=columns)
    except FileMissing:
        return []
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
