"""A refused key ends everything with one clear error: nothing more is asked, from no thread."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import PATIENCE_S, eventually

from pique_assets.api import RetryPolicy
from pique_assets.api.errors import Unauthorized
from pique_assets.api.models import PresignedUploadRequest, SocialMediaRequest

JUDGE = "GET /v1/judges/j"
RESULT = "GET /v1/evaluations/results/job_1"


@pytest.fixture
def refused(steps):
    return steps.reply(401, {"detail": "Invalid API key"})


CALLS = {
    "judge": lambda client: client.get_judge("j"),
    "judges": lambda client: list(client.list_judges()),
    "result": lambda client: client.get_result("job_1"),
    "social": lambda client: client.submit_social_media(
        SocialMediaRequest(judge_id="j", video_urls=["https://x.test/v"])
    ),
    "prepare": lambda client: client.create_presigned_upload(
        PresignedUploadRequest(judge_id="j", content_type="video", filename="f.mp4", file_size_bytes=1)
    ),
    "reference": lambda client: client.create_reference_content("mp4"),
}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", CALLS)
def test_after_the_first_refusal_no_call_asks_again(call, status, server, client, steps):
    server.on(JUDGE, steps.reply(status, {"detail": "Invalid API key"}))
    with pytest.raises(Unauthorized) as first:
        client.get_judge("j")
    with pytest.raises(Unauthorized) as second:
        CALLS[call](client)
    assert str(second.value) == str(first.value)
    assert (second.value.status, second.value.detail) == (status, "Invalid API key")
    assert second.value is not first.value
    assert len(server.requests) == 1


def test_threads_that_wait_for_their_turn_raise_without_asking(server, new_client, refused):
    client = new_client(server.url, max_connections=1)
    everybody_waits = threading.Event()

    def late_refusal(exchange):
        everybody_waits.wait(PATIENCE_S)
        return refused(exchange)

    server.on(JUDGE, late_refusal)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.get_judge, "j") for _ in range(8)]
        eventually(lambda: client.concurrency.api.waiting == 7)
        everybody_waits.set()
        errors = [future.exception(timeout=PATIENCE_S) for future in asked]
    assert {(type(error), str(error)) for error in errors} == {(Unauthorized, str(errors[0]))}
    assert len(server.requests) == 1


def test_a_thread_between_two_attempts_raises_without_another(server, new_client, steps, refused):
    client = new_client(server.url, retries=RetryPolicy(base_s=1000, cap_s=1000))
    server.on(RESULT, steps.reply(500, {}))
    server.on(JUDGE, refused)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(client.get_result, "job_1")
        eventually(lambda: server.effects[RESULT])
        with pytest.raises(Unauthorized):
            client.get_judge("j")
        assert isinstance(patient.exception(timeout=PATIENCE_S), Unauthorized)
    assert len(server.seen(RESULT)) == 1


def test_another_client_asks_for_itself(server, new_client, steps, refused, documented):
    server.on(JUDGE, refused, steps.reply(200, documented("get_judge_response")))
    with pytest.raises(Unauthorized):
        new_client(server.url).get_judge("j")
    assert new_client(server.url, api_key="pk_another").get_judge("j").id


def test_closing_does_not_hide_why_it_ended(server, client, refused):
    server.on(JUDGE, refused)
    with pytest.raises(Unauthorized):
        client.get_judge("j")
    client.close()
    with pytest.raises(Unauthorized, match="Check the API key") as caught:
        client.get_judge("j")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
