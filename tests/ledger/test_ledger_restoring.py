"""A ledger written from another record: nothing of its own is overwritten, and what contradicts it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pique_assets.ledger import RememberedPayload, RememberedSubmission, Restored, RestoreRefused, SubmissionState

DAY = {"evaluation": "brand", "partition": "2026-03-02"}


@pytest.fixture
def remembered(story, clock):
    """What another record says of content `a`."""

    def remember(name: str = "a", *, state: str = "COMPLETED", **changes: object) -> RememberedSubmission:
        one = RememberedSubmission(
            order=story.order(name),
            attempt=1,
            live=state not in ("REJECTED", "ABANDONED"),
            state=SubmissionState(state),
            job_id=f"job_of_{name}",
            batch_id=None,
            error_code=None,
            error=None,
            created_at=clock.after(-100),
            uploaded_at=clock.after(-90),
            finished_at=clock.after(-60),
        )
        return replace(one, **changes)

    return remember


@pytest.fixture
def remembered_url(story, remembered):
    """What another record says of a URL."""

    def remember(name: str = "s", *, state: str, **changes: object) -> RememberedSubmission:
        return remembered(name, state=state, order=story.social_order(name), **changes)

    return remember


@pytest.fixture
def restore(ledger, story):
    def restore(*submissions: RememberedSubmission, bodies: dict[str, bytes] | None = None, **where: str) -> Restored:
        now = story.clock.now
        return ledger.restore(
            **(DAY | where),
            items=[story.item(name) for name in "ab"],
            social_items=[story.social_item("s")],
            submissions=submissions,
            payloads=[
                RememberedPayload(job_id=job_id, source="polled", received_at=now, body=body)
                for job_id, body in (bodies or {}).items()
            ],
        )

    return restore


def test_a_finished_job_stands_again_with_its_payload_and_is_never_ordered_again(ledger, story, restore, remembered):
    written = restore(remembered(), bodies={"job_of_a": b"{}", "job_of_nobody": b"{}"})
    assert written == Restored(submissions=1, known=0, payloads=1)
    assert [payload.body for payload in ledger.partition_payloads(**DAY)] == [b"{}"]
    claim = ledger.claim_submissions([story.order("a")], lease_s=60)[0]
    assert (claim.lease, claim.submission.job_id) == (None, "job_of_a")
    assert ledger.progress(**DAY).unsubmitted == 2


def test_an_open_job_is_asked_about_at_once_and_not_ordered_again(ledger, story, restore, remembered):
    restore(remembered(state="UPLOADED"))
    assert ledger.claim_submissions([story.order("a")], lease_s=60)[0].lease is None
    assert [due.submission.job_id for due in ledger.claim_due(limit=9, lease_s=60)] == ["job_of_a"]


def test_a_job_that_may_lack_its_bytes_is_given_to_recovery_without_a_url(ledger, story, clock, restore, remembered):
    restore(remembered(state="UPLOADING"))
    claim = ledger.claim_submissions([story.order("a")], lease_s=60)[0]
    assert claim.lease is not None
    assert (claim.created, claim.submission.state, claim.submission.upload_target) == (False, "UPLOADING", None)
    assert claim.submission.upload_expires_at > clock.after(12 * 3600)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "UPLOADED", "UPLOADING", "REJECTED", "ABANDONED", "IN_DOUBT"])
def test_the_same_again_changes_nothing(ledger, story, restore, remembered, state):
    one = remembered(state=state, job_id=None if state == "REJECTED" else "job_of_a")
    assert restore(one, bodies={"job_of_a": b"{}"}).submissions == 1
    before = ledger.attempts(work_key=one.order.work_key)
    assert restore(one, bodies={"job_of_a": b"{}"}) == Restored(submissions=0, known=1, payloads=0)
    assert ledger.attempts(work_key=one.order.work_key) == before


def test_what_the_ledger_knows_better_stays(ledger, story, restore, remembered):
    story.take_inventory(story.item("a"))
    story.completed("a", job_id="job_of_a")
    assert restore(remembered(state="UPLOADED")) == Restored(submissions=0, known=1, payloads=0)
    assert story.state("a") == ["COMPLETED"]
    assert ledger.progress(**DAY).total == 1


@pytest.mark.parametrize("states", ["intended", "prepared", "uploading", "uploaded", "completed"])
def test_another_job_for_the_same_work_is_refused_and_nothing_is_written(ledger, story, restore, remembered, states):
    getattr(story, states)("a")
    with pytest.raises(RestoreRefused, match="job_of_a"):
        restore(remembered("b"), remembered("a"))
    with pytest.raises(RestoreRefused, match="attempt 1"):
        restore(remembered("b"), remembered("a", attempt=2))
    assert ledger.attempts(work_key=story.key("b")) == []
    assert ledger.partition_state(**DAY) == []


def test_the_same_job_for_other_work_is_refused(ledger, story, restore, remembered):
    story.completed("b", job_id="job_of_a")
    with pytest.raises(RestoreRefused, match="other work"):
        restore(remembered("a"))


def test_content_comes_back_with_the_way_it_reaches_pique(ledger, restore, remembered_url):
    restore(remembered_url(state="COMPLETED"), bodies={"job_of_s": b"{}"})
    assert [(one.item.filename[-5:], one.source) for one in ledger.partition_state(**DAY)] == [
        ("a.mp4", "direct"),
        ("b.mp4", "direct"),
        ("h?v=s", "social"),
    ]
    assert ledger.progress(**DAY).completed == 1


def test_a_post_without_an_answer_waits_for_one_and_is_not_sent_again(ledger, story, clock, restore, remembered_url):
    restore(remembered_url(state="SUBMITTING", job_id=None, uploaded_at=None, finished_at=None))
    claim = ledger.claim_submissions([story.social_order("s")], lease_s=60)[0]
    assert (claim.submission.state, claim.lease, claim.submission.upload_started_at) == (
        SubmissionState.SUBMITTING,
        None,
        clock.after(-100),
    )
    assert story.unanswered(started_before=clock.after(-100)) == []
    (left,) = story.unanswered(started_before=clock.after(-99))
    ledger.record_in_doubt(left.lease, evidence="no answer")
    assert story.state("s") == ["IN_DOUBT"]


def test_a_restored_doubt_can_be_ended(ledger, story, clock, restore, remembered_url):
    restore(remembered_url(state="IN_DOUBT", job_id=None, uploaded_at=None, finished_at=None))
    (doubt,) = ledger.unreconciled(limit=9)
    lease = ledger.claim_for_reconciliation(doubt.submission_id, lease_s=60).lease
    ledger.record_accepted(lease, job_id="job_of_s", next_poll_at=clock.now)
    assert [due.submission.job_id for due in ledger.claim_due(limit=9, lease_s=60)] == ["job_of_s"]


def test_what_may_have_been_paid_for_is_counted_after_a_restoration_too(ledger, clock, restore, remembered):
    restore(
        remembered("a"),
        remembered("b", state="UPLOADED"),
        remembered("c", state="ABANDONED"),
        remembered("d", state="REJECTED", job_id=None),
    )
    assert ledger.evaluations_begun(since=clock.after(-90)) == 3
    assert ledger.evaluations_begun(since=clock.after(-89)) == 0


def test_a_webhook_of_a_restored_job_is_no_longer_unknown(ledger, clock, restore, remembered):
    ledger.record_webhook(job_id="job_of_a", url=None, body=b"{}", received_at=clock.now)
    restore(remembered(state="UPLOADED"))
    assert ledger.unknown_webhooks(limit=9) == []


def test_earlier_attempts_come_back_beside_the_live_one(ledger, story, restore, remembered):
    restore(remembered(state="ABANDONED", job_id="job_early"), remembered(attempt=2))
    assert story.state("a") == ["ABANDONED", "COMPLETED"]
    assert ledger.find_job("job_early").next_poll_at is not None


@pytest.mark.parametrize("state", ["INTENDED", "PREPARED"])
def test_states_that_mean_nothing_without_a_lease_and_a_url_cannot_be_remembered(remembered, state):
    with pytest.raises(ValueError, match=state):
        remembered(state=state)
