"""Whatever Pique may write into an answer is kept as it came, on both databases, or refused by a type of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pique_assets.ledger import JobTaken, SubmissionState

ODD = "a\x00b\\u0000c\\d 'é\U0001f600"


def prepared(story, ledger, clock, *, name="a", job_id=ODD):
    lease = story.intended(name)
    ledger.record_prepared(
        lease, job_id=job_id, upload_url=f"https://s.test/{ODD}", upload_headers={ODD: ODD}, expires_at=clock.after(60)
    )
    return lease


def test_odd_texts_of_an_upload_come_back_as_they_came(story, ledger, clock):
    lease = prepared(story, ledger, clock)
    target = ledger.record_upload_started(lease).upload_target
    assert (target.url, target.headers) == (f"https://s.test/{ODD}", {ODD: ODD})
    ledger.record_uploaded(lease, next_poll_at=clock.now, error_code=ODD, error=ODD)
    (due,) = ledger.claim_due(limit=10, lease_s=60)
    ledger.record_poll(due.lease, next_poll_at=clock.now, status=ODD)
    (due,) = ledger.claim_due(limit=10, lease_s=60)
    assert (due.submission.job_id, due.submission.pique_status) == (ODD, ODD)
    assert (due.submission.error_code, due.submission.error) == (ODD, ODD)
    ledger.record_result(
        due.lease,
        outcome=SubmissionState.FAILED,
        payload=b"{}",
        source="polled",
        received_at=clock.now,
        error_code=ODD,
        error=ODD,
    )
    found = ledger.find_job(ODD)
    assert (found.job_id, found.error_code, found.error) == (ODD, ODD, ODD)
    # What only looks alike is another job.
    assert ledger.find_job(ODD.replace("\x00", "\\u0000")) is None


def test_odd_texts_of_a_social_job_come_back_as_they_came(story, ledger, clock):
    (lease,) = story.submitting("s")
    assert not ledger.record_webhook(job_id=ODD, url=ODD, body=b"{}", received_at=clock.now).known
    assert [(webhook.job_id, webhook.url) for webhook in ledger.unknown_webhooks(limit=10)] == [(ODD, ODD)]
    accepted = ledger.record_accepted(lease, job_id=ODD, batch_id=ODD, next_poll_at=clock.after(60))
    assert (accepted.job_id, accepted.batch_id) == (ODD, ODD)
    # It was woken by the webhook that came before its name.
    assert [due.submission.job_id for due in ledger.claim_due(limit=10, lease_s=60)] == [ODD]
    assert ledger.record_webhook(job_id=ODD, url=ODD, body=b"{}", received_at=clock.now).known
    assert ledger.unknown_webhooks(limit=10) == []


def test_odd_texts_of_an_order_and_its_inventory_come_back_as_they_came(story, ledger, clock):
    order = story.order(judge_id=ODD, content_type=ODD, title=ODD, description=ODD)
    submission = ledger.claim_submissions([order], lease_s=60)[0].submission
    assert (submission.judge_id, submission.content_type, submission.title) == (ODD, ODD, ODD)
    assert ledger.recent_latencies(judge_id=ODD, content_type=ODD, limit=1) == []


def test_a_job_has_one_content_and_the_other_is_left_as_it_was(story, ledger, clock):
    prepared(story, ledger, clock, name="a", job_id="job_1")
    lease = story.intended("b")
    with pytest.raises(JobTaken, match=r"named job job_1 for it, which is the job of a\.mp4"):
        ledger.record_prepared(lease, job_id="job_1", upload_url="u", upload_headers={}, expires_at=clock.after(60))
    assert story.state("b") == ["INTENDED"]
    # The lease still holds: another job may be prepared at once.
    ledger.record_prepared(lease, job_id="job_2", upload_url="u", upload_headers={}, expires_at=clock.after(60))
    assert story.state("b") == ["PREPARED"]


def test_a_result_of_a_job_that_another_has_is_refused(story, ledger, clock):
    prepared(story, ledger, clock, name="a", job_id="job_1")
    (lease,) = story.submitting("s")
    with pytest.raises(JobTaken):
        ledger.record_result(
            lease,
            outcome=SubmissionState.COMPLETED,
            payload=b"{}",
            source="webhook",
            received_at=clock.now,
            job_id="job_1",
        )
    with pytest.raises(JobTaken):
        ledger.record_rejected(lease, error_code="refused_by_pique", error="no", job_id="job_1")
    assert story.state("s") == ["SUBMITTING"]


def test_the_longest_id_that_is_read_fits_every_index(story, ledger, clock):
    from pique_assets.api.fields import LONGEST_ID

    longest = "".join(chr(0x10000 + 7919 * position % 0x50000) for position in range(LONGEST_ID))
    prepared(story, ledger, clock, job_id=longest)
    ledger.record_webhook(job_id=longest, url=None, body=b"{}", received_at=clock.now)
    assert ledger.find_job(longest).job_id == longest


@pytest.mark.parametrize("year", [1970, 2200])
def test_the_times_that_are_read_are_kept(year, story, ledger, clock):
    lease = prepared(story, ledger, clock)
    ledger.record_upload_started(lease)
    ledger.record_uploaded(lease, next_poll_at=clock.now)
    (due,) = ledger.claim_due(limit=1, lease_s=60)
    moment = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    ledger.record_result(
        due.lease,
        outcome=SubmissionState.COMPLETED,
        payload=b"{}",
        source="polled",
        received_at=clock.now,
        finished_at=moment,
    )
    assert ledger.find_job(ODD).finished_at == moment
