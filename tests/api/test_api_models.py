"""The models read what is documented, keep what is not, and show no credential."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.models import (
    CreatedJudge,
    DetectorConfig,
    DetectorRequest,
    EvaluationResult,
    Judge,
    JudgePage,
    JudgeRequest,
    PresignedUpload,
    PresignedUploadRequest,
    ReferenceContent,
    ReferenceContentRequest,
    SocialMediaBatch,
    SocialMediaRequest,
)

DOCUMENTED = {
    "create_judge_request": JudgeRequest,
    "create_judge_response.reconstructed": CreatedJudge,
    "get_judge_response": Judge,
    "list_judges_response.reconstructed": JudgePage,
    "presigned_upload_request": PresignedUploadRequest,
    "presigned_upload_response": PresignedUpload,
    "reference_content_request": ReferenceContentRequest,
    "reference_content_response": ReferenceContent,
    "results_completed": EvaluationResult,
    "results_failed": EvaluationResult,
    "results_pending": EvaluationResult,
    "social_media_request": SocialMediaRequest,
    "social_media_response": SocialMediaBatch,
    "webhook_direct_completed": EvaluationResult,
    "webhook_direct_failed": EvaluationResult,
    "webhook_social_completed.results_elided": EvaluationResult,
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_payload_parses_and_every_field_of_it_is_known(name, documented):
    model = DOCUMENTED[name].model_validate(documented(name))
    assert model.model_extra == {}


def test_every_documented_config_can_be_asked_for(documented):
    for name, config in documented("detector_config_examples").items():
        wish = DetectorRequest(detector_name=name, config=config)
        assert json.loads(wish.model_dump_json())["config"] == config


def test_the_three_vocabularies_are_one_model(documented):
    polled = EvaluationResult.model_validate(documented("results_completed"))
    direct = EvaluationResult.model_validate(documented("webhook_direct_completed"))
    social = EvaluationResult.model_validate(documented("webhook_social_completed.results_elided"))
    assert polled.detector_results[0].detector_config_id == direct.detector_results[0].detector_config_id
    assert direct.detector_results[0].metrics["video_specs"]["audio_sample_rate"] == 44100
    assert social.timestamp == datetime(2024, 1, 15, 12, 45, tzinfo=UTC)
    assert (polled.overall_score, direct.overall_score, social.overall_score) == (0.85, 0.85, 85.5)
    assert social.detector_results == ()
    assert direct.detector_results[0].timestamps is None


def test_a_null_field_of_one_vocabulary_does_not_hide_the_other(documented):
    body = documented("webhook_direct_completed") | {"detector_results": None, "completed_at": None}
    result = EvaluationResult.model_validate(body)
    assert result.detector_results[0].detector_name == "video_specs"
    assert result.timestamp == datetime(2025, 11, 12, 23, 16, 8, 526491, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "terminal"),
    [
        ("awaiting_upload", False),
        ("pending", False),
        ("processing", False),
        ("completed", True),
        ("failed", True),
        ("paused_by_tomorrow", False),
    ],
)
def test_only_completed_and_failed_are_terminal(status, terminal):
    assert EvaluationResult(job_id="job_1", status=status).is_terminal is terminal


def test_unknown_fields_are_kept():
    result = EvaluationResult.model_validate({"job_id": "j", "status": "completed", "cost": {"cents": 3}})
    assert result.model_extra == {"cost": {"cents": 3}}


@given(st.dictionaries(st.sampled_from(sorted(EvaluationResult.model_fields)) | st.text(), JSON))
def test_a_finished_job_stays_readable_whatever_its_other_fields_hold(fields):
    body = {**fields, "job_id": "job_1", "status": "completed"}
    assert EvaluationResult.model_validate(body).is_terminal


@pytest.mark.parametrize("field", ["job_id", "status"])
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_result_without_its_job_or_status_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        EvaluationResult.model_validate({"job_id": "j", "status": "completed"} | {field: value})


def test_numbers_in_text_are_missing_rather_than_guessed():
    assert EvaluationResult(job_id="j", status="completed", overall_score="0.85").overall_score is None


def test_times_are_utc_with_and_without_microseconds_or_zone():
    def read(text):
        return EvaluationResult(job_id="j", status="pending", timestamp=text).timestamp

    assert read("2025-11-12T23:16:08Z") == datetime(2025, 11, 12, 23, 16, 8, tzinfo=UTC)
    assert read("2025-11-12T23:16:08.5Z").microsecond == 500_000
    assert read("2025-11-12T23:16:08").tzinfo is UTC
    assert read("2025-11-13T01:16:08+02:00") == datetime(2025, 11, 12, 23, 16, 8, tzinfo=UTC)
    assert read(datetime(2025, 11, 13, 1, tzinfo=timezone(timedelta(hours=2)))).utcoffset() == timedelta(0)
    assert read("yesterday") is None
    assert read("0001-01-01T00:00:00+14:00") is None


def judge(**changes):
    config = {"id": "c1", "detector_name": "video_specs", "config": {"min_fps": 30, "a": [1.5]}, "weight": 5}
    other = {
        "id": "c2",
        "detector_name": "language",
        "config": {"accepted_languages": ["en"]},
        "weight": None,
    }
    document = {"id": "j", "content_type": "video", "status": "ready", "detector_configs": [config, other]}
    return Judge.model_validate(document | changes)


def test_the_configuration_hash_ignores_what_does_not_measure():
    plain = judge()
    renamed = judge(name="New", description="d", status="pending", is_active=False, updated_at="2026-01-01T00:00:00Z")
    reordered = judge(detector_configs=[c.model_dump() for c in reversed(plain.detector_configs)])
    assert plain.configuration_hash() == renamed.configuration_hash() == reordered.configuration_hash()
    assert len(plain.configuration_hash()) == 64


def test_the_configuration_hash_ignores_how_a_number_is_written():
    first = {"id": "c", "detector_name": "d", "config": {"min_fps": 30, "deep": [{"x": 2.0}]}, "weight": 5.0}
    second = {"id": "c", "detector_name": "d", "config": {"deep": [{"x": 2}], "min_fps": 30.0}, "weight": 5}
    hashes = {judge(detector_configs=[config]).configuration_hash() for config in (first, second)}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "c9"},
        {"detector_name": "other"},
        {"config": {"min_fps": 31, "a": [1.5]}},
        {"config": {"min_fps": True, "a": [1.5]}},
        {"config": {"min_fps": "30", "a": [1.5]}},
        {"weight": 4},
        {"weight": None},
    ],
)
def test_the_configuration_hash_sees_what_measures(changes):
    first, second = judge().detector_configs
    changed = judge(detector_configs=[first.model_dump() | changes, second.model_dump()])
    assert changed.configuration_hash() != judge().configuration_hash()


def test_the_configuration_hash_sees_the_content_type():
    assert judge(content_type="image").configuration_hash() != judge().configuration_hash()


def test_a_ready_judge_can_be_inactive():
    assert judge().is_usable
    assert not judge(is_active=False).is_usable
    assert not judge(status="pending").is_usable


def test_null_means_missing_in_answers():
    read = Judge.model_validate(
        {"id": "j", "content_type": "video", "status": "ready", "name": None, "detector_configs": None}
    )
    assert (read.name, read.detector_configs) == ("", ())
    assert DetectorConfig(id="c", detector_name="d", config=None).config == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": ""},
        {"filename": "x" * 256},
        {"filename": "lone \ud800 surrogate"},
        {"content_type": "text"},
        {"content_type": "video\n"},
        {"file_size_bytes": -1},
        {"judge_id": ""},
    ],
)
def test_an_upload_outside_the_documented_limits_is_refused(changes):
    valid = {"judge_id": "j", "content_type": "video", "filename": "x" * 255, "file_size_bytes": 1}
    PresignedUploadRequest(**valid)
    with pytest.raises(ValueError, match=next(iter(changes))):
        PresignedUploadRequest(**valid | changes)


@pytest.mark.parametrize(
    "urls",
    [[], ["https://x.test/v"] * 21, ["ftp://x.test/v"], ["x.test/v"], ["https://"], ["https://x.test/a b"]],
)
def test_social_urls_outside_the_documented_limits_are_refused(urls):
    SocialMediaRequest(judge_id="j", video_urls=["HTTPS://x.test/v"] * 20)
    with pytest.raises(ValueError, match="video_urls"):
        SocialMediaRequest(judge_id="j", video_urls=urls)


@pytest.mark.parametrize("extension", ["", ".mp4", "elevenchars"])
def test_a_reference_extension_outside_the_documented_limits_is_refused(extension):
    with pytest.raises(ValueError, match="file_extension"):
        ReferenceContentRequest(file_extension=extension)


def test_a_judge_outside_the_documented_limits_is_refused():
    valid = {"name": "n", "description": "d", "content_type": "audio", "detectors": [{"detector_name": "x"}]}
    JudgeRequest(**valid)
    for field, value in {
        "name": "",
        "description": "d" * 2001,
        "content_type": "smell",
        "detectors": [],
    }.items():
        with pytest.raises(ValueError, match=field):
            JudgeRequest(**valid | {field: value})


def test_credentials_are_in_no_repr(documented):
    answer = documented("presigned_upload_response") | {
        "upload_url": "https://storage.test/o?X-Goog-Signature=5ecret",
        "upload_headers": {"x-goog-meta": "5ecret"},
        "resumable_url": "https://storage.test/o?upload_id=5ecret",
    }
    shown = [
        PresignedUpload.model_validate(answer),
        ReferenceContent(upload_url="https://storage.test/o?sig=5ecret", reference_content_uri="gs://b/o"),
        PresignedUploadRequest(
            judge_id="j",
            content_type="video",
            filename="f",
            file_size_bytes=1,
            webhook_url="https://h.test/?token=5ecret",
        ),
        SocialMediaRequest(judge_id="j", video_urls=["https://x.test/v"], webhook_url="https://h.test/?token=5ecret"),
    ]
    for model in shown:
        assert "5ecret" not in f"{model!r} {model} {[model]}"


def test_an_unreadable_answer_is_not_quoted_in_the_error(documented):
    answer = documented("presigned_upload_response") | {"expires_at": "soon", "upload_headers": "5ecret"}
    with pytest.raises(ValueError, match="expires_at") as caught:
        PresignedUpload.model_validate(answer)
    assert "5ecret" not in str(caught.value)
    assert "storage.googleapis" not in str(caught.value)


def test_models_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        judge().name = "other"
