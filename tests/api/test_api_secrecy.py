"""The API key goes to the API's host alone, and no secret goes anywhere people look."""

from __future__ import annotations

import io
import logging
import pickle
import traceback

import pytest

from pique_assets.api import RetryPolicy, Timeouts
from pique_assets.api.errors import PiqueError
from pique_assets.api.models import PresignedUploadRequest, SocialMediaRequest

SIGNATURE = "5ecretSignature"
HOOK_TOKEN = "5ecretHookToken"
PUT = "PUT /b/o"
RESULT = "GET /v1/evaluations/results/job_1"
PREPARE = "POST /v1/evaluations/presigned-upload"


@pytest.fixture
def everything_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        yield caplog


def answer_for(storage):
    return {
        "job_id": "job_1",
        "upload_url": f"{storage.url}/b/o?X-Goog-Credential=acc&X-Goog-Signature={SIGNATURE}",
        "upload_headers": {"Content-Type": "video/mp4"},
        "expires_at": "2030-01-01T00:00:00Z",
    }


def prepare(client):
    wish = PresignedUploadRequest(
        judge_id="j",
        content_type="video",
        filename="f.mp4",
        file_size_bytes=3,
        webhook_url=f"https://h.test/?token={HOOK_TOKEN}",
    )
    return client.create_presigned_upload(wish)


def journey(client):
    """Prepare a job, send its bytes, ask for its result."""
    upload = prepare(client)
    client.upload(upload, open_body=lambda: io.BytesIO(b"abc"), size_bytes=3)
    return client.get_result("job_1")


def words_of(error):
    """All that anyone could see of an error, its chain and its traceback, variables below us included."""
    seen = []
    todo = [error]
    while todo:
        one = todo.pop()
        seen += [str(one), repr(one), repr(one.args), repr(one.__dict__)]
        todo += [linked for linked in (one.__context__, one.__cause__) if linked is not None]
    seen.append(repr(pickle.dumps(error)))
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in report.stack:
        if frame.filename != __file__:
            seen += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
    seen += list(traceback.format_exception(error))
    return "\n".join(seen)


def assert_silent(text, api_key):
    for secret in (api_key, SIGNATURE, HOOK_TOKEN):
        assert secret not in text


def test_the_key_never_goes_to_the_storage_host(server, storage, client, steps, api_key, documented):
    server.on(PREPARE, steps.reply(200, answer_for(storage), Set_Cookie="session=1"))
    storage.on(PUT, steps.store())
    server.on(RESULT, steps.reply(200, documented("results_completed") | {"job_id": "job_1"}))
    journey(client)
    (put,) = storage.requests
    assert api_key not in repr(put)
    assert [name.lower() for name, _ in put.headers] == ["host", "content-type", "content-length"]
    assert all(request.header("X-API-Key") == api_key for request in server.requests)


def test_even_the_same_host_gets_no_key_with_an_upload(server, client, steps, api_key, documented):
    server.on(PREPARE, steps.reply(200, answer_for(server)))
    server.on(PUT, steps.store())
    server.on(RESULT, steps.reply(200, documented("results_completed") | {"job_id": "job_1"}))
    journey(client)
    (put,) = server.seen(PUT)
    assert api_key not in repr(put)


def test_the_key_does_not_follow_a_redirect(server, storage, client, steps, api_key):
    server.on(RESULT, steps.reply(307, {}, Location=f"{storage.url}/v1/x?key={api_key}"))
    with pytest.raises(PiqueError):
        client.get_result("job_1")
    assert storage.requests == []


def test_a_journey_that_works_tells_no_secret(server, storage, client, steps, api_key, documented, everything_logged):
    server.on(PREPARE, steps.reply(503, {}), steps.reply(200, answer_for(storage)))
    storage.on(PUT, steps.store())
    server.on(RESULT, steps.reply(200, documented("results_completed") | {"job_id": "job_1"}))
    received = journey(client)
    upload = prepare(client)
    assert "HTTP Request: PUT" in everything_logged.text
    assert "attempt 2 follows" in everything_logged.text
    assert_silent(everything_logged.text, api_key)
    assert_silent(f"{client!r} {client} {vars(client)} {upload!r} {upload} {received!r}", api_key)
    assert_silent(f"{vars(client)['_api']!r} {vars(client)['_storage']!r}", api_key)


