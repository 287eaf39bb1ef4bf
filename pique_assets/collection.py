"""Which dates a tick of the sensor has collected: once when they are complete, again when their run failed.

Here: from dates that are not collected to run requests, and what is said of those that wait. Not here: asking Pique
(`sensors`, `evaluation`), and what a results run does (`assets`).

The ledger knows which dates are not collected, Dagster what became of the runs that were asked for. So a run that
failed, was cancelled, or whose process was killed is asked for again, at growing intervals, and nothing of it has to be
written down before Dagster has it: a tick that is repeated asks for the same run.

A date whose jobs have not all ended is collected too, once nothing of it has moved for `Limits.results_wait_s`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from pique_assets.assets.evaluation_results import ASKED_FOR_DIGEST_TAG
from pique_assets.config import Evaluation
from pique_assets.jobs import results_job_name
from pique_assets.ledger import Ledger, PartitionSummary, SettledPartition
from pique_assets.partitions import daily_partitions

ATTEMPT_TAG: Final = "pique_assets/attempt"
PARTITION_TAG: Final = "dagster/partition"

OPEN_DATES_A_TICK = 10
RUNS_LOOKED_AT = 20

# How soon to look again at a date whose run is under way, or whose tables say already how it stands.
LOOK_AGAIN_AFTER = timedelta(seconds=30)
# From the end of a run that came to nothing to the next; doubled each time.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
# Each step of a run says when it begins and ends; longer than this takes none of a date that any host could hold.
SILENT_FOR = timedelta(minutes=15)

_ENDED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(kw_only=True)
class Collection:
    """What a tick asks for.

    Attributes:
        requests: Runs.
        said: A sentence for each run that is asked for again, and for each date that waits for that.
    """

    requests: list[dg.RunRequest] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The runs that were asked for a date as it stands, the last one first."""

    runs: Sequence[dg.RunRecord]

    @property
    def last(self) -> dg.RunRecord | None:
        return self.runs[0] if self.runs else None

    @property
    def attempts(self) -> int:
        numbers = [run.dagster_run.tags.get(ATTEMPT_TAG, "") for run in self.runs]
        return max([len(self.runs), *(int(number) for number in numbers if number.isdigit())])


def collect(
    evaluations: Sequence[Evaluation],
    *,
    ledger: Ledger,
    instance: dg.DagsterInstance,
    at_most: int,
    until: float,
) -> Collection:
    """Find the dates that want a results run, those first whose jobs have all ended.

    Args:
        evaluations: Those of the code location.
        ledger: Knows which dates are not collected.
        instance: Knows which runs were asked for, and what became of them.
        at_most: Run requests.
        until: No further date is looked at after this `time.monotonic()`.

    Raises:
        LedgerUnavailable: The ledger can't be read or written.
    """
    by_name = {evaluation.name: evaluation for evaluation in evaluations}
    found = Collection()
    for standing in _standings(by_name, ledger=ledger, at_most=at_most, until=until):
        evaluation = by_name.get(standing.evaluation)
        # Another code location's, or a date that this one does not know (any more).
        if evaluation is not None and daily_partitions(evaluation).has_partition_key(standing.partition):
            _consider(standing, evaluation=evaluation, ledger=ledger, instance=instance, found=found)
        if len(found.requests) >= at_most or time.monotonic() >= until:
            break
    return found


def _standings(
    by_name: Mapping[str, Evaluation], *, ledger: Ledger, at_most: int, until: float
) -> Iterator[PartitionSummary]:
    yield from ledger.next_uncollected(at_most=at_most, evaluations=by_name)
    for name, partition in ledger.open_partitions(evaluations=sorted(by_name), at_most=OPEN_DATES_A_TICK):
        if time.monotonic() >= until:
            return
        standing = _at_rest(by_name[name], partition=partition, ledger=ledger)
        if standing is not None:
            yield standing


