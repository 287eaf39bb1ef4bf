"""What submitting a partition would come to is known before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import pytest
from desk import JUDGE, Desk, demo_items
from hypothesis import given, strategies as st

from pique_assets.api.models import Judge
from pique_assets.evaluation.engine import Partition
from pique_assets.evaluation.plan import (
    PartitionPlan,
    Reason,
    WantedContent,
    plan_partition,
)
from pique_assets.ledger import Submission, SubmissionState
from pique_assets.media import ContentItem

WHERE = {"evaluation": "brand_videos", "partition": "2026-03-02"}
NOW = datetime(2026, 3, 2, tzinfo=UTC)
A_JUDGE = Judge.model_validate({"id": "j", "name": "j", "content_type": "video", "status": "ready", "is_active": True})


def planned(desk: Desk, *, judge: Judge | None = None, items=None, partition: str = "2026-03-02", done=()):
    judge = judge or desk.client.get_judge(JUDGE)
    return plan_partition(
        WantedContent.of(demo_items(partition) if items is None else items, judge=judge),
        partition=Partition(evaluation="brand_videos", key=partition),
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
    desk.collect()
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


def submission(work_key: str, state: SubmissionState) -> Submission:
    values = dict.fromkeys(Submission.__dataclass_fields__)
    values |= {"submission_id": 1, "attempt": 1, "live": True, "source": "direct", "size_bytes": 5, "poll_count": 0}
    values |= {"work_key": work_key, "state": state, "judge_id": "j", "judge_configuration_hash": "now"}
    values |= {"content_type": "video", "fingerprint": "f", "filename": "f.mp4", "created_at": NOW}
    return Submission(**values)


def planned_with(
    contents: Sequence[str], *, states: Mapping[str, SubmissionState], done: Collection[str] = ()
) -> PartitionPlan:
    """The plan of these contents, of which the ledger knows some in these states, and others are planned already."""
    items = {
        content: ContentItem(
            content_uri=content, filename="f.mp4", size_bytes=5, content_type="video", fingerprint=content
        )
        for content in {*contents, *states, *done}
    }
    wanted = WantedContent.of([items[content] for content in contents], judge=A_JUDGE)
    work_keys = {content: wanted.order(item).work_key for content, item in items.items()}
    known = {work_keys[content]: submission(work_keys[content], state) for content, state in states.items()}

    class Remembering:
        def configurations_begun(self, **of_what):
            return {}

        def current_submissions(self, keys):
            return {key: known[key] for key in keys if key in known}

    date = Partition(evaluation="brand_videos", key="2026-03-02")
    planned = {work_keys[content] for content in done}
    return plan_partition(wanted, partition=date, ledger=Remembering(), planned=planned)


@pytest.mark.parametrize("state", SubmissionState)
def test_every_state_of_a_submission_has_its_reason(state):
    begins = {"INTENDED", "PREPARED", "REJECTED", "ABANDONED"}
    plan = planned_with("a", states={"a": state})
    assert plan.new_evaluations == (state in begins)
    assert plan.to_send == ((0,) if state in begins | {"UPLOADING"} else ())


@given(
    keys=st.lists(st.sampled_from("abcdef"), max_size=12),
    standing=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(SubmissionState)),
    done=st.frozensets(st.sampled_from("abcdef")),
)
def test_no_work_begins_twice_and_nothing_finished_begins_again(keys, standing, done):
    plan = planned_with(keys, states=standing, done=done)
    safe = {SubmissionState.INTENDED, SubmissionState.PREPARED, SubmissionState.REJECTED, SubmissionState.ABANDONED}
    unsent = safe | {SubmissionState.UPLOADING}
    of_key = {key: standing.get(key, SubmissionState.INTENDED) for key in keys}
    assert plan.content_items == len(keys)
    assert plan.new_evaluations == len([key for key, state in of_key.items() if key not in done and state in safe])
    sent = [keys[position] for position in plan.to_send]
    assert sorted(sent) == sorted(key for key, state in of_key.items() if state in unsent)
