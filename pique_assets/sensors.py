"""The one sensor: notices finished evaluations and requests the runs that collect them.

Here: a tick's budget, and what it does in which order. Not here: polling (`evaluation`), which dates want a run
(`collection`), and content that came late (`arrivals`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.jobs import results_job_name
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LedgerResource, MediaStorageResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.ledger import Ledger

# Of a tick's budget: for what follows the asking, which is to find the complete dates.
AFTERWARDS_S = 2.0
RUN_REQUESTS_A_TICK = 25
# Jobs of evaluations that stand in the ledger and in no living code location are asked about all the same.
LEFT_FOR_S = 3600.0
# Of dates that wait for another attempt: the log of the tick has them all.
SAID_A_TICK = 5

Entry = TypeVar("Entry")


@dataclass(frozen=True, kw_only=True)
class ResultsSensor:
    """How the sensor of one `build_defs` is called and behaves.

    Attributes:
        name: `pique_results_<name of the evaluations>` by default.
        minimum_interval_s: Seconds from one tick to the next, at least.
        tick_budget_s: How many seconds a tick may take, more than 2. Sensor threads are off by default, so a slow tick
            delays every sensor of the deployment.
        default_status: Whether the sensor is on until somebody switches it; asking for results costs nothing.
    """

    name: str | None = None
    minimum_interval_s: int = 30
    tick_budget_s: float = 15.0
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING

    def __post_init__(self) -> None:
        """Refuse what no tick can keep to.

        Raises:
            ValueError: The message names the field and the rule.
        """
        if self.minimum_interval_s < 1:
            raise ValueError(f"ResultsSensor.minimum_interval_s is {self.minimum_interval_s}: give a second or more")
        if not self.tick_budget_s > AFTERWARDS_S:
            raise ValueError(
                f"ResultsSensor.tick_budget_s is {self.tick_budget_s}: give more than {AFTERWARDS_S:g} seconds"
            )


def results_sensor(
    evaluations: Sequence[Evaluation],
    *,
    jobs: Sequence[dg.UnresolvedAssetJobDefinition],
    keys: ResourceKeys,
    settings: ResultsSensor,
) -> dg.SensorDefinition:
    """One sensor for all evaluations of one `build_defs`; those of others are left to the sensors of others.

    Each tick asks Pique for what is due, brings submissions to an end that no content asks for any more, looks for the
    jobs of social media whose POST was not answered, then requests a run for each partition whose submissions are all
    settled and whose tables do not say so yet; a run that failed is asked for again (`collection`). Ticks may repeat:
    the run key is the digest of the settled jobs. Now and then it looks for content that came late (`arrivals`).
    """
    targets = {results_job_name(evaluation) for evaluation in evaluations}

    def pique_results(
        context: dg.SensorEvaluationContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        media_storage: MediaStorageResource,
    ) -> dg.SensorResult:
        from pique_assets.ledger import LedgerMissing

        ends_at = time.monotonic() + settings.tick_budget_s
        try:
            with ledger.ledger(create=False) as opened:
                return _tick(
                    context, evaluations, pique=pique, ledger=opened, media_storage=media_storage, until=ends_at
                )
        except LedgerMissing as missing:
            # Begun by the first run that submits: a tick that looks in the wrong place begins none there.
            return dg.SensorResult(skip_reason=f"{missing}: nothing was submitted yet", cursor=context.cursor)

    bound = keys.bind(pique_results)
    return dg.SensorDefinition(
        name=settings.name or f"pique_results_{keys.name}",
        evaluation_fn=bound.call,
        required_resource_keys=bound.required_resource_keys,
        jobs=[job for job in jobs if job.name in targets],
        minimum_interval_seconds=settings.minimum_interval_s,
        default_status=settings.default_status,
        description="Asks Pique for due results, and requests a run for each date whose results are all in.",
    )


def _tick(
    context: dg.SensorEvaluationContext,
    evaluations: Sequence[Evaluation],
    *,
    pique: PiqueResource,
    ledger: Ledger,
    media_storage: MediaStorageResource,
    until: float,
) -> dg.SensorResult:
    """One tick, over before a `time.monotonic()`."""
    from pique_assets.arrivals import late_content
    from pique_assets.collection import collect

    tick = _count(context.cursor)
    polled = _ask_pique(_in_turn(evaluations, tick=tick), pique=pique, ledger=ledger, until=until - AFTERWARDS_S)
    _give_up_waiting(evaluations, ledger=ledger)
    found = collect(evaluations, ledger=ledger, instance=context.instance, at_most=RUN_REQUESTS_A_TICK, until=until)
    late = late_content(evaluations, tick=tick, ledger=ledger, media_storage=media_storage, until=until)
    said = [*found.said, *map(str, late)]
    for sentence in said:
        context.log.info(sentence)
    skipped = f"asked Pique for {polled} results; no date is complete and not yet collected"
    return dg.SensorResult(
        run_requests=found.requests,
        skip_reason=None if found.requests else "; ".join([skipped, *said[:SAID_A_TICK]]),
        cursor=str(tick + 1),
        asset_events=[one.observation() for one in late],
    )


def _ask_pique(evaluations: Sequence[Evaluation], *, pique: PiqueResource, ledger: Ledger, until: float) -> int:
    """Ask for results, end orphans and find lost jobs until a `time.monotonic()`; returns how many were asked for."""
    from pique_assets.evaluation.engine import Engine
    from pique_assets.evaluation.giving_up import give_up_unknown_uploads
    from pique_assets.evaluation.limits import Limits
    from pique_assets.evaluation.reconciliation import find_jobs
    from pique_assets.evaluation.recovery import UNTOUCHED_FOR_S, end_orphans

    now = datetime.now(UTC)
    has_due = ledger.has_due(now=now)
    has_orphans = ledger.has_orphans(now=now, untouched_since=now - timedelta(seconds=UNTOUCHED_FOR_S))
    may_find_jobs = bool(ledger.unreconciled(limit=1)) and bool(ledger.unknown_webhooks(limit=1))
    begun_before = now - timedelta(seconds=Limits().longest_job_s)
    has_unknown = ledger.has_begun_long_ago(begun_before=begun_before)
    if not (has_due or has_orphans or may_find_jobs or has_unknown):
        return 0
    # No request outlasts it either, whatever Pique does: a request that is cut off is asked again when its turn comes.
    with pique.client() as client, client.ending_at(until):
        engine = Engine(client=client, ledger=ledger, say=logging.getLogger(__name__).info)
        if has_orphans:
            end_orphans(engine, until=_share(until, among=len(evaluations) + 2))
        if may_find_jobs:
            find_jobs(engine, until=_share(until, among=len(evaluations) + 2))
        if has_unknown:
            give_up_unknown_uploads(engine, until=_share(until, among=len(evaluations) + 2))
        # What was found just now is due.
        return _poll(evaluations, client=client, ledger=ledger, until=until) if has_due or may_find_jobs else 0


def _give_up_waiting(evaluations: Sequence[Evaluation], *, ledger: Ledger) -> None:
    """Leave in doubt what waited long enough for an answer, each evaluation's by its own policy."""
    from pique_assets.evaluation.reconciliation import give_up_waiting

    for evaluation in evaluations:
        if evaluation.social is not None:
            say = logging.getLogger(__name__).info
            give_up_waiting(ledger=ledger, limits=evaluation.limits, evaluation=evaluation.name, say=say)


