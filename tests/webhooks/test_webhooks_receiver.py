"""The receiver as a real process: what it takes, what it refuses, and what it never says."""

from __future__ import annotations

import json
import secrets
import socket
import sqlite3
import time
from pathlib import Path

import pytest
from receiver_process import (
    PATH,
    PATIENCE_S,
    SECRET,
    Answer,
    chunked,
    read_answer,
    request,
    serving,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from pique_assets.ledger import Ledger
from pique_assets.testing.signing import sign_webhook, sign_webhook_without_time
from pique_assets.webhooks import receiver_app

PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads"
TAKEN = Answer(status=200)
MAX_BODY_BYTES = 4 * 1024 * 1024


def body_of(job_id: str | None = None, **fields: object) -> bytes:
    return json.dumps({"job_id": job_id or new_job_id(), "status": "completed", **fields}).encode()


def new_job_id() -> str:
    return "job_" + secrets.token_urlsafe(12)


def signed(body: bytes, **options: object) -> dict[str, str]:
    return {"X-Pique-Signature": sign_webhook(body, SECRET, **options)}


def stored(ledger: Ledger) -> dict[str, bytes]:
    return {webhook.job_id: webhook.body for webhook in ledger.unknown_webhooks(limit=100_000)}


@pytest.mark.parametrize("name", sorted(path.name for path in PAYLOADS.glob("webhook_*.json")))
def test_every_documented_body_is_taken_and_kept_byte_for_byte(receiver, shared_ledger, name):
    # docs/contract.md, Webhooks.
    body = (PAYLOADS / name).read_bytes()
    assert receiver.deliver(body) == TAKEN
    document = json.loads(body)
    (kept,) = [
        webhook for webhook in shared_ledger.unknown_webhooks(limit=10_000) if webhook.job_id == document["job_id"]
    ]
    assert (kept.body, kept.url) == (body, document.get("url"))


def test_the_same_webhook_again_is_taken_again_and_stored_once(receiver, shared_ledger):
    body = body_of()
    assert [receiver.deliver(body) for _ in range(3)] == [TAKEN] * 3
    assert list(stored(shared_ledger).values()).count(body) == 1


def test_a_replay_within_the_tolerance_changes_nothing(receiver, shared_ledger):
    body = body_of()
    raw = request(body, signed(body, timestamp=int(time.time()) - 200))
    assert receiver.send(raw) == receiver.send(raw) == TAKEN
    assert list(stored(shared_ledger).values()).count(body) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"[]", 400),
        (b'"job_1"', 400),
        (b"{}", 400),
        (b'{"job_id": null}', 400),
        (b'{"job_id": 5}', 400),
        (b'{"job_id": ""}', 400),
        (b'{"job_id": "job_1\\u0000"}', 400),
        (b'{"job_id": "job_\\ud800"}', 400),
        (b'{"job_id": "job_1\\nFORGED LOG LINE"}', 400),
        (json.dumps({"job_id": "j" * 256}).encode(), 400),
        (b'{"job_id": "job_1"', 400),
        (b'{"job_id": "job_1"} {}', 400),
        (b'{"job_id": "job_1", "job_id": "job_2"}', 400),
        (b'{"job_id": "job_1", "job\\u005fid": "job_2"}', 400),
        (b'{"job_id": "job_1", "results": [{"a": 1, "a": 2}]}', 400),
        (b'\xef\xbb\xbf{"job_id": "job_1"}', 400),
        ('{"job_id": "job_1"}'.encode("utf-16"), 400),
        (b'{"job_id": "job_1", "error": "\xff"}', 400),
        (b"job_id=job_1&status=completed", 400),
        (b"[" * 200_000, 400),
        (b'{"job_id": "job_odd_1", "overall_score": ' + b"9" * 10_000 + b"}", 200),
        (b'{"job_id": "job_odd_2", "overall_score": NaN, "x": 1e999, "y": null}', 200),
        (b'{"job_id": "job_odd_3", "status": "resting", "error": "\\ud800", "url": "\\u0000"}', 200),
        ('{"job_id": "job_öd✓", "url": 7}'.encode(), 200),
    ],
)
def test_a_signed_body_is_taken_if_it_names_a_job_without_doubt(receiver, body, status):
    assert receiver.deliver(body) == Answer(status=status)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Pique-Signature": ""},
        {"X-Pique-Signature": "t=1,v1=00,alg=sha256"},
        {"X-Pique-Signature": sign_webhook(b'{"job_id": "job_unsigned"}', "whsec_somebody-else's")},
        {"X-Pique-Signature": sign_webhook(b'{"job_id": "job_unsigned"} ', SECRET)},
        {"X-Pique-Signature": sign_webhook(b'{"job_id": "job_unsigned"}', SECRET, timestamp=1_700_000_000)},
        {"X-Pique-Signature": sign_webhook(b'{"job_id": "job_unsigned"}', SECRET, timestamp=int(time.time()) + 86_400)},
        {"X-Webhook-Signature": sign_webhook_without_time(b'{"job_id": "job_unsigned"}', SECRET)},
        {"X-Webhook-Signature": "sha256=" + sign_webhook_without_time(b'{"job_id": "job_unsigned"}', SECRET)},
        {"X-API-Key": "pk_whatever"},
    ],
)
def test_what_is_not_signed_by_pique_just_now_is_refused_without_a_word(receiver, shared_ledger, headers):
    assert receiver.post(b'{"job_id": "job_unsigned"}', headers) == Answer(status=401)
    assert "job_unsigned" not in stored(shared_ledger)


