"""Which failures prove that nothing was sent: those may be sent again, all others never blindly."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from forward_proxy import leading, refusing, running_proxy, saying, silent, silent_in_the_tunnel

from pique_assets.api import Timeouts
from pique_assets.api.errors import NoAnswer, NotReached, PiqueError, UnexpectedAnswer, UploadInterrupted
from pique_assets.api.models import PresignedUpload, SocialMediaRequest
from pique_assets.api.sending import Sending

SOCIAL = "POST /v1/evaluations/social-media"
HOST = "https://api.pique.test"
IMPATIENT = Timeouts(connect_s=0.3, read_s=0.3, write_s=2, pool_s=2)


def social(client):
    return client.submit_social_media(SocialMediaRequest(judge_id="j", video_urls=["https://x.test/v"]))


def upload_to(url, **headers):
    return PresignedUpload(
        job_id="job_1", upload_url=url, upload_headers=headers, expires_at=datetime.now(UTC) + timedelta(hours=1)
    )


def send(client, upload):
    return client.upload(upload, open_body=lambda: io.BytesIO(b"abc"), size_bytes=3)


@pytest.fixture
def behind(monkeypatch, trusted_tls):
    """Start a proxy of some manner, which leads out of here."""
    with contextlib.ExitStack() as stack:

        def start(*manners, leads_to=0):
            proxy = stack.enter_context(running_proxy(*manners, leads_to=leads_to))
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            return proxy

        yield start


NO_TUNNEL = {
    "503": (refusing("503 Service Unavailable"), "503 Service Unavailable"),
    "407": (refusing("407 Proxy Authentication Required"), "407 Proxy Authentication Required"),
    "403": (refusing("403 Forbidden"), "403 Forbidden"),
    "302": (refusing("302 Found"), "302 Found"),
    "goes": (saying(b""), "disconnected"),
    "speaks no HTTP": (saying(b"220 mail.test ESMTP\r\n\r\n"), "illegal"),
    "breaks off": (saying(b"HTTP/1.1 200 Conn"), "without sending"),
    "is silent": (silent, "silence"),
    "breaks off the tunnel": (saying(b"HTTP/1.1 200 OK\r\n\r\n"), "EOF"),
    "speaks no TLS": (saying(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n"), "SSL"),
    "is silent in the tunnel": (silent_in_the_tunnel, "no connection|timed out"),
}


@pytest.mark.parametrize("manner", NO_TUNNEL)
def test_a_proxy_that_leads_nowhere_got_nothing_of_a_commit(manner, behind, new_client):
    fails, said = NO_TUNNEL[manner]
    proxy = behind(fails)
    with pytest.raises(NoAnswer, match=said) as caught:
        social(new_client(HOST, timeouts=IMPATIENT))
    assert not caught.value.may_have_taken_effect
    assert "HTTPS_PROXY" in str(caught.value)
    # Safe to repeat, so it was repeated.
    assert len(proxy.asked) == 4
    assert all(head.startswith("CONNECT api.pique.test:443 ") for head in proxy.asked)


@pytest.mark.parametrize("manner", NO_TUNNEL)
def test_a_proxy_that_leads_nowhere_got_nothing_of_an_upload(manner, behind, new_client, server):
    behind(NO_TUNNEL[manner][0])
    with pytest.raises(UploadInterrupted) as caught:
        send(new_client(server.url, upload_timeouts=IMPATIENT), upload_to("https://storage.pique.test/o?sig=5ecret"))
    assert not caught.value.may_have_taken_effect
    assert "5ecret" not in str(caught.value)


def test_a_commit_goes_once_the_proxy_is_well_again(behind, new_server, new_client, trusted_tls, steps, documented):
    server = new_server(tls=trusted_tls)
    server.on(SOCIAL, steps.reply(202, documented("social_media_response")))
    behind(refusing("503 Service Unavailable"), leading, leads_to=server.port)
    assert social(new_client(HOST)).batch_id
    assert server.effects[SOCIAL] == 1


@pytest.mark.parametrize("failure", ["reset before effect", "reset after effect", "stall", "truncated"])
def test_what_went_through_a_tunnel_is_in_doubt(
    failure, behind, new_server, new_client, trusted_tls, steps, documented
):
    server = new_server(tls=trusted_tls)
    fails = {
        "reset before effect": steps.reset(after_effect=False),
        "reset after effect": steps.reset(after_effect=True),
        "stall": steps.stall(),
        "truncated": steps.truncate(documented("social_media_response")),
    }
    server.on(SOCIAL, fails[failure])
    behind(leading, leads_to=server.port)
    with pytest.raises(NoAnswer) as caught:
        social(new_client(HOST, timeouts=Timeouts(connect_s=5, read_s=0.5, write_s=2, pool_s=2)))
    assert caught.value.may_have_taken_effect
    assert len(server.seen(SOCIAL)) == 1


def test_a_second_request_on_a_tunnel_that_stood_is_in_doubt(
    behind, new_server, new_client, trusted_tls, steps, documented
):
    """The tunnel was made for the first request: that it was being made once proves nothing for the second."""
    server = new_server(tls=trusted_tls)
    server.on("GET /v1/judges/j", steps.reply(200, documented("get_judge_response")))
    server.on(SOCIAL, steps.reset(after_effect=True))
    proxy = behind(leading, leads_to=server.port)
    client = new_client(HOST)
    client.get_judge("j")
    with pytest.raises(NoAnswer) as caught:
        social(client)
    assert caught.value.may_have_taken_effect
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("host", ["speaks no TLS", "goes", "is silent"])
def test_without_tls_nothing_was_sent(host, new_client):
    def answer(listener, over):
        while True:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    if host == "speaks no TLS":
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        connection.recv(65536)
                    elif host == "is silent":
                        over.wait(30)
                continue
            return

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener, over))
        thread.start()
        with pytest.raises(NoAnswer) as caught:
            social(new_client(f"https://127.0.0.1:{listener.getsockname()[1]}", timeouts=IMPATIENT))
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert not caught.value.may_have_taken_effect


def test_a_host_that_no_address_can_hold_got_nothing(new_client):
    with pytest.raises(NoAnswer) as caught:
        social(new_client(f"https://{'a' * 64}.pique.test"))
    assert not caught.value.may_have_taken_effect


def test_headers_that_are_none_were_not_sent(storage, client):
    for value in ("a\r\nX-B: 1", "\ud800"):
        with pytest.raises(UploadInterrupted) as caught:
            send(client, upload_to(f"{storage.url}/o").model_copy(update={"upload_headers": {"X-A": value}}))
        assert not caught.value.may_have_taken_effect
    assert storage.requests == []


def test_an_answer_of_absurd_length_is_no_answer_and_leaves_doubt(server, client):
    def absurd(exchange):
        exchange.take_effect()
        exchange.send_head(202, {"Content-Length": "9" * 5000})
        return False

    server.on(SOCIAL, absurd)
    with pytest.raises(NoAnswer, match="bad Content-Length") as caught:
        social(client)
    assert caught.value.may_have_taken_effect
    assert server.effects[SOCIAL] == 1


PORTAL = "http://login.hotel.example/?next=x"
ELSEWHERE = [
    (301, PORTAL),
    (302, PORTAL),
    (303, PORTAL),
    (307, PORTAL),
    (308, PORTAL),
    (302, "http://10.0.0.1/"),
    (302, "http://127.0.0.1:1/login"),
    (307, "/v1/evaluations/social-media/"),
    (308, "/v1/evaluations/social-media/"),
    (407, ""),
    (511, ""),
]


@pytest.mark.parametrize(("status", "location"), ELSEWHERE)
def test_what_stands_between_us_and_pique_took_nothing(status, location, server, client, steps):
    server.on(SOCIAL, steps.reply(status, raw=b"<html>sign in", Location=location))
    with pytest.raises(NotReached, match=f"{status}.*never got the request") as caught:
        social(client)
    assert not caught.value.may_have_taken_effect
    assert len(server.seen(SOCIAL)) == 1


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (302, "/v1/batches/1"),
        (303, "/v1/batches/1"),
        (303, ""),
        (302, "http://[broken"),
        (300, PORTAL),
        (304, PORTAL),
        (399, PORTAL),
    ],
)
def test_a_redirect_that_may_show_an_outcome_leaves_doubt(status, location, server, client, steps):
    server.on(SOCIAL, steps.reply(status, raw=b"", Location=location))
    with pytest.raises(UnexpectedAnswer, match="redirect") as caught:
        social(client)
    assert caught.value.may_have_taken_effect
    assert len(server.seen(SOCIAL)) == 1


def test_the_host_itself_may_redirect_within_its_site(steps):
    from pique_assets.api.answers import sends_elsewhere

    here = "https://api.getpique.ai/v1"
    assert not sends_elsewhere(status=303, location="https://results.getpique.ai/1", url=here)
    assert not sends_elsewhere(status=302, location="http://api.getpique.ai/1", url=here)
    assert sends_elsewhere(status=302, location="https://getpique.example/1", url=here)


@pytest.mark.parametrize("status", [407, 511])
def test_what_stands_between_us_and_the_storage_took_nothing(status, storage, client, steps):
    storage.on("PUT /o", steps.reply(status, raw=b"<html>sign in"))
    with pytest.raises(PiqueError) as caught:
        send(client, upload_to(f"{storage.url}/o"))
    assert not caught.value.may_have_taken_effect


class TestSending:
    """The evidence, if the library ever tells of its steps in other words, or not at all."""

    @pytest.fixture
    def sending(self):
        sending = Sending(watch=lambda event, info: None)
        sending.request_is_built()
        return sending

    def test_silence_proves_nothing(self, sending):
        assert not sending.certainly_not_sent(early=False, invalid=False)

    def test_a_step_that_has_ended_proves_nothing(self, sending):
        for step in ("connect_tcp", "start_tls"):
            sending(f"connection.{step}.started", {})
            assert sending.certainly_not_sent(early=False, invalid=False)
            sending(f"connection.{step}.complete", {"return_value": None})
            assert not sending.certainly_not_sent(early=False, invalid=False)

    def test_the_first_byte_ends_all_certainty(self, sending):
        request = SimpleNamespace(method=b"POST")
        sending("connection.connect_tcp.started", {})
        sending("http11.send_request_headers.started", {"request": request})
        sending("connection.connect_tcp.started", {})
        assert not sending.certainly_not_sent(early=True, invalid=False)

    def test_an_invalid_body_is_no_invalid_head(self, sending):
        request = SimpleNamespace(method=b"POST")
        sending("http11.send_request_headers.started", {"request": request})
        sending("http11.send_request_headers.complete", {"return_value": None})
        sending("http11.send_request_body.started", {"request": request})
        sending("http11.send_request_body.failed", {"exception": ValueError()})
        assert not sending.certainly_not_sent(early=False, invalid=True)