def _at_rest(evaluation: Evaluation, *, partition: str, ledger: Ledger) -> PartitionSummary | None:
    """An open date, once nothing of it has moved for as long as a run would wait; until then it is postponed."""
    where = {"evaluation": evaluation.name, "partition": partition}
    now = datetime.now(UTC)
    wait = timedelta(seconds=evaluation.limits.results_wait_s)
    moved_at = ledger.last_move(**where)
    rests_at = now if moved_at is None else moved_at + wait
    standing = ledger.partition_summary(**where) if rests_at <= now else None
    progress = None if standing is None else standing.progress
    # A settled date is asked for as such; of one that Pique has nothing of there is nothing to show.
    if standing is None or progress is None or progress.is_settled or not _has_something(standing):
        ledger.postpone_collection(**where, until=max(rests_at, now + LOOK_AGAIN_AFTER), while_open=True)
        return None
    return standing


def _has_something(standing: PartitionSummary) -> bool:
    progress = standing.progress
    return bool(progress.completed or progress.failed or progress.given_up or progress.open_job_ids)


def _consider(
    standing: PartitionSummary,
    *,
    evaluation: Evaluation,
    ledger: Ledger,
    instance: dg.DagsterInstance,
    found: Collection,
) -> None:
    """Ask for a run of this date, or postpone it and say why."""
    is_settled = isinstance(standing, SettledPartition)
    asked = _asked(standing, evaluation=evaluation, instance=instance, any_standing=not is_settled)
    again_at, why = _again_at(asked, standing=standing, instance=instance, is_settled=is_settled)
    now = datetime.now(UTC)
    name = f"{standing.evaluation} {standing.partition}"
    if again_at is not None and again_at > now:
        ledger.postpone_collection(
            evaluation=standing.evaluation, partition=standing.partition, until=again_at, while_open=not is_settled
        )
        if why:
            found.said.append(f"{name}: {why}; another is asked for at {again_at:%H:%M:%S} UTC")
        return
    of_this = asked.attempts if is_settled else _asked(standing, evaluation=evaluation, instance=instance).attempts
    attempt = of_this + 1
    if why:
        found.said.append(f"{name}: {why}; attempt {attempt} is asked for now")
    found.requests.append(_request(standing, evaluation=evaluation, attempt=attempt))


def _asked(
    standing: PartitionSummary,
    *,
    evaluation: Evaluation,
    instance: dg.DagsterInstance,
    any_standing: bool = False,
) -> _Asked:
    """The runs that were asked for this date: as it stands, or however it stood."""
    tags: dict[str, str | Sequence[str]] = {PARTITION_TAG: standing.partition}
    if not any_standing:
        tags[ASKED_FOR_DIGEST_TAG] = standing.digest
    wanted = dg.RunsFilter(job_name=results_job_name(evaluation), tags=tags)
    records = instance.get_run_records(wanted, limit=RUNS_LOOKED_AT)
    return _Asked(runs=[record for record in records if ASKED_FOR_DIGEST_TAG in record.dagster_run.tags])


def _again_at(
    asked: _Asked, *, standing: PartitionSummary, instance: dg.DagsterInstance, is_settled: bool
) -> tuple[datetime | None, str]:
    """From when a run may be asked for, None: at once, and what became of the last one if it came to nothing."""
    last = asked.last
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
    # Two to the eighth already is more than the longest.
    pause = min(FIRST_PAUSE * 2 ** min(asked.attempts - 1, 8), LONGEST_PAUSE)
    ended_at = _ended_at(last)
    if status is not dg.DagsterRunStatus.SUCCESS:
        return ended_at + pause, f"{run} {'failed' if status is dg.DagsterRunStatus.FAILURE else 'was cancelled'}"
    if is_settled:
        return ended_at + pause, f"{run} succeeded, and the date has been submitted anew or has changed since"
    if last.dagster_run.tags[ASKED_FOR_DIGEST_TAG] == standing.digest:
        # Its tables say how it stands; when a job of it ends, it stands otherwise.
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


def _request(standing: PartitionSummary, *, evaluation: Evaluation, attempt: int) -> dg.RunRequest:
    repeated = "" if attempt == 1 else f"|attempt {attempt}"
    return dg.RunRequest(
        job_name=results_job_name(evaluation),
        partition_key=standing.partition,
        run_key=f"{standing.evaluation}|{standing.partition}|{standing.digest}{repeated}",
        tags={ASKED_FOR_DIGEST_TAG: standing.digest, ATTEMPT_TAG: str(attempt)},
    )
