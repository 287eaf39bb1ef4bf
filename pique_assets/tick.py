"""One tick of the sensor: asks Pique for results, and requests the runs that collect them.

Belongs here: what a tick does, in which order, and how the steps share its time. Does not: the sensor as Dagster sees
it (`sensors`), how results are asked for (`evaluation`), which dates want a run (`collection`), and how late content is
found (`late_content`).

A tick does all of this, and ends within `ResultsSensor.tick_budget_s`:

1. The tick asks the ledger whether anything is due. If nothing is, the tick opens no connection to Pique.
2. It ends orphans: submissions that no content asks for any more.
3. It looks for the jobs of social media URLs whose POST was not answered, where a webhook named a job nobody knows.
4. It gives up uploads that began more than `Limits.longest_job_s` ago and that Pique does not know.
5. It asks for the results of due jobs, evaluation by evaluation, each by its own limits; then for the results of jobs
   that no evaluation of this sensor asks for, once other sensors have left them alone for an hour.
   Each step from 2 to 5 has an equal share of the time that is left when the step begins; what the shares leave over
   goes to the evaluations that still have due jobs.
6. It leaves in doubt the social media URLs that nobody answered within `Limits.in_doubt_wait_s`.
7. It requests a results run for each date that wants one, at most 25: complete dates, and dates of which nothing has
   moved for `Limits.results_wait_s`. After a run that failed, was cancelled or was killed, the date waits 30 seconds,
   and twice as long after each further one, up to an hour.
8. Every twentieth tick looks at one of the last dates for content that came late, and says what came.

A tick whose resources can't be used skips with a sentence that says what to set or to mend (`not_configured`).

A tick for which nothing is due writes nothing to the ledger. A tick may be repeated, because the key of a run names the
jobs that have ended. The cursor counts ticks, so that each evaluation comes first in its turn; nothing is lost with the
cursor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import dagster as dg

from pique_assets import evaluation as evaluation_room, ledger as ledger_room
from pique_assets.collection import wanted_runs
from pique_assets.config import Evaluation
from pique_assets.late_content import find_late_content
from pique_assets.not_configured import NotConfigured
from pique_assets.resources import LedgerResource, MediaStorageResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.evaluation.engine import Engine
    from pique_assets.evaluation.results import PollReport
    from pique_assets.ledger import Ledger

RUN_REQUESTS_A_TICK = 25
# Jobs whose evaluation no living code location declares were paid for: some sensor asks for their results after this.
LEFT_FOR_S = 3600.0
# Most sentences in the reason why a tick requests nothing; the log of the tick has all.
SAID_A_TICK = 5

Entry = TypeVar("Entry")

_Poll = Callable[[float], "PollReport"]
"""Asks for due results until a `time.monotonic()`."""


def run_tick(
    context: dg.SensorEvaluationContext,
    evaluations: Sequence[Evaluation],
    *,
    pique: PiqueResource,
    ledger: LedgerResource,
    media_storage: MediaStorageResource,
    asking_until: float,
    until: float,
) -> dg.SensorResult:
    """One tick.

    Args:
        context: Of the sensor.
        evaluations: Those of the sensor's `build_defs`.
        pique: Where Pique is.
        ledger: Where the ledger is; a tick makes none.
        media_storage: Opens what content lies in.
        asking_until: The `time.monotonic()` after which no request to Pique goes on.
        until: The `time.monotonic()` before which the tick ends.

    Raises:
        NotConfigured: There is no ledger yet, or an address names no ledger or no Pique.
        LedgerUnavailable, PiqueError: The ledger or Pique can't be used now.
    """
    with _opened(ledger, pique=pique) as opened:
        return _tick(
            context,
            evaluations,
            pique=pique,
            ledger=opened,
            media_storage=media_storage,
            asking_until=asking_until,
            until=until,
        )


@contextmanager
def _opened(resource: LedgerResource, *, pique: PiqueResource) -> Iterator[Ledger]:
    """The ledger of a tick.

    Raises:
        NotConfigured: There is no ledger yet, or an address names no ledger or no Pique.
    """
    with ExitStack() as stack:
        try:
            pique.client().close()
            opened = stack.enter_context(resource.ledger(create=False))
        except ledger_room.LedgerMissing as missing:
            # The first run that submits begins the ledger. A tick that looks in the wrong place must not begin one.
            raise NotConfigured(f"{missing}: nothing was submitted yet") from None
        except ValueError as error:
            raise NotConfigured(str(error)) from None
        yield opened


def _tick(
    context: dg.SensorEvaluationContext,
    evaluations: Sequence[Evaluation],
    *,
    pique: PiqueResource,
    ledger: Ledger,
    media_storage: MediaStorageResource,
    asking_until: float,
    until: float,
) -> dg.SensorResult:
    tick = _count(context.cursor)
    asked = _ask_pique(_in_turn(evaluations, tick=tick), pique=pique, ledger=ledger, until=asking_until)
    _give_up_waiting(evaluations, ledger=ledger)
    wanted = wanted_runs(
        evaluations, ledger=ledger, instance=context.instance, at_most=RUN_REQUESTS_A_TICK, until=until
    )
    late = find_late_content(evaluations, tick=tick, ledger=ledger, media_storage=media_storage, until=until)
    said = [*asked.problems, *wanted.said, *map(str, late)]
    for sentence in said:
        context.log.info(sentence)
    skipped = f"{asked}; no date is complete and not yet collected"
    return dg.SensorResult(
        run_requests=wanted.requests,
        skip_reason=None if wanted.requests else "; ".join([skipped, *said[:SAID_A_TICK]]),
        cursor=str(tick + 1),
        asset_events=[one.observation() for one in late],
    )


@dataclass(frozen=True, kw_only=True)
class _Due:
    """What the ledger has for Pique now, by the steps of a tick."""

    orphans: bool
    lost_jobs: bool
    old_uploads: bool
    results: bool

    @classmethod
    def of(cls, ledger: Ledger) -> _Due:
        """Each answer is a look into an index, and none of the looks writes."""
        now = datetime.now(UTC)
        lost_jobs = bool(ledger.unreconciled(limit=1)) and bool(ledger.unknown_webhooks(limit=1))
        return cls(
            orphans=ledger.has_orphans(
                now=now, untouched_since=now - timedelta(seconds=evaluation_room.UNTOUCHED_FOR_S)
            ),
            lost_jobs=lost_jobs,
            old_uploads=ledger.has_begun_long_ago(
                begun_before=now - timedelta(seconds=evaluation_room.Limits().longest_job_s)
            ),
            # A job that step 3 finds is due at once.
            results=lost_jobs or ledger.has_due(now=now),
        )


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What came of asking Pique in one tick."""

    host: str = ""
    reports: Sequence[PollReport] = ()

    def __str__(self) -> str:
        return f"asked Pique for {sum(report.polled for report in self.reports)} results"

    @property
    def problems(self) -> list[str]:
        """One sentence, however many jobs wait for a Pique that can't be reached; none where all is well."""
        errors = sum(report.errors for report in self.reports)
        last = next((report.problem for report in reversed(self.reports) if report.problem), "")
        return [f"{errors} results could not be had from {self.host}: {' '.join(last.split())}"] if errors else []


