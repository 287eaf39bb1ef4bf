"""The seven calls: what is sent, and what is made of the answer."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from pique_assets.api.errors import (
    InvalidRequest,
    NotFound,
    NotReached,
    PiqueApiError,
    Unauthorized,
    UnexpectedAnswer,
)
from pique_assets.api.models import JudgeRequest, PresignedUploadRequest, SocialMediaRequest

RESULT = "GET /v1/evaluations/results/job_xKt9mNp2qRs3vWy7"


def test_every_call_sends_the_key_and_reads_the_documented_answer(server, client, steps, documented, api_key):
    routes = {
        "GET /v1/judges": "list_judges_response.reconstructed",
        "GET /v1/judges/judge_abc123": "get_judge_response",
        "POST /v1/judges": "create_judge_response.reconstructed",
        "POST /v1/judges/reference_content": "reference_content_response",
        "POST /v1/evaluations/presigned-upload": "presigned_upload_response",
        "POST /v1/evaluations/social-media": "social_media_response",
        RESULT: "results_completed",
    }
    for route, name in routes.items():
        server.on(route, steps.reply(202 if "social" in route else 200, documented(name)))
    judge_wish = JudgeRequest.model_validate(documented("create_judge_request"))
    upload_wish = PresignedUploadRequest.model_validate(documented("presigned_upload_request"))
    videos = SocialMediaRequest.model_validate(documented("social_media_request"))

    assert [judge.name for judge in client.list_judges()] == ["Brand Video Judge"]
    assert len(client.get_judge("judge_abc123").detector_configs) == 5
    assert client.create_judge(judge_wish).status == "pending"
    assert client.create_reference_content("mp4").reference_content_uri.startswith("gs://")
    assert client.create_presigned_upload(upload_wish).job_id == "job_xKt9mNp2qRs3vWy7"
    assert client.submit_social_media(videos).total_videos == 3
    assert client.get_result("job_xKt9mNp2qRs3vWy7").result.is_terminal

    assert [f"{r.method} {r.path}" for r in server.requests] == list(routes)
    assert {r.header("X-API-Key") for r in server.requests} == {api_key}
    sent = {r.path: r.json() for r in server.requests if r.method == "POST"}
    assert sent == {
        "/v1/judges": documented("create_judge_request"),
        "/v1/judges/reference_content": documented("reference_content_request"),
        "/v1/evaluations/presigned-upload": documented("presigned_upload_request"),
        "/v1/evaluations/social-media": documented("social_media_request"),
    }
    assert {r.header("Content-Type") for r in server.requests if r.method == "POST"} == {"application/json"}


def test_models_and_errors_cost_no_http_library():
    program = "import sys, pique_assets.api.models, pique_assets.api.errors; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(server, new_client, steps, documented, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.on("GET /v1/judges/j", steps.reply(200, documented("get_judge_response")))
    assert new_client(server.url).get_judge("j").status == "ready"


def test_a_base_url_may_have_a_path_and_a_trailing_slash(server, new_client, steps, documented):
    server.on("GET /pique/v1/judges/j", steps.reply(200, documented("get_judge_response")))
    assert new_client(f"{server.url}/pique/").get_judge("j").status == "ready"


def test_a_result_keeps_its_bytes_and_the_time_it_came(server, client, steps):
    body = b'{"job_id": "job_xKt9mNp2qRs3vWy7",  "status":"completed", "overall_score": 8.50e1, "n": 1e400}'
    server.on(RESULT, steps.reply(raw=body))
    before = datetime.now(UTC)
    received = client.get_result("job_xKt9mNp2qRs3vWy7")
    assert received.body == body
    assert before <= received.received_at <= datetime.now(UTC)
    assert "8.50e1" not in repr(received)


def test_a_failed_evaluation_is_a_result(server, client, steps, documented):
    server.on(
        "GET /v1/evaluations/results/job_3vp2mT7dJh5vhZmpk2G_yg",
        steps.reply(200, documented("results_failed")),
    )
    result = client.get_result("job_3vp2mT7dJh5vhZmpk2G_yg").result
    assert (result.status, result.error) == ("failed", "Media processing failed")


def test_a_result_about_another_job_is_not_taken(server, client, steps, documented):
    server.on("GET /v1/evaluations/results/job_other", steps.reply(200, documented("results_completed")))
    with pytest.raises(UnexpectedAnswer, match="about job job_xKt9mNp2qRs3vWy7"):
        client.get_result("job_other")


@pytest.mark.parametrize("identifier", ["a/b", "a?b#c", "ü %2F", "../judges"])
def test_an_opaque_id_stays_one_segment_of_the_path(identifier, server, client):
    with pytest.raises(NotFound):
        client.get_judge(identifier)
    path = server.requests[0].path
    assert path.startswith("/v1/judges/")
    assert path.count("/") == 3
    assert server.requests[0].query == ""


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_an_id_that_would_leave_its_path_is_refused(identifier, server, client):
    with pytest.raises(ValueError, match="not an id"):
        client.get_result(identifier)
    assert server.requests == []


def test_input_outside_the_limits_is_refused_before_sending(server, client):
    with pytest.raises(ValueError, match="file_extension"):
        client.create_reference_content(".mp4")
    assert server.requests == []


def page(documented, ids, *, has_more):
    judge = documented("get_judge_response")
    return {"judges": [judge | {"id": name} for name in ids], "total": 9, "has_more": has_more}


def test_pages_are_followed_and_a_judge_seen_twice_is_yielded_once(server, client, steps, documented):
    server.on(
        "GET /v1/judges",
        steps.reply(200, page(documented, ["c", "b"], has_more=True)),
        steps.reply(200, page(documented, ["b", "a", "a"], has_more=False)),
    )
    assert [judge.id for judge in client.list_judges("video")] == ["c", "b", "a"]
    queries = [parse_qs(request.query) for request in server.requests]
    assert queries == [
        {"limit": ["100"], "offset": ["0"], "content_type": ["video"]},
        {"limit": ["100"], "offset": ["2"], "content_type": ["video"]},
    ]


def test_a_server_that_always_has_more_does_not_hold_us(server, client, steps, documented):
    server.on("GET /v1/judges", steps.reply(200, page(documented, ["a"], has_more=True)))
    assert [judge.id for judge in client.list_judges()] == ["a"]
    assert len(server.requests) == 2


def test_an_organisation_without_judges_has_none(server, client, steps):
    server.on("GET /v1/judges", steps.reply(200, {"judges": [], "total": 0, "has_more": False}))
    assert list(client.list_judges()) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (422, InvalidRequest),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, PiqueApiError),
    ],
)
def test_a_refusal_is_typed_and_not_repeated(status, kind, server, client, steps):
    server.on("GET /v1/judges/j", steps.reply(status, {"detail": "what went wrong"}))
    with pytest.raises(PiqueApiError, match="what went wrong") as caught:
        client.get_judge("j")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.request) == (status, "GET /v1/judges/j")
    # A conflict is no refusal to begin: what was asked may have been done.
    assert caught.value.may_have_taken_effect is (status == 409)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"detail": [{"loc": ["body", "filename"], "msg": "too long", "input": "h.test/?t=5ecret"}]}',
         "body.filename: too long"),
        (b'{"detail": {"reason": "no"}}', '{"reason": "no"}'),
        (b'{"detail": ["a", {"loc": 3}]}', "a; request: invalid"),
        (b"<html>\n<b>Bad</b>\n</html>", "<html> <b>Bad</b> </html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"[" * 100_000, "[" * 500),
    ],
)  # fmt: skip
def test_an_error_body_of_any_shape_is_said_in_one_line(body, said, server, client, steps):
    server.on("GET /v1/judges/j", steps.reply(400, raw=body))
    with pytest.raises(InvalidRequest) as caught:
        client.get_judge("j")
    assert caught.value.detail == said
    assert "5ecret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"3", b"{}", b'{"id": 4}', b"\xff", b"[" * 100_000, b'{"id": NaN'],
)
def test_a_success_that_cannot_be_read_says_so(body, server, client, steps):
    server.on("GET /v1/judges/j", steps.reply(raw=body))
    with pytest.raises(UnexpectedAnswer, match="GET /v1/judges/j") as caught:
        client.get_judge("j")
    assert caught.value.status == 200


def test_a_redirect_is_not_followed(server, client, steps, new_server):
    elsewhere = new_server()
    server.on("GET /v1/judges/j", steps.reply(302, {}, Location=f"{elsewhere.url}/v1/judges/j"))
    with pytest.raises(NotReached, match="redirect"):
        client.get_judge("j")
    assert elsewhere.requests == []


def test_an_answer_of_any_size_does_not_fill_the_memory(server, client, steps, monkeypatch):
    monkeypatch.setattr("pique_assets.api.transport.MAX_ANSWER_BYTES", 100_000)
    server.on("GET /v1/judges/j", steps.reply(raw=b" " * 10_000_000))
    with pytest.raises(UnexpectedAnswer, match="more than 100000 bytes"):
        client.get_judge("j")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.getpique.ai",
        "http://127.0.0.1.evil.test",
        "ftp://127.0.0.1",
        "api.getpique.ai",
        "https://",
        "https://user:hunter2@api.getpique.ai",
        "https://api.getpique.ai?key=hunter2",
        "",
    ],
)
def test_a_base_url_that_would_betray_the_key_is_refused(url, new_client):
    with pytest.raises(ValueError, match="base_url") as caught:
        new_client(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://api.getpique.ai", "http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1"]
)
def test_a_secure_or_local_base_url_is_accepted(url, new_client):
    assert url in repr(new_client(url))


@pytest.mark.parametrize("key", ["", "pk_secret\n", "pk secret", "pk_sécret", "\tpk_secret"])
def test_a_key_that_is_no_header_value_is_refused_and_not_shown(key, new_client):
    with pytest.raises(ValueError, match="API key") as caught:
        new_client("https://api.getpique.ai", api_key=key)
    assert "cret" not in str(caught.value)
