"""What refusals and successes do to the limit on requests under way, without threads and without a clock."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.concurrency_policy import AVOIDED_FOR_PAUSES, AVOIDED_FOR_S, LONGEST_STEP_S, ConcurrencyPolicy

NOW = 1000.0


def beginning(most: int = 100, *, longest_pause_s: float = 1.0) -> ConcurrencyPolicy:
    return ConcurrencyPolicy.begin(most=most, longest_pause_s=longest_pause_s)


def refused(
    policy: ConcurrencyPolicy, *, under_way: int | None = None, pause_s: float = 0.0, now: float = NOW
) -> ConcurrencyPolicy:
    """After as many requests as are allowed were sent together, and the host refused one of them."""
    many = policy.limit if under_way is None else under_way
    sent = policy.sent(under_way=many)
    return sent.overloaded(sent_in_round=sent.round_number, under_way=many, pause_s=pause_s, now=now)


def taken(policy: ConcurrencyPolicy, *, times: int | None = None, now: float = NOW) -> ConcurrencyPolicy:
    """After a round of requests that used the limit up, all of which the host took."""
    sent = policy.sent(under_way=policy.limit)
    for _ in range(policy.limit if times is None else times):
        sent = sent.succeeded(sent_in_round=sent.round_number, under_way=sent.limit, now=now)
    return sent


def grown_to(level: int, *, most: int = 100) -> ConcurrencyPolicy:
    policy = refused(beginning(most), under_way=1)
    while policy.limit < level:
        policy = taken(policy, times=1)
    return policy


def test_the_limit_begins_with_all_that_is_allowed():
    policy = beginning(7)
    assert (policy.limit, policy.paused_until, policy.overloads) == (7, 0.0, 0)
    assert taken(policy) == policy.sent(under_way=7), "nothing grows beyond what is allowed"


def test_not_even_one_request_is_no_limit():
    with pytest.raises(ValueError, match="at least one"):
        beginning(0)


@pytest.mark.parametrize(("pause_s", "limit"), [(0.0, 50), (0.3, 10)])
def test_a_refusal_halves_the_limit_and_one_with_a_pause_leaves_the_square_root(pause_s, limit):
    policy = refused(beginning(100), pause_s=pause_s)
    assert (policy.limit, policy.paused_until) == (limit, NOW + pause_s)


def test_what_was_tried_is_halved_not_what_was_allowed():
    assert refused(beginning(100), under_way=6).limit == 3


def test_refusals_of_one_round_lower_the_limit_once_and_each_is_counted():
    policy = beginning(8).sent(under_way=8)
    for left in range(8, 0, -1):
        policy = policy.overloaded(sent_in_round=0, under_way=left, pause_s=0.0, now=NOW)
    assert (policy.limit, policy.overloads) == (4, 8)


def test_a_late_refusal_of_an_earlier_round_still_prolongs_the_pause():
    policy = refused(beginning(8))
    late = policy.overloaded(sent_in_round=0, under_way=1, pause_s=0.5, now=NOW + 1)
    assert (late.limit, late.paused_until) == (policy.limit, NOW + 1.5)


def test_a_wish_for_a_long_pause_is_cut():
    assert refused(beginning(longest_pause_s=0.4), pause_s=86400.0).paused_until == NOW + 0.4


def test_a_round_of_successes_adds_at_most_one():
    policy = refused(beginning(), under_way=1)
    seen = [policy.limit]
    for _ in range(12):
        policy = taken(policy)
        seen.append(policy.limit)
    assert seen[0] == 1
    assert all(0 <= later - earlier <= 1 for earlier, later in itertools.pairwise(seen))
    assert seen[-1] >= 8


def test_a_success_that_did_not_use_the_limit_up_proves_nothing():
    policy = refused(beginning(8))
    for _ in range(30):
        policy = policy.succeeded(sent_in_round=policy.round_number, under_way=policy.limit - 1, now=NOW)
    assert policy.limit == 4


def test_a_success_of_a_request_that_was_sent_under_an_earlier_limit_proves_nothing():
    policy = refused(beginning(2))
    assert policy.succeeded(sent_in_round=0, under_way=2, now=NOW) == policy


def test_a_level_that_the_limit_grew_to_and_that_is_too_high_lowers_it_by_one_step():
    policy = refused(grown_to(6))
    assert policy.limit == 5
    # The host took the level below before, and takes it no more: the host has changed.
    assert refused(policy).limit == 2


@pytest.mark.parametrize(("pause_s", "avoided_s"), [(0.0, AVOIDED_FOR_S), (1.0, 1.0 + AVOIDED_FOR_PAUSES)])
def test_a_level_that_proved_too_high_is_avoided_for_a_while(pause_s, avoided_s):
    policy = refused(grown_to(2), pause_s=pause_s)
    assert policy.limit == 1
    for _ in range(10):
        policy = taken(policy, now=NOW + avoided_s - 0.001)
    assert policy.limit == 1
    assert taken(policy, now=NOW + avoided_s).limit == 2


@pytest.mark.parametrize(("asked_s", "step_s"), [(0.3, 0.3), (20.0, LONGEST_STEP_S)])
def test_after_a_pause_the_limit_grows_in_steps_of_that_pause(asked_s, step_s):
    # What a host takes right after a pause may be a burst: many good rounds in a moment prove nothing.
    policy = refused(beginning(25, longest_pause_s=60), pause_s=asked_s)
    for limit in (5, 6, 7):
        grows_at = policy.next_step_at
        for _ in range(10):
            policy = taken(policy, now=grows_at - 0.001)
        assert policy.limit == limit
        policy = taken(policy, now=grows_at)
        assert policy.limit == limit + 1
        assert policy.next_step_at == grows_at + step_s


@given(
    most=st.integers(1, 30),
    news=st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.floats(0, 1e9), st.floats(0, 10)), max_size=60),
)
def test_whatever_a_host_says_the_limit_stays_within_its_bounds(most, news):
    policy, now = beginning(most), NOW
    for is_refusal, many, pause_s, passes_s in news:
        now += passes_s
        under_way = min(many, policy.limit)
        before = policy
        policy = policy.sent(under_way=under_way)
        if is_refusal:
            policy = policy.overloaded(sent_in_round=policy.round_number, under_way=under_way, pause_s=pause_s, now=now)
            assert policy.limit <= before.limit
        else:
            policy = policy.succeeded(sent_in_round=policy.round_number, under_way=under_way, now=now)
            assert before.limit <= policy.limit <= before.limit + 1
        assert 1 <= policy.limit <= most
        assert math.isfinite(policy.level) and policy.paused_until <= now + policy.longest_pause_s
