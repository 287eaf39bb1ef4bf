"""The one sensor: notices finished evaluations and requests the runs that collect them.

Here: a tick's budget, and what it does in which order. Not here: polling (`evaluation`), which dates want a run
(`collection`), and content that came late (`arrivals`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.jobs import results_job_name
from pique_assets.resources import LedgerResource, MediaStorageResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.ledger import Ledger

SENSOR_NAME = "pique_results"
# Sensor threads are off by default, so a slow tick delays every sensor of the deployment (design section 8).
TICK_BUDGET_S = 15.0
# Of it: for what follows the asking, which is to find the complete dates.
AFTERWARDS_S = 2.0
RUN_REQUESTS_A_TICK = 25
# Of dates that wait for another attempt: the log of the tick has them all.
SAID_A_TICK = 5
MINIMUM_INTERVAL_S = 30

Entry = TypeVar("Entry")


def results_sensor(
    evaluations: Sequence[Evaluation], *, jobs: Sequence[dg.UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    """One sensor for all evaluations of a code location.

    Each tick asks Pique for what is due, brings submissions to an end that no content asks for any more, looks for the
    jobs of social media whose POST was not answered, then requests a run for each partition whose submissions are all
    settled and whose tables do not say so yet; a run that failed is asked for again (`collection`). Ticks may repeat:
    the run key is the digest of the settled jobs. Now and then it looks for content that came late (`arrivals`).
    """
    targets = {results_job_name(evaluation) for evaluation in evaluations}

    @dg.sensor(
        name=SENSOR_NAME,
        jobs=[job for job in jobs if job.name in targets],
        minimum_interval_seconds=MINIMUM_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks Pique for due results, and requests a run for each date whose results are all in.",
    )
    def pique_results(
        context: dg.SensorEvaluationContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        media_storage: MediaStorageResource,
    ) -> dg.SensorResult:
        from pique_assets.arrivals import late_content
        from pique_assets.collection import collect

        ends_at = time.monotonic() + TICK_BUDGET_S
        tick = _count(context.cursor)
        with ledger.ledger() as opened:
            polled = _ask_pique(
                _in_turn(evaluations, tick=tick), pique=pique, ledger=opened, until=ends_at - AFTERWARDS_S
            )
            _give_up_waiting(evaluations, ledger=opened)
            found = collect(
                evaluations,
                ledger=opened,
                instance=context.instance,
                at_most=RUN_REQUESTS_A_TICK,
                turn=tick,
                until=ends_at,
            )
            late = late_content(evaluations, tick=tick, ledger=opened, media_storage=media_storage, until=ends_at)
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

    return pique_results


def _ask_pique(evaluations: Sequence[Evaluation], *, pique: PiqueResource, ledger: Ledger, until: float) -> int:
    """Ask for results, end orphans and find lost jobs until a `time.monotonic()`; returns how many were asked for."""
    from pique_assets.evaluation.giving_up import give_up_unknown_uploads
    from pique_assets.evaluation.limits import Limits
    from pique_assets.evaluation.orphans import UNTOUCHED_FOR_S, end_orphans
    from pique_assets.evaluation.reconciliation import find_jobs

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
        if has_orphans:
            end_orphans(client=client, ledger=ledger, limits=Limits(), until=_share(until, among=len(evaluations) + 2))
        if may_find_jobs:
            find_jobs(
                client=client,
                ledger=ledger,
                limits=Limits(),
                say=logging.getLogger(__name__).info,
                until=_share(until, among=len(evaluations) + 2),
            )
        if has_unknown:
            give_up_unknown_uploads(
                client=client, ledger=ledger, limits=Limits(), until=_share(until, among=len(evaluations) + 2)
            )
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
    from pique_assets.evaluation.limits import Limits
    from pique_assets.evaluation.results import ResultPoller

    def poll(name: str | None, limits: Limits, *, until: float) -> int:
        poller = ResultPoller(client=client, ledger=ledger, limits=limits, webhook_expected=name in patient)
        return poller.poll_due(evaluation=name, not_of=() if name else names, until=until).polled

    names = [evaluation.name for evaluation in evaluations]
    patient = {evaluation.name for evaluation in evaluations if evaluation.expects_webhooks}
    # The last: jobs whose content no evaluation asks for any more; their results were paid for.
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
