"""What the ledger tells: progress, payloads, and the partitions that are settled."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from pique_assets.ledger import PartitionProgress

DAY = {"evaluation": "brand", "partition": "2026-03-02"}


def _settled(ledger) -> dict[tuple[str, str], str]:
    return {(one.evaluation, one.partition): one.digest for one in ledger.uncollected_partitions()}


def test_progress_counts_every_item_once(story, ledger, clock):
    names = ("new", "intended", "prepared", "uploading", "uploaded", "done", "failed", "refused", "dead")
    story.take_inventory(*(story.item(name) for name in names), story.broken("/media/x.mp4"))
    story.intended("intended")
    for name in ("prepared", "uploading", "uploaded"):
        getattr(story, name)(name, job_id=f"job_{name}")
    story.completed("done")
    story.finish(story.polling("failed"), outcome="FAILED")
    ledger.record_rejected(story.intended("refused"), error_code="e", error="no")
    ledger.record_abandoned(story.prepared("dead"), evidence="dead", next_poll_at=clock.now)
    progress = ledger.progress(**DAY)
    assert progress == PartitionProgress(
        total=10,
        unreadable=1,
        unsubmitted=1,
        open=4,
        completed=1,
        failed=1,
        rejected=1,
        abandoned=1,
        in_doubt=0,
        given_up=0,
        open_job_ids=("job_prepared", "job_uploaded", "job_uploading"),
    )
    assert not progress.is_settled


def test_a_partition_nobody_knows_is_empty(ledger):
    assert ledger.progress(**DAY).total == 0
    assert ledger.partition_state(**DAY) == []
    assert list(ledger.partition_payloads(**DAY)) == []
    assert ledger.uncollected_partitions() == []


def test_payloads_come_back_byte_for_byte_sorted_by_job(story, ledger, clock):
    bodies = {"job_2": b"\x00\xff not JSON", "job_1": b'{"a": 1.0}', "job_3": b""}
    for name, (job_id, body) in zip("abc", bodies.items(), strict=True):
        story.finish(story.polling(name, job_id=job_id), body=body)
    story.completed("elsewhere", job_id="job_9")
    story.take_inventory(*(story.item(name) for name in "abc"))
    found = list(ledger.partition_payloads(**DAY))
    assert [(one.job_id, one.body) for one in found] == sorted(bodies.items())
    assert all(one.sha256 == hashlib.sha256(one.body).hexdigest() for one in found)
    assert {(one.source, one.received_at) for one in found} == {("polled", clock.now)}


def test_payloads_of_a_large_partition_come_in_pieces(story, ledger, clock, monkeypatch):
    monkeypatch.setattr("pique_assets.chunks.CHUNK", 7)
    names = [f"n{number:03}" for number in range(20)]
    story.take_inventory(*(story.item(name) for name in names))
    claims = ledger.claim_submissions([story.order(name) for name in names], lease_s=60)
    for name, claim in zip(names[:16], claims, strict=False):
        ledger.record_prepared(
            claim.lease, job_id=f"job_{name}", upload_url="u", upload_headers={}, expires_at=clock.now
        )
        story.finish(claim.lease, body=name.encode())
    found = list(ledger.partition_payloads(**DAY))
    assert [one.body.decode() for one in found] == names[:16]


def test_only_partitions_with_nothing_left_to_come_are_settled(story, ledger, clock):
    story.take_inventory(story.item("a"), story.item("b"), story.broken("/media/x.mp4"))
    assert _settled(ledger) == {}
    story.completed("a")
    lease = story.uploading("b")
    assert _settled(ledger) == {}
    ledger.record_abandoned(lease, evidence="dead", next_poll_at=clock.after(999))
    assert _settled(ledger) == {}
    ledger.record_rejected(story.intended("b"), error_code="e", error="no")
    (one,) = ledger.uncollected_partitions()
    assert (one.evaluation, one.partition, one.progress.completed, one.progress.rejected) == (
        "brand",
        "2026-03-02",
        1,
        1,
    )


@pytest.mark.parametrize("at_most", [None, 3])
def test_what_is_settled_can_be_kept_to_some_evaluations(story, ledger, at_most):
    for name in ("brand", "house", "other"):
        story.take_inventory(evaluation=name)
    story.take_inventory(story.item("open"), evaluation="brand", partition="2026-03-03")
    for number in range(200):
        story.take_inventory(evaluation="crowd", partition=f"{2027 + number}-03-02")
    for _ in range(3):
        found = ledger.next_uncollected(evaluations=["other", "brand"], at_most=at_most)
        assert sorted((one.evaluation, one.partition) for one in found) == [
            ("brand", "2026-03-02"),
            ("other", "2026-03-02"),
        ]
    assert ledger.next_uncollected(evaluations=[], at_most=at_most) == []


def test_a_day_without_media_is_settled(story, ledger):
    story.take_inventory()
    story.take_inventory(story.broken("/media/x.mp4"), partition="2026-03-03")
    assert list(_settled(ledger)) == [("brand", "2026-03-02"), ("brand", "2026-03-03")]


def test_the_digest_changes_with_what_the_tables_show_and_only_then(story, ledger, clock):
    story.take_inventory(story.item("a"))
    story.completed("a")
    digest = _settled(ledger)[("brand", "2026-03-02")]
    clock.advance(100)
    story.take_inventory(story.item("a"))
    assert _settled(ledger)[("brand", "2026-03-02")] == digest
    seen = {digest}
    for change in (
        lambda: story.take_inventory(story.item("a"), story.item("a", uri="/media/copy.mp4")),
        lambda: story.take_inventory(story.item("a"), story.broken("/media/x.mp4")),
        lambda: (story.take_inventory(story.item("a"), story.item("b")), story.completed("b")),
    ):
        change()
        seen.add(_settled(ledger)[("brand", "2026-03-02")])
    assert len(seen) == 4


def test_a_collected_partition_is_told_of_again_only_after_another_inventory(story, ledger):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.item("b"), partition="2026-03-03")
    story.completed("a")
    digest = _settled(ledger)[("brand", "2026-03-02")]
    assert ledger.record_collected(**DAY, digest=digest)
    assert _settled(ledger) == {}
    story.completed("b")
    assert list(_settled(ledger)) == [("brand", "2026-03-03")]
    story.take_inventory(story.item("a"))
    assert _settled(ledger)[("brand", "2026-03-02")] == digest


def test_a_partition_that_changed_meanwhile_is_not_noted_as_collected(story, ledger):
    story.take_inventory(story.item("a"))
    story.completed("a")
    digest = _settled(ledger)[("brand", "2026-03-02")]
    story.take_inventory(story.item("a"), story.broken("/media/x.mp4"))
    assert not ledger.record_collected(**DAY, digest=digest)
    assert list(_settled(ledger)) == [("brand", "2026-03-02")]


def test_a_partition_nobody_took_an_inventory_of_is_not_settled(story, ledger):
    assert ledger.settled_partition(**DAY) is None
    assert not ledger.record_collected(**DAY, digest="x")


@pytest.mark.parametrize("late", ["COMPLETED", "FAILED"])
def test_a_partition_settles_with_the_late_result_of_an_abandoned_job(story, ledger, clock, late):
    story.take_inventory(story.item("a"))
    ledger.record_abandoned(story.uploading("a", job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    (watched,) = ledger.claim_due(limit=9, lease_s=60, **DAY)
    story.finish(watched.lease, outcome=late)
    assert list(_settled(ledger)) == [("brand", "2026-03-02")]
    assert [payload.job_id for payload in ledger.partition_payloads(**DAY)] == ["job_1"]


def test_with_which_configurations_content_was_begun_is_told_by_partition_and_judge(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"), story.item("c"), story.item("d"))
    story.take_inventory(story.item("e"), partition="2026-03-03")
    story.completed("a")
    story.prepared("b")
    for name in ("c", "e"):
        story.uploaded(name)
    other = ledger.claim_submissions([story.order("d", judge_id="judge_other")], lease_s=60)[0].lease
    ledger.record_prepared(
        other, job_id="job_d", upload_url="https://u", upload_headers={}, expires_at=story.clock.after(900)
    )
    ledger.record_upload_started(other)
    begun = ledger.configurations_begun(**DAY, judge_id="judge_abc123")
    # Only prepared is not begun; another judge's and another date's are not asked for.
    assert begun == {story.key("bytes of " + name): {"c" * 64} for name in ("a", "c")}
    story.take_inventory(*(story.item(name) for name in "abcd"), story.item("again", uri="/media/again.mp4"))
    again = story.order("again", fingerprint=story.key("bytes of a"), judge_configuration_hash="d" * 64)
    lease = ledger.claim_submissions([again], lease_s=60)[0].lease
    ledger.record_prepared(
        lease, job_id="job_again", upload_url="https://u", upload_headers={}, expires_at=story.clock.after(900)
    )
    ledger.record_upload_started(lease)
    begun = ledger.configurations_begun(**DAY, judge_id="judge_abc123")
    assert begun[story.key("bytes of a")] == {"c" * 64, "d" * 64}


@pytest.mark.parametrize("settled", [{0}, {4, 11, 22}, {22}, set(range(23)), set()])
def test_among_many_open_dates_each_settled_one_comes_to_its_turn(story, ledger, monkeypatch, settled):
    monkeypatch.setattr("pique_assets.ledger.collecting.LOOKED_AT_ONCE", 5)
    dates = [(dt.date(2026, 3, 1) + dt.timedelta(days=number)).isoformat() for number in range(23)]
    for number, date in enumerate(dates):
        # An empty date is settled; one with content waits for its submission.
        content = () if number in settled else (story.item(date),)
        story.take_inventory(*content, partition=date)
    found: set[str] = set()
    for _ in range(60):
        seen = [one.partition for one in ledger.next_uncollected(at_most=2)]
        assert len(seen) <= 2
        found |= set(seen)
    assert found == {dates[number] for number in settled}
