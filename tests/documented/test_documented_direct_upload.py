"""The page "direct upload" (docs/contract.md): every field, header, limit and error, and the fields of its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from documented_page import DocumentedPage, at, documented, paths
from documented_pique import Answer, documented_pique
from waiting import eventually
from whole_media import clip, picture, sound

from pique_assets.analysis import load
from pique_assets.api.errors import InvalidRequest, NotFound, ServerError, Unauthorized, UploadForbidden, UploadRejected
from pique_assets.api.models import EvaluationResult, PresignedUpload, PresignedUploadRequest
from pique_assets.lake import Payload, normalise
from pique_assets.local.record import read_record
from pique_assets.local.settings import Settings

DOCUMENT = DocumentedPage(
    "direct upload",
    {
        "request": ("POST /v1/evaluations/presigned-upload", "X-API-Key", "Content-Type: application/json"),
        "request field": (
            "judge_id",
            "content_type",
            "filename",
            "file_size_bytes",
            "title",
            "description",
            "webhook_url",
        ),
        "content_type": ("video", "image", "audio"),
        "limit": ("filename: 1", "filename: 255", "expires_at: 15 minutes", "webhook answer: 10 seconds"),
        "response field": ("job_id", "upload_url", "upload_headers", "expires_at"),
        "upload": ("PUT", "Content-Type", "X-Goog-Algorithm=GOOG4-RSA-SHA256", "every header", "starts the evaluation"),
        "status": ("awaiting_upload", "completed", "failed"),
        "event": ("evaluation.failed",),
        "webhook header": ("X-Pique-Signature", "t", "v1", "alg=sha256", "Content-Type: application/json"),
        "webhook field": (
            "evaluation_id",
            "job_id",
            "content_id",
            "judge_id",
            "status",
            "overall_score",
            "timestamp",
            "results",
            "results[].criterion_id",
            "results[].detector_name",
            "results[].pass_check",
            "results[].score",
            "results[].rationale",
            "results[].metrics",
        ),
        "metric": ("width", "height", "aspect_ratio", "fps", "duration_sec", "audio_sample_rate"),
        "failed webhook field": ("event", "job_id", "status", "timestamp", "error", "judge_id"),
        "webhook delivery": ("200 is delivered", "any other status is retried", "idempotent by job_id"),
        "error": ("400 content type", "400 parameters", "401", "404", "500"),
    },
)
REQUEST_FIELDS, RESPONSE_FIELDS = DOCUMENT.sections["request field"], DOCUMENT.sections["response field"]
WEBHOOK_FIELDS, METRICS = DOCUMENT.sections["webhook field"], DOCUMENT.sections["metric"]
ROUTE = "POST /v1/evaluations/presigned-upload"
WISH, PREPARED = documented("presigned_upload_request"), documented("presigned_upload_response")
TOLD, TOLD_OF_FAILURE = documented("webhook_direct_completed"), documented("webhook_direct_failed")
RECEIVED_AT = datetime(2025, 11, 12, 23, 16, 9, tzinfo=UTC)


def wish(**changes) -> PresignedUploadRequest:
    return PresignedUploadRequest(**{**WISH, **changes})


def small_wish(body: bytes = b"x", **changes) -> PresignedUploadRequest:
    return wish(file_size_bytes=len(body), **changes)


def uploaded(client, prepared: PresignedUpload, body: bytes) -> None:
    client.upload(prepared, open_body=lambda: io.BytesIO(body), size_bytes=len(body))


@DOCUMENT.tests("request field", REQUEST_FIELDS)
@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@DOCUMENT.tests("failed webhook field", DOCUMENT.sections["failed webhook field"])
@DOCUMENT.tests("metric", METRICS)
def test_the_documented_bodies_have_these_fields_and_no_other():
    assert set(WISH) | {"webhook_url"} == set(REQUEST_FIELDS)
    assert set(PREPARED) == set(RESPONSE_FIELDS)
    assert {path for path in paths(TOLD) if not path.startswith("results[].metrics.")} == set(WEBHOOK_FIELDS)
    assert paths(TOLD["results"][0]["metrics"]["video_specs"]) == set(METRICS)
    assert set(TOLD_OF_FAILURE) == set(DOCUMENT.sections["failed webhook field"])


@DOCUMENT.tests("request", DOCUMENT.sections["request"])
@DOCUMENT.tests("request field", REQUEST_FIELDS)
def test_every_field_is_sent_as_documented(server, client):
    server.on(ROUTE, PREPARED)
    client.create_presigned_upload(wish(webhook_url="https://hooks.example.com/pique"))
    (request,) = server.requests
    assert request.json() == WISH | {"webhook_url": "https://hooks.example.com/pique"}
    assert request.headers["x-api-key"] == server.api_key
    assert request.headers["content-type"] == "application/json"


@DOCUMENT.tests("request field", ["title", "description", "webhook_url"])
@pytest.mark.parametrize("optional", ["title", "description", "webhook_url"])
def test_an_optional_field_is_left_out_when_there_is_nothing_to_say(optional, server, client):
    server.on(ROUTE, PREPARED)
    given = {"webhook_url": "https://hooks.example.com/pique", optional: None}
    client.create_presigned_upload(wish(**given))
    assert set(server.requests[0].json()) == set(REQUEST_FIELDS) - {optional}


@DOCUMENT.tests("request field", ["judge_id", "content_type", "filename", "file_size_bytes", "title", "description"])
def test_what_was_sent_is_in_the_lake(documented_day):
    graph, pique = documented_day
    rows = load("submissions", lake=graph.home / "lake").set_index("filename")
    for request in pique.seen(ROUTE):
        sent = request.json()
        row = rows.loc[sent["filename"]]
        assert (row["judge_id"], row["content_type"]) == (sent["judge_id"], sent["content_type"])
        assert row["size_bytes"] == sent["file_size_bytes"]
        for word in ("title", "description"):
            assert sent.get(word) == (None if pd.isna(row[word]) else row[word])
    assert rows.loc[WISH["filename"], "title"] == WISH["title"]


@DOCUMENT.tests("content_type", DOCUMENT.sections["content_type"])
@pytest.mark.parametrize(
    ("content_type", "judge_id", "filename", "body"),
    [
        ("video", "judge_abc123", "a.mp4", clip()),
        ("image", "judge_images", "a.jpg", picture()),
        ("audio", "judge_sounds", "a.mp3", sound(".mp3", codec="libmp3lame")),
    ],
)
def test_each_content_type_is_uploaded_and_evaluated(content_type, judge_id, filename, body, local_client):
    order = small_wish(body, judge_id=judge_id, content_type=content_type, filename=filename)
    prepared = local_client.create_presigned_upload(order)
    uploaded(local_client, prepared, body)
    result = eventually(lambda: local_client.get_result(prepared.job_id).result, lambda result: result.is_terminal)
    assert (result.status, result.judge_id) == ("completed", judge_id)


@DOCUMENT.tests("limit", ["filename: 1", "filename: 255"])
@pytest.mark.parametrize("filename", ["a", "a" * 255])
def test_a_filename_within_its_limits_is_taken(filename, local_client):
    assert local_client.create_presigned_upload(small_wish(filename=filename)).job_id


@DOCUMENT.tests("limit", ["filename: 1", "filename: 255"])
@pytest.mark.parametrize("filename", ["", "a" * 256])
def test_a_filename_beyond_its_limits_is_refused_on_both_sides(filename, local, local_client):
    with pytest.raises(ValueError, match="filename"):
        small_wish(filename=filename)
    with pytest.raises(InvalidRequest, match="filename"):
        local_client.create_presigned_upload(small_wish().model_copy(update={"filename": filename}))


@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@pytest.mark.parametrize("word", RESPONSE_FIELDS)
def test_a_field_of_the_answer_is_read_as_documented(word, server, client):
    server.on(ROUTE, PREPARED)
    prepared = client.create_presigned_upload(wish())
    assert prepared.model_extra == {}
    if word == "expires_at":
        # By our clock, and rather too early than too late: the way here, and what `Date` leaves out, count against us.
        early = datetime.fromisoformat(PREPARED[word]) - prepared.expires_at
        assert timedelta(0) <= early < timedelta(minutes=1)
    else:
        assert json.loads(prepared.model_dump_json(include={word})) == {word: PREPARED[word]}


@DOCUMENT.tests("response field", RESPONSE_FIELDS)
@DOCUMENT.tests("limit", "expires_at: 15 minutes")
@DOCUMENT.tests("upload", "X-Goog-Algorithm=GOOG4-RSA-SHA256")
def test_the_local_pique_gives_the_same_answer(local_client):
    before = datetime.now(UTC)
    prepared = local_client.create_presigned_upload(small_wish())
    assert prepared.model_fields_set == set(RESPONSE_FIELDS)
    assert "X-Goog-Algorithm=GOOG4-RSA-SHA256" in prepared.upload_url
    life = prepared.expires_at - before
    assert timedelta(minutes=14) < life < timedelta(minutes=16)
    assert prepared.upload_headers["Content-Type"] == "video/mp4"


@DOCUMENT.tests("upload", ["PUT", "Content-Type", "every header"])
@DOCUMENT.tests("response field", ["upload_url", "upload_headers"])
def test_bytes_go_by_put_with_every_header_given_and_without_the_key(documented_day, media):
    _, pique = documented_day
    (put,) = [request for request in pique.requests if request.method == "PUT" and PREPARED["job_id"] in request.path]
    assert PREPARED["upload_url"].endswith(f"{put.path}?{put.query}")
    assert put.body == (media / "2026-03-02" / WISH["filename"]).read_bytes()
    given = {name.lower(): value for name, value in PREPARED["upload_headers"].items()}
    assert given.items() <= put.headers.items()
    assert "x-api-key" not in put.headers
    assert set(put.headers) - set(given) <= {"host", "content-length"}


@DOCUMENT.tests("upload", "every header")
def test_an_upload_without_one_of_its_headers_is_refused(local_client):
    prepared = local_client.create_presigned_upload(small_wish())
    for name in prepared.upload_headers:
        fewer = {key: value for key, value in prepared.upload_headers.items() if key != name}
        with pytest.raises((UploadForbidden, UploadRejected)):
            uploaded(local_client, prepared.model_copy(update={"upload_headers": fewer}), b"x")


@DOCUMENT.tests("upload", "starts the evaluation")
@DOCUMENT.tests("status", ["awaiting_upload", "completed"])
def test_the_bytes_start_the_evaluation_and_nothing_else_does(local, local_client):
    body = clip()
    prepared = local_client.create_presigned_upload(small_wish(body))
    assert local_client.get_result(prepared.job_id).result.status == "awaiting_upload"
    (record,) = [record for record in read_record(local.data_dir) if record.job_id == prepared.job_id]
    assert not record.evaluations
    uploaded(local_client, prepared, body)
    result = eventually(lambda: local_client.get_result(prepared.job_id).result, lambda result: result.is_terminal)
    assert result.status == "completed"


@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@pytest.mark.parametrize("word", WEBHOOK_FIELDS)
def test_a_webhooks_field_is_read_into_the_polled_vocabulary(word):
    result = EvaluationResult.model_validate_json(json.dumps(TOLD))
    assert result.model_extra == result.detector_results[0].model_extra == {}
    read = json.loads(result.model_dump_json())
    polled = word.replace("results", "detector_results").replace("criterion_id", "detector_config_id")
    expected = at(TOLD, word)
    assert len(at(read, polled)) == len(expected) if word == "results" else at(read, polled) == expected


@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@DOCUMENT.tests("metric", METRICS)
def test_a_webhooks_fields_are_in_the_lake():
    body = json.dumps(TOLD).encode()
    tables = normalise([Payload(job_id=TOLD["job_id"], source="webhook", received_at=RECEIVED_AT, body=body)])
    (row,) = tables["evaluations"].to_pylist()
    assert row["finished_at"] == datetime.fromisoformat(TOLD["timestamp"])
    for word in ("evaluation_id", "job_id", "content_id", "judge_id", "status", "overall_score"):
        assert row[word] == TOLD[word], word
    assert (row["detectors"], row["other_fields"], row["source"]) == (len(TOLD["results"]), None, "webhook")
    (result,) = tables["detector_results"].to_pylist()
    (sent,) = TOLD["results"]
    assert result["detector_config_id"] == sent["criterion_id"]
    for word in ("detector_name", "pass_check", "score", "rationale"):
        assert result[word] == sent[word], word
    assert (result["metric_count"], result["other_fields"]) == (len(METRICS), None)
    metrics = {row["metric_path"]: row for row in tables["detector_metrics"].to_pylist()}
    for word, value in sent["metrics"]["video_specs"].items():
        column = {int: "value_int", float: "value_double", str: "value_string"}[type(value)]
        assert metrics[f"video_specs.{word}"][column] == value, word


@DOCUMENT.tests("failed webhook field", DOCUMENT.sections["failed webhook field"])
@DOCUMENT.tests("event", "evaluation.failed")
@DOCUMENT.tests("status", "failed")
def test_a_failures_webhook_is_read_and_kept_whole():
    result = EvaluationResult.model_validate_json(json.dumps(TOLD_OF_FAILURE))
    assert json.loads(result.model_dump_json(exclude_none=True)) == TOLD_OF_FAILURE
    body = json.dumps(TOLD_OF_FAILURE).encode()
    tables = normalise(
        [Payload(job_id=TOLD_OF_FAILURE["job_id"], source="webhook", received_at=RECEIVED_AT, body=body)]
    )
    (row,) = tables["evaluations"].to_pylist()
    assert row["finished_at"] == datetime.fromisoformat(TOLD_OF_FAILURE["timestamp"])
    for word in ("event", "job_id", "status", "error", "judge_id"):
        assert row[word] == TOLD_OF_FAILURE[word], word
    assert row["other_fields"] is None


@DOCUMENT.tests("request field", "webhook_url")
@DOCUMENT.tests("webhook header", DOCUMENT.sections["webhook header"])
@DOCUMENT.tests("webhook field", WEBHOOK_FIELDS)
@DOCUMENT.tests("failed webhook field", DOCUMENT.sections["failed webhook field"])
@pytest.mark.parametrize(("body", "example"), [(clip(), TOLD), (b"no video", TOLD_OF_FAILURE)], ids=["done", "failed"])
def test_the_local_pique_tells_the_requests_webhook_signed_and_in_the_same_fields(body, example, local, local_client):
    with documented_pique() as receiver:
        receiver.on("POST /hook", Answer())
        order = small_wish(body, webhook_url=f"{receiver.base_url}/hook")
        prepared = local_client.create_presigned_upload(order)
        uploaded(local_client, prepared, body)
        (told,) = eventually(lambda: receiver.seen("POST /hook"))
    said = told.json()
    assert said.keys() == example.keys()
    assert said["job_id"] == prepared.job_id
    assert [result.keys() for result in said.get("results", ())][:1] == [
        result.keys() for result in example.get("results", ())
    ]
    assert told.headers["content-type"] == "application/json"
    signature = told.headers["x-pique-signature"]
    at_s, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64}),alg=sha256", signature).groups()
    message = at_s.encode() + b"." + told.body
    assert digest == hmac.new(local.webhook_secret.encode(), message, hashlib.sha256).hexdigest()


@DOCUMENT.tests("webhook delivery", DOCUMENT.sections["webhook delivery"])
def test_a_webhook_is_told_again_until_the_answer_is_200(local_client):
    with documented_pique() as receiver:
        receiver.on("POST /hook", Answer(status=500), Answer(status=204), Answer(status=200))
        order = small_wish(webhook_url=f"{receiver.base_url}/hook")
        prepared = local_client.create_presigned_upload(order)
        uploaded(local_client, prepared, b"x")
        told = eventually(lambda: receiver.seen("POST /hook"), lambda seen: len(seen) == 3)
        # What comes after another job's webhook would have come before, had there been a fourth.
        other = local_client.create_presigned_upload(small_wish(webhook_url=f"{receiver.base_url}/other"))
        uploaded(local_client, other, b"y")
        eventually(lambda: receiver.seen("POST /other"))
        assert len(receiver.seen("POST /hook")) == 3
    assert {request.body for request in told} == {told[0].body}
    assert told[0].json()["job_id"] == prepared.job_id
    # However often it came, it is one row.
    payloads = [
        Payload(job_id=prepared.job_id, source="webhook", received_at=RECEIVED_AT + timedelta(seconds=n), body=one.body)
        for n, one in enumerate(told)
    ]
    assert normalise(payloads)["evaluations"].num_rows == 1


@DOCUMENT.tests("limit", "webhook answer: 10 seconds")
def test_a_receiver_has_ten_seconds_to_answer(tmp_path):
    assert Settings(data_dir=tmp_path).webhook_timeout_s == 10


@DOCUMENT.tests("error", "400 content type")
def test_400_for_a_content_type_that_is_none_of_the_three(local_client):
    with pytest.raises(ValueError, match="content_type"):
        wish(content_type="text")
    with pytest.raises(InvalidRequest, match="video, image, audio") as caught:
        local_client.create_presigned_upload(small_wish().model_copy(update={"content_type": "text"}))
    assert caught.value.status == 400


@DOCUMENT.tests("error", "400 parameters")
def test_400_for_parameters_is_a_rejected_row_of_the_day(documented_day, server, client):
    graph, _ = documented_day
    row = load("submissions", lake=graph.home / "lake").set_index("filename").loc["refused.webm"]
    assert (row["state"], row["error_code"]) == ("rejected", "refused_by_pique")
    assert "Invalid request parameters" in row["error"]
    server.on(ROUTE, Answer(status=400, document={"detail": "Invalid request parameters"}))
    with pytest.raises(InvalidRequest, match="Invalid request parameters"):
        client.create_presigned_upload(wish())
    assert len(server.requests) == 1


@DOCUMENT.tests("error", "401")
@pytest.mark.parametrize("key", ["pk_not_the_key", "x"])
def test_401_is_an_unauthorized_key(key, local, new_client):
    with pytest.raises(Unauthorized) as caught:
        new_client(local, api_key=key).create_presigned_upload(wish())
    assert caught.value.status == 401


@DOCUMENT.tests("error", "404")
def test_404_is_a_judge_that_is_not_found(local_client):
    with pytest.raises(NotFound, match="judge_of_somebody_else") as caught:
        local_client.create_presigned_upload(wish(judge_id="judge_of_somebody_else"))
    assert caught.value.status == 404


@DOCUMENT.tests("error", "500")
def test_500_is_asked_again_because_a_prepared_job_costs_nothing(server, client):
    failing = Answer(status=500, document={"detail": "Failed to create upload URL due to server error"})
    server.on(ROUTE, failing, Answer(document=PREPARED))
    assert client.create_presigned_upload(wish()).job_id == PREPARED["job_id"]
    server.on(ROUTE, failing)
    with pytest.raises(ServerError, match="Failed to create upload URL") as caught:
        client.create_presigned_upload(wish())
    assert caught.value.status == 500


def test_every_word_of_the_document_is_tested():
    assert DOCUMENT.untested() == []
