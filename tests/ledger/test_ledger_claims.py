"""Who gets a submission: orders, leases that run out, late workers, threads and processes that race."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pique_assets.ledger import LeaseLost, Ledger, SubmissionState


def test_a_second_worker_finds_the_submission_but_gets_no_lease(story, ledger):
    first = ledger.claim_submissions([story.order()], lease_s=60)[0]
    second = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert (first.created, second.created) == (True, False)
    assert first.lease is not None
    assert second.lease is None
    assert second.submission.submission_id == first.submission.submission_id


def test_a_lease_that_ran_out_passes_to_the_next_worker_and_the_late_one_changes_nothing(story, ledger, clock):
    late = story.prepared()
    clock.advance(59.999)
    assert ledger.claim_submissions([story.order()], lease_s=60)[0].lease is None
    clock.advance(0.001)
    taken = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert taken.lease is not None
    assert taken.submission.upload_target.url == story.signed_url
    before = ledger.attempts(work_key=story.key("a"))
    for write in (
        lambda: ledger.record_upload_started(late),
        lambda: ledger.adopt(late, next_poll_at=clock.now),
        lambda: ledger.record_abandoned(late, evidence="x"),
        lambda: ledger.renew_lease(late, lease_s=60),
        lambda: story.finish(late),
    ):
        with pytest.raises(LeaseLost, match="submission 1"):
            write()
    ledger.release_lease(late)
    assert ledger.attempts(work_key=story.key("a")) == before
    assert ledger.record_upload_started(taken.lease).state is SubmissionState.UPLOADING


def test_a_late_worker_may_record_a_fact_but_not_begin_an_act(story, ledger, clock):
    lease = story.prepared()
    clock.advance(61)
    with pytest.raises(LeaseLost):
        ledger.record_upload_started(lease)
    lease = ledger.renew_lease(lease, lease_s=60)
    ledger.record_upload_started(lease)
    clock.advance(61)
    assert ledger.record_uploaded(lease, next_poll_at=clock.now).state is SubmissionState.UPLOADED


def test_a_released_lease_is_free_for_the_next_worker(story, ledger):
    lease = story.prepared()
    ledger.release_lease(lease)
    with pytest.raises(LeaseLost):
        ledger.record_upload_started(lease)
    assert ledger.claim_submissions([story.order()], lease_s=60)[0].lease is not None


@pytest.mark.parametrize("state", ["uploaded", "completed"])
def test_nothing_is_leased_when_nothing_is_left_to_send(story, ledger, state):
    getattr(story, state)()
    claim = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert (claim.created, claim.lease) == (False, None)
    assert claim.submission.state.value == state.upper()


def test_the_answer_to_many_orders_has_their_order_and_leases_each_work_once(story, ledger):
    story.uploaded("done")
    story.prepared("busy")
    ledger.release_lease(story.prepared("left"))
    names = ["new", "done", "busy", "left", "new", "other", "left"]
    claims = ledger.claim_submissions([story.order(name) for name in names], lease_s=60)
    assert [claim.submission.work_key for claim in claims] == [story.key(name) for name in names]
    assert [claim.created for claim in claims] == [True, False, False, False, False, True, False]
    assert [claim.lease is not None for claim in claims] == [True, False, False, True, False, True, False]
    for claim in claims:
        if claim.lease is not None:
            assert claim.lease.submission_id == claim.submission.submission_id
    assert ledger.claim_submissions([], lease_s=60) == []


def test_many_orders_are_claimed_in_several_transactions(story, ledger):
    orders = [story.order(f"n{number}") for number in range(1201)]
    claims = ledger.claim_submissions(orders, lease_s=60)
    assert all(claim.created and claim.lease for claim in claims)
    assert [claim.submission.filename for claim in claims] == [order.filename for order in orders]
    assert len({claim.submission.submission_id for claim in claims}) == 1201


def test_what_a_dead_worker_left_can_be_taken_up_without_an_inventory(story, ledger, clock):
    for name in ("a", "b", "c"):
        getattr(story, {"a": "intended", "b": "prepared", "c": "uploading"}[name])(name)
    story.uploaded("d")
    assert story.interrupted() == []
    clock.advance(60)
    found = story.interrupted(limit=2)
    assert [one.submission.filename for one in found] == ["a.mp4", "b.mp4"]
    assert found[1].submission.upload_target.headers == story.headers
    assert [one.submission.filename for one in story.interrupted(limit=2)] == ["c.mp4"]
    ledger.record_rejected(found[0].lease, error_code="content_vanished", error="the file is gone")


def test_an_expired_signed_url_is_forgotten_but_not_its_expiry(story, ledger, clock):
    story.prepared()
    clock.advance(900)
    claim = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert claim.lease is not None
    assert claim.submission.upload_target is None
    assert claim.submission.upload_expires_at == clock.now


def test_of_many_threads_exactly_one_gets_each_submission(story, ledger):
    orders = [story.order(f"n{number}") for number in range(8)]
    ready = threading.Barrier(8)

    def work(_: int):
        ready.wait()
        return [ledger.claim_submissions([order], lease_s=60)[0] for order in orders]

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for found in pool.map(work, range(8)) for claim in found]
    leased = Counter(claim.submission.work_key for claim in claims if claim.lease)
    assert leased == Counter(order.work_key for order in orders)
    assert Counter(claim.submission.work_key for claim in claims if claim.created) == leased


def test_of_many_threads_exactly_one_gets_each_due_submission(story, ledger, clock):
    for number in range(40):
        story.uploaded(f"n{number}", due_in=0)
    ready = threading.Barrier(6)

    def work(_: int):
        ready.wait()
        mine: list[int] = []
        while found := ledger.claim_due(limit=5, lease_s=60):
            mine += [one.lease.submission_id for one in found]
            for one in found:
                ledger.record_poll(one.lease, next_poll_at=clock.after(60), status="processing")
        return mine

    with ThreadPoolExecutor(6) as pool:
        taken = [submission_id for mine in pool.map(work, range(6)) for submission_id in mine]
    assert len(taken) == len(set(taken)) == 40


def test_of_several_processes_exactly_one_gets_each_submission(ledger_url):
    script = str(Path(__file__).with_name("worker.py"))
    workers = [
        subprocess.Popen(
            [sys.executable, script, "claim", ledger_url, first, "700"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in ("0", "100", "350")
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [json.loads(worker.communicate(timeout=300)[0]) for worker in workers]
    taken = Counter(key for answer in answers for key in answer)
    assert len(taken) == 700
    assert set(taken.values()) == {1}


def test_leases_run_by_the_real_clock_unless_told_otherwise(story, ledger_url):
    before = datetime.now(UTC)
    with Ledger.open(ledger_url) as real:
        claim = real.claim_submissions([story.order()], lease_s=5)[0]
    assert before <= claim.lease.expires_at - timedelta(seconds=5) <= datetime.now(UTC)
