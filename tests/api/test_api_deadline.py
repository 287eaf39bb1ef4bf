"""A client with a deadline is through by then, whatever the hosts do or don't: a sensor's tick has so many seconds."""

from __future__ import annotations

import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from waiting import eventually

from pique_assets.api import RetryPolicy, Timeouts
from pique_assets.api.errors import NoAnswer, PiqueError, UploadInterrupted
from pique_assets.api.models import PresignedUpload

JUDGE = "GET /v1/judges/j"
PUT = "PUT /b/o"
DEADLINE_S = 1.0
# Patience and the servers' silences are far beyond both the deadline and what a busy machine takes to notice it.
LONG_S = 600.0
SOON_S = 120.0
PATIENT = {
    "timeouts": Timeouts(connect_s=LONG_S, read_s=LONG_S, write_s=LONG_S, pool_s=LONG_S),
    "upload_timeouts": Timeouts(connect_s=LONG_S, read_s=LONG_S, write_s=LONG_S, pool_s=LONG_S),
    "retries": RetryPolicy(attempts=100, base_s=LONG_S, cap_s=LONG_S, retry_after_cap_s=LONG_S),
}


@contextmanager
def through_soon():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON_S


def drip(piece, *, every_s=0.05):
    """Never finish, and never be silent for long either: no time-out between bytes ends this."""

    def step(exchange):
        exchange.take_effect()
        while not exchange.server.closing.wait(every_s):
            exchange.socket.sendall(piece)
        return False

    return step


def dripping_body(steps):
    def step(exchange):
        exchange.take_effect()
        exchange.send_head(200, {"Content-Type": "application/json", "Content-Length": "1000000"})
        return drip(b" ")(exchange)

    return step


def ask(client):
    with pytest.raises(PiqueError) as caught:
        client.get_judge("j")
    return caught.value


@pytest.mark.parametrize("server_does", ["nothing", "drips its head", "drips its body", "asks for a pause", "fails"])
def test_whatever_the_server_does(server_does, server, new_client, steps):
    answers = {
        "nothing": steps.stall(LONG_S),
        "drips its head": drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 8),
        "drips its body": dripping_body(steps),
        "asks for a pause": steps.reply(429, {}, Retry_After="600"),
        "fails": steps.reply(500, {}),
    }
    server.on(JUDGE, answers[server_does])
    client = new_client(server.url, **PATIENT)
    with through_soon(), client.ending_at(time.monotonic() + DEADLINE_S):
        error = ask(client)
    assert isinstance(error, NoAnswer)
    # A refusal for now says that nothing was done.
    assert error.request_sent == (server_does != "asks for a pause")
    assert ask(client).reason == "the client is closed"
    assert client.concurrency.api.under_way == 0


def test_all_threads_are_through(server, new_client, steps):
    server.on(JUDGE, steps.stall(LONG_S))
    client = new_client(server.url, max_connections=3, **PATIENT)
    with (
        through_soon(),
        ThreadPoolExecutor(8) as pool,
        client.ending_at(time.monotonic() + DEADLINE_S),
    ):
        errors = list(pool.map(lambda _: ask(client), range(8)))
    assert {type(error) for error in errors} == {NoAnswer}
    assert sum(error.request_sent for error in errors) == len(server.seen(JUDGE)) == 3


def test_a_connection_from_before_is_cut_too(server, new_client, steps, documented):
    server.on(JUDGE, steps.reply(200, documented("get_judge_response")), steps.stall(LONG_S))
    client = new_client(server.url, **PATIENT)
    client.get_judge("j")
    with through_soon(), client.ending_at(time.monotonic() + DEADLINE_S):
        assert isinstance(ask(client), NoAnswer)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_takes_connections_and_says_nothing(scheme, new_client):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = new_client(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", **PATIENT)
        with through_soon(), client.ending_at(time.monotonic() + DEADLINE_S):
            error = ask(client)
    assert isinstance(error, NoAnswer)


def test_an_upload_ends_too_and_is_in_doubt(server, storage, new_client, steps):
    storage.on(PUT, steps.stall(LONG_S))
    upload = PresignedUpload(
        job_id="job_1",
        upload_url=f"{storage.url}/b/o?X-Goog-Signature=s",
        expires_at=datetime.now(UTC) + timedelta(seconds=900),
    )
    client = new_client(server.url, **PATIENT)
    with through_soon(), client.ending_at(time.monotonic() + DEADLINE_S), pytest.raises(UploadInterrupted) as caught:
        client.upload(upload, open_body=lambda: io.BytesIO(b"abc"), size_bytes=3)
    assert caught.value.may_have_taken_effect


def test_a_block_that_ends_in_time_is_not_disturbed(server, new_client, steps, documented):
    server.on(JUDGE, steps.reply(200, documented("get_judge_response")))
    client = new_client(server.url)
    before = threading.active_count()
    with client.ending_at(time.monotonic() + LONG_S):
        assert client.get_judge("j").id
    # The alarm has gone with the block; one thread more serves the connection.
    eventually(threading.active_count, lambda count: count <= before + 1)
    assert client.get_judge("j").id
