"""Webhooks: signed over the bytes sent, tried again until the answer is 200, sent nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
from pathlib import Path

import pytest
from hook import receiver

from pique_assets.local.webhook_sender import signature_header

CONTRACT = Path(__file__).parents[1] / "contract" / "payloads"
RETRY_BASE_S = 0.2


@pytest.fixture(scope="module")
def quick(start_pique, tmp_path_factory):
    """A server that tries again soon."""
    with start_pique(tmp_path_factory.mktemp("webhooks"), webhook_retry_base_s=RETRY_BASE_S) as pique:
        yield pique


def test_a_completed_job_is_told_as_documented_and_signed(quick, clip, eventually):
    began_s = int(time.time())
    with receiver() as hook:
        result = quick.evaluated(clip, webhook_url=hook.url, title="ünï #bunny")
        eventually(lambda: hook.received)
    (told,) = hook.received
    body = json.loads(told.body)
    example = json.loads((CONTRACT / "webhook_direct_completed.json").read_text())
    assert body.keys() == example.keys()
    assert body["results"][0].keys() == example["results"][0].keys()
    assert (body["job_id"], body["status"]) == (result["job_id"], "completed")
    criteria = [found["criterion_id"] for found in body["results"]]
    assert criteria == [found["detector_config_id"] for found in result["detector_results"]]
    assert re.fullmatch(r".+T\d\d:\d\d:\d\d\.\d{6}Z", body["timestamp"])
    assert told.path == "/hook?team=a"
    assert told.headers["content-type"] == "application/json"
    timestamp, digest = re.fullmatch(
        r"t=(\d+),v1=([0-9a-f]{64}),alg=sha256", told.headers["x-pique-signature"]
    ).groups()
    assert began_s <= int(timestamp) <= time.time()
    secret = quick.process.webhook_secret.encode()
    message = timestamp.encode() + b"." + told.body
    assert hmac.new(secret, message, hashlib.sha256).hexdigest() == digest
    assert "x-api-key" not in told.headers


def test_a_failed_job_is_told_as_documented(quick, eventually):
    with receiver() as hook:
        quick.evaluated(b"not media", webhook_url=hook.url)
        eventually(lambda: hook.received)
    body = json.loads(hook.received[0].body)
    assert body.keys() == json.loads((CONTRACT / "webhook_direct_failed.json").read_text()).keys()
    assert body["event"] == "evaluation.failed"


def test_a_webhook_is_tried_again_with_growing_pauses_until_it_is_accepted(quick, clip, eventually):
    with receiver() as hook:
        hook.answers += [(500, {}), (202, {}), (404, {})]
        quick.evaluated(clip, webhook_url=hook.url)
        eventually(lambda: len(hook.received) == 4)
        # What comes after the next job's webhook would have come before, had there been a fifth.
        quick.evaluated(clip, webhook_url=hook.url)
        eventually(lambda: len(hook.received) == 5)
    *tries, other = hook.received
    assert len({told.body for told in tries}) == 1
    assert other.body != tries[0].body
    # A busy machine makes pauses longer, never shorter.
    for number, (sooner, later) in enumerate(itertools.pairwise(tries)):
        assert later.at - sooner.at >= RETRY_BASE_S * 2**number - 0.01


def test_a_redirect_is_not_followed(quick, clip, eventually):
    with receiver() as hook, receiver() as elsewhere:
        hook.answers += [(307, {"Location": elsewhere.url}), (302, {"Location": elsewhere.url})]
        quick.evaluated(clip, webhook_url=hook.url)
        eventually(lambda: len(hook.received) >= 3)
    assert elsewhere.received == []


def test_an_address_where_nobody_listens_does_not_hold_up_the_others(quick, clip, eventually):
    with receiver() as hook:
        quick.submit(clip, webhook_url="http://127.0.0.1:1/nobody")
        quick.submit(clip, webhook_url="http://no-such-host.invalid/")
        job_id = quick.submit(clip, webhook_url=hook.url)
        eventually(lambda: hook.received)
    assert json.loads(hook.received[0].body)["job_id"] == job_id


def test_the_organisations_webhook_is_told_unless_the_request_names_another(
    start_pique, tmp_path, clip, eventually, monkeypatch
):
    with receiver() as own, receiver() as named, receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with start_pique(tmp_path, webhook_url=own.url) as pique:
            first = pique.submit(clip)
            second = pique.submit(clip, webhook_url=named.url)
            eventually(lambda: own.received and named.received)
    assert [json.loads(told.body)["job_id"] for told in own.received] == [first]
    assert [json.loads(told.body)["job_id"] for told in named.received] == [second]
    assert proxy.received == []


def test_a_webhook_that_was_not_accepted_is_tried_again_after_a_restart(start_pique, tmp_path, clip, eventually):
    with receiver() as hook:
        hook.answers.append((500, {}))
        with start_pique(tmp_path, webhook_retry_base_s=0.5) as pique:
            pique.evaluated(clip, webhook_url=hook.url)
            eventually(lambda: hook.received)
        assert len(hook.received) == 1
        with start_pique(tmp_path):
            eventually(lambda: len(hook.received) == 2)
    assert hook.received[0].body == hook.received[1].body


def test_the_signature_covers_time_and_body():
    one = signature_header(b"{}", secret="s", timestamp=1)
    assert one == signature_header(b"{}", secret="s", timestamp=1)
    others = [
        signature_header(b"{} ", secret="s", timestamp=1),
        signature_header(b"{}", secret="t", timestamp=1),
        signature_header(b"{}", secret="s", timestamp=2),
    ]
    assert len({one.partition("v1=")[2], *(other.partition("v1=")[2] for other in others)}) == 4
