"""A script strikes the requests it says, as often as it says, and tells what never showed."""

from __future__ import annotations

import pytest

from pique_assets.testing import Fault, FaultKind, FaultScript, FaultsUnconsumed, Route

RESET = Fault(route=Route.UPLOAD, kind=FaultKind.RESET)


def struck_requests(script: FaultScript, *, route: Route = Route.UPLOAD, count: int = 12) -> list[int]:
    return [number for number in range(1, count + 1) if script.strike(route).faults]


@pytest.mark.parametrize(
    ("when", "requests"),
    [({}, [1]), ({"hit": 3}, [3]), ({"every": 5}, [5, 10]), ({"probability": 1.0}, list(range(1, 13)))],
)
def test_a_fault_strikes_when_it_says(when, requests):
    script = FaultScript([Fault(route=Route.UPLOAD, kind=FaultKind.RESET, **when)])
    assert struck_requests(script) == requests


def test_a_fault_strikes_its_own_route_alone():
    script = FaultScript([RESET])
    assert struck_requests(script, route=Route.RESULT) == []
    assert struck_requests(script) == [1]


def test_a_fault_on_any_request_counts_all_but_webhooks():
    script = FaultScript([Fault(route=Route.ANY, kind=FaultKind.RESET, hit=3)])
    assert not script.strike(Route.JUDGE).faults
    assert not script.strike(Route.WEBHOOK).faults
    assert not script.strike(Route.UPLOAD).faults
    assert script.strike(Route.RESULT).faults


def test_two_faults_for_one_request_strike_one_after_the_other():
    lost = Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)
    script = FaultScript([RESET, lost, RESET])
    assert [script.strike(Route.UPLOAD).acting for _ in range(4)] == [RESET, lost, RESET, None]


def test_shaping_faults_go_together_with_an_acting_one():
    skew = Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=1, seconds=600)
    strike = FaultScript([skew, RESET]).strike(Route.UPLOAD)
    assert (strike.acting, strike.shaping) == (RESET, (skew,))


def test_the_same_seed_strikes_the_same_requests_and_another_seed_others():
    faults = [Fault(route=Route.UPLOAD, kind=FaultKind.RESET, probability=0.2)]
    first, again, other = (struck_requests(FaultScript(faults, seed=seed), count=500) for seed in (7, 7, 8))
    assert first == again != other
    assert 60 < len(first) < 140


def test_faults_of_one_probability_strike_independently():
    kinds = [FaultKind.RESET, FaultKind.LOST_ANSWER]
    script = FaultScript([Fault(route=Route.UPLOAD, kind=kind, probability=0.5) for kind in kinds])
    acting = [script.strike(Route.UPLOAD).acting for _ in range(200)]
    assert {fault.kind if fault else None for fault in acting} == {*kinds, None}


def test_what_never_showed_is_named():
    script = FaultScript([RESET, Fault(route=Route.RESULT, kind=FaultKind.STATUS, status=503, hit=4)])
    script.saw(RESET)
    script.strike(Route.RESULT)
    with pytest.raises(
        FaultsUnconsumed, match=r"1 of 2 .* status 503 on GET /v1/evaluations/results.*request 4"
    ) as told:
        script.require_consumed()
    assert "GET /v1/evaluations/results/{job_id}: 1" in str(told.value)


def test_equal_faults_have_to_show_each():
    script = FaultScript([RESET, RESET])
    script.saw(RESET)
    assert script.unconsumed() == (RESET,)
    script.saw(RESET)
    assert script.unconsumed() == ()


def test_optional_faults_and_those_of_chance_need_not_show():
    script = FaultScript(
        [
            Fault(route=Route.UPLOAD, kind=FaultKind.RESET, probability=0.5),
            Fault(route=Route.UPLOAD, kind=FaultKind.RESET, hit=9, required=False),
        ]
    )
    script.require_consumed()


def test_a_lag_that_nobody_looked_into_has_not_shown():
    lag = Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, seconds=1)
    script = FaultScript([lag])
    assert script.strike(Route.UPLOAD).shaping == (lag,)
    assert script.unconsumed() == (lag,)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"hit": 1, "every": 2}, "one of"),
        ({"hit": 0}, "from 1"),
        ({"probability": 1.5}, "0 to 1"),
        ({"kind": FaultKind.EARLY_403, "route": Route.RESULT}, "only on"),
        ({"kind": FaultKind.LATE, "seconds": 1}, "only on"),
        ({"kind": FaultKind.STALLED}, "seconds"),
        ({"kind": FaultKind.SLOW, "seconds": -1}, "seconds"),
        ({"kind": FaultKind.LOST_ANSWER, "after_effect": True}, "after_effect"),
    ],
)
def test_a_fault_that_can_not_be_is_refused(wrong, word):
    with pytest.raises(ValueError, match=word):
        Fault(**{"route": Route.UPLOAD, "kind": FaultKind.RESET, **wrong})