def echo(steps, status, api_key):
    """A server that says back whatever it should not."""
    return steps.reply(
        status,
        {"detail": f"key {api_key} is bad; see https://s.test/?X-Goog-Signature={SIGNATURE}"},
        Location=f"https://s.test/?X-Goog-Signature={SIGNATURE}",
        Set_Cookie=f"k={api_key}",
    )


@pytest.mark.parametrize(
    "name",
    [
        "400",
        "401",
        "404",
        "429",
        "500",
        "302",
        "not JSON",
        "not the model",
        "reset",
        "stall",
        "cut",
        "closed",
    ],
)
def test_a_failing_call_tells_no_secret(name, server, storage, new_client, steps, api_key, everything_logged):
    scripts = {
        "not JSON": steps.reply(raw=f"{api_key} {SIGNATURE}".encode()),
        "not the model": steps.reply(200, answer_for(storage) | {"expires_at": SIGNATURE, "job_id": 3}),
        "reset": steps.reset(after_effect=True),
        "stall": steps.stall(),
        "cut": steps.truncate(answer_for(storage)),
        "closed": steps.reply(200, {}),
    }
    server.on(PREPARE, scripts[name] if name in scripts else echo(steps, int(name), api_key))
    if name == "closed":
        server.stop_listening()
    client = new_client(
        server.url,
        timeouts=Timeouts(read_s=0.2),
        retries=RetryPolicy(attempts=2, base_s=0, retry_after_cap_s=0),
    )
    with pytest.raises(PiqueError) as caught:
        prepare(client)
    assert_silent(words_of(caught.value), api_key)
    assert_silent(everything_logged.text, api_key)


@pytest.mark.parametrize("name", ["403", "500", "302", "reset", "stall", "early", "changed", "corrupt", "closed"])
def test_a_failing_upload_tells_no_secret(name, server, storage, new_client, steps, api_key, everything_logged):
    scripts = {
        "reset": steps.reset(after_effect=False),
        "stall": steps.stall(),
        "early": steps.refuse_early(403, code="SignatureDoesNotMatch", then="close"),
        "changed": steps.store(),
        "corrupt": steps.store(corrupt=True),
        "closed": steps.store(),
    }
    server.on(PREPARE, steps.reply(200, answer_for(storage)))
    storage.on(PUT, scripts[name] if name in scripts else echo(steps, int(name), api_key))
    if name == "closed":
        storage.stop_listening()
    client = new_client(server.url, upload_timeouts=Timeouts(read_s=0.2))
    upload = prepare(client)
    size = 4 if name == "changed" else 3
    with pytest.raises(PiqueError) as caught:
        client.upload(upload, open_body=lambda: io.BytesIO(b"abc"), size_bytes=size)
    assert_silent(words_of(caught.value), api_key)
    assert_silent(everything_logged.text, api_key)


def test_a_key_that_looks_like_none_is_hidden_as_well(server, new_client, steps):
    odd_key = "hunter2"
    server.on(RESULT, steps.reply(401, {"detail": f"no such key: {odd_key}"}))
    with pytest.raises(PiqueError) as caught:
        new_client(server.url, api_key=odd_key).get_result("job_1")
    assert odd_key not in words_of(caught.value)


def test_a_key_cut_in_half_is_not_left_over(server, new_client, steps):
    odd_key = "hunter2hunter2"
    server.on(RESULT, steps.reply(400, {"detail": "x" * 495 + f" {odd_key}"}))
    with pytest.raises(PiqueError) as caught:
        new_client(server.url, api_key=odd_key).get_result("job_1")
    assert odd_key[:4] not in words_of(caught.value)


def test_a_social_submission_in_doubt_tells_no_secret(server, client, steps, api_key, everything_logged):
    server.on("POST /v1/evaluations/social-media", steps.reset(after_effect=True))
    wish = SocialMediaRequest(
        judge_id="j",
        video_urls=["https://x.test/v"],
        webhook_url=f"https://h.test/?token={HOOK_TOKEN}",
    )
    with pytest.raises(PiqueError) as caught:
        client.submit_social_media(wish)
    assert_silent(words_of(caught.value), api_key)
    assert_silent(everything_logged.text, api_key)
