"""The page "results" (docs/contract.md): every field, event, status and error of a job's result."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from documented_page import DocumentedPage, at, documented, paths
from documented_pique import Answer
from waiting import eventually
from whole_media import clip

from pique_assets.analysis import load
from pique_assets.api.errors import NotFound, ServerError, Unauthorized
from pique_assets.api.models import EvaluationResult, JobStatus, PresignedUploadRequest
from pique_assets.lake import Payload, normalise

DOCUMENT = DocumentedPage(
    "results",
    {
        "request": ("GET /v1/evaluations/results/{job_id}", "X-API-Key"),
        "field": (
            "event",
            "job_id",
            "content_id",
            "judge_id",
            "status",
            "overall_score",
            "detector_results",
            "error",
            "timestamp",
        ),
        "detector field": (
            "detector_name",
            "detector_config_id",
            "pass_check",
            "score",
            "rationale",
            "metrics",
            "timestamps",
            "flagged_frames",
        ),
        "metric": ("width", "height", "aspect_ratio", "fps", "duration_sec"),
        "event": ("evaluation.completed", "evaluation.failed", "evaluation.pending"),
        "status": ("awaiting_upload", "pending", "processing", "completed", "failed"),
        "null": (
            "failed: content_id",
            "failed: overall_score",
            "failed: detector_results",
            "pending: content_id",
            "pending: overall_score",
            "pending: detector_results",
            "pending: error",
            "completed: error",
        ),
        "error": ("401", "404", "500"),
    },
)
FIELDS, DETECTOR_FIELDS = DOCUMENT.sections["field"], DOCUMENT.sections["detector field"]
ANSWERS = {name: documented(f"results_{name}") for name in ("completed", "failed", "pending")}
COLUMNS = {"timestamp": "finished_at"}
# Of these the lake has rows of their own instead of a column.
OWN_ROWS = {"detector_results", "metrics", "timestamps", "flagged_frames"}


def route(answer: dict) -> str:
    return f"GET /v1/evaluations/results/{answer['job_id']}"


def of_job(table: str, answer: dict, *, day) -> pd.DataFrame:
    graph, _ = day
    frame = load(table, lake=graph.home / "lake")
    return frame[frame["job_id"] == answer["job_id"]]


@DOCUMENT.tests("field", FIELDS)
@DOCUMENT.tests("detector field", DETECTOR_FIELDS)
@DOCUMENT.tests("metric", DOCUMENT.sections["metric"])
def test_the_documented_answers_have_these_fields_and_no_other():
    for answer in ANSWERS.values():
        assert set(answer) == set(FIELDS)
    (result,) = ANSWERS["completed"]["detector_results"]
    assert set(result) == set(DETECTOR_FIELDS)
    assert paths(result["metrics"]["video_specs"]) == set(DOCUMENT.sections["metric"])


@DOCUMENT.tests("field", FIELDS)
@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("word", FIELDS)
def test_a_field_is_read_as_documented(word, name, server, client):
    answer = ANSWERS[name]
    server.on(route(answer), answer)
    result = client.get_result(answer["job_id"]).result
    assert result.model_extra == {}
    assert json.loads(result.model_dump_json(include={word})) == {word: answer[word]}


@DOCUMENT.tests("detector field", DETECTOR_FIELDS)
@pytest.mark.parametrize("word", DETECTOR_FIELDS)
def test_a_detectors_field_is_read_as_documented(word, server, client):
    answer = ANSWERS["completed"]
    server.on(route(answer), answer)
    (result,) = client.get_result(answer["job_id"]).result.detector_results
    assert result.model_extra == {}
    expected = at(answer, f"detector_results[].{word}")
    found = getattr(result, word)
    assert (list(found) if isinstance(found, tuple) else found) == expected


@DOCUMENT.tests("field", FIELDS)
@pytest.mark.parametrize("name", ["completed", "failed"])
def test_a_finished_jobs_fields_are_in_the_lake(name, documented_day):
    answer = ANSWERS[name]
    (row,) = of_job("evaluations", answer, day=documented_day).to_dict("records")
    for word, sent in answer.items():
        if word in OWN_ROWS:
            count = row["detectors"]
            assert pd.isna(count) if sent is None else count == len(sent)
            continue
        kept = row[COLUMNS.get(word, word)]
        if sent is None:
            assert pd.isna(kept), word
        else:
            assert kept == (datetime.fromisoformat(sent).astimezone(UTC) if word == "timestamp" else sent), word
    assert pd.isna(row["other_fields"])
    scale = row["overall_score_scale"]
    assert pd.isna(scale) if answer["overall_score"] is None else scale == "unit"


@DOCUMENT.tests("detector field", DETECTOR_FIELDS)
def test_a_detectors_fields_are_in_the_lake(documented_day):
    answer = ANSWERS["completed"]
    (sent,) = answer["detector_results"]
    (row,) = of_job("detector_results", answer, day=documented_day).to_dict("records")
    for word in set(DETECTOR_FIELDS) - OWN_ROWS:
        assert row[word] == sent[word], word
    assert (row["timestamp_count"], row["flagged_frame_count"]) == (0, 0)
    assert row["metric_count"] == len(DOCUMENT.sections["metric"])
    assert pd.isna(row["other_fields"])


@DOCUMENT.tests("metric", DOCUMENT.sections["metric"])
def test_metrics_are_in_the_lake_with_their_types(documented_day):
    (sent,) = ANSWERS["completed"]["detector_results"]
    rows = of_job("detector_metrics", ANSWERS["completed"], day=documented_day).set_index("metric_path")
    for word, value in sent["metrics"]["video_specs"].items():
        row = rows.loc[f"video_specs.{word}"]
        kind, column = {int: ("int", "value_int"), float: ("float", "value_double"), str: ("string", "value_string")}[
            type(value)
        ]
        assert (row["value_kind"], row[column]) == (kind, value)


@DOCUMENT.tests("detector field", ["timestamps", "flagged_frames"])
def test_flagged_seconds_and_frames_become_moments(server, client):
    answer = documented("results_completed")
    answer["detector_results"][0] |= {"timestamps": [1.5, 12.0], "flagged_frames": [{"timestamp_sec": 3.25, "x": 1}]}
    server.on(route(answer), answer)
    received = client.get_result(answer["job_id"])
    payload = Payload(job_id=answer["job_id"], source="polled", received_at=received.received_at, body=received.body)
    moments = normalise([payload])["flagged_moments"].to_pylist()
    assert [(moment["moment_kind"], moment["at_s"]) for moment in moments] == [
        ("frame", 3.25),
        ("timestamp", 1.5),
        ("timestamp", 12.0),
    ]


@DOCUMENT.tests("null", DOCUMENT.sections["null"])
@pytest.mark.parametrize("word", DOCUMENT.sections["null"])
def test_a_documented_null_is_missing(word, server, client):
    name, _, field = word.partition(": ")
    assert ANSWERS[name][field] is None
    server.on(route(ANSWERS[name]), ANSWERS[name])
    assert getattr(client.get_result(ANSWERS[name]["job_id"]).result, field) is None


@DOCUMENT.tests("status", DOCUMENT.sections["status"])
@pytest.mark.parametrize("status", DOCUMENT.sections["status"])
def test_a_status_is_an_end_or_it_is_not(status, server, client):
    answer = ANSWERS["pending"] | {"status": status}
    server.on(route(answer), answer)
    result = client.get_result(answer["job_id"]).result
    assert status in vars(JobStatus).values()
    assert result.is_terminal == (status in ("completed", "failed"))


@DOCUMENT.tests("status", DOCUMENT.sections["status"])
@DOCUMENT.tests("error", "500")
def test_a_job_is_asked_about_through_every_status_until_its_end(documented_day):
    graph, pique = documented_day
    # awaiting_upload, pending, processing, a server error and its repetition.
    assert len(pique.seen(route(ANSWERS["completed"]))) >= 5
    states = load("submissions", lake=graph.home / "lake").set_index("filename")["state"]
    assert states.loc[["safety_test_video.mp4", "broken.mp4"]].tolist() == ["completed", "failed"]


@DOCUMENT.tests("event", DOCUMENT.sections["event"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_event_goes_with_its_status(name, server, client):
    server.on(route(ANSWERS[name]), ANSWERS[name])
    result = client.get_result(ANSWERS[name]["job_id"]).result
    assert result.event == f"evaluation.{name}"
    assert result.is_terminal == (result.event != "evaluation.pending")


@DOCUMENT.tests("request", DOCUMENT.sections["request"])
def test_a_result_is_asked_for_by_its_job_with_the_key(server, client):
    answer = ANSWERS["completed"]
    server.on(route(answer), answer)
    client.get_result(answer["job_id"])
    (request,) = server.requests
    assert (request.route, request.query) == (route(answer), "")
    assert request.headers["x-api-key"] == server.api_key


@DOCUMENT.tests("field", FIELDS)
@DOCUMENT.tests("detector field", DETECTOR_FIELDS)
@DOCUMENT.tests("status", ["awaiting_upload", "completed", "failed"])
@pytest.mark.parametrize(("body", "end"), [(clip(), "completed"), (b"no video", "failed")])
def test_the_local_pique_says_the_same_fields(body, end, local_client):
    wish = PresignedUploadRequest(
        judge_id="judge_abc123", content_type="video", filename="a.mp4", file_size_bytes=len(body)
    )
    prepared = local_client.create_presigned_upload(wish)
    waiting = local_client.get_result(prepared.job_id)
    assert json.loads(waiting.body).keys() == ANSWERS["pending"].keys()
    assert (waiting.result.event, waiting.result.status) == ("evaluation.pending", "awaiting_upload")
    local_client.upload(prepared, open_body=lambda: io.BytesIO(body), size_bytes=len(body))
    ended = ended_result(local_client, prepared.job_id)
    answer = json.loads(ended.body)
    assert answer.keys() == ANSWERS[end].keys()
    assert (ended.result.event, ended.result.status) == (f"evaluation.{end}", end)
    # A local job has a content id as soon as it has content, even one that fails.
    nulls = [{word for word in FIELDS if one[word] is None} - {"content_id"} for one in (answer, ANSWERS[end])]
    assert nulls[0] == nulls[1]
    for result in answer["detector_results"] or ():
        assert result.keys() == set(DETECTOR_FIELDS)


def ended_result(client, job_id: str):
    return eventually(lambda: client.get_result(job_id), lambda received: received.result.is_terminal)


@DOCUMENT.tests("error", "401")
def test_401_is_an_unauthorized_key(local, new_client):
    with pytest.raises(Unauthorized) as caught:
        new_client(local, api_key="pq_not_the_key").get_result("job_xKt9mNp2qRs3vWy7")
    assert caught.value.status == 401
    assert "pq_not_the_key" not in str(caught.value)


@DOCUMENT.tests("error", "404")
def test_404_is_a_job_that_is_not_found(local_client):
    with pytest.raises(NotFound, match="job_xKt9mNp2qRs3vWy7") as caught:
        local_client.get_result("job_xKt9mNp2qRs3vWy7")
    assert caught.value.status == 404


@DOCUMENT.tests("error", "500")
def test_500_is_asked_again_and_then_a_server_error(server, client):
    failing = Answer(status=500, document={"detail": "Server error while fetching results"})
    server.on(route(ANSWERS["completed"]), failing, Answer(document=ANSWERS["completed"]))
    assert isinstance(client.get_result(ANSWERS["completed"]["job_id"]).result, EvaluationResult)
    server.on(route(ANSWERS["completed"]), failing)
    with pytest.raises(ServerError, match="while fetching results") as caught:
        client.get_result(ANSWERS["completed"]["job_id"])
    assert caught.value.status == 500


def test_every_word_of_the_document_is_tested():
    assert DOCUMENT.untested() == []
