"""What a partition consists of, when media come, go, change, repeat and break."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from pique_assets.ledger import InventoryItem, SubmissionState

DAY = {"evaluation": "brand", "partition": "2026-03-02"}
NEXT_DAY = {"evaluation": "brand", "partition": "2026-03-03"}


def _dump(ledger) -> dict[str, list[tuple]]:
    """Every row of every table."""
    tables = ("submissions", "inventory", "partitions", "payloads", "upload_targets")
    with ledger._database.read() as connection:
        return {name: sorted(map(repr, connection.execute(sa.text(f"SELECT * FROM {name}")))) for name in tables}


def test_items_are_listed_by_uri_with_their_submission(story, ledger):
    story.take_inventory(story.item("b"), story.broken("/media/~x.mp4"), story.item("B"), story.item("a"))
    story.completed("b")
    entries = ledger.partition_state(**DAY)
    assert [entry.item.content_uri for entry in entries] == [
        "/media/B.mp4",
        "/media/a.mp4",
        "/media/b.mp4",
        "/media/~x.mp4",
    ]
    assert entries[2].item == story.item("b")
    assert entries[2].submission.state.value == "COMPLETED"
    assert [entry.submission for entry in entries[:2]] == [None, None]
    assert (entries[3].item.error_code, entries[3].submission) == ("unreadable", None)
    assert all(entry.present for entry in entries)


def test_names_that_no_database_would_take_come_back_as_they_were(story, ledger):
    odd = InventoryItem(
        content_uri="/media/\udcff\x00\\u0041\\" + "x" * 5000 + "\n.mp4",
        filename="\udcff\x00\n'\"%s.mp4",
        title="\u202eé e\u0301 \U0001f600",
        error_code="bad_name",
        error="not UTF-8: \udcff",
    )
    story.take_inventory(odd, story.item("a"))
    assert odd in [entry.item for entry in ledger.partition_state(**DAY)]


def test_the_same_inventory_again_changes_nothing(story, ledger, clock):
    items = [story.item("a"), story.item("b"), story.broken("/media/x.mp4")]
    story.take_inventory(*items)
    story.completed("a")
    story.completed("b")
    before = _dump(ledger)
    clock.advance(3600)
    story.take_inventory(*reversed(items))
    for claim in ledger.claim_submissions([story.order("a"), story.order("b")], lease_s=60):
        assert claim.lease is None
    assert ledger.claim_due(limit=10, lease_s=60, **DAY) == []
    assert not ledger.has_begun_long_ago(begun_before=ledger._clock())
    assert ledger.make_due(["job_1", "job_2"]) == 0
    assert _dump(ledger) == before


def test_content_that_vanished_stays_only_if_a_submission_was_made_for_it(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"), story.broken("/media/x.mp4"))
    story.completed("a")
    story.take_inventory()
    (left,) = ledger.partition_state(**DAY)
    assert (left.item, left.present) == (story.item("a"), False)
    assert left.submission.state.value == "COMPLETED"
    story.take_inventory(story.item("a"))
    (back,) = ledger.partition_state(**DAY)
    assert back.present


def test_content_that_vanished_stays_though_its_submission_was_rejected(story, ledger):
    story.take_inventory(story.item("a"))
    ledger.record_rejected(story.intended("a"), error_code="e", error="no")
    story.take_inventory()
    assert [entry.submission.state.value for entry in ledger.partition_state(**DAY)] == ["REJECTED"]


@pytest.mark.parametrize("vanished_first", [False, True])
def test_content_that_vanished_goes_with_its_abandoned_job_so_that_the_date_can_settle(story, ledger, vanished_first):
    story.take_inventory(story.item("a"), story.broken("/media/b.mp4"))
    lease = story.prepared("a")
    steps = [
        lambda: ledger.record_abandoned(lease, evidence="dead"),
        lambda: story.take_inventory(story.broken("/media/b.mp4")),
    ]
    for step in reversed(steps) if vanished_first else steps:
        assert not ledger.progress(**DAY).is_settled
        step()
    assert [entry.item.filename for entry in ledger.partition_state(**DAY)] == ["b.mp4"]
    assert ledger.progress(**DAY).is_settled
    assert story.state("a") == ["ABANDONED"]


def test_content_that_became_unreadable_keeps_the_result_that_was_paid_for(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"))
    story.completed("a")
    story.take_inventory(story.broken("/media/a.mp4"), story.broken("/media/b.mp4"))
    kept, broken = ledger.partition_state(**DAY)
    assert (kept.item, kept.present, kept.submission.state.value) == (story.item("a"), False, "COMPLETED")
    assert (broken.item.error_code, broken.present, broken.submission) == ("unreadable", True, None)


@pytest.mark.parametrize("end", ["rejected", "abandoned"])
def test_content_that_became_unreadable_says_so_where_nothing_was_paid_for(story, ledger, end):
    story.take_inventory(story.item("a"))
    if end == "rejected":
        ledger.record_rejected(story.intended("a"), error_code="e", error="no")
    else:
        ledger.record_abandoned(story.prepared("a"), evidence="the content changed")
    story.take_inventory(story.broken("/media/a.mp4"))
    (row,) = ledger.partition_state(**DAY)
    assert (row.item.error_code, row.submission) == ("unreadable", None)
    assert ledger.progress(**DAY).is_settled


def test_content_that_changed_asks_for_new_work_and_the_old_job_is_still_polled(story, ledger, clock):
    story.take_inventory(story.item("old", uri="/media/a.mp4"))
    story.uploaded("old", job_id="job_old")
    story.take_inventory(story.item("new", uri="/media/a.mp4"))
    (entry,) = ledger.partition_state(**DAY)
    assert (entry.item.work_key, entry.submission) == (story.key("new"), None)
    clock.advance(10)
    assert ledger.claim_due(limit=10, lease_s=60, **DAY) == []
    (due,) = ledger.claim_due(limit=10, lease_s=60)
    assert due.submission.job_id == "job_old"
    story.finish(due.lease)
    assert list(ledger.partition_payloads(**DAY)) == []


def test_content_on_two_dates_is_one_submission_in_both(story, ledger):
    story.take_inventory(story.item("a", uri="/media/1/a.mp4"))
    story.take_inventory(story.item("a", uri="/media/2/a.mp4"), partition="2026-03-03")
    story.completed("a", job_id="job_1")
    for day in (DAY, NEXT_DAY):
        (entry,) = ledger.partition_state(**day)
        assert entry.submission.job_id == "job_1"
        assert [payload.job_id for payload in ledger.partition_payloads(**day)] == ["job_1"]
        assert ledger.progress(**day).completed == 1
    assert story.state() == ["COMPLETED"]


def test_content_twice_in_one_partition_is_one_submission_in_two_rows(story, ledger):
    story.take_inventory(story.item("a", uri="/media/1.mp4"), story.item("a", uri="/media/2.mp4"))
    lease = story.polling("a", job_id="job_1")
    assert ledger.progress(**DAY).open == 2
    assert ledger.progress(**DAY).open_job_ids == ("job_1",)
    story.finish(lease)
    assert [entry.submission.job_id for entry in ledger.partition_state(**DAY)] == ["job_1", "job_1"]
    assert len(list(ledger.partition_payloads(**DAY))) == 1
    assert (ledger.progress(**DAY).total, ledger.progress(**DAY).completed) == (2, 2)


def test_partitions_and_evaluations_do_not_touch_each_other(story, ledger):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.item("a"), evaluation="other")
    story.take_inventory(story.item("b"), partition="2026-03-03")
    story.take_inventory(evaluation="other")
    assert len(ledger.partition_state(**DAY)) == len(ledger.partition_state(**NEXT_DAY)) == 1
    assert ledger.partition_state(evaluation="other", partition="2026-03-02") == []


def test_uploads_and_urls_of_a_partition_leave_each_other_alone(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"))
    story.take_inventory(story.social_item("s"), story.social_item("t"), source="social")
    assert [(entry.item, entry.source) for entry in ledger.partition_state(**DAY)] == [
        (story.item("a"), "direct"),
        (story.item("b"), "direct"),
        (story.social_item("s"), "social"),
        (story.social_item("t"), "social"),
    ]
    story.take_inventory(story.item("b"))
    story.take_inventory(story.social_item("t"), source="social")
    assert [entry.item for entry in ledger.partition_state(**DAY)] == [story.item("b"), story.social_item("t")]
    story.take_inventory(source="social")
    assert [entry.item for entry in ledger.partition_state(**DAY)] == [story.item("b")]


def test_the_same_uri_may_be_uploaded_and_fetched(story, ledger):
    url = story.url("s")
    story.take_inventory(story.item("a", uri=url))
    story.take_inventory(story.social_item("s"), source="social")
    story.completed("a")
    story.take_inventory(story.item("a", uri=url))
    found = [(entry.source, entry.item.work_key, entry.present) for entry in ledger.partition_state(**DAY)]
    assert found == [("direct", story.key("a"), True), ("social", story.key("s"), True)]


@pytest.mark.parametrize("standing", ["submitting", "in doubt", "accepted"])
def test_a_url_that_left_its_list_stays_once_it_may_have_been_submitted(story, ledger, standing):
    story.take_inventory(story.social_item("s"), source="social")
    if standing == "submitting":
        story.left_submitting("s")
    elif standing == "in doubt":
        story.in_doubt("s")
    else:
        story.accepted("s")
    story.take_inventory(source="social")
    (left,) = ledger.partition_state(**DAY)
    assert (left.item, left.present, left.source) == (story.social_item("s"), False, "social")
    assert ledger.progress(**DAY).is_settled == (standing == "in doubt")


def test_a_partition_with_unanswered_urls_is_not_settled(story, ledger):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.social_item("s"), source="social")
    story.completed("a")
    assert ledger.uncollected_partitions() == []
    (lease,) = story.submitting("s")
    assert ledger.uncollected_partitions() == []
    assert ledger.settled_partition(**DAY) is None
    before = ledger.record_in_doubt(lease, evidence="no answer")
    (settled,) = ledger.uncollected_partitions()
    assert (settled.progress.completed, settled.progress.in_doubt, before.state) == (1, 1, SubmissionState.IN_DOUBT)


def test_a_uri_named_twice_is_refused(story):
    with pytest.raises(ValueError, match="same content_uri"):
        story.take_inventory(story.item("a"), story.item("a"))


def test_a_uri_named_twice_far_apart_is_refused_and_nothing_is_recorded(story, ledger):
    story.take_inventory(story.item("old"))
    many = [story.item(f"n{number:05}") for number in range(600)]
    with pytest.raises(ValueError, match="same content_uri"):
        story.take_inventory(*many, many[0])
    assert [entry.item for entry in ledger.partition_state(**DAY)] == [story.item("old")]


def test_content_that_goes_and_changes_in_pieces_ends_as_it_does_at_once(story, ledger, monkeypatch):
    monkeypatch.setattr("pique_assets.chunks.CHUNK", 3)
    names = [f"n{number}" for number in range(10)]
    story.take_inventory(*(story.item(name) for name in names))
    for name in ("n1", "n8"):
        story.completed(name)
    story.uploaded("n4")
    story.take_inventory(story.item("n0"), story.broken("/media/n4.mp4"), story.broken("/media/n8.mp4"))
    found = {entry.item.filename: (entry.present, entry.item.error_code) for entry in ledger.partition_state(**DAY)}
    assert found == {
        "n0.mp4": (True, None),
        # Gone, still to be heard of, and evaluated before it became unreadable.
        "n1.mp4": (False, None),
        "n4.mp4": (False, None),
        "n8.mp4": (False, None),
    }


def test_an_item_is_either_readable_or_says_why_not(story):
    with pytest.raises(ValueError, match="work_key"):
        InventoryItem(content_uri="/media/a.mp4", filename="a.mp4")
    with pytest.raises(ValueError, match="error_code"):
        dataclasses.replace(story.item("a"), error_code="unreadable")


def test_an_inventory_of_thousands_is_recorded_and_changed(story, ledger):
    items = [story.item(f"n{number:05}") for number in range(2500)]
    story.take_inventory(*items)
    story.take_inventory(*items[500:], story.item("new"))
    assert [entry.item for entry in ledger.partition_state(**DAY)] == [*items[500:], story.item("new")]