def _ask_pique(evaluations: Sequence[Evaluation], *, pique: PiqueResource, ledger: Ledger, until: float) -> _Asked:
    """Steps 1 to 5 of a tick."""
    due = _Due.of(ledger)
    if due == _Due(orphans=False, lost_jobs=False, old_uploads=False, results=False):
        return _Asked()
    # No request outlasts this either, whatever Pique does; a request that is cut off is repeated in its turn.
    with pique.client() as client, client.ending_at(until):
        engine = evaluation_room.Engine(client=client, ledger=ledger, say=logging.getLogger(__name__).info)
        upkeep: list[Callable[..., object]] = []
        if due.orphans:
            upkeep.append(partial(evaluation_room.end_orphans, engine))
        if due.lost_jobs:
            upkeep.append(partial(evaluation_room.find_jobs, engine))
        if due.old_uploads:
            upkeep.append(partial(evaluation_room.give_up_unknown_uploads, engine))
        polls = _polls(evaluations, engine=engine) if due.results else []
        for number, step in enumerate(upkeep):
            step(until=_share(until, among=len(upkeep) + len(polls) - number))
        reports = [poll(_share(until, among=len(polls) - number)) for number, poll in enumerate(polls)]
        # What the shares left over goes to the evaluations that still have due jobs.
        return _Asked(
            host=urlsplit(pique.base_url).netloc.rpartition("@")[2],
            reports=[*reports, *(poll(until) for poll in polls)],
        )


def _polls(evaluations: Sequence[Evaluation], *, engine: Engine) -> list[_Poll]:
    """Step 5 of a tick: a poll for each evaluation, and a last one for the jobs that no evaluation asks for."""

    def of_evaluation(evaluation: Evaluation) -> _Poll:
        own = replace(engine, limits=evaluation.limits, expects_webhooks=evaluation.expects_webhooks)
        poller = evaluation_room.ResultPoller(own)
        return lambda until: poller.poll_due(evaluation=evaluation.name, until=until)

    def of_nobody() -> _Poll:
        poller = evaluation_room.ResultPoller(engine)
        names = [evaluation.name for evaluation in evaluations]
        return lambda until: poller.poll_due(except_evaluations=names, others_after_s=LEFT_FOR_S, until=until)

    return [*map(of_evaluation, evaluations), of_nobody()]


def _give_up_waiting(evaluations: Sequence[Evaluation], *, ledger: Ledger) -> None:
    """Step 6 of a tick, by each evaluation's own limits."""
    for evaluation in evaluations:
        if evaluation.social is not None:
            say = logging.getLogger(__name__).info
            evaluation_room.give_up_waiting(
                ledger=ledger, limits=evaluation.limits, evaluation=evaluation.name, say=say
            )


def _share(until: float, *, among: int) -> float:
    """When a step has to end that shares the time left equally with the steps after it; `among` counts all of them."""
    now = time.monotonic()
    return now + (until - now) / among


def _in_turn(entries: Sequence[Entry], *, tick: int) -> list[Entry]:
    """The entries, with another one first at each tick, so that none waits for ever behind the others."""
    start = tick % len(entries)
    return [*entries[start:], *entries[:start]]


def _count(cursor: str | None) -> int:
    """How many ticks there were; anybody may delete the cursor at any time, and nothing depends on this number."""
    return int(cursor) if cursor and cursor.isdigit() else 0