def _poll(evaluations: Sequence[Evaluation], *, client: PiqueClient, ledger: Ledger, until: float) -> int:
    """Ask for due results, each evaluation's by its own limits and within its share of the time that is left."""
    from pique_assets.evaluation.engine import Engine
    from pique_assets.evaluation.limits import Limits
    from pique_assets.evaluation.results import ResultPoller

    def poll(name: str | None, limits: Limits, *, until: float) -> int:
        say = logging.getLogger(__name__).info
        engine = Engine(client=client, ledger=ledger, limits=limits, say=say, expects_webhooks=name in patient)
        poller = ResultPoller(engine)
        if name:
            return poller.poll_due(evaluation=name, until=until).polled
        return poller.poll_due(except_evaluations=names, others_after_s=LEFT_FOR_S, until=until).polled

    names = [evaluation.name for evaluation in evaluations]
    patient = {evaluation.name for evaluation in evaluations if evaluation.expects_webhooks}
    # The last: jobs whose content no evaluation asks for any more; their results were paid for. One that another
    # sensor looks after is left to that sensor, unless nobody does.
    turns = [*((evaluation.name, evaluation.limits) for evaluation in evaluations), (None, Limits())]
    shared = [
        poll(name, limits, until=_share(until, among=len(turns) - place)) for place, (name, limits) in enumerate(turns)
    ]
    # Time that the later ones did not need.
    return sum(shared) + sum(poll(name, limits, until=until) for name, limits in turns)


def _share(until: float, *, among: int) -> float:
    """When the next of so many has had its part of the time left; what one does not need is left to the others."""
    now = time.monotonic()
    return now + (until - now) / among


def _in_turn(entries: Sequence[Entry], *, tick: int) -> list[Entry]:
    """The entries, beginning elsewhere each tick, so that none waits for ever behind the others."""
    start = tick % len(entries)
    return [*entries[start:], *entries[:start]]


def _count(cursor: str | None) -> int:
    """How many ticks there were; the cursor may be deleted at any time, nothing depends on it."""
    return int(cursor) if cursor and cursor.isdigit() else 0
