"""A tick ends within its budget, whatever Pique does, and what it did not come to is not lost: the next ones ask."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from graph import Graph, video_evaluation

from pique_assets import sensors, tick
from pique_assets.ledger import Ledger
from pique_assets.sensors import ResultsSensor
from pique_assets.testing import Fault, FaultKind, FaultScript, Route

DATE = "2026-03-02"
FOR_EVER_S = 400.0
# Long before the proxy gives up, and long after a tick that keeps to its budget on any machine.
SOON_S = 50.0
SILENCES = {
    "stalled": Fault(route=Route.RESULT, kind=FaultKind.STALLED, every=1, seconds=FOR_EVER_S),
    "an answer in drops": Fault(route=Route.RESULT, kind=FaultKind.SLOW, every=1, seconds=1.25 * SOON_S),
    "a long pause asked for": Fault(
        route=Route.RESULT, kind=FaultKind.STATUS, status=503, retry_after=FOR_EVER_S, every=1
    ),
}


def make_all_due(ledger: Ledger) -> None:
    open_jobs = ledger.progress(evaluation="brand_videos", partition=DATE).open_job_ids
    assert ledger.make_due(open_jobs) == 3


@pytest.mark.long
@pytest.mark.parametrize("silence", SILENCES)
def test_a_tick_keeps_to_its_budget_whatever_pique_does(silence, tmp_path, instance, faulty_pique):
    brief = ResultsSensor(tick_budget_s=sensors.AFTERWARDS_S + 3.0)
    with (
        faulty_pique(FaultScript([SILENCES[silence]])) as faulty,
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
    ):
        graph = Graph.over(video_evaluation(), home=tmp_path, pique=faulty, instance=instance, sensor=brief)
        assert graph.run(DATE, job="submit").success
        for _ in range(2):
            make_all_due(ledger)
            began = time.monotonic()
            result = graph.tick()
            assert time.monotonic() - began < SOON_S
            # All were begun at once and cut off: none is held any more, so the next tick has them again.
            assert "asked Pique for 3 results" in result.skip_reason.skip_message
        # Not all three: a pause that Pique asks for may come before the third request is out, and holds that back too.
        assert [exchange for exchange in faulty.history if exchange.route is Route.RESULT]
        assert ledger.progress(evaluation="brand_videos", partition=DATE).open == 3


def test_many_complete_dates_are_collected_a_few_at_a_time_and_each_comes_to_its_turn(graph, pique):
    dates = [(dt.date(2026, 3, 2) + dt.timedelta(days=number)).isoformat() for number in range(60)]
    with Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}") as ledger:
        for date in dates:
            ledger.record_inventory(evaluation="brand_videos", partition=date, items=[])
    asked_for = [
        {request.partition_key for request in graph.tick(cursor=str(number)).run_requests} for number in range(3)
    ]
    assert [len(some) for some in asked_for] == [tick.RUN_REQUESTS_A_TICK] * 3
    assert set.union(*asked_for) == set(dates)
