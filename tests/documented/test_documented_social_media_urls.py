"""The page "social media" (docs/contract.md): every field, limit, status code and error of a batch, and its webhook."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from documented_page import DocumentedPage, at, documented, paths
from documented_pique import Answer, documented_pique
from waiting import eventually

from pique_assets.analysis import load
from pique_assets.api.errors import InvalidRequest, NotFound, ServerError, Unauthorized
from pique_assets.api.models import EvaluationResult, SocialMediaRequest
from pique_assets.api.signatures import SignatureError, verify_signature
from pique_assets.lake import Payload, normalise

DOCUMENT = DocumentedPage(
    "social media",
    {
        "request": ("POST /v1/evaluations/social-media", "X-API-Key", "Content-Type: application/json"),
        "request field": ("judge_id", "video_urls", "webhook_url"),
        "limit": ("video_urls: 1", "video_urls: 20", "video_urls: http", "video_urls: https"),
        "response field": (
            "batch_id",
            "jobs",
            "jobs[].job_id",
            "jobs[].url",
            "jobs[].status",
            "jobs[].error_message",
            "total_videos",
            "webhook_id",
        ),
        "status": ("awaiting_upload", "completed"),
        "status code": ("202", "400", "401", "404", "500"),
        "webhook header": ("X-Webhook-Signature",),
        "webhook field": ("job_id", "batch_id", "status", "url", "overall_score", "results", "completed_at"),
        "error": (
            "400 judge is not a video judge",
            "400 invalid URL",
            "400 more than 20",
            "400 none",
            "401",
            "404",
            "500",
        ),
        "advice": ("videos may fail for bot detection", "several videos in one request"),
    },
)
RESPONSE_FIELDS, WEBHOOK_FIELDS = DOCUMENT.sections["response field"], DOCUMENT.sections["webhook field"]
ROUTE = "POST /v1/evaluations/social-media"
WISH, ACCEPTED = documented("social_media_request"), documented("social_media_response")
JOB = ACCEPTED["jobs"][0]
TOLD = documented("webhook_social_completed.results_elided")


def wish(**changes) -> SocialMediaRequest:
    return SocialMediaRequest(**{**WISH, **changes})


def unchecked(**changes) -> SocialMediaRequest:
    """A wish our own model would not let through."""
    return wish().model_copy(update=changes)


def accepted(document: dict) -> Answer:
    return Answer(status=202, document=document)


@DOCUMENT.tests("request field", DOCUMENT.sections["request field"])
@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
def test_the_documented_bodies_have_these_fields_and_no_other():
    assert set(WISH) | {"webhook_url"} == set(DOCUMENT.sections["request field"])
    assert paths(ACCEPTED) == set(RESPONSE_FIELDS)
    assert set(TOLD) == set(WEBHOOK_FIELDS)


@DOCUMENT.tests("request", DOCUMENT.sections["request"])
@DOCUMENT.tests("request field", DOCUMENT.sections["request field"])
def test_every_field_is_sent_as_documented(server, client):
    server.on(ROUTE, accepted(ACCEPTED))
    client.submit_social_media(wish(webhook_url="https://hooks.example.com/pique"))
    client.submit_social_media(wish())
    first, second = server.requests
    assert first.json() == WISH | {"webhook_url": "https://hooks.example.com/pique"}
    assert second.json() == WISH
    assert first.headers["x-api-key"] == server.api_key
    assert first.headers["content-type"] == "application/json"


@DOCUMENT.tests("status code", "202")
@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@pytest.mark.parametrize("word", RESPONSE_FIELDS)
def test_a_field_of_the_answer_is_read_as_documented(word, server, client):
    server.on(ROUTE, accepted(ACCEPTED))
    batch = client.submit_social_media(wish())
    assert (batch.model_extra, batch.jobs[0].model_extra) == ({}, {})
    assert at(json.loads(batch.model_dump_json()), word) == at(ACCEPTED, word)
    assert [job.url for job in batch.jobs] == WISH["video_urls"]


@DOCUMENT.tests("advice", "videos may fail for bot detection")
@DOCUMENT.tests("response field", ["jobs[].status", "jobs[].error_message", "webhook_id"])
def test_an_accepted_batch_may_carry_a_job_that_failed_and_no_webhook(server, client):
    failed = ACCEPTED["jobs"][1] | {"status": "failed", "error_message": "bot detection"}
    server.on(ROUTE, accepted(ACCEPTED | {"jobs": [ACCEPTED["jobs"][0], failed], "webhook_id": None}))
    batch = client.submit_social_media(wish())
    assert [(job.status, job.error_message) for job in batch.jobs] == [
        ("awaiting_upload", None),
        ("failed", "bot detection"),
    ]
    assert batch.webhook_id is None


@DOCUMENT.tests("limit", DOCUMENT.sections["limit"])
@pytest.mark.parametrize("urls", [["https://v.example.com/1"], ["http://v.example.com/1"] * 20])
def test_urls_within_the_limits_are_sent(urls, server, client):
    server.on(ROUTE, accepted(ACCEPTED))
    client.submit_social_media(wish(video_urls=urls))
    assert server.requests[0].json()["video_urls"] == urls


BEYOND = {
    "400 none": [],
    "400 more than 20": ["https://v.example.com/1"] * 21,
    "400 invalid URL": ["ftp://v.example.com/1"],
}


@DOCUMENT.tests("error", BEYOND)
@DOCUMENT.tests("status code", "400")
@DOCUMENT.tests("limit", DOCUMENT.sections["limit"])
@pytest.mark.parametrize("error", BEYOND)
def test_urls_beyond_the_limits_are_refused_on_both_sides(error, local_client):
    with pytest.raises(ValueError, match="video_urls"):
        wish(video_urls=BEYOND[error])
    with pytest.raises(InvalidRequest, match="video_urls") as caught:
        local_client.submit_social_media(unchecked(video_urls=tuple(BEYOND[error])))
    assert caught.value.status == 400
    assert not caught.value.may_have_taken_effect


@DOCUMENT.tests("error", "400 judge is not a video judge")
@pytest.mark.parametrize("judge_id", ["judge_images", "judge_sounds"])
def test_400_for_a_judge_that_is_no_video_judge(judge_id, local_client):
    with pytest.raises(InvalidRequest, match="not video") as caught:
        local_client.submit_social_media(wish(judge_id=judge_id))
    assert caught.value.status == 400


@DOCUMENT.tests("status code", "202")
@DOCUMENT.tests("advice", "several videos in one request")
@DOCUMENT.tests("request field", ["judge_id", "video_urls"])
@DOCUMENT.tests("response field", ["batch_id", "jobs", "jobs[].job_id", "jobs[].url"])
def test_a_days_urls_go_in_one_request_and_their_batch_is_in_the_lake(documented_urls, server):
    (request,) = server.seen(ROUTE)
    assert sorted(request.json()["video_urls"]) == sorted(WISH["video_urls"])
    assert request.json()["judge_id"] == documented("get_judge_response")["id"]
    rows = load("submissions", lake=documented_urls.home / "lake").set_index("content_uri")
    for job in ACCEPTED["jobs"]:
        row = rows.loc[job["url"]]
        assert (row["job_id"], row["batch_id"]) == (job["job_id"], ACCEPTED["batch_id"])
        assert (row["source"], row["state"]) == ("social", "completed")
    assert len(rows) == len(load("evaluations", lake=documented_urls.home / "lake")) == ACCEPTED["total_videos"]


@DOCUMENT.tests("status code", "202")
@DOCUMENT.tests("request field", "webhook_url")
@DOCUMENT.tests("status", ["awaiting_upload", "completed"])
@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@DOCUMENT.tests("webhook header", "X-Webhook-Signature")
def test_the_local_pique_answers_and_tells_in_the_same_fields(local, local_client, video_site):
    url = f"http://{video_site}/video.mp4"
    with documented_pique() as receiver:
        receiver.on("POST /hook", Answer())
        batch = local_client.submit_social_media(wish(video_urls=[url], webhook_url=f"{receiver.base_url}/hook"))
        (job,) = batch.jobs
        assert (batch.model_fields_set, job.model_fields_set | {"error_message"}) == (set(ACCEPTED), set(JOB))
        assert (job.url, job.status, job.error_message, batch.total_videos) == (url, "awaiting_upload", None, 1)
        (told,) = eventually(lambda: receiver.seen("POST /hook"))
    said = told.json()
    assert said.keys() == TOLD.keys()
    assert (said["job_id"], said["batch_id"], said["url"]) == (job.job_id, batch.batch_id, url)
    assert said["status"] == local_client.get_result(job.job_id).result.status == "completed"
    signature = told.headers["x-webhook-signature"]
    assert verify_signature(told.body, signature, [local.webhook_secret]).v1
    with pytest.raises(SignatureError):
        verify_signature(told.body + b" ", signature, [local.webhook_secret])


@DOCUMENT.tests("advice", "videos may fail for bot detection")
@DOCUMENT.tests("response field", ["jobs[].error_message"])
def test_a_video_that_cannot_be_fetched_is_a_failed_job_with_a_reason(local_client, video_site):
    batch = local_client.submit_social_media(wish(video_urls=[f"http://{video_site}/absent.mp4"]))
    job_id = batch.jobs[0].job_id
    result = eventually(lambda: local_client.get_result(job_id).result, lambda result: result.is_terminal)
    assert result.status == "failed"
    assert "404" in result.error


@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@DOCUMENT.tests("status", "completed")
def test_a_webhook_is_read_into_the_polled_vocabulary():
    result = EvaluationResult.model_validate_json(json.dumps(TOLD))
    assert result.model_extra == {}
    assert result.is_terminal
    read = json.loads(result.model_dump_json())
    names = {"results": "detector_results", "completed_at": "timestamp"}
    assert {word: read[names.get(word, word)] for word in WEBHOOK_FIELDS} == TOLD


@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
def test_a_webhooks_fields_are_in_the_lake():
    told = TOLD | {"results": documented("webhook_direct_completed")["results"]}
    payload = Payload(
        job_id=TOLD["job_id"],
        source="webhook",
        received_at=datetime(2024, 1, 15, 12, 45, 1, tzinfo=UTC),
        body=json.dumps(told).encode(),
    )
    tables = normalise([payload])
    (row,) = tables["evaluations"].to_pylist()
    for word in ("job_id", "batch_id", "status", "url", "overall_score"):
        assert row[word] == TOLD[word], word
    assert row["overall_score_scale"] == "percent"
    assert row["finished_at"] == datetime.fromisoformat(TOLD["completed_at"])
    assert (row["detectors"], row["other_fields"]) == (1, None)
    assert tables["detector_results"].num_rows == 1


@DOCUMENT.tests("error", "401")
@DOCUMENT.tests("status code", "401")
def test_401_is_an_unauthorized_key(local, new_client):
    with pytest.raises(Unauthorized) as caught:
        new_client(local, api_key="pk_not_the_key").submit_social_media(wish())
    assert caught.value.status == 401


@DOCUMENT.tests("error", "404")
@DOCUMENT.tests("status code", "404")
def test_404_is_a_judge_that_is_not_found(local_client):
    with pytest.raises(NotFound, match="judge_of_somebody_else") as caught:
        local_client.submit_social_media(wish(judge_id="judge_of_somebody_else"))
    assert caught.value.status == 404


@DOCUMENT.tests("error", "500")
@DOCUMENT.tests("status code", "500")
def test_500_is_in_doubt_and_never_sent_again(server, client):
    server.on(ROUTE, Answer(status=500, document={"detail": "Failed to create evaluation jobs due to server error"}))
    with pytest.raises(ServerError, match="Failed to create evaluation jobs") as caught:
        client.submit_social_media(wish())
    assert caught.value.status == 500
    assert caught.value.may_have_taken_effect
    assert len(server.requests) == 1


def test_every_word_of_the_document_is_tested():
    assert DOCUMENT.untested() == []
