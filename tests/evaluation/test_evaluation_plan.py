"""What submitting a partition would come to is known before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from desk import JUDGE, Desk, demo_items
from hypothesis import given
from hypothesis import strategies as st

from pique_assets.api.models import Judge
from pique_assets.evaluation.plan import PartitionPlan, Reason, plan_partition, planned_items
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.wanted import WantedContent
from pique_assets.ledger import InventoryItem, Submission, SubmissionState

WHERE = {"evaluation": "brand_videos", "partition": "2026-03-02"}
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def planned(desk: Desk, *, judge: Judge | None = None, items=None, partition: str = "2026-03-02", done=()):
    judge = judge or desk.client.get_judge(JUDGE)
    return plan_partition(
        WantedContent.of(demo_items(partition) if items is None else items, judge=judge),
        evaluation="brand_videos",
        partition=partition,
        ledger=desk.ledger,
        planned=done,
    )


def reasons(plan: PartitionPlan) -> dict[str, int]:
    counts = plan.counts()
    return {reason.value: counts[reason] for reason in Reason if counts[reason]}


def test_new_content_then_in_flight_then_done(desk):
    plan = planned(desk)
    assert reasons(plan) == {"new": 3}
    assert plan.new_bytes == sum(item.size_bytes for item in demo_items("2026-03-02"))
    desk.submit(demo_items("2026-03-02"))
    after = planned(desk)
    assert reasons(after).keys() <= {"in_flight", "done"}
    assert (after.new_evaluations, after.new_bytes) == (0, 0)
    collect_partition(**WHERE, client=desk.client, ledger=desk.ledger, limits=desk.limits, say=print)
    assert reasons(planned(desk)) == {"done": 3}


def test_planning_leaves_the_ledger_and_pique_as_they_are(desk):
    planned(desk)
    assert desk.ledger.partition_state(**WHERE) == []
    assert desk.record() == []


def test_a_changed_judge_and_changed_words_are_told_from_new_content(desk):
    items = demo_items("2026-03-02")
    desk.submit(items[:2])
    judge = desk.client.get_judge(JUDGE)
    first, *others = judge.detector_configs
    changed = judge.model_copy(update={"detector_configs": [first.model_copy(update={"config": {}}), *others]})
    assert changed.configuration_hash() != judge.configuration_hash()
    plan = planned(desk, judge=changed)
    assert reasons(plan) == {"changed_judge": 2, "new": 1}
    assert plan.new_evaluations == 3
    retitled = [type(items[0])(**{**_fields(items[0]), "title": "another title"}), *items[1:]]
    assert reasons(planned(desk, items=retitled))["changed_words"] == 1


def _fields(item) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def test_the_same_content_on_a_later_date_of_one_plan_counts_once(desk):
    first = planned(desk)
    second = planned(desk, partition="2026-03-05", done=first.work_keys)
    assert reasons(second) == {"new": 2, "duplicate": 1}


def test_unusable_content_is_counted_and_costs_nothing(desk):
    assert reasons(planned(desk, partition="2026-03-03")) == {"new": 3, "unusable": 1}


def submission(work_key: str, state: SubmissionState, *, configuration: str = "now") -> Submission:
    values = dict.fromkeys(Submission.__dataclass_fields__)
    values |= {"submission_id": 1, "attempt": 1, "live": True, "source": "direct", "size_bytes": 5, "poll_count": 0}
    values |= {"work_key": work_key, "state": state, "judge_id": "j", "judge_configuration_hash": configuration}
    values |= {"content_type": "video", "fingerprint": "f", "filename": "f.mp4", "created_at": NOW}
    return Submission(**values)


def item(work_key: str, uri: str) -> InventoryItem:
    return InventoryItem(
        content_uri=uri, filename="f.mp4", size_bytes=5, fingerprint="f", content_type="video", work_key=work_key
    )


@pytest.mark.parametrize("state", SubmissionState)
def test_every_state_of_a_submission_has_its_reason(state):
    (found,) = planned_items(
        [item("k", "a")],
        configuration_hash="now",
        standings={"k": submission("k", state)},
        evaluated_before={},
        accounted=set(),
    )
    begins = {"INTENDED", "PREPARED", "REJECTED", "ABANDONED"}
    assert found.begins_evaluation == (state in begins)


@given(
    keys=st.lists(st.sampled_from("abcdef"), max_size=12),
    standing=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(SubmissionState)),
    done=st.frozensets(st.sampled_from("abcdef")),
)
def test_no_work_begins_twice_and_nothing_finished_begins_again(keys, standing, done):
    found = list(
        planned_items(
            [item(key, f"{key}{place}") for place, key in enumerate(keys)],
            configuration_hash="now",
            standings={key: submission(key, state) for key, state in standing.items()},
            evaluated_before={},
            accounted=set(done),
        )
    )
    begun = [one.item.work_key for one in found if one.begins_evaluation]
    assert len(found) == len(keys)
    assert len(begun) == len(set(begun))
    safe = {SubmissionState.INTENDED, SubmissionState.PREPARED, SubmissionState.REJECTED, SubmissionState.ABANDONED}
    assert set(begun) == {
        key for key in keys if key not in done and standing.get(key, SubmissionState.INTENDED) in safe
    }
