"""A social media POST is a commit: written down before it, never sent again in doubt, reconciled by what is heard."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pique_assets.ledger import JobTaken, LeaseLost, Ledger, LedgerError, SubmissionState, TransitionRefused

DAY = {"evaluation": "brand", "partition": "2026-03-02"}


def _names(found) -> list[str]:
    return [submission.filename.removeprefix("https://video.example/watch?v=") for submission in found]


def _left(story, *, limit: int = 100, older_than_s: float = 0) -> list:
    started_before = story.clock.now - timedelta(seconds=older_than_s) + timedelta(microseconds=1)
    return story.unanswered(started_before=started_before, limit=limit)


def test_a_url_goes_from_intent_to_result_without_an_upload(story, ledger, clock):
    claim = ledger.claim_submissions([story.social_order("s")], lease_s=60)[0]
    assert (claim.submission.source, claim.submission.size_bytes) == ("social", None)
    begun_at = clock.advance(1)
    (submitting,) = ledger.record_submitting([claim.lease])
    assert (submitting.state, submitting.upload_started_at) == (SubmissionState.SUBMITTING, begun_at)
    assert (submitting.job_id, submitting.next_poll_at, submitting.state) == (None, None, SubmissionState.SUBMITTING)

    clock.advance(2)
    accepted = ledger.record_accepted(claim.lease, job_id="job_1", batch_id="batch_1", next_poll_at=clock.after(20))
    assert (accepted.state, accepted.job_id, accepted.batch_id) == (SubmissionState.UPLOADED, "job_1", "batch_1")
    assert (accepted.uploaded_at, accepted.next_poll_at) == (begun_at, clock.after(20))
    with pytest.raises(LeaseLost):
        ledger.record_submitting([claim.lease])

    clock.advance(20)
    (due,) = ledger.claim_due(limit=9, lease_s=60)
    story.finish(due.lease)
    assert story.state("s") == ["COMPLETED"]
    assert ledger.claim_submissions([story.social_order("s")], lease_s=60)[0].lease is None


def test_a_batch_is_begun_as_a_whole_in_the_order_of_its_leases(story, ledger, clock):
    leases = story.wanted("c", "a", "b")
    assert _names(ledger.record_submitting(leases[::-1])) == ["b", "a", "c"]
    assert ledger.record_submitting([]) == []


@pytest.mark.parametrize("how", ["released", "taken over", "run out", "begun"])
def test_a_batch_with_one_lease_that_is_gone_is_not_begun_at_all(story, ledger, clock, how):
    first, second = story.wanted("a", "b")
    refusal: type[LedgerError] = LeaseLost
    if how == "released":
        ledger.release_lease(second)
    elif how == "begun":
        ledger.record_submitting([second])
        refusal = TransitionRefused
    else:
        clock.advance(61)
        first = ledger.renew_lease(first, lease_s=60)
        if how == "taken over":
            story.wanted("b")
    before = story.state("b")
    with pytest.raises(refusal):
        ledger.record_submitting([first, second])
    assert (story.state("a"), story.state("b")) == (["INTENDED"], before)


def test_what_was_begun_is_given_to_nobody_who_would_send_it(story, ledger, clock):
    story.take_inventory(story.social_item("s"), source="social")
    story.left_submitting("s")
    clock.advance(10_000)
    claim = ledger.claim_submissions([story.social_order("s")], lease_s=60)[0]
    assert (claim.submission.state, claim.lease, claim.created) == (SubmissionState.SUBMITTING, None, False)
    assert ledger.claim_orphans(limit=9, lease_s=60, untouched_since=clock.now) == []
    assert ledger.claim_due(limit=9, lease_s=60) == []
    assert ledger.progress(**DAY).open == 1
    assert not ledger.progress(**DAY).is_settled


def test_a_post_that_certainly_did_not_arrive_may_be_sent_again(story, ledger):
    (lease,) = story.submitting("s")
    again = ledger.record_not_sent(lease)
    assert (again.state, again.upload_started_at) == (SubmissionState.INTENDED, None)
    (lease,) = story.submitting("s")
    assert story.state("s") == ["SUBMITTING"]


@pytest.mark.parametrize("begin", ["submitting", "in doubt"])
def test_a_person_may_say_that_a_post_never_arrived(story, ledger, clock, begin):
    story.take_inventory(story.social_item("s"), source="social")
    if begin == "submitting":
        story.left_submitting("s")
    else:
        story.in_doubt("s")
        (settled,) = ledger.uncollected_partitions()
        assert ledger.record_collected(**DAY, digest=settled.digest)
    (found,) = ledger.unreconciled(limit=9)
    lease = ledger.claim_for_reconciliation(found.submission_id, lease_s=60).lease
    again = ledger.record_never_sent(lease, evidence="somebody looked")
    assert (again.state, again.upload_started_at, again.evidence) == (SubmissionState.INTENDED, None, "somebody looked")
    assert ledger.evaluations_begun(since=clock.after(-60)) == 0
    story.accepted("s", due_in=0)
    (due,) = ledger.claim_due(limit=9, lease_s=60)
    story.finish(due.lease)
    assert [one.progress.completed for one in ledger.uncollected_partitions()] == [1]


def test_a_url_that_is_refused_is_rejected_and_may_be_tried_again(story, ledger, clock):
    first, second = story.submitting("a", "b")
    refused = ledger.record_rejected(first, error_code="refused_by_pique", error="invalid URL")
    assert (refused.state, refused.live, refused.job_id) == (SubmissionState.REJECTED, False, None)
    refused = ledger.record_rejected(second, error_code="bot", error="blocked", job_id="job_b", batch_id="batch_1")
    assert (refused.state, refused.job_id, refused.batch_id) == (SubmissionState.REJECTED, "job_b", "batch_1")
    assert ledger.find_job("job_b") == refused
    assert ledger.evaluations_begun(since=clock.after(-60)) == 0
    assert ledger.claim_submissions([story.social_order("a")], lease_s=60)[0].submission.attempt == 2


def test_a_doubt_is_settled_alive_and_never_sent_again(story, ledger, clock):
    story.take_inventory(story.social_item("s"), source="social")
    story.in_doubt("s")
    clock.advance(10_000)
    (found,) = ledger.unreconciled(limit=9)
    assert (found.state, found.live, found.evidence) == (
        SubmissionState.IN_DOUBT,
        True,
        "no answer within an hour",
    )
    assert ledger.claim_submissions([story.social_order("s")], lease_s=60)[0].lease is None
    assert _left(story) == []
    assert ledger.progress(**DAY).in_doubt == 1
    assert ledger.progress(**DAY).is_settled


@pytest.mark.parametrize("outcome", ["accepted", "COMPLETED", "FAILED"])
def test_what_becomes_known_of_a_doubt_is_recorded_and_its_partitions_are_told_of_again(story, ledger, clock, outcome):
    for partition in ("2026-03-02", "2026-03-03"):
        story.take_inventory(story.social_item("s"), source="social", partition=partition)
    story.take_inventory(story.item("a"))
    story.completed("a")
    number = story.in_doubt("s")
    for settled in ledger.uncollected_partitions():
        assert ledger.record_collected(
            evaluation=settled.evaluation, partition=settled.partition, digest=settled.digest
        )
    assert ledger.uncollected_partitions() == []

    lease = ledger.claim_for_reconciliation(number, lease_s=60).lease
    if outcome == "accepted":
        ledger.record_accepted(lease, job_id="job_s", batch_id=None, next_poll_at=clock.now)
        assert ledger.progress(**DAY).open == 1
        (due,) = ledger.claim_due(limit=9, lease_s=60)
        story.finish(due.lease)
    else:
        ledger.record_result(
            lease,
            outcome=SubmissionState(outcome),
            payload=b"{}",
            source="webhook",
            received_at=clock.now,
            job_id="job_s",
        )
    assert story.state("s") == ["COMPLETED" if outcome == "accepted" else outcome]
    assert ledger.find_job("job_s").submission_id == number
    assert [one.partition for one in ledger.uncollected_partitions()] == ["2026-03-02", "2026-03-03"]
    assert [payload.job_id for payload in ledger.partition_payloads(**DAY)] == ["job_1", "job_s"]


def test_a_result_for_a_post_without_a_job_is_refused(story, ledger):
    (lease,) = story.submitting("s")
    with pytest.raises(LedgerError, match="constraint"):
        story.finish(lease)
    assert story.state("s") == ["SUBMITTING"]


def test_a_result_never_renames_a_job(story, ledger, clock):
    story.accepted("s", job_id="job_s", due_in=0)
    (due,) = ledger.claim_due(limit=9, lease_s=60)
    ledger.record_result(
        due.lease,
        outcome=SubmissionState.COMPLETED,
        payload=b"{}",
        source="polled",
        received_at=clock.now,
        job_id="job_other",
    )
    assert ledger.find_job("job_s").state is SubmissionState.COMPLETED
    assert ledger.find_job("job_other") is None


def test_one_job_cannot_answer_two_posts(story, ledger, clock):
    first, second = story.submitting("a", "b")
    ledger.record_accepted(first, job_id="job_1", next_poll_at=clock.now)
    with pytest.raises(JobTaken, match="job_1 for it, which is the job of"):
        ledger.record_accepted(second, job_id="job_1", next_poll_at=clock.now)
    assert story.state("b") == ["SUBMITTING"]


def test_uploads_and_urls_keep_to_their_own_ways(story, ledger, clock):
    with pytest.raises(LedgerError, match="submitting_is_social"):
        ledger.record_submitting([story.intended("a")])
    (lease,) = story.wanted("s")
    with pytest.raises(LedgerError, match="social_is_not_uploaded"):
        ledger.record_prepared(lease, job_id="j", upload_url="u", upload_headers={}, expires_at=clock.now)
    with pytest.raises(LedgerError, match="size_is_known"):
        ledger.claim_submissions([story.order("b", size_bytes=None)], lease_s=60)[0]
    assert (story.state("a"), story.state("s"), story.state("b")) == (["INTENDED"], ["INTENDED"], [])


def test_only_old_posts_that_nobody_is_at_are_given_up_oldest_first(story, ledger, clock):
    story.left_submitting("a")
    clock.advance(10)
    story.submitting("held", lease_s=600)
    story.left_submitting("b")
    story.left_submitting("c")
    story.accepted("d")
    story.in_doubt("e")
    assert _left(story, older_than_s=11) == []
    assert _names(one.submission for one in _left(story, older_than_s=10)) == ["a"]
    assert _names(one.submission for one in _left(story, limit=1)) == ["b"]
    assert _names(one.submission for one in _left(story)) == ["c"]
    assert _left(story) == []
    clock.advance(61)
    assert _names(one.submission for one in _left(story)) == ["a", "b", "c"]


def test_unanswered_posts_are_listed_oldest_first_and_in_pieces(story, ledger, clock):
    story.in_doubt("a")
    story.left_submitting("b")
    (held,) = story.submitting("c")
    story.in_doubt("d")
    story.accepted("e")
    story.wanted("f")
    assert _names(ledger.unreconciled(limit=9)) == ["a", "b", "d"]
    first = ledger.unreconciled(limit=2)
    assert _names(first) == ["a", "b"]
    assert _names(ledger.unreconciled(limit=2, after=first[-1].submission_id)) == ["d"]
    ledger.release_lease(held)
    assert _names(ledger.unreconciled(limit=9)) == ["a", "b", "c", "d"]


def test_only_an_unanswered_post_that_nobody_is_at_is_leased_to_reconcile_it(story, ledger):
    (held,) = story.submitting("held")
    number = story.in_doubt("s")
    story.accepted("known", job_id="job_known")
    assert ledger.claim_for_reconciliation(held.submission_id, lease_s=60) is None
    assert ledger.claim_for_reconciliation(ledger.find_job("job_known").submission_id, lease_s=60) is None
    assert ledger.claim_for_reconciliation(999, lease_s=60) is None
    assert ledger.claim_for_reconciliation(number, lease_s=60).submission.submission_id == number
    assert ledger.claim_for_reconciliation(number, lease_s=60) is None


def test_a_worker_that_wakes_up_late_cannot_overwrite_what_was_reconciled(story, ledger, clock):
    (slow,) = story.submitting("s")
    clock.advance(61)
    (found,) = _left(story)
    ledger.record_in_doubt(found.lease, evidence="no answer")
    for write in (
        lambda: ledger.record_not_sent(slow),
        lambda: ledger.record_accepted(slow, job_id="job_s", next_poll_at=clock.now),
        lambda: ledger.record_rejected(slow, error_code="e", error="no"),
        lambda: ledger.record_in_doubt(slow, evidence="late"),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert story.state("s") == ["IN_DOUBT"]


def test_a_doubt_is_no_reason_to_send_again_or_to_give_up(story, ledger, clock):
    number = story.in_doubt("s")
    lease = ledger.claim_for_reconciliation(number, lease_s=60).lease
    for write in (
        lambda: ledger.record_not_sent(lease),
        lambda: ledger.record_submitting([lease]),
        lambda: ledger.record_rejected(lease, error_code="e", error="no"),
        lambda: ledger.record_abandoned(lease, evidence="dead"),
    ):
        with pytest.raises(TransitionRefused):
            write()
    assert story.state("s") == ["IN_DOUBT"]


def _at_once(count: int, act) -> list:
    barrier = threading.Barrier(count)

    def one(number: int):
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_many_that_reconcile_at_once_one_gets_the_lease(story, ledger_url, ledger):
    numbers = [story.in_doubt(f"n{number}") for number in range(5)]

    def claim_all(_: int) -> list[int]:
        with Ledger.open(ledger_url) as own:
            return [number for number in numbers if own.claim_for_reconciliation(number, lease_s=600) is not None]

    won = _at_once(4, claim_all)
    assert sorted(number for part in won for number in part) == numbers


def test_of_many_that_give_up_posts_at_once_each_gets_others(story, ledger_url, ledger):
    story.left_submitting(*(f"n{number:02}" for number in range(30)))

    def give_up(_: int) -> list[int]:
        ended = []
        with Ledger.open(ledger_url) as own:
            while found := story.unanswered(started_before=own._clock(), limit=7, ledger=own):
                for one in found:
                    own.record_in_doubt(one.lease, evidence="no answer")
                    ended.append(one.submission.submission_id)
        return ended

    ended = _at_once(4, give_up)
    assert len([number for part in ended for number in part]) == len({n for part in ended for n in part})
    # Whoever found everything locked by the others stops early; what is left is nobody's.
    rest = [one.submission.submission_id for one in _left(story)]
    assert len(rest) + sum(map(len, ended)) == 30


def test_of_two_that_begin_overlapping_batches_one_wins_and_neither_waits_forever(story, ledger_url, ledger):
    leases = story.wanted(*(f"n{number}" for number in range(10)), lease_s=600)

    def begin(number: int) -> bool:
        with Ledger.open(ledger_url, clock=ledger._clock) as own:
            try:
                own.record_submitting(leases if number else leases[::-1])
            except TransitionRefused:
                return False
            return True

    assert sorted(_at_once(2, begin)) == [False, True]


def test_tables_made_while_a_doubt_ends_are_told_of_as_out_of_date(story, ledger_url, ledger, clock):
    names = [f"n{number}" for number in range(15)]
    for name in names:
        story.take_inventory(story.social_item(name), source="social", partition=name)
    doubts = [story.in_doubt(name) for name in names]
    digests = {settled.partition: settled.digest for settled in ledger.uncollected_partitions()}
    barrier = threading.Barrier(2)

    def collect(number: int, own: Ledger) -> None:
        own.record_collected(evaluation="brand", partition=names[number], digest=digests[names[number]])

    def reconcile(number: int, own: Ledger) -> None:
        lease = own.claim_for_reconciliation(doubts[number], lease_s=60).lease
        own.record_accepted(lease, job_id=f"job_{names[number]}", next_poll_at=clock.now)

    def act(what) -> None:
        with Ledger.open(ledger_url, clock=clock) as own:
            for number in range(len(names)):
                barrier.wait(timeout=300)
                what(number, own)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, (collect, reconcile)))
    for due in ledger.claim_due(limit=99, lease_s=60):
        story.finish(due.lease)
    assert [settled.partition for settled in ledger.uncollected_partitions()] == sorted(names)
