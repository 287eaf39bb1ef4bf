"""Which dates a tick of the sensor requests a results run for: complete dates, and dates that have come to a rest.

Belongs here: from dates that are not collected to run requests, and what a tick says of the dates that wait. Does not:
asking Pique (`tick`, `evaluation`), and what a results run does (`assets`).

A date whose jobs have all ended wants a run at once. A date with open jobs wants one too, once nothing of the date has
moved for `Limits.results_wait_s`: its tables then show what is there.

The ledger knows which dates are not collected, Dagster what became of the runs that were requested. So a run that
failed, was cancelled, or whose process was killed is requested again, at growing intervals, and nothing has to be
written down before Dagster has it: a tick that is repeated requests the same run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg

from pique_assets import ledger as ledger_room
from pique_assets.assets.evaluation_results import ASKED_FOR_DIGEST_TAG
from pique_assets.config import Evaluation
from pique_assets.jobs import results_job_name
from pique_assets.partitions import partitions_of

if TYPE_CHECKING:
    from pique_assets.ledger import Ledger, PartitionSummary

ATTEMPT_TAG: Final = "pique_assets/attempt"
PARTITION_TAG: Final = "dagster/partition"

OPEN_DATES_A_TICK = 10
RUNS_LOOKED_AT = 20

# How soon to look again at a date whose run is under way, or whose tables already show everything.
LOOK_AGAIN_AFTER = timedelta(seconds=30)
# From the end of a run that came to nothing to the next; doubled each time.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
# Each step of a run says when it begins and ends, and no step of a date that a host can hold takes longer than this.
SILENT_FOR = timedelta(minutes=15)

_ENDED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(kw_only=True)
class WantedRuns:
    """What a tick requests.

    Attributes:
        requests: Runs.
        said: A sentence for each run that is requested again, and for each date that waits for another.
    """

    requests: list[dg.RunRequest] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _RequestedRuns:
    """The runs that the sensor requested for a date, the last one first."""

    runs: Sequence[dg.RunRecord]

    @property
    def last(self) -> dg.RunRecord | None:
        return self.runs[0] if self.runs else None

    @property
    def attempts(self) -> int:
        numbers = [run.dagster_run.tags.get(ATTEMPT_TAG, "") for run in self.runs]
        return max([len(self.runs), *(int(number) for number in numbers if number.isdigit())])


def wanted_runs(
    evaluations: Sequence[Evaluation],
    *,
    ledger: Ledger,
    instance: dg.DagsterInstance,
    at_most: int,
    until: float,
) -> WantedRuns:
    """Find the dates that want a results run, complete dates first.

    Args:
        evaluations: The evaluations of the code location.
        ledger: Knows which dates are not collected.
        instance: Knows which runs were requested, and what became of them.
        at_most: How many run requests.
        until: No further date is looked at after this `time.monotonic()`.

    Raises:
        LedgerUnavailable: The ledger can't be read or written.
    """
    by_name = {evaluation.name: evaluation for evaluation in evaluations}
    found = WantedRuns()
    for date in _dates(by_name, ledger=ledger, at_most=at_most, until=until):
        evaluation = by_name.get(date.evaluation)
        # The ledger may hold dates of other code locations, and dates that the evaluation does not have (any more).
        if evaluation is not None and partitions_of(evaluation).has_partition_key(date.partition):
            _consider(date, evaluation=evaluation, ledger=ledger, instance=instance, found=found)
        if len(found.requests) >= at_most or time.monotonic() >= until:
            break
    return found


def _dates(
    by_name: Mapping[str, Evaluation], *, ledger: Ledger, at_most: int, until: float
) -> Iterator[PartitionSummary]:
    """Complete dates, then open dates that have come to a rest."""
    yield from ledger.next_uncollected(at_most=at_most, evaluations=by_name)
    for name, partition in ledger.open_partitions(evaluations=sorted(by_name), at_most=OPEN_DATES_A_TICK):
        if time.monotonic() >= until:
            return
        date = _at_rest(by_name[name], partition=partition, ledger=ledger)
        if date is not None:
            yield date


def _at_rest(evaluation: Evaluation, *, partition: str, ledger: Ledger) -> PartitionSummary | None:
    """An open date, once nothing of the date has moved for as long as a run would wait; until then it is postponed."""
    where = {"evaluation": evaluation.name, "partition": partition}
    now = datetime.now(UTC)
    wait = timedelta(seconds=evaluation.limits.results_wait_s)
    moved_at = ledger.last_move(**where)
    rests_at = now if moved_at is None else moved_at + wait
    date = ledger.partition_summary(**where) if rests_at <= now else None
    # A complete date is requested as such; a date of which Pique has nothing has nothing to show.
    if date is None or date.progress.is_settled or not _has_something(date):
        ledger.postpone_collection(**where, until=max(rests_at, now + LOOK_AGAIN_AFTER), while_open=True)
        return None
    return date


def _has_something(date: PartitionSummary) -> bool:
    progress = date.progress
    return bool(progress.completed or progress.failed or progress.given_up or progress.open_job_ids)


def _consider(
    date: PartitionSummary,
    *,
    evaluation: Evaluation,
    ledger: Ledger,
    instance: dg.DagsterInstance,
    found: WantedRuns,
) -> None:
    """Request a run of this date, or postpone the date and say why."""
    is_complete = isinstance(date, ledger_room.SettledPartition)
    # The jobs of an open date end one by one: its digest differs at each look, and its pauses grow all the same.
    before = _requested_runs(date, evaluation=evaluation, instance=instance, with_this_digest=is_complete)
    again_at, why = _again_at(before, date=date, instance=instance, is_complete=is_complete)
    name = f"{date.evaluation} {date.partition}"
    if again_at is not None and again_at > datetime.now(UTC):
        ledger.postpone_collection(
            evaluation=date.evaluation, partition=date.partition, until=again_at, while_open=not is_complete
        )
        if why:
            found.said.append(f"{name}: {why}; another is asked for at {again_at:%H:%M:%S} UTC")
        return
    if not is_complete:
        before = _requested_runs(date, evaluation=evaluation, instance=instance, with_this_digest=True)
    attempt = before.attempts + 1
    if why:
        found.said.append(f"{name}: {why}; attempt {attempt} is asked for now")
    found.requests.append(_request(date, evaluation=evaluation, attempt=attempt))


def _requested_runs(
    date: PartitionSummary, *, evaluation: Evaluation, instance: dg.DagsterInstance, with_this_digest: bool
) -> _RequestedRuns:
    """The runs that were requested for this date: all, or those for the same ended jobs as now."""
    tags: dict[str, str | Sequence[str]] = {PARTITION_TAG: date.partition}
    if with_this_digest:
        tags[ASKED_FOR_DIGEST_TAG] = date.digest
    wanted = dg.RunsFilter(job_name=results_job_name(evaluation), tags=tags)
    records = instance.get_run_records(wanted, limit=RUNS_LOOKED_AT)
    return _RequestedRuns(runs=[record for record in records if ASKED_FOR_DIGEST_TAG in record.dagster_run.tags])


def _again_at(
    requested: _RequestedRuns, *, date: PartitionSummary, instance: dg.DagsterInstance, is_complete: bool
) -> tuple[datetime | None, str]:
    """From when a run may be requested, None for at once; and what became of the last run if it came to nothing."""
    last = requested.last
    if last is None:
        return None, ""
    now = datetime.now(UTC)
    run = f"results run {last.dagster_run.run_id[:8]}"
    status = last.dagster_run.status
    if status is dg.DagsterRunStatus.QUEUED:
        return now + LOOK_AGAIN_AFTER, ""
    if status not in _ENDED:
        if _spoke_at(last, instance=instance) + SILENT_FOR > now:
            return now + LOOK_AGAIN_AFTER, ""
        return None, f"{run} has said nothing for {SILENT_FOR.total_seconds() / 60:.0f} minutes, as if it was killed"
    # Doubled eight times, the first pause is longer than the longest already.
    pause = min(FIRST_PAUSE * 2 ** min(requested.attempts - 1, 8), LONGEST_PAUSE)
    ended_at = _ended_at(last)
    if status is not dg.DagsterRunStatus.SUCCESS:
        return ended_at + pause, f"{run} {'failed' if status is dg.DagsterRunStatus.FAILURE else 'was cancelled'}"
    if is_complete:
        return ended_at + pause, f"{run} succeeded, and the date has been submitted anew or has changed since"
    if last.dagster_run.tags[ASKED_FOR_DIGEST_TAG] == date.digest:
        # The tables show everything already; when a job ends, the digest is another.
        return now + max(pause, LOOK_AGAIN_AFTER), ""
    return ended_at + pause, ""


def _spoke_at(record: dg.RunRecord, *, instance: dg.DagsterInstance) -> datetime:
    """When a run last said anything."""
    events = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    if events:
        return datetime.fromtimestamp(events[0].timestamp, UTC)
    return record.update_timestamp.astimezone(UTC)


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is None:
        return record.update_timestamp.astimezone(UTC)
    return datetime.fromtimestamp(record.end_time, UTC)


def _request(date: PartitionSummary, *, evaluation: Evaluation, attempt: int) -> dg.RunRequest:
    repeated = "" if attempt == 1 else f"|attempt {attempt}"
    return dg.RunRequest(
        job_name=results_job_name(evaluation),
        partition_key=date.partition,
        run_key=f"{date.evaluation}|{date.partition}|{date.digest}{repeated}",
        tags={ASKED_FOR_DIGEST_TAG: date.digest, ATTEMPT_TAG: str(attempt)},
    )
