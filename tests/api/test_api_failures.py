"""When the network or Pique fails: what is repeated, what never is, and what is known afterwards."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from waiting import PATIENCE_S, eventually

from pique_assets.api import RetryPolicy, Timeouts
from pique_assets.api.errors import NoAnswer, PiqueError, RateLimited, ServerError
from pique_assets.api.models import JudgeRequest, PresignedUploadRequest, SocialMediaRequest

JUDGE = "GET /v1/judges/j"
PREPARE = "POST /v1/evaluations/presigned-upload"
REFERENCE = "POST /v1/judges/reference_content"
SOCIAL = "POST /v1/evaluations/social-media"
CREATE = "POST /v1/judges"


def prepare(client):
    return client.create_presigned_upload(
        PresignedUploadRequest(judge_id="j", content_type="video", filename="f.mp4", file_size_bytes=1)
    )


def social(client):
    return client.submit_social_media(SocialMediaRequest(judge_id="j", video_urls=["https://x.test/v"]))


def create(client):
    wish = {"name": "n", "description": "d", "content_type": "video", "detectors": [{"detector_name": "x"}]}
    return client.create_judge(JudgeRequest.model_validate(wish))


HARMLESS = {
    JUDGE: (lambda client: client.get_judge("j"), "get_judge_response"),
    PREPARE: (prepare, "presigned_upload_response"),
    REFERENCE: (lambda client: client.create_reference_content("mp4"), "reference_content_response"),
}
COMMITS = {
    SOCIAL: (social, "social_media_response"),
    CREATE: (create, "create_judge_response.reconstructed"),
}


@pytest.mark.parametrize("route", HARMLESS)
def test_a_harmless_request_is_repeated_until_it_succeeds(route, server, client, steps, documented):
    call, name = HARMLESS[route]
    server.on(
        route,
        steps.reply(500, {"detail": "hiccup"}),
        steps.reset(after_effect=True),
        steps.reply(503, {}, Retry_After="0"),
        steps.reply(200, documented(name)),
    )
    call(client)
    assert len(server.seen(route)) == 4


@pytest.mark.parametrize("route", HARMLESS)
def test_a_cut_answer_is_asked_for_again(route, server, client, steps, documented):
    call, name = HARMLESS[route]
    server.on(route, steps.truncate(documented(name)), steps.reply(200, documented(name)))
    call(client)
    assert len(server.seen(route)) == 2


@pytest.mark.parametrize("route", COMMITS)
@pytest.mark.parametrize("failure", ["reset after effect", "reset before effect", "500", "503", "truncated", "stall"])
def test_a_commit_is_never_repeated_after_an_ambiguous_failure(route, failure, server, new_client, steps, documented):
    call, name = COMMITS[route]
    server.on(
        route,
        {
            "reset after effect": steps.reset(after_effect=True),
            "reset before effect": steps.reset(after_effect=False),
            "500": steps.reply(500, {"detail": "Failed to create evaluation jobs due to server error"}),
            "503": steps.reply(503, {}, Retry_After="0"),
            "truncated": steps.truncate(documented(name)),
            "stall": steps.stall(),
        }[failure],
        steps.reply(202, documented(name)),
    )
    timeouts = {"timeouts": Timeouts(read_s=0.2)} if failure == "stall" else {}
    with pytest.raises(ServerError if failure in ("500", "503") else NoAnswer) as caught:
        call(new_client(server.url, **timeouts))
    assert caught.value.may_have_taken_effect
    expected = (1, 0 if failure == "reset before effect" else 1)
    # A busy server may come to a request after its client has given up.
    eventually(lambda: (len(server.seen(route)), server.effects[route]), lambda seen: seen == expected)


@pytest.mark.parametrize("route", COMMITS)
def test_a_commit_that_was_refused_for_its_rate_is_repeated(route, server, client, steps, documented):
    call, name = COMMITS[route]
    server.on(route, steps.reply(429, {}), steps.reply(429, {}), steps.reply(202, documented(name)))
    call(client)
    assert len(server.seen(route)) == 3


@pytest.fixture
def port_without_a_server():
    # Held, so that nobody else gets it, and not listened on.
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.mark.parametrize("call", [prepare, social, create], ids=lambda call: call.__name__)
def test_without_a_server_nothing_was_sent(call, new_client, port_without_a_server):
    with pytest.raises(NoAnswer, match="refused") as caught:
        call(new_client(f"http://127.0.0.1:{port_without_a_server}"))
    assert not caught.value.request_sent
    assert not caught.value.may_have_taken_effect


def test_a_commit_is_repeated_while_nothing_was_sent(new_client, steps, documented, new_server, monkeypatch):
    server = new_server()
    server.on(SOCIAL, steps.reply(202, documented("social_media_response")))
    connect, failures = socket.create_connection, [True, True]

    def connect_later(address, *args, **kwargs):
        if address[1] == server.port and failures:
            failures.pop()
            raise ConnectionRefusedError(111, "Connection refused")
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", connect_later)
    assert social(new_client(server.url)).batch_id == "batch_hJ8kLm3nP9qR2vXy"
    assert failures == []
    assert server.effects[SOCIAL] == 1


def test_an_earlier_attempt_that_was_sent_is_not_forgotten(server, new_client, steps):
    # The first attempt arrives; then the host is gone.
    def vanish(exchange):
        exchange.take_effect()
        server.stop_listening()
        exchange.reset()
        return False

    server.on(PREPARE, vanish)
    with pytest.raises(NoAnswer, match="may have been received") as caught:
        prepare(new_client(server.url))
    assert caught.value.request_sent
    assert len(server.seen(PREPARE)) == 1


def test_an_unknown_host_is_said_and_nothing_was_sent(new_client):
    with pytest.raises(NoAnswer) as caught:
        new_client("https://pique.invalid", timeouts=Timeouts(connect_s=2)).get_judge("j")
    assert not caught.value.request_sent


def test_a_connection_that_cannot_be_made_in_time_sent_nothing(new_client):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # A full backlog drops what comes next, as a dead host does.
        with socket.create_connection(("127.0.0.1", port)):
            client = new_client(
                f"http://127.0.0.1:{port}",
                timeouts=Timeouts(connect_s=0.2),
                retries=RetryPolicy(attempts=1),
            )
            with pytest.raises(NoAnswer, match=r"no connection within 0\.2 s") as caught:
                client.get_judge("j")
    assert not caught.value.request_sent


def test_a_silent_server_may_have_acted(server, new_client, steps):
    server.on(PREPARE, steps.stall())
    client = new_client(server.url, timeouts=Timeouts(read_s=0.2), retries=RetryPolicy(attempts=1))
    with pytest.raises(NoAnswer, match=r"silence for 0\.2 s") as caught:
        prepare(client)
    assert caught.value.request_sent


def test_waiting_for_a_connection_of_our_own_sends_nothing(server, new_client, steps, documented):
    server.on(JUDGE, steps.stall(), steps.reply(200, documented("get_judge_response")))
    client = new_client(
        server.url,
        timeouts=Timeouts(read_s=PATIENCE_S, pool_s=0.1),
        retries=RetryPolicy(attempts=1),
        max_connections=1,
    )

    def wait_in_vain():
        with pytest.raises(NoAnswer):
            client.get_judge("j")

    first = threading.Thread(target=wait_in_vain)
    first.start()
    eventually(lambda: server.seen(JUDGE))
    with pytest.raises(NoAnswer, match=r"no free connection within 0\.1 s") as caught:
        social(client)
    assert not caught.value.request_sent
    server.closing.set()
    first.join()


def test_retries_end_with_the_last_error(server, client, steps):
    server.on(JUDGE, steps.reply(503, {"detail": "busy"}, Retry_After="7"))
    with pytest.raises(ServerError, match="busy") as caught:
        client.get_judge("j")
    assert caught.value.retry_after_s == 7
    assert len(server.seen(JUDGE)) == 4


def test_a_rate_limit_without_end_is_said(server, client, steps):
    server.on(JUDGE, steps.reply(429, {"detail": "slow down"}, Retry_After="86400000000"))
    with pytest.raises(RateLimited) as caught:
        client.get_judge("j")
    assert caught.value.retry_after_s == 86_400
    assert len(server.seen(JUDGE)) == 4


@pytest.mark.parametrize("style", ["seconds", "date"])
def test_retry_after_is_waited_for(style, server, new_client, steps, documented):
    # So far ahead that the longest pause is waited for, however late a busy machine sends the first request.
    asked = "3600" if style == "seconds" else format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.on(JUDGE, steps.reply(429, {}, Retry_After=asked), steps.reply(200, documented("get_judge_response")))
    new_client(server.url, retries=RetryPolicy(base_s=0, retry_after_cap_s=0.5)).get_judge("j")
    first, second = server.seen(JUDGE)
    assert second.at - first.at >= 0.5


def test_retries_do_not_begin_after_the_key_was_refused(server, client, steps):
    server.on(PREPARE, steps.reply(500, {}), steps.reply(401, {"detail": "Invalid API key"}))
    with pytest.raises(PiqueError, match="Check the API key"):
        prepare(client)
    assert len(server.seen(PREPARE)) == 2


def test_one_client_serves_many_threads(server, client, steps, documented):
    server.on(JUDGE, steps.reply(200, documented("get_judge_response")))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.extend(client.get_judge("j").id for _ in range(10))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 80
