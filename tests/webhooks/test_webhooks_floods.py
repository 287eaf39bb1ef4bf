"""The receiver when far too much comes: descriptors, memory and log stay bounded, and webhooks are taken."""

from __future__ import annotations

import json
import re
import resource
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

import pytest
from receiver_process import (
    PATH,
    PATIENCE_S,
    SECRET,
    Answer,
    Receiver,
    read_answer,
    request,
    running_receiver,
    serving,
)

from pique_assets.ledger import Ledger
from pique_assets.testing.signing import sign_webhook
from pique_assets.webhooks import MAX_BODY_BYTES, receiver_app
from pique_assets.webhooks.connections import guarded_protocol
from pique_assets.webhooks.log_limit import SAME_LINES

TAKEN = Answer(status=200)
HALF = f"POST {PATH} HTTP/1.1\r\nHost: receiver\r\n".encode()
DESCRIPTORS, HALF_SENT = 1_024, 1_200
FEW = 8
BODIES, BODY_BYTES = 150, MAX_BODY_BYTES
MOST_MEMORY_KIB = 200 * 1024


def body_of() -> bytes:
    return json.dumps({"job_id": "job_" + secrets.token_urlsafe(12), "status": "completed"}).encode()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """This process holds the other end of each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 8_192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_half_sent_headers_without_number_leave_room_for_webhooks(tmp_path, many_descriptors):
    files = {"ledger": tmp_path / "ledger.db", "log": tmp_path / "log"}
    with running_receiver(**files, descriptors=DESCRIPTORS) as receiver, ExitStack() as stack:
        for _ in range(HALF_SENT):
            connection = stack.enter_context(socket.create_connection(receiver.address, timeout=PATIENCE_S))
            # Those that came first are dropped for those that come now.
            with suppress(OSError):
                connection.sendall(HALF)
        assert [receiver.deliver(body_of()) for _ in range(20)] == [TAKEN] * 20
        assert len(list(Path(f"/proc/{receiver.pid}/fd").iterdir())) < DESCRIPTORS
        assert receiver.stop() == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_connection_that_sends_its_body_outlasts_those_without_headers(tmp_path, monkeypatch):
    # As long as this test takes.
    monkeypatch.setattr("pique_assets.webhooks.reading.READ_WITHIN_S", PATIENCE_S)
    monkeypatch.setattr("pique_assets.webhooks.connections.HEADERS_WITHIN_S", PATIENCE_S)
    bodies = [body_of() for _ in range(FEW)]
    requests = [request(body, {"X-Pique-Signature": sign_webhook(body, SECRET)}) for body in bodies]
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        serving(receiver_app(ledger=ledger, secrets=SECRET), http=guarded_protocol(most=FEW)) as receiver,
        ExitStack() as stack,
    ):

        def connected(raw: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(receiver.address, timeout=PATIENCE_S))
            with suppress(OSError):
                connection.sendall(raw)
            return connection

        half = [connected(HALF) for _ in range(FEW)]
        begun = [connected(raw[:-1]) for raw in requests[1:]]
        # Each of them took the place of the oldest without headers; and so do these, of each other.
        assert [connection.recv(1) for connection in half[:-1]] == [b""] * (FEW - 1)
        for _ in range(3 * FEW):
            connected(HALF)
        assert receiver.deliver(bodies[0]) == TAKEN
        for connection, raw in zip(begun, requests[1:], strict=True):
            connection.sendall(raw[-1:])
            assert read_answer(connection) == TAKEN


def test_where_all_are_at_work_the_one_that_sends_longest_makes_room(tmp_path, monkeypatch):
    monkeypatch.setattr("pique_assets.webhooks.reading.READ_WITHIN_S", PATIENCE_S)
    body = body_of()
    unfinished = request(body, {"X-Pique-Signature": sign_webhook(body, SECRET)})[:-1]
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        serving(receiver_app(ledger=ledger, secrets=SECRET), http=guarded_protocol(most=FEW)) as receiver,
        ExitStack() as stack,
    ):
        for _ in range(5 * FEW):
            connection = stack.enter_context(socket.create_connection(receiver.address, timeout=PATIENCE_S))
            with suppress(OSError):
                connection.sendall(unfinished)
        assert receiver.deliver(body) == TAKEN


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "answer"), [(b"", Answer(status=0)), (HALF, Answer(status=408))])
def test_headers_have_a_time_limit(receiver, sent, answer):
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        assert read_answer(connection) == answer
        assert connection.recv(1) == b""


@pytest.mark.slow
def test_the_time_limit_of_headers_holds_for_the_second_request_of_a_connection(receiver):
    body = body_of()
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(request(body, {"X-Pique-Signature": sign_webhook(body, SECRET)}) + HALF)
        assert read_answer(connection) == TAKEN
        assert read_answer(connection) == Answer(status=408)


def memory_peak_kib(receiver: Receiver) -> int:
    """The most memory the receiver ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{receiver.pid}/status").read_text())
    assert found is not None
    return int(found.group(1))


def send_to_all(connections: list[socket.socket], raw: bytes) -> None:
    """Push the same bytes into every connection, as far and as fast as each takes them, until each has an answer."""
    with DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, EVENT_READ | EVENT_WRITE, memoryview(raw))
        while selector.get_map():
            ready = selector.select(PATIENCE_S)
            assert ready, "no connection was answered"
            for key, events in ready:
                if events & EVENT_READ:
                    selector.unregister(key.fileobj)
                    continue
                try:
                    rest = key.data[key.fileobj.send(key.data[:65_536]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    # Refused meanwhile; the answer can be read nevertheless.
                    rest = b""
                selector.modify(key.fileobj, EVENT_READ | (EVENT_WRITE if rest else 0), rest)
        for connection in connections:
            connection.setblocking(True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="unsigned"),
        pytest.param({"X-Pique-Signature": "t=1,v1=0,alg=sha256"}, id="signed by nobody"),
    ],
)
def test_large_bodies_of_strangers_take_little_memory(tmp_path, headers):
    files = {"ledger": tmp_path / "ledger.db", "log": tmp_path / "log"}
    with running_receiver(**files) as receiver, ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(receiver.address, timeout=PATIENCE_S)) for _ in range(BODIES)
        ]
        # All but the last byte, so that each body is waited for as long as it ever is.
        send_to_all(connections, request(b"x" * BODY_BYTES, headers)[:-1])
        assert TAKEN not in [read_answer(connection) for connection in connections]
        assert receiver.deliver(body_of()) == TAKEN
        peak = memory_peak_kib(receiver)
        print(f"\n{BODIES} bodies of {BODY_BYTES} bytes: a peak of {peak // 1024} MiB")
        assert peak < MOST_MEMORY_KIB


def test_a_flood_of_refusals_is_a_few_lines_in_the_log(tmp_path):
    files = {"ledger": tmp_path / "ledger.db", "log": tmp_path / "log"}
    with running_receiver(**files) as receiver:
        for _ in range(20 * SAME_LINES):
            assert receiver.post(b"{}", {}) == Answer(status=401)
            assert receiver.send(b"no HTTP\r\n\r\n") == Answer(status=400)
        assert receiver.deliver(body_of()) == TAKEN
    said = (tmp_path / "log").read_text()
    # A window may end in the middle.
    assert SAME_LINES <= said.count("there is no signature header") <= 3 * SAME_LINES
    assert SAME_LINES <= said.count("Invalid HTTP request") <= 3 * SAME_LINES
    assert "webhook for job" in said
