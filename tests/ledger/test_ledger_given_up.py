"""What never ends: given up and watched, its partition settled; and partitions that wait for their next run."""

from __future__ import annotations

import dataclasses

import pytest

from pique_assets.ledger import LeaseLost, TransitionRefused
from pique_assets.media import ErrorCode

DAY = {"evaluation": "brand", "partition": "2026-03-02"}


def give_up(story, name: str = "a", *, job_id: str = "job_1", watch_in: float = 600) -> None:
    story.uploaded(name, job_id=job_id)
    held = story.ledger.claim_to_give_up(story.ledger.find_job(job_id).submission_id, lease_s=60)
    story.ledger.record_given_up(
        held.lease,
        error_code="never_ended",
        error="Pique says 'cancelled'",
        status="cancelled",
        next_poll_at=story.clock.after(watch_in),
    )


def settled(ledger) -> list[str]:
    return [one.partition for one in ledger.uncollected_partitions()]


def test_a_partition_settles_without_what_was_given_up(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"))
    story.completed("b", job_id="job_b")
    give_up(story)
    (one,) = ledger.uncollected_partitions()
    assert (one.progress.completed, one.progress.given_up, one.progress.open) == (1, 1, 0)
    assert one.progress.is_settled
    submission = ledger.find_job("job_1")
    assert (submission.state, submission.pique_status, submission.error_code) == (
        "GIVEN_UP",
        "cancelled",
        "never_ended",
    )
    assert ledger.next_due_at(**DAY) is None


def test_what_was_given_up_is_never_sent_again_by_itself(story, ledger):
    give_up(story)
    claim = ledger.claim_submissions([story.order("a")], lease_s=60)[0]
    assert (claim.lease, claim.created, claim.submission.job_id) == (None, False, "job_1")
    assert story.interrupted() == []


@pytest.mark.parametrize("outcome", ["COMPLETED", "FAILED"])
def test_a_late_result_replaces_it_and_has_its_partition_collected_anew(story, ledger, clock, outcome):
    story.take_inventory(story.item("a"))
    give_up(story)
    (before,) = ledger.uncollected_partitions()
    assert ledger.record_collected(**DAY, digest=before.digest)
    clock.advance(600)
    (watched,) = ledger.claim_due(limit=9, lease_s=60, **DAY)
    story.finish(watched.lease, outcome=outcome)
    (after,) = ledger.uncollected_partitions()
    assert after.digest != before.digest
    assert after.progress.given_up == 0
    assert [payload.job_id for payload in ledger.partition_payloads(**DAY)] == ["job_1"]


def test_a_webhook_wakes_what_was_given_up(story, ledger, clock):
    give_up(story)
    assert ledger.claim_due(limit=9, lease_s=60) == []
    ledger.record_webhook(job_id="job_1", url=None, body=b"{}", received_at=clock.now)
    assert [held.submission.job_id for held in ledger.claim_due(limit=9, lease_s=60)] == ["job_1"]


def test_a_watch_goes_on_and_may_end(story, ledger, clock):
    give_up(story, watch_in=0)
    (watched,) = ledger.claim_due(limit=9, lease_s=60)
    polled = ledger.record_poll(watched.lease, next_poll_at=clock.after(60), status="paused")
    assert (polled.state, polled.pique_status) == ("GIVEN_UP", "paused")
    clock.advance(60)
    (watched,) = ledger.claim_due(limit=9, lease_s=60)
    assert ledger.record_poll(watched.lease, next_poll_at=None, status="paused").next_poll_at is None


def test_a_person_may_have_it_sent_again(story, ledger):
    story.take_inventory(story.item("a"))
    give_up(story)
    (before,) = ledger.uncollected_partitions()
    ledger.record_collected(**DAY, digest=before.digest)
    held = ledger.claim_to_give_up(ledger.find_job("job_1").submission_id, lease_s=60)
    dead = ledger.record_abandoned(held.lease, evidence="an operator says so")
    assert (dead.state, dead.error, dead.settled_at) == ("ABANDONED", None, None)
    claim = ledger.claim_submissions([story.order("a")], lease_s=60)[0]
    assert (claim.created, claim.submission.attempt) == (True, 2)
    assert not ledger.progress(**DAY).is_settled


def test_only_what_pique_may_have_can_be_given_up(story, ledger):
    prepared = story.prepared("a", job_id="job_1")
    with pytest.raises(TransitionRefused):
        ledger.record_given_up(prepared, error_code="e", error="e", status=None, next_poll_at=None)
    ledger.release_lease(prepared)
    assert ledger.claim_to_give_up(prepared.submission_id, lease_s=60) is None
    story.completed("b", job_id="job_2")
    assert ledger.claim_to_give_up(ledger.find_job("job_2").submission_id, lease_s=60) is None


def test_what_a_worker_holds_is_not_given_up(story, ledger, clock):
    lease = story.uploading("a", job_id="job_1")
    assert ledger.claim_to_give_up(lease.submission_id, lease_s=60) is None
    clock.advance(61)
    held = ledger.claim_to_give_up(lease.submission_id, lease_s=60)
    ledger.record_given_up(held.lease, error_code="e", error="e", status=None, next_poll_at=None)
    with pytest.raises(LeaseLost):
        ledger.record_uploaded(lease, next_poll_at=clock.now)


def test_uploads_begun_long_ago_are_found_once_nobody_is_at_them(story, ledger, clock):
    story.uploading("a", job_id="job_1", lease_s=60)
    story.uploaded("b", job_id="job_2")
    clock.advance(3600)
    story.uploading("c", job_id="job_3", lease_s=1)
    clock.advance(2)
    begun_before = clock.after(-1800)
    assert ledger.has_begun_long_ago(begun_before=begun_before)
    found = ledger.claim_begun_long_ago(begun_before=begun_before, limit=9, lease_s=60)
    assert [held.submission.job_id for held in found] == ["job_1"]
    assert not ledger.has_begun_long_ago(begun_before=begun_before)


def test_since_when_a_result_has_been_empty_is_kept_and_forgotten(story, ledger, clock):
    lease = story.polling("a")
    assert ledger.record_poll(lease, next_poll_at=clock.now, status="e", empty_since=clock.now).empty_since == clock.now
    (again,) = ledger.claim_due(limit=9, lease_s=60)
    assert ledger.record_poll(again.lease, next_poll_at=clock.now, status="processing").empty_since is None


def test_a_postponed_partition_waits_for_its_time_or_for_another_inventory(story, ledger, clock):
    story.take_inventory()
    ledger.postpone_collection(**DAY, until=clock.after(60), while_open=False)
    assert ledger.next_uncollected(at_most=9) == []
    assert settled(ledger) == ["2026-03-02"]
    clock.advance(60)
    assert [one.partition for one in ledger.next_uncollected(at_most=9)] == ["2026-03-02"]
    ledger.postpone_collection(**DAY, until=clock.after(60), while_open=False)
    story.take_inventory()
    assert [one.partition for one in ledger.next_uncollected(at_most=9)] == ["2026-03-02"]


def test_what_is_postponed_while_it_is_open_is_found_as_soon_as_it_is_settled(story, ledger, clock):
    story.take_inventory(story.item("a"))
    lease = story.polling("a")
    ledger.postpone_collection(**DAY, until=clock.after(60), while_open=True)
    assert ledger.open_partitions(evaluations=["brand"], at_most=9) == []
    story.finish(lease)
    assert [one.partition for one in ledger.next_uncollected(at_most=9)] == ["2026-03-02"]


def test_open_partitions_come_by_evaluation_and_the_longest_postponed_first(story, ledger, clock):
    for partition in ("2026-03-02", "2026-03-03", "2026-03-04"):
        story.take_inventory(story.item("a"), partition=partition)
    story.take_inventory(story.item("a"), evaluation="other")
    for partition, seconds in (("2026-03-02", 20), ("2026-03-03", 10)):
        ledger.postpone_collection(evaluation="brand", partition=partition, until=clock.after(seconds), while_open=True)
    clock.advance(20)
    found = ledger.open_partitions(evaluations=["brand"], at_most=9)
    assert found == [("brand", "2026-03-04"), ("brand", "2026-03-03"), ("brand", "2026-03-02")]
    assert ledger.open_partitions(evaluations=["brand"], at_most=1) == [("brand", "2026-03-04")]


def test_a_partition_moves_when_content_is_sent_not_when_it_is_asked_about(story, ledger, clock):
    story.take_inventory(*(story.item(name) for name in "abcd"))
    assert ledger.last_move(**DAY) is None
    story.completed("a")
    assert ledger.last_move(**DAY) is None
    lease = story.polling("b")
    sent_at = clock.now
    clock.advance(100)
    ledger.record_poll(lease, next_poll_at=clock.after(10), status="processing")
    assert ledger.last_move(**DAY) == sent_at
    story.intended("c")
    assert ledger.last_move(**DAY) == clock.now


def test_a_run_is_told_what_it_collects_until_another_one_collects(story, ledger):
    story.take_inventory()
    ledger.record_collecting(**DAY, run="run_1", digest="d" * 64)
    assert ledger.collecting_digest(**DAY, run="run_1") == "d" * 64
    ledger.record_collecting(**DAY, run="run_2", digest="e" * 64)
    assert ledger.collecting_digest(**DAY, run="run_1") is None


def test_content_is_named_by_source_without_what_is_gone(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"), story.broken("/media/x.mp4"))
    story.completed("b")
    story.take_inventory(story.item("a"), story.broken("/media/x.mp4"))
    story.take_inventory(story.social_item(), source="social")
    assert ledger.content_uris(**DAY, source="direct") == {"/media/a.mp4", "/media/x.mp4"}
    assert ledger.content_uris(**DAY, source="social") == {story.url("s")}


def test_rejected_content_is_named_with_its_size_and_can_be_left_out(story, ledger):
    half = dataclasses.replace(story.broken("/media/half.mp4"), size_bytes=7, error_code=ErrorCode.INCOMPLETE)
    story.take_inventory(story.item("a"), story.broken("/media/x.mp4"), half)
    of_direct = {**DAY, "source": "direct"}
    codes = frozenset({ErrorCode.INCOMPLETE, ErrorCode.UNREADABLE})
    assert ledger.rejected_sizes(**of_direct, codes=codes) == {"/media/x.mp4": None, "/media/half.mp4": 7}
    assert ledger.rejected_sizes(**of_direct, codes={ErrorCode.EMPTY}) == {}
    assert ledger.content_uris(**of_direct, without={ErrorCode.INCOMPLETE}) == {"/media/a.mp4", "/media/x.mp4"}


def test_what_pique_says_may_be_any_text(story, ledger, clock):
    said = "paused \x00 \ud800 \\u0000"
    polled = ledger.record_poll(story.polling("a"), next_poll_at=clock.now, status=said)
    assert polled.pique_status == said