def test_the_older_header_is_as_good_when_it_has_a_time_in_it(receiver):
    # docs/contract.md, Webhooks: X-Webhook-Signature, HMAC-SHA256, no format.
    body = body_of()
    assert receiver.post(body, {"X-Webhook-Signature": sign_webhook(body, SECRET)}) == TAKEN


def test_a_good_older_header_does_not_excuse_a_bad_newer_one(receiver):
    body = body_of()
    good = sign_webhook(body, SECRET)
    both = {"X-Pique-Signature": "t=1,v1=0,alg=sha256", "X-Webhook-Signature": good}
    assert receiver.post(body, both) == Answer(status=401)


def test_two_signature_headers_are_refused(receiver):
    body = body_of()
    good = signed(body)
    twice = request(body, good).replace(
        b"\r\n\r\n", f"\r\nx-pique-signature: {good['X-Pique-Signature']}\r\n\r\n".encode()
    )
    assert receiver.send(twice) == Answer(status=401)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("DELETE", PATH, 405),
        ("OPTIONS", PATH, 405),
        ("POST", "/", 404),
        ("POST", PATH + "/", 404),
        ("POST", "/webhooks/pique/../pique", 404),
        ("GET", "/docs", 404),
    ],
)
def test_other_methods_and_addresses_are_refused_without_a_word(receiver, method, path, status):
    body = body_of()
    assert receiver.send(request(body, signed(body), method=method, path=path), method=method) == Answer(status=status)


def test_health_says_whether_webhooks_could_be_stored(receiver):
    answer = receiver.send(b"GET /health HTTP/1.1\r\nHost: receiver\r\n\r\n", method="GET")
    assert answer == Answer(status=200, body=b"ok\n")


def test_a_body_in_chunks_is_taken_like_any_other(receiver, shared_ledger):
    body = body_of()
    assert receiver.send(chunked([body[:1], body[1:7], body[7:]], signed(body))) == TAKEN
    assert body in stored(shared_ledger).values()
    # Chunks end where they say, not where the signature would like it.
    assert receiver.send(chunked([body, b" "], signed(body))) == Answer(status=401)


def test_the_largest_body_is_taken_and_one_byte_more_is_not(receiver):
    filler = MAX_BODY_BYTES - len(body_of("job_largest", error=""))
    largest = body_of("job_largest", error="x" * filler)
    assert len(largest) == MAX_BODY_BYTES
    assert receiver.deliver(largest) == TAKEN
    assert receiver.send(chunked([largest], signed(largest))) == TAKEN
    larger = largest + b" "
    assert receiver.send(chunked([larger], signed(larger))) == Answer(status=413)


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(receiver):
    for length in (MAX_BODY_BYTES + 1, 10**15, 10**19):
        head = f"POST {PATH} HTTP/1.1\r\nHost: receiver\r\nContent-Length: {length}\r\n\r\n"
        assert receiver.send(head.encode()) == Answer(status=413)


