"""Webhooks: kept for a day, counted once, and never too early to wake their job."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
import sqlalchemy as sa

from pique_assets.ledger import Ledger, StoredWebhook, SubmissionState, WebhookReceipt

NEW = WebhookReceipt(known=True, repeated=False)
UNKNOWN = WebhookReceipt(known=False, repeated=False)
A_DAY_S = 24 * 3600


@pytest.fixture
def receive(ledger, clock):
    def receive(job_id: str, *, body: bytes = b"{}", url: str | None = None) -> WebhookReceipt:
        return ledger.record_webhook(job_id=job_id, url=url, body=body, received_at=clock.now)

    return receive


def _due(ledger) -> list[str]:
    return [one.submission.job_id for one in ledger.claim_due(limit=99, lease_s=60)]


def _stored(ledger) -> int:
    with ledger._database.read() as connection:
        return connection.execute(sa.text("SELECT count(*) FROM webhooks")).scalar_one()


def test_a_webhook_lets_its_job_be_asked_about_at_once(story, ledger, receive):
    story.uploaded("a", job_id="job_a", due_in=3600)
    story.uploaded("b", job_id="job_b", due_in=3600)
    assert receive("job_a") == NEW
    assert _due(ledger) == ["job_a"]
    assert ledger.unknown_webhooks(limit=9) == []


def test_a_webhook_that_comes_while_its_job_is_asked_about_lets_it_be_asked_again(story, ledger, clock, receive):
    story.uploaded("a", job_id="job_a", due_in=0)
    (due,) = ledger.claim_due(limit=9, lease_s=60)
    receive("job_a")
    ledger.record_poll(due.lease, next_poll_at=clock.after(3600), status="processing")
    assert _due(ledger) == ["job_a"]


def test_the_same_webhook_again_changes_nothing(story, ledger, clock, receive):
    story.uploaded("a", job_id="job_a", due_in=3600)
    receive("job_a")
    (due,) = ledger.claim_due(limit=9, lease_s=60)
    ledger.record_poll(due.lease, next_poll_at=clock.after(3600), status="processing")
    assert receive("job_a") == WebhookReceipt(known=True, repeated=True)
    assert _due(ledger) == []
    assert _stored(ledger) == 1
    assert receive("job_a", body=b'{"status": "completed"}') == NEW
    assert _due(ledger) == ["job_a"]


def test_two_jobs_may_have_the_same_body(ledger, receive):
    assert [receive("job_a"), receive("job_b")] == [UNKNOWN, UNKNOWN]
    assert _stored(ledger) == 2


def test_a_webhook_of_a_finished_job_is_kept_and_changes_nothing(story, ledger, receive):
    story.completed("a", job_id="job_a")
    assert receive("job_a") == NEW
    assert _due(ledger) == []
    assert story.state("a") == ["COMPLETED"]


def test_a_webhook_of_a_job_given_up_for_dead_has_it_looked_at(story, ledger, receive):
    ledger.record_abandoned(story.uploading("a", job_id="job_a"), evidence="dead")
    assert receive("job_a") == NEW
    assert _due(ledger) == ["job_a"]


def test_webhooks_of_unknown_jobs_are_listed_as_received_oldest_first(story, ledger, clock, receive):
    story.uploaded("a", job_id="job_a")
    receive("job_a")
    first = receive("job_z", body=b"\x00\xff not JSON", url="https://video.example/\udcff\x00\\")
    received_at = clock.now
    clock.advance(5)
    receive("job_b")
    assert first == UNKNOWN
    one, two = ledger.unknown_webhooks(limit=9)
    assert one == StoredWebhook(
        job_id="job_z", url="https://video.example/\udcff\x00\\", received_at=received_at, body=b"\x00\xff not JSON"
    )
    assert (two.job_id, two.url, two.received_at) == ("job_b", None, clock.now)
    assert ledger.unknown_webhooks(limit=1) == [one]
    assert "not JSON" not in repr(one)


def test_a_webhook_that_comes_before_its_job_is_named_wakes_it_then(story, ledger, clock, receive):
    assert receive("job_s") == UNKNOWN
    (lease,) = story.submitting("s")
    accepted = ledger.record_accepted(lease, job_id="job_s", next_poll_at=clock.after(3600))
    assert accepted.next_poll_at == clock.now
    assert _due(ledger) == ["job_s"]
    assert ledger.unknown_webhooks(limit=9) == []
    assert receive("job_s") == WebhookReceipt(known=True, repeated=True)


def test_a_webhook_that_comes_before_its_upload_is_recorded_wakes_it_then(story, ledger, clock, receive):
    receive("job_a")
    lease = story.uploading("a", job_id="job_a")
    assert ledger.unknown_webhooks(limit=9) == []
    uploaded = ledger.record_uploaded(lease, next_poll_at=clock.after(3600))
    assert uploaded.next_poll_at == clock.now


@pytest.mark.parametrize("end", ["rejected", "result"])
def test_a_webhook_of_a_job_that_is_named_at_its_end_is_no_longer_unknown(story, ledger, clock, receive, end):
    receive("job_s")
    (lease,) = story.submitting("s")
    if end == "rejected":
        ledger.record_rejected(lease, error_code="bot", error="blocked", job_id="job_s")
    else:
        number = ledger.record_in_doubt(lease, evidence="no answer").submission_id
        lease = ledger.claim_for_reconciliation(number, lease_s=60).lease
        story.ledger.record_result(
            lease,
            outcome=SubmissionState.COMPLETED,
            payload=b"{}",
            source="webhook",
            received_at=clock.now,
            job_id="job_s",
        )
    assert ledger.unknown_webhooks(limit=9) == []


def test_a_write_that_is_refused_leaves_the_webhook_unknown(story, ledger, clock, receive):
    receive("job_s")
    (lease,) = story.submitting("s")
    clock.advance(61)
    (other,) = story.unanswered(started_before=clock.now)
    with pytest.raises(Exception, match="taken over"):
        ledger.record_accepted(lease, job_id="job_s", next_poll_at=clock.now)
    assert len(ledger.unknown_webhooks(limit=9)) == 1
    ledger.record_accepted(other.lease, job_id="job_s", next_poll_at=clock.after(3600))
    assert _due(ledger) == ["job_s"]


def test_webhooks_are_erased_a_day_after_they_came(story, ledger, clock, receive):
    story.uploaded("a", job_id="job_a")
    receive("job_a")
    receive("job_unknown")
    clock.advance(A_DAY_S - 1)
    receive("job_later")
    assert _stored(ledger) == 3
    clock.advance(1)
    receive("job_latest")
    assert [one.job_id for one in ledger.unknown_webhooks(limit=9)] == ["job_later", "job_latest"]
    assert _stored(ledger) == 2


def test_a_webhook_and_the_answer_that_names_its_job_never_miss_each_other(story, ledger_url, ledger, clock):
    count = 40
    leases = story.submitting(*(f"n{number}" for number in range(count)), lease_s=600)
    barrier = threading.Barrier(2)

    def hear(number: int, own: Ledger) -> None:
        own.record_webhook(job_id=f"job_{number}", url=None, body=b"{}", received_at=clock.now)

    def answer(number: int, own: Ledger) -> None:
        own.record_accepted(leases[number], job_id=f"job_{number}", next_poll_at=clock.after(3600))

    def act(what) -> None:
        with Ledger.open(ledger_url, clock=clock) as own:
            for number in range(count):
                barrier.wait(timeout=300)
                what(number, own)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, (hear, answer)))
    assert sorted(_due(ledger)) == sorted(f"job_{number}" for number in range(count))
    assert ledger.unknown_webhooks(limit=99) == []


def test_a_webhook_that_is_delivered_many_times_at_once_is_stored_once(story, ledger_url, ledger, clock):
    story.uploaded("a", job_id="job_a", due_in=3600)
    barrier = threading.Barrier(4)

    def deliver(_: int) -> list[WebhookReceipt]:
        with Ledger.open(ledger_url, clock=clock) as own:
            barrier.wait(timeout=300)
            return [
                own.record_webhook(job_id=job_id, url=None, body=b"%d" % number, received_at=clock.now)
                for number, job_id in product(range(5), ("job_a", "job_b"))
            ]

    with ThreadPoolExecutor(4) as pool:
        receipts = [receipt for part in pool.map(deliver, range(4)) for receipt in part]
    assert sum(not receipt.repeated for receipt in receipts) == _stored(ledger) == 10
    assert _due(ledger) == ["job_a"]
