"""A budget is kept before anything is sent, and the refusal says what would fit."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from desk import JUDGE, LIMITS, Desk, demo_items, open_item_verified
from social_desk import desk_behind, urls

from pique_assets.evaluation.admission import Allowance, BudgetExceeded, allowances, fits
from pique_assets.evaluation.engine import Partition
from pique_assets.evaluation.limits import Budget
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger, SubmissionState

FIRST, SECOND = "2026-03-02", "2026-03-05"
"""Three new contents; three more, of which one is the same as on the first date."""


@pytest.fixture(autouse=True)
def a_day_that_lasts():
    """Midnight in the middle of a test would make it two days."""
    now = datetime.now(UTC)
    left_s = (now.replace(hour=23, minute=59, second=59) - now).total_seconds()
    if left_s < 60:
        time.sleep(left_s + 2)


def submit(desk: Desk, partition: str, budget: Budget, *, on_plan=None, limits=LIMITS, open_content=open_item_verified):
    return submit_partition(
        replace(desk.engine, limits=limits, budget=budget),
        demo_items(partition),
        partition=Partition(evaluation="brand_videos", key=partition),
        judge=desk.client.get_judge(JUDGE),
        way=Uploads(open_content=open_content),
        on_plan=on_plan,
    )


def test_a_run_that_wants_more_than_its_budget_sends_and_records_nothing(desk):
    plans = []
    with pytest.raises(BudgetExceeded) as refused:
        submit(desk, FIRST, Budget(new_evaluations_per_run=2), on_plan=plans.append)
    assert (refused.value.wanted, refused.value.fits) == (3, 2)
    assert "3 new evaluations" in str(refused.value)
    assert "new_evaluations_per_run is 2" in str(refused.value)
    assert [plan.new_evaluations for plan in plans] == [3]
    assert desk.record() == []
    assert desk.ledger.partition_state(evaluation="brand_videos", partition=FIRST) == []


def test_what_fits_exactly_is_let_through(desk):
    assert submit(desk, FIRST, Budget(new_evaluations_per_run=3, new_evaluations_per_day=3)).sent == 3


def test_the_day_counts_what_earlier_runs_began_and_only_new_evaluations_cost(desk):
    day = Budget(new_evaluations_per_day=4)
    assert submit(desk, FIRST, day).sent == 3
    assert submit(desk, FIRST, day).sent == 0
    with pytest.raises(BudgetExceeded) as refused:
        submit(desk, SECOND, day)
    assert (refused.value.wanted, refused.value.fits) == (2, 1)
    assert "3 were begun since 00:00 UTC" in str(refused.value)
    assert "after 00:00 UTC" in str(refused.value)
    assert len(desk.record()) == 3
    assert submit(desk, SECOND, Budget(new_evaluations_per_day=5)).sent == 2


def test_nothing_new_passes_a_budget_of_nothing(desk):
    submit(desk, FIRST, Budget())
    assert submit(desk, FIRST, Budget(new_evaluations_per_run=0, new_evaluations_per_day=0)).already_known == 3


def test_the_day_begins_at_midnight_utc_and_belongs_to_the_judge(desk):
    submit(desk, FIRST, Budget())
    day = Budget(new_evaluations_per_day=10)
    now = datetime.now(UTC)

    def begun(judge_id: str, at: datetime) -> int | None:
        return allowances(day, judge_id=judge_id, ledger=desk.ledger, now=at)[0].begun_today

    assert begun(JUDGE, now) == 3
    assert begun("another_judge", now) == 0
    assert begun(JUDGE, now + timedelta(days=1)) == 0


def test_without_limits_the_ledger_is_not_asked(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.close()
    (tmp_path / "ledger.db").unlink()
    assert allowances(Budget(), judge_id=JUDGE, ledger=ledger) == []


def test_an_overdrawn_allowance_leaves_nothing():
    assert Allowance(name="new_evaluations_per_day", limit=3, begun_today=5).left == 0


def test_only_what_a_day_allows_shrinks_with_other_runs():
    day, run = Allowance(name="day", limit=3, begun_today=1), Allowance(name="run", limit=3)
    assert (day.after(1).left, run.after(1).left) == (1, 3)
    assert fits(1, allowances=[day.after(1), run])
    assert not fits(2, allowances=[day.after(1), run])
    assert fits(10**9, allowances=[])


@pytest.mark.parametrize("name", ["new_evaluations_per_run", "new_evaluations_per_day"])
def test_a_negative_limit_is_refused(name):
    with pytest.raises(ValueError, match=name):
        Budget(**{name: -1})


def test_a_run_leaves_to_others_what_one_under_way_is_about_to_begin(desk):
    """While the first of three is sent, the day has begun one, and a second run would fit if nothing else counted."""
    day = Budget(new_evaluations_per_day=4)
    refusals = []

    def open_and_let_another_run_try(item):
        if not refusals:
            with pytest.raises(BudgetExceeded) as refused:
                submit(desk, SECOND, day)
            refusals.append(refused.value)
        return open_item_verified(item)

    one_at_a_time = replace(LIMITS, concurrent_uploads=1)
    assert submit(desk, FIRST, day, limits=one_at_a_time, open_content=open_and_let_another_run_try).sent == 3
    assert "are intended by other runs" in str(refusals[0])
    assert len(desk.record()) == 3
    assert submit(desk, SECOND, Budget(new_evaluations_per_day=5)).sent == 2


def test_of_runs_admitted_at_the_same_moment_none_begins_more_than_is_left(desk, tmp_path):
    """Both look at the budget before either has recorded anything: only the second look can tell."""
    day = Budget(new_evaluations_per_day=4)

    class Overtaken(Ledger):
        """While its owner is about to record its intents, another run is admitted and sends."""

        overtaken = False

        def claim_submissions(self, orders, *, lease_s):
            if not self.overtaken:
                self.overtaken = True
                submit(desk, FIRST, day)
            return super().claim_submissions(orders, lease_s=lease_s)

    with Overtaken.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        with pytest.raises(BudgetExceeded):
            submit(replace(desk, ledger=ledger), SECOND, day)
        assert ledger.overtaken
    assert len(desk.record()) == 3
    left = desk.ledger.submissions(states=[SubmissionState.INTENDED], limit=10)
    assert left == [], "what was refused must not count as intended by anybody"
    assert submit(desk, SECOND, Budget(new_evaluations_per_day=5)).sent == 2


@pytest.mark.long
def test_a_run_that_was_cut_short_keeps_its_place_and_takes_it_up(desk):
    day = Budget(new_evaluations_per_day=3)

    class Killed(BaseException):
        pass

    def die(item):
        raise Killed

    with pytest.raises(Killed):
        submit(desk, FIRST, day, limits=replace(LIMITS, concurrent_uploads=1), open_content=die)
    with pytest.raises(BudgetExceeded):
        submit(desk, SECOND, day)
    assert submit(desk, FIRST, day).sent == 3


def test_social_media_urls_count_in_the_day_of_their_judge(social_pique, tmp_path):
    with desk_behind(pique=social_pique, ledger_url=f"sqlite:///{tmp_path / 'social.db'}") as desk:
        first, second = urls(3), urls(2)
        assert desk.submit(first, budget=Budget(new_evaluations_per_day=4)).sent == 3
        with pytest.raises(BudgetExceeded) as refused:
            desk.submit(first + second, budget=Budget(new_evaluations_per_day=4))
        assert (refused.value.wanted, refused.value.fits) == (2, 1)
        assert desk.posts == 1
        assert desk.submit(first + second, budget=Budget(new_evaluations_per_day=5)).sent == 2
        assert desk.posts == 2
