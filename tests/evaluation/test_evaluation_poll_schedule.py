"""When to ask again: early enough to be useful, seldom enough to be polite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.poll_schedule import poll_schedule

LIMITS = Limits(first_poll_s=5, shortest_poll_s=1, longest_poll_s=60)


def test_without_experience_the_limits_decide():
    assert poll_schedule([], limits=LIMITS).first_s == 5


def test_with_experience_the_first_poll_waits_for_an_early_quantile():
    schedule = poll_schedule([100.0 + n for n in range(100)], limits=LIMITS)
    assert 100 <= schedule.first_s <= 115
    assert schedule.interval_s == pytest.approx(37.5)


def test_the_interval_does_not_grow():
    schedule = poll_schedule([40.0], limits=LIMITS)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert schedule.next_poll_at(now) == now + timedelta(seconds=10)
    assert schedule.next_poll_at(now + timedelta(hours=1)) == now + timedelta(hours=1, seconds=10)


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_delays_stay_within_bounds(latencies):
    schedule = poll_schedule(latencies, limits=LIMITS)
    assert 0 <= schedule.first_s <= 600
    assert 1 <= schedule.interval_s <= 60


def test_where_webhooks_are_expected_nobody_asks_before_nearly_every_job_would_be_finished():
    latencies = [100.0 + n for n in range(100)] + [100_000.0]
    patient = poll_schedule(latencies, limits=LIMITS, expects_webhooks=True)
    assert sum(latency < patient.first_s for latency in latencies) >= 0.95 * len(latencies)
    assert patient.first_s < 1000
    quick = poll_schedule([0.1, 0.2], limits=LIMITS, expects_webhooks=True)
    assert quick == poll_schedule([], limits=LIMITS, expects_webhooks=True)
    assert quick.first_s == LIMITS.webhook_patience_s


def test_a_lost_webhook_is_noticed_within_the_hour_and_before_a_waiting_run_gives_up_unless_the_judge_is_slow():
    slow = poll_schedule([7200.0] * 5, limits=LIMITS, expects_webhooks=True)
    assert slow.first_s == 3600 and slow.interval_s <= slow.first_s
    assert poll_schedule([5.0] * 5, limits=Limits(), expects_webhooks=True).first_s < Limits().results_wait_s


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_patience_never_asks_sooner_than_eagerness(latencies):
    eager = poll_schedule(latencies, limits=LIMITS)
    patient = poll_schedule(latencies, limits=LIMITS, expects_webhooks=True)
    assert patient.first_s >= eager.first_s
    assert patient.interval_s >= eager.interval_s


@pytest.mark.parametrize("change", [{"concurrent_uploads": 0}, {"lease_s": 1}, {"results_wait_s": -1}])
def test_impossible_limits_are_refused_by_name(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        Limits(**change)
