"""How many requests go to a host at once, as the host sees them; the rules are in `test_api_concurrency_policy`."""

from __future__ import annotations

import io
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from waiting import PATIENCE_S, eventually

from pique_assets.api import RetryPolicy, Timeouts
from pique_assets.api.concurrency import AdaptiveLimit
from pique_assets.api.errors import (
    NoAnswer,
    PiqueError,
    RateLimited,
    ServerError,
    UploadError,
    UploadExpired,
    UploadInterrupted,
)
from pique_assets.api.models import PresignedUpload

JUDGE = "GET /v1/judges/j"
PUT = "PUT /b/o"
ONCE = RetryPolicy(attempts=1, retry_after_cap_s=0.4)


class Gathering:
    """A step that answers nobody before a number of requests are there, and knows how many were there at once."""

    def __init__(self, step, *, together=1):
        self._step = step
        self._barrier = threading.Barrier(together)
        self._lock = threading.Lock()
        self._here = 0
        self.most_at_once = 0

    def __call__(self, exchange):
        with self._lock:
            self._here += 1
            self.most_at_once = max(self.most_at_once, self._here)
        self._barrier.wait(timeout=PATIENCE_S)
        time.sleep(0.005)
        with self._lock:
            self._here -= 1
        return self._step(exchange)


def ask(client, *, errors=PiqueError):
    try:
        return client.get_judge("j")
    except errors as error:
        return error


