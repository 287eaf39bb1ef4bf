"""The API host: the key, judges, upload preparation, results, and how mistakes are answered."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

CONTRACT = Path(__file__).parents[1] / "contract" / "payloads"
ORDER = {"judge_id": "judge_videos", "content_type": "video", "filename": "a.mp4", "file_size_bytes": 10}
JUDGE = {
    "name": "n",
    "description": "d",
    "content_type": "video",
    "detectors": [{"detector_name": "video_specs", "config": {"min_width": 720}}],
}


def documented(name: str) -> dict:
    return json.loads((CONTRACT / f"{name}.json").read_text())


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "pk_wrong"}, {"X-API-Key": "ä".encode()}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/judges"),
        ("POST", "/v1/judges"),
        ("GET", "/v1/judges/judge_videos"),
        ("POST", "/v1/judges/reference_content"),
        ("POST", "/v1/evaluations/presigned-upload"),
        ("POST", "/v1/evaluations/social-media"),
        ("GET", "/v1/evaluations/results/job_x"),
    ],
)
def test_every_endpoint_asks_for_the_api_key(pique, method, path, headers):
    answer = httpx.request(method, pique.process.base_url + path, headers=headers)
    assert answer.status_code == 401
    assert "API key" in answer.json()["detail"]


def test_a_judge_is_written_as_documented(pique):
    judge = pique.http.get("/v1/judges/judge_videos").json()
    example = documented("get_judge_response")
    assert judge.keys() == example.keys()
    assert judge["detector_configs"][0].keys() == example["detector_configs"][0].keys()
    assert judge["status"] == "ready"
    assert judge["is_active"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", judge["created_at"])


def test_an_unknown_judge_is_not_found(pique):
    answer = pique.http.get("/v1/judges/judge_nobody")
    assert answer.status_code == 404
    assert "judge_nobody" in answer.json()["detail"]


def test_a_created_judge_can_be_read(pique):
    created = pique.http.post("/v1/judges", json=documented("create_judge_request") | JUDGE).json()
    assert created.keys() == {"id", "status"}
    assert created["status"] == "ready"
    judge = pique.http.get(f"/v1/judges/{created['id']}").json()
    assert [detector["config"] for detector in judge["detector_configs"]] == [{"min_width": 720}]


@pytest.mark.parametrize(
    ("content_type", "detectors", "why"),
    [
        (
            "video",
            [{"detector_name": "lighting", "config": {}}],
            "lighting: the local Pique has no such detector",
        ),
        ("audio", [{"detector_name": "video_specs", "config": {}}], "video_specs: measures video, not audio"),
        ("text", [{"detector_name": "title_and_description"}], "not text"),
        ("image", [{"detector_name": "image_specs", "config": {"min_witdh": 3}}], "option min_witdh"),
    ],
)
def test_a_judge_that_cannot_work_is_created_failed_and_says_why(pique, content_type, detectors, why):
    created = pique.http.post("/v1/judges", json={**JUDGE, "content_type": content_type, "detectors": detectors})
    assert created.status_code == 200
    assert created.json()["status"] == "failed"
    judge = pique.http.get(f"/v1/judges/{created.json()['id']}").json()
    assert judge["status"] == "failed"
    assert why in judge["status_reason"]


def test_judges_are_listed_newest_first_in_pages(pique):
    newest = pique.http.post("/v1/judges", json=JUDGE).json()["id"]
    first = pique.http.get("/v1/judges", params={"limit": 2}).json()
    assert first["judges"][0]["id"] == newest
    assert len(first["judges"]) == 2
    assert first["has_more"] is True
    seen = []
    while True:
        page = pique.http.get("/v1/judges", params={"limit": 2, "offset": len(seen)}).json()
        seen += [judge["id"] for judge in page["judges"]]
        if not page["has_more"]:
            break
    assert len(seen) == len(set(seen)) == page["total"]
    assert seen[-1] == "judge_videos"


def test_judges_are_listed_by_content_type(pique):
    page = pique.http.get("/v1/judges", params={"content_type": "image"}).json()
    assert {judge["content_type"] for judge in page["judges"]} == {"image"}
    assert page["total"] == len(page["judges"])


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}])
def test_a_listing_outside_its_limits_is_refused(pique, query):
    answer = pique.http.get("/v1/judges", params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


def test_an_upload_is_prepared_as_documented(pique):
    before = datetime.now(UTC)
    answer = pique.http.post("/v1/evaluations/presigned-upload", json=ORDER).json()
    assert answer.keys() == documented("presigned_upload_response").keys()
    assert answer["upload_headers"]["Content-Type"] == "video/mp4"
    expires_at = datetime.fromisoformat(answer["expires_at"])
    assert timedelta(seconds=890) < expires_at - before < timedelta(seconds=901)
    waiting = pique.result(answer["job_id"])
    assert waiting.keys() == documented("results_pending").keys()
    assert (waiting["event"], waiting["status"]) == ("evaluation.pending", "awaiting_upload")
    assert waiting["content_id"] is waiting["overall_score"] is waiting["detector_results"] is waiting["error"] is None


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({"content_type": "text"}, 400, "content type"),
        ({"content_type": "image"}, 400, "evaluates video, not image"),
        ({"judge_id": "judge_nobody"}, 404, "judge_nobody"),
        ({"judge_id": "judge_failed"}, 400, "lighting"),
        ({"file_size_bytes": 10**15}, 400, "file_size_bytes"),
        ({"webhook_url": "ftp://example.com/"}, 400, "webhook_url"),
        ({"webhook_url": "http://example.com:x/"}, 400, "webhook_url"),
        ({"webhook_url": "http://example.com/\nX: y"}, 400, "webhook_url"),
    ],
)
def test_a_broken_rule_is_answered_with_a_sentence(pique, changes, status, why):
    answer = pique.http.post("/v1/evaluations/presigned-upload", json=ORDER | changes)
    assert answer.status_code == status
    assert why in answer.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"filename": ""}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"filename": None}, "filename"),
        ({"file_size_bytes": 0}, "file_size_bytes"),
        ({"file_size_bytes": "many"}, "file_size_bytes"),
        ({"title": ["no"]}, "title"),
    ],
)
def test_a_wrong_shape_is_answered_with_a_list(pique, changes, field):
    answer = pique.http.post("/v1/evaluations/presigned-upload", json=ORDER | changes)
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["detail"]] == [["body", field]]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"judge_id": "\\ud800"}', b"[" * 100_000, b"{}"],
)
@pytest.mark.parametrize("path", ["/v1/judges", "/v1/evaluations/presigned-upload", "/v1/evaluations/social-media"])
def test_a_body_that_is_no_request_is_refused(pique, path, body):
    answer = pique.http.post(path, content=body)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


def test_a_huge_body_is_refused(pique):
    answer = pique.http.post("/v1/judges", content=b" " * (1024**2 + 1))
    assert answer.status_code == 413


def test_an_unknown_path_and_an_unknown_method_are_json_errors(pique):
    for answer, status in ((pique.http.get("/v2/judges"), 404), (pique.http.delete("/v1/judges"), 405)):
        assert answer.status_code == status
        assert "detail" in answer.json()


def test_an_unknown_job_is_not_found(pique):
    answer = pique.http.get("/v1/evaluations/results/job_nobody")
    assert answer.status_code == 404
    assert "job_nobody" in answer.json()["detail"]


def test_reference_content_can_be_uploaded_once_it_is_asked_for(pique):
    answer = pique.http.post("/v1/judges/reference_content", json={"file_extension": "mp4"}).json()
    assert re.fullmatch(r"gs://judge-artifacts/.+\.mp4", answer["reference_content_uri"])
    assert httpx.put(answer["upload_url"], content=b"reference").status_code == 200
    stored = list((pique.process.data_dir / "reference_content").iterdir())
    assert b"reference" in [path.read_bytes() for path in stored]


@pytest.mark.parametrize("extension", ["", "x" * 11, ".mp4", "../x"])
def test_a_strange_file_extension_is_refused(pique, extension):
    answer = pique.http.post("/v1/judges/reference_content", json={"file_extension": extension})
    assert answer.status_code == 422
