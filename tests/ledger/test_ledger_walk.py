"""One submission's walk through its states, alone with its worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pique_assets.ledger import JobTaken, LeaseLost, SubmissionState, TransitionRefused


def test_an_item_goes_from_intent_to_result(story, ledger, clock):
    order = story.order("a", description="says\x00 \udcff \\u0041", title="")
    claim = ledger.claim_submissions([order], lease_s=60)[0]
    assert claim.created
    assert claim.submission.state is SubmissionState.INTENDED
    assert (claim.submission.title, claim.submission.description) == ("", "says\x00 \udcff \\u0041")
    assert claim.lease.expires_at == clock.after(60)

    expires_at = clock.after(900)
    prepared = ledger.record_prepared(
        claim.lease,
        job_id="job_-x_1",
        upload_url=story.signed_url,
        upload_headers=story.headers,
        expires_at=expires_at,
    )
    assert prepared.state is SubmissionState.PREPARED
    assert prepared.job_id == "job_-x_1"
    assert prepared.upload_target.url == story.signed_url
    assert prepared.upload_target.headers == story.headers
    assert prepared.upload_target.expires_at == prepared.upload_expires_at == expires_at

    started_at = clock.advance(1)
    started = ledger.record_upload_started(claim.lease)
    assert (started.state, started.upload_started_at) == (SubmissionState.UPLOADING, started_at)
    assert started.upload_target is not None

    uploaded_at = clock.advance(5)
    uploaded = ledger.record_uploaded(claim.lease, next_poll_at=clock.after(20))
    assert (uploaded.state, uploaded.uploaded_at) == (SubmissionState.UPLOADED, uploaded_at)
    assert uploaded.upload_target is None
    assert uploaded.upload_expires_at == expires_at

    assert ledger.claim_due(limit=10, lease_s=60) == []
    clock.advance(20)
    (due,) = ledger.claim_due(limit=10, lease_s=60)
    polled = ledger.record_poll(due.lease, next_poll_at=clock.after(5), status="processing")
    assert (polled.state, polled.poll_count, polled.pique_status) == (
        SubmissionState.UPLOADED,
        1,
        "processing",
    )

    clock.advance(5)
    (due,) = ledger.claim_due(limit=10, lease_s=60)
    received_at, finished_at = clock.advance(1), clock.after(-3)
    done = ledger.record_result(
        due.lease,
        outcome=SubmissionState.COMPLETED,
        payload=b"\x00raw\xff",
        source="polled",
        received_at=received_at,
        finished_at=finished_at,
    )
    assert (done.state, done.finished_at, done.settled_at) == (
        SubmissionState.COMPLETED,
        finished_at,
        clock.now,
    )
    assert done.next_poll_at is None
    assert ledger.find_job("job_-x_1") == done
    assert ledger.attempts(work_key=order.work_key) == [done]


def test_times_come_back_aware_and_in_utc_from_any_timezone(story, ledger):
    lease = story.intended()
    elsewhere = datetime.fromisoformat("2026-03-02T23:30:00.000001+05:45")
    submission = ledger.record_prepared(
        lease, job_id="j", upload_url="https://u", upload_headers={}, expires_at=elsewhere
    )
    assert submission.upload_expires_at == elsewhere
    assert submission.upload_expires_at.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(story, ledger):
    lease = story.intended()
    with pytest.raises(ValueError, match="timezone-aware"):
        ledger.record_prepared(
            lease, job_id="j", upload_url="https://u", upload_headers={}, expires_at=datetime(2026, 3, 2)
        )
    assert story.state() == ["INTENDED"]


def test_a_rejected_order_ends_without_a_job_and_may_be_tried_again(story, ledger, clock):
    lease = story.intended()
    rejected = ledger.record_rejected(lease, error_code="invalid_request", error="judge not found")
    assert (rejected.state, rejected.live, rejected.job_id) == (SubmissionState.REJECTED, False, None)
    assert (rejected.error_code, rejected.error, rejected.settled_at) == (
        "invalid_request",
        "judge not found",
        clock.now,
    )
    again = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert again.created
    assert again.submission.attempt == 2
    assert story.state() == ["REJECTED", "INTENDED"]


def test_a_put_may_be_repeated_to_the_same_url(story, ledger, clock):
    lease = story.uploading()
    clock.advance(10)
    again = ledger.record_upload_started(lease)
    assert again.state is SubmissionState.UPLOADING
    assert again.upload_started_at == clock.now
    assert again.upload_target.url == story.signed_url


@pytest.mark.parametrize("begin", ["prepared", "uploading"])
def test_a_job_that_has_its_bytes_is_adopted(story, ledger, clock, begin):
    lease = getattr(story, begin)()
    begun_at = clock.now
    clock.advance(300)
    adopted = ledger.adopt(lease, next_poll_at=clock.now, status="pending")
    assert adopted.state is SubmissionState.UPLOADED
    assert adopted.upload_target is None
    assert adopted.uploaded_at == (begun_at if begin == "uploading" else clock.now)
    assert len(ledger.claim_due(limit=10, lease_s=60)) == 1


@pytest.mark.parametrize("begin", ["prepared", "uploading", "polling"])
@pytest.mark.parametrize("outcome", ["COMPLETED", "FAILED"])
def test_a_result_may_come_in_any_state_with_a_job(story, ledger, begin, outcome):
    lease = getattr(story, begin)()
    story.finish(lease, outcome=outcome)
    assert story.state() == [outcome]
    assert ledger.claim_submissions([story.order()], lease_s=60)[0].lease is None


def test_a_result_without_a_time_of_its_own_takes_the_time_it_was_received(story, ledger):
    received_at = datetime(2026, 3, 2, 15, tzinfo=UTC)
    done = ledger.record_result(
        story.polling(),
        outcome=SubmissionState.FAILED,
        payload=b"{}",
        source="polled",
        received_at=received_at,
        error="Media processing failed",
        error_code="evaluation_failed",
    )
    assert done.finished_at == received_at
    assert (done.error_code, done.error) == ("evaluation_failed", "Media processing failed")


def test_an_abandoned_job_makes_room_for_another_attempt_and_is_watched(story, ledger, clock):
    lease = story.uploading(job_id="job_1")
    gone = ledger.record_abandoned(lease, evidence="awaiting_upload after expiry", next_poll_at=clock.after(60))
    assert (gone.state, gone.live, gone.upload_target) == (SubmissionState.ABANDONED, False, None)
    assert gone.evidence == "awaiting_upload after expiry"
    assert ledger.claim_submissions([story.order()], lease_s=600)[0].created
    clock.advance(60)
    (watched,) = ledger.claim_due(limit=10, lease_s=60)
    assert watched.submission.job_id == "job_1"
    ledger.record_poll(watched.lease, next_poll_at=None, status="awaiting_upload")
    clock.advance(100000)
    assert ledger.claim_due(limit=10, lease_s=60) == []


def test_an_uploaded_submission_cannot_be_left_without_a_next_poll(story, ledger):
    lease = story.polling()
    with pytest.raises(TransitionRefused, match="UPLOADED"):
        ledger.record_poll(lease, next_poll_at=None, status="processing")


def test_a_job_id_that_is_already_known_is_refused(story, ledger):
    story.uploaded("a", job_id="job_1")
    with pytest.raises(JobTaken, match="which is the job of"):
        story.prepared("b", job_id="job_1")
    assert story.state("b") == ["INTENDED"]


def test_an_outcome_that_is_no_result_is_refused(story, ledger):
    lease = story.polling()
    with pytest.raises(ValueError, match="COMPLETED or FAILED"):
        story.finish(lease, outcome="REJECTED")
    assert story.state() == ["UPLOADED"]


def test_a_lease_must_be_positive(story, ledger):
    with pytest.raises(ValueError, match="lease_s"):
        ledger.claim_submissions([story.order()], lease_s=0)[0]


def test_a_late_result_stops_a_further_attempt_that_was_only_intended(story, ledger, clock):
    ledger.record_abandoned(story.uploading(job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    further = story.intended()
    (watched,) = ledger.claim_due(limit=10, lease_s=60)
    story.finish(watched.lease)
    assert story.state() == ["COMPLETED", "REJECTED"]
    with pytest.raises(LeaseLost):
        ledger.record_prepared(further, job_id="job_2", upload_url="https://u", upload_headers={}, expires_at=clock.now)
    claim = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert (claim.submission.job_id, claim.created, claim.lease) == ("job_1", False, None)


def test_a_late_result_stops_a_further_attempt_before_its_bytes_are_sent(story, ledger, clock):
    ledger.record_abandoned(story.uploading(job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    further = story.prepared(job_id="job_2")
    (watched,) = ledger.claim_due(limit=10, lease_s=60)
    story.finish(watched.lease)
    assert story.state() == ["COMPLETED", "ABANDONED"]
    with pytest.raises(LeaseLost):
        ledger.record_upload_started(further)
    assert ledger.find_job("job_2").upload_target is None
    assert "job_1" in ledger.find_job("job_2").evidence


def test_a_late_result_leaves_a_further_attempt_alone_once_its_bytes_may_have_landed(story, ledger, clock):
    ledger.record_abandoned(story.uploading(job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    further = story.uploading(job_id="job_2")
    (watched,) = ledger.claim_due(limit=10, lease_s=60)
    story.finish(watched.lease)
    assert story.state() == ["COMPLETED", "UPLOADING"]
    ledger.record_uploaded(further, next_poll_at=clock.after(10))
    assert not ledger.find_job("job_1").live
    assert ledger.find_job("job_2").live


def test_a_late_result_counts_when_there_is_no_further_attempt(story, ledger, clock):
    ledger.record_abandoned(story.uploading(job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    (watched,) = ledger.claim_due(limit=10, lease_s=60)
    story.finish(watched.lease)
    claim = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert (claim.created, claim.lease, claim.submission.state) == (False, None, SubmissionState.COMPLETED)
    assert story.state() == ["COMPLETED"]


def test_an_upload_is_over_only_after_it_was_begun(story, ledger, clock):
    lease = story.prepared()
    with pytest.raises(TransitionRefused, match="PREPARED"):
        ledger.record_uploaded(lease, next_poll_at=clock.after(10))
    assert story.state() == ["PREPARED"]