def ask_together(client, *, threads, each=1):
    """What `threads` threads get that ask at the same time, each a number of times in a row."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda _: [ask(client) for _ in range(each)], range(threads)))


def prepared(storage, *, life_s=900.0):
    return PresignedUpload(
        job_id="job_1",
        upload_url=f"{storage.url}/b/o?X-Goog-Signature=s",
        expires_at=datetime.now(UTC) + timedelta(seconds=life_s),
    )


def send(client, upload):
    return client.upload(upload, open_body=lambda: io.BytesIO(b"abc"), size_bytes=3)


def send_in_vain(client, upload, *, content=b"abc"):
    with pytest.raises(UploadError):
        client.upload(upload, open_body=lambda: io.BytesIO(content), size_bytes=3)


@pytest.fixture
def judge(documented, steps):
    return steps.reply(200, documented("get_judge_response"))


def test_it_begins_with_all_that_is_allowed(server, new_client):
    client = new_client(server.url, max_connections=7)
    for host in (client.concurrency.api, client.concurrency.storage):
        assert (host.limit, host.most, host.under_way, host.waiting, host.overloads) == (7, 7, 0, 0, 0)
        assert host.pause_s == 0


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, ServerError)])
def test_refusals_of_requests_that_were_under_way_together_halve_it_once(status, kind, server, new_client, steps):
    server.on(JUDGE, Gathering(steps.reply(status, {}), together=8))
    client = new_client(server.url, retries=ONCE, max_connections=8)
    answers = ask_together(client, threads=8)
    assert all(isinstance(answer, kind) for (answer,) in answers)
    assert (client.concurrency.api.limit, client.concurrency.api.overloads) == (4, 8)


def test_it_halves_what_was_tried_not_what_was_allowed(server, new_client, steps):
    server.on(JUDGE, Gathering(steps.reply(429, {}), together=6))
    client = new_client(server.url, retries=ONCE, max_connections=100)
    ask_together(client, threads=6)
    assert client.concurrency.api.limit == 3


def test_it_is_never_below_one(server, new_client, steps, judge):
    server.on(JUDGE, *[steps.reply(429, {})] * 40, judge)
    client = new_client(server.url, retries=ONCE, max_connections=16)
    ask_together(client, threads=8, each=5)
    assert client.concurrency.api.limit == 1
    assert ask(client).id


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_other_failures_are_no_reason_to_send_less(status, server, new_client, steps):
    server.on(JUDGE, Gathering(steps.reply(status, {}), together=4))
    client = new_client(server.url, retries=ONCE, max_connections=4)
    ask_together(client, threads=4)
    assert (client.concurrency.api.limit, client.concurrency.api.overloads) == (4, 0)


def test_it_creeps_up_while_all_goes_well_and_not_beyond_the_maximum(server, new_client, steps, judge):
    watched = Gathering(judge)
    server.on(JUDGE, *[steps.reply(429, {})] * 32, watched)
    client = new_client(server.url, retries=ONCE, max_connections=4)
    ask_together(client, threads=8, each=4)
    assert client.concurrency.api.limit == 1
    ask_together(client, threads=8, each=10)
    assert client.concurrency.api.limit == 4
    assert watched.most_at_once <= 4


def test_successes_one_at_a_time_prove_nothing_about_many(server, new_client, steps, judge):
    server.on(JUDGE, Gathering(steps.reply(429, {}), together=8))
    client = new_client(server.url, retries=ONCE, max_connections=8)
    ask_together(client, threads=8)
    server.on(JUDGE, judge)
    for _ in range(30):
        ask(client)
    assert client.concurrency.api.limit == 4


def test_no_more_are_under_way_than_the_limit_says(server, new_client, steps, judge):
    server.on(JUDGE, Gathering(steps.reply(429, {}), together=8))
    client = new_client(server.url, retries=ONCE, max_connections=8)
    ask_together(client, threads=8)
    held = Gathering(steps.reply(404, {}), together=4)
    server.on(JUDGE, held)
    ask_together(client, threads=8)
    assert held.most_at_once == 4


@pytest.mark.parametrize(("asked", "least_s"), [("0.3", 0.3), ("86400", 0.4)], ids=["followed", "cut"])
def test_a_pause_that_one_thread_is_asked_for_is_kept_by_all(asked, least_s, server, new_client, steps, judge):
    server.on(JUDGE, steps.reply(429, {}, Retry_After=asked), judge)
    client = new_client(server.url, retries=ONCE, max_connections=8)
    assert isinstance(ask(client), RateLimited)
    assert client.concurrency.api.pause_s <= least_s
    # That these have answers shows that a day is not sat out.
    assert all(answer.id for (answer,) in ask_together(client, threads=4))
    refused, *others = server.seen(JUDGE)
    assert len(others) == 4
    assert min(request.at for request in others) - refused.at >= least_s


def test_a_pause_is_shown_while_it_lasts(server, new_client, steps):
    server.on(JUDGE, steps.reply(429, {}, Retry_After="86400"))
    client = new_client(server.url, retries=RetryPolicy(attempts=1, retry_after_cap_s=3600))
    assert isinstance(ask(client), RateLimited)
    assert 0 < client.concurrency.api.pause_s <= 3600


def test_a_pause_does_not_use_up_the_patience_for_a_connection(server, new_client, steps, judge):
    server.on(JUDGE, steps.reply(503, {}, Retry_After="0.3"), judge)
    client = new_client(server.url, retries=ONCE, timeouts=Timeouts(pool_s=0.05))
    assert isinstance(ask(client), ServerError)
    assert ask(client).id


def test_storage_and_api_are_limited_apart(server, storage, new_client, steps, judge):
    server.on(JUDGE, judge)
    storage.on(PUT, steps.reply(503, {}, Retry_After="0.2"), steps.store())
    client = new_client(server.url, retries=ONCE, max_connections=8)
    with pytest.raises(UploadInterrupted):
        send(client, prepared(storage))
    assert (client.concurrency.storage.limit, client.concurrency.storage.overloads) == (1, 1)
    assert (client.concurrency.api.limit, client.concurrency.api.pause_s) == (8, 0)
    send(client, prepared(storage))
    refused, sent = storage.seen(PUT)
    assert sent.at - refused.at >= 0.2


def test_an_upload_is_not_begun_when_its_url_expires_while_it_waits(server, storage, new_client, steps):
    storage.on(PUT, steps.stall())
    client = new_client(server.url, max_connections=1)
    first = threading.Thread(target=lambda: send_in_vain(client, prepared(storage)))
    first.start()
    eventually(lambda: storage.seen(PUT))
    with pytest.raises(UploadExpired, match="before its turn came") as caught:
        send(client, prepared(storage, life_s=0.2))
    assert not caught.value.may_have_taken_effect
    assert len(storage.seen(PUT)) == 1
    storage.closing.set()
    first.join()


def test_nothing_is_under_way_after_any_end(server, storage, new_client, steps, judge):
    client = new_client(server.url, retries=ONCE, max_connections=1, timeouts=Timeouts(read_s=0.2, pool_s=1))
    scripts = [steps.reset(after_effect=True), steps.stall(), steps.reply(500, {}), steps.reply(raw=b"{"), judge]
    server.on(JUDGE, *scripts)
    for _ in scripts:
        ask(client)
    storage.on(PUT, steps.reset(after_effect=True), steps.store())
    send_in_vain(client, prepared(storage))
    send_in_vain(client, prepared(storage), content=b"ab")
    send(client, prepared(storage))
    for host in (client.concurrency.api, client.concurrency.storage):
        assert (host.under_way, host.waiting) == (0, 0)


def test_closing_sends_waiting_threads_away(server, storage, new_client, steps):
    server.on(JUDGE, steps.stall())
    storage.on(PUT, steps.stall())
    client = new_client(server.url, max_connections=1, retries=ONCE)
    ended = []

    def wait_for_turn(call):
        try:
            call()
        except PiqueError as error:
            ended.append(error)

    calls = [lambda: client.get_judge("j"), lambda: send(client, prepared(storage))] * 4
    threads = [threading.Thread(target=wait_for_turn, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    eventually(lambda: client.concurrency.api.waiting == 3 and client.concurrency.storage.waiting == 3)
    eventually(lambda: server.seen(JUDGE) and storage.seen(PUT))
    client.close()
    eventually(lambda: len(ended) >= 6)
    unsent = [error for error in ended if "the client is closed" in str(error)]
    assert {type(error) for error in unsent} == {NoAnswer, UploadInterrupted}
    assert len(unsent) == 6
    assert not any(error.request_sent for error in unsent)
    server.closing.set()
    storage.closing.set()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert (len(server.seen(JUDGE)), len(storage.seen(PUT))) == (1, 1)


@pytest.mark.parametrize("waits_for", ["its next attempt", "the end of a pause"])
def test_closing_ends_every_other_wait_too(waits_for, server, new_client, steps):
    pause = {"Retry_After": "60"} if waits_for == "the end of a pause" else {}
    server.on(JUDGE, steps.reply(503, {}, **pause))
    client = new_client(server.url, retries=RetryPolicy(attempts=2, base_s=1000, cap_s=1000))
    got = []
    thread = threading.Thread(target=lambda: got.append(ask(client)))
    thread.start()
    eventually(lambda: client.concurrency.api.overloads == 1)
    client.close()
    thread.join(timeout=PATIENCE_S)
    assert isinstance(got[0], NoAnswer)
    assert "closed" in str(got[0])
    # An answer of 503 does not say that nothing was done.
    assert got[0].request_sent


def test_first_come_first_served():
    limit = AdaptiveLimit(most=1, longest_pause_s=1)
    order = []

    def take(number):
        with limit.enter():
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20)]
    with limit.enter():
        for number, thread in enumerate(threads):
            thread.start()
            eventually(lambda number=number: limit.snapshot().waiting == number + 1)
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    assert order == list(range(20))


def test_whoever_runs_out_of_patience_does_not_hold_up_the_others():
    limit = AdaptiveLimit(most=1, longest_pause_s=1)
    got = []
    with limit.enter():
        impatient = threading.Thread(target=lambda: got.append(limit.enter(patience_s=0.05)))
        impatient.start()
        # On a busy machine its patience may be over before it is seen waiting.
        eventually(lambda: limit.snapshot().waiting == 1 or got)
        patient = threading.Thread(target=lambda: got.append(limit.enter(patience_s=PATIENCE_S)))
        patient.start()
        impatient.join(timeout=PATIENCE_S)
        assert got == [None]
    patient.join(timeout=PATIENCE_S)
    assert got[1] is not None


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_host_says_every_thread_comes_to_its_turn(seed):
    limit = AdaptiveLimit(most=6, longest_pause_s=0.002)
    under_way, most_seen, lock = 0, 0, threading.Lock()

    def work(number):
        nonlocal under_way, most_seen
        chance = random.Random(seed * 1000 + number)
        for _ in range(100):
            with limit.enter() as slot:
                with lock:
                    under_way += 1
                    most_seen = max(most_seen, under_way)
                if chance.random() < 0.3:
                    slot.overloaded(pause_s=chance.choice([0, 0.001, 1e9]) if chance.random() < 0.1 else 0)
                elif chance.random() < 0.9:
                    slot.succeeded()
                with lock:
                    under_way -= 1
        return True

    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(work, range(24), timeout=PATIENCE_S)) == [True] * 24
    assert 1 <= most_seen <= 6
    state = limit.snapshot()
    assert (state.under_way, state.waiting) == (0, 0)
    assert 1 <= state.limit <= 6