def test_a_body_without_end_is_refused_while_it_comes_and_then_not_read(receiver):
    piece = b"x" * 65_536
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(chunked([], {"X-Pique-Signature": "t=1,v1=0,alg=sha256"}, end=b""))
        # What nobody reads any more fills a few buffers, then the connection is at its end.
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(32 * MAX_BODY_BYTES // len(piece)):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        assert read_answer(connection) == Answer(status=413)


@pytest.mark.parametrize("headers", [{}, {"X-Pique-Signature": "t=1"}, {"X-Webhook-Signature": "sha256=0"}])
def test_what_cannot_be_signed_is_refused_before_its_body_comes(receiver, headers):
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        head, _, _ = request(b"x" * MAX_BODY_BYTES, headers).partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert read_answer(connection) == Answer(status=401)
        assert connection.recv(1) == b""


@pytest.mark.parametrize("path", [PATH, "/nowhere"])
def test_a_body_with_two_lengths_is_refused_and_ends_its_connection(receiver, shared_ledger, path):
    # One reader takes the second request for a part of the body, another for a request of its own.
    smuggled = body_of("job_smuggled")
    hidden = request(smuggled, signed(smuggled))
    body = b"0\r\n\r\n" + hidden
    raw = request(body, signed(b"") | {"Transfer-Encoding": "chunked"}, path=path)
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(raw)
        assert read_answer(connection) == Answer(status=400)
        assert connection.recv(1) == b""
    assert "job_smuggled" not in stored(shared_ledger)


def test_a_length_that_is_too_short_cuts_the_body_and_so_its_signature(receiver):
    body = body_of()
    raw = request(body, signed(body)).replace(f"Content-Length: {len(body)}".encode(), b"Content-Length: 9")
    assert receiver.send(raw) == Answer(status=401)


def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(receiver, shared_ledger):
    body = body_of("job_half")
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(request(body, signed(body))[:-5])
    assert receiver.deliver(body_of()) == TAKEN
    assert "job_half" not in stored(shared_ledger)


@pytest.mark.slow
def test_a_body_that_does_not_come_is_refused_before_pique_would_give_up(receiver):
    body = body_of()
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        connection.sendall(request(body, signed(body))[:-5])
        assert read_answer(connection) == Answer(status=408)
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "raw", [b"\r\n\r\n", b"\0" * 100, b"POST", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, bytes(range(256)) * 9]
)
def test_what_is_no_http_does_not_disturb_and_is_told_nothing(receiver, raw):
    assert receiver.send(raw + b"\r\n\r\n").body == b""
    assert receiver.deliver(body_of()) == TAKEN


def test_several_webhooks_may_come_on_one_connection(receiver):
    with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
        for status in (200, 401, 200, 400, 200):
            body = body_of() if status != 400 else b"[]"
            headers = signed(body if status != 401 else b"")
            connection.sendall(request(body, headers))
            assert read_answer(connection) == Answer(status=status)


@pytest.mark.slow
def test_mounted_into_another_app_it_answers_in_time_even_if_its_ledger_does_not(tmp_path):
    path = tmp_path / "ledger.db"
    # Longer than this test waits for an answer.
    with Ledger.open(f"sqlite:///{path}", busy_timeout_s=2 * PATIENCE_S) as ledger:
        # Below `/pique` of an app of somebody else's.
        app = Starlette(routes=[Mount("/pique", app=receiver_app(ledger=ledger, secrets=SECRET, path="/hook"))])
        with serving(app) as receiver:
            body = body_of()
            assert receiver.post(body, signed(body), path="/pique/hook") == TAKEN
            assert receiver.post(body, {}, path="/pique/hook") == Answer(status=401)
            assert receiver.post(body, signed(body), path="/pique/other") == Answer(status=404)
            blocker = sqlite3.connect(path, isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            body = body_of()
            assert receiver.post(body, signed(body), path="/pique/hook") == Answer(status=503)
            blocker.execute("ROLLBACK")
            blocker.close()


def test_both_secrets_count_while_one_is_exchanged_for_the_other(tmp_path):
    given = ["whsec_the-old-one-of-ours", "whsec_the-new-one-of-ours"]
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        serving(receiver_app(ledger=ledger, secrets=given)) as receiver,
    ):
        for secret in given:
            assert receiver.deliver(body_of(), secret=secret) == TAKEN
        assert receiver.deliver(body_of()) == Answer(status=401)
