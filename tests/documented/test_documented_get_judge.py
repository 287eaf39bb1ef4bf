"""The page "get judge" (docs/contract.md): every field, status and error of reading a judge."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from documented_page import DocumentedPage, at, documented, paths
from documented_pique import Answer

from pique_assets.analysis import load
from pique_assets.api.errors import NotFound, ServerError, Unauthorized
from pique_assets.api.models import JudgeStatus

DOCUMENT = DocumentedPage(
    "get judge",
    {
        "request": ("GET /v1/judges/{judge_id}", "X-API-Key"),
        "field": (
            "id",
            "name",
            "description",
            "content_type",
            "status",
            "detector_configs",
            "detector_configs[].id",
            "detector_configs[].detector_name",
            "detector_configs[].config",
            "detector_configs[].weight",
            "is_active",
            "created_at",
            "updated_at",
        ),
        "content_type": ("video", "image"),
        "status": ("ready", "pending", "failed"),
        "detector": ("language", "subtitles", "title_and_description", "video_matching", "video_specs"),
        "setting": (
            "accepted_languages",
            "require_subtitles",
            "required_hashtags",
            "reference_videos",
            "min_width",
            "min_height",
            "min_duration_sec",
            "allowed_aspect_ratios",
        ),
        "error": ("401", "404", "500"),
    },
)
FIELDS = DOCUMENT.sections["field"]
# Where a field of a judge has another name in the lake than in the document.
JUDGE_COLUMNS = {"id": "judge_id"}
CONFIG_COLUMNS = {"id": "detector_config_id", "config": "config_json"}
JUDGE_ID = documented("get_judge_response")["id"]
ROUTE = f"GET /v1/judges/{JUDGE_ID}"


def settings(judge: dict) -> set[str]:
    return {name for config in judge["detector_configs"] for name in config["config"]}


@DOCUMENT.tests("field", FIELDS)
def test_the_documented_answer_has_these_fields_and_no_other():
    found = paths(documented("get_judge_response"))
    assert {path for path in found if not path.startswith("detector_configs[].config.")} == set(FIELDS)
    assert settings(documented("get_judge_response")) == set(DOCUMENT.sections["setting"])


@DOCUMENT.tests("field", FIELDS)
@pytest.mark.parametrize("word", FIELDS)
def test_a_field_is_read_as_documented(word, server, client):
    server.on(ROUTE, documented("get_judge_response"))
    judge = client.get_judge(JUDGE_ID)
    assert judge.model_extra == {}
    expected = at(documented("get_judge_response"), word)
    found = at(json.loads(judge.model_dump_json()), word)
    if word == "detector_configs":
        expected, found = len(expected), len(found)
    assert found == expected


@DOCUMENT.tests("field", FIELDS)
def test_every_field_is_in_the_lake(documented_day):
    graph, _ = documented_day
    sent = documented("get_judge_response")
    # A snapshot whenever something is done with the judge.
    for row in load("judges", lake=graph.home / "lake").to_dict("records"):
        for name, value in sent.items():
            if name != "detector_configs":
                kept = row[JUDGE_COLUMNS.get(name, name)]
                assert kept == (datetime.fromisoformat(value).astimezone(UTC) if name.endswith("_at") else value), name
        assert pd.isna(row["other_fields"])
    configs = load("detector_configs", lake=graph.home / "lake")
    for fetched_at in configs["fetched_at"].unique():
        snapshot = configs[configs["fetched_at"] == fetched_at].to_dict("records")
        for config, row in zip(sent["detector_configs"], snapshot, strict=True):
            assert row["judge_id"] == sent["id"]
            for name, value in config.items():
                kept = row[CONFIG_COLUMNS.get(name, name)]
                assert (json.loads(kept) if name == "config" else kept) == value, name


@DOCUMENT.tests("detector", DOCUMENT.sections["detector"])
@DOCUMENT.tests("setting", DOCUMENT.sections["setting"])
def test_every_detector_keeps_its_settings_and_any_of_them_makes_another_configuration(server, client):
    sent = documented("get_judge_response")
    server.on(ROUTE, sent)
    judge = client.get_judge(JUDGE_ID)
    assert {config.detector_name for config in judge.detector_configs} == set(DOCUMENT.sections["detector"])
    hashes = {judge.configuration_hash()}
    for number, config in enumerate(sent["detector_configs"]):
        for name in config["config"]:
            changed = documented("get_judge_response")
            changed["detector_configs"][number]["config"][name] = "something else"
            server.on(ROUTE, changed)
            hashes.add(client.get_judge(JUDGE_ID).configuration_hash())
    assert len(hashes) == 1 + len(DOCUMENT.sections["setting"])


@DOCUMENT.tests("request", DOCUMENT.sections["request"])
def test_a_judge_is_asked_for_by_its_id_with_the_key(server, client):
    server.on(ROUTE, documented("get_judge_response"))
    client.get_judge(JUDGE_ID)
    (request,) = server.requests
    assert (request.route, request.query, request.body) == (ROUTE, "", b"")
    assert request.headers["x-api-key"] == server.api_key


@DOCUMENT.tests("content_type", "video")
def test_only_videos_are_submitted_to_a_judge_of_videos(documented_day):
    _, pique = documented_day
    assert submitted(pique) == {("video", name) for name in ("safety_test_video.mp4", "broken.mp4", "refused.webm")}


@DOCUMENT.tests("content_type", "image")
def test_only_images_are_submitted_to_a_judge_of_images(server, documented_graph):
    server.on(ROUTE, documented("get_judge_response") | {"content_type": "image"})
    documented_graph.run("2026-03-02", job="submit")
    assert submitted(server) == {("image", "still.jpg")}


def submitted(pique) -> set[tuple[str, str]]:
    wishes = [request.json() for request in pique.seen("POST /v1/evaluations/presigned-upload")]
    return {(wish["content_type"], wish["filename"]) for wish in wishes}


@DOCUMENT.tests("status", ["ready"])
def test_a_ready_judge_is_used(documented_day):
    graph, pique = documented_day
    assert load("judges", lake=graph.home / "lake")["status"].unique().tolist() == [JudgeStatus.READY]
    assert pique.seen("POST /v1/evaluations/presigned-upload")


@DOCUMENT.tests("status", ["pending", "failed"])
@DOCUMENT.tests("field", ["is_active"])
def test_a_judge_that_cannot_evaluate_stops_a_run_before_anything_is_sent(server, documented_graph):
    said_of = {"pending": "still being prepared", "failed": "is failed"}
    unusable = [({"status": status}, said) for status, said in said_of.items()]
    for changes, said in [*unusable, ({"is_active": False}, "not active")]:
        server.on(ROUTE, documented("get_judge_response") | changes)
        result = documented_graph.run("2026-03-02", job="submit")
        assert not result.success
        failure = next(event for event in result.all_events if event.is_step_failure)
        assert said in failure.step_failure_data.error_display_string
        assert not [request for request in server.requests if request.method != "GET"]


@DOCUMENT.tests("field", FIELDS)
@DOCUMENT.tests("status", ["ready", "failed"])
def test_the_local_pique_says_the_same_fields(local_client):
    judge = local_client.get_judge("judge_abc123")
    assert judge.model_fields_set == set(documented("get_judge_response"))
    assert judge.detector_configs[0].model_fields_set == {"id", "detector_name", "config", "weight"}
    assert judge.is_usable
    broken = local_client.get_judge("judge_broken")
    assert broken.status == JudgeStatus.FAILED
    assert not broken.is_usable


@DOCUMENT.tests("error", "401")
def test_401_is_an_unauthorized_key(local, new_client):
    with pytest.raises(Unauthorized) as caught:
        new_client(local, api_key="pk_not_the_key").get_judge("judge_abc123")
    assert caught.value.status == 401
    assert "pk_not_the_key" not in str(caught.value)


@DOCUMENT.tests("error", "404")
def test_404_is_a_judge_that_is_not_found(local_client):
    with pytest.raises(NotFound) as caught:
        local_client.get_judge("judge_of_somebody_else")
    assert caught.value.status == 404
    assert "judge_of_somebody_else" in str(caught.value)


@DOCUMENT.tests("error", "500")
def test_500_is_asked_again_and_then_a_server_error(server, client):
    failing = Answer(status=500, document={"detail": "Failed to retrieve judge due to server error"})
    server.on(ROUTE, failing, Answer(document=documented("get_judge_response")))
    assert client.get_judge(JUDGE_ID).id == JUDGE_ID
    server.on(ROUTE, failing)
    with pytest.raises(ServerError, match="Failed to retrieve judge") as caught:
        client.get_judge(JUDGE_ID)
    assert caught.value.status == 500


def test_every_word_of_the_document_is_tested():
    assert DOCUMENT.untested() == []
