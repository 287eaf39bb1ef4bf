"""Detectors over measured facts: both outcomes, limits at their edges, options that are refused."""

# ruff: noqa: RUF001 - letters of other scripts are meant.
from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from pique_assets.decoding.facts import ImageFacts, VideoFacts
from pique_assets.decoding.media import Media
from pique_assets.local.detectors import aspect_ratio
from pique_assets.local.detectors.base import Material
from pique_assets.local.detectors.image_specs import ImageSpecs
from pique_assets.local.detectors.registry import reason_refused
from pique_assets.local.detectors.title_and_description import TitleAndDescription
from pique_assets.local.detectors.video_specs import VideoSpecs


def video(**changes: object) -> Material:
    facts = {
        "width": 1080,
        "height": 1920,
        "aspect_ratio": 9 / 16,
        "fps": 30.0,
        "duration_sec": 15.0,
        "declared_duration_sec": 15.0,
        "audio_sample_rate": 44100,
        **changes,
    }
    return Material(media=Media(facts=VideoFacts(**facts)), title=None, description=None)


def image(**changes: object) -> Material:
    facts = {"width": 1200, "height": 1200, "mode": "RGB", "format": "JPEG", "dpi": (72.0, 72.0), **changes}
    return Material(media=Media(facts=ImageFacts(**facts)), title=None, description=None)


def text(title: str | None = None, description: str | None = None) -> Material:
    facts = ImageFacts(width=1, height=1, mode="RGB", format="PNG", dpi=None)
    return Material(media=Media(facts=facts), title=title, description=description)


def documented(name: str) -> dict:
    examples = Path(__file__).parents[1] / "contract" / "detectors"
    return json.loads((examples / f"{name}.json").read_text())


def test_video_specs_gives_the_documented_example():
    options = {"min_width": 720, "min_height": 1280, "allowed_aspect_ratios": ["9:16"], "min_duration_sec": 5}
    verdict = VideoSpecs.model_validate(options).judge(video())
    example = documented("video_specs")
    assert verdict.metrics == example["metrics"]
    assert (verdict.pass_check, verdict.score) == (example["pass_check"], example["score"])


def test_image_specs_gives_the_documented_example():
    options = {
        "allowed_aspect_ratios": ["1:1", "4:5"],
        "min_width": 1080,
        "min_height": 1080,
        "min_megapixels": 1.0,
    }
    verdict = ImageSpecs.model_validate(options).judge(image())
    example = documented("image_specs")
    assert verdict.metrics == example["metrics"]
    assert (verdict.pass_check, verdict.score) == (example["pass_check"], example["score"])


@pytest.mark.parametrize(
    ("options", "check", "issue"),
    [
        ({"min_width": 1081}, "width_min", "width is 1080, wanted at least 1081"),
        ({"max_width": 1079}, "width_max", "width is 1080, wanted at most 1079"),
        ({"min_height": 1921}, "height_min", "height is 1920, wanted at least 1921"),
        ({"max_height": 1919}, "height_max", "height is 1920, wanted at most 1919"),
        ({"min_duration_sec": 15.01}, "duration_min", "duration is 15.0, wanted at least 15.01"),
        ({"max_duration_sec": 14.99}, "duration_max", "duration is 15.0, wanted at most 14.99"),
        ({"min_fps": 30.01}, "fps_min", "fps is 30.0, wanted at least 30.01"),
        ({"max_fps": 29.99}, "fps_max", "fps is 30.0, wanted at most 29.99"),
        ({"allowed_aspect_ratios": ["16:9", "1:1"]}, "aspect_ratio", "aspect ratio is 9:16, wanted 16:9 or 1:1"),
    ],
)
def test_each_limit_of_a_video_can_fail(options, check, issue):
    verdict = VideoSpecs.model_validate(options).judge(video())
    assert not verdict.pass_check
    assert verdict.score == 0.0
    assert verdict.metrics["checks"][check]["pass"] is False
    assert verdict.metrics["issues_count"] == verdict.metrics["total_checks"] == 1
    assert verdict.rationale.endswith(f": {issue}")


def test_limits_of_a_video_include_themselves():
    options = {
        "min_width": 1080, "max_width": 1080, "min_height": 1920, "max_height": 1920,
        "min_duration_sec": 15, "max_duration_sec": 15.0, "min_fps": 30, "max_fps": 30.0,
    }  # fmt: skip
    verdict = VideoSpecs.model_validate(options).judge(video(duration_sec=14.9996, fps=30.0004))
    assert verdict.pass_check
    assert verdict.score == 1.0
    assert verdict.metrics["total_checks"] == 8


@pytest.mark.parametrize(("written", "exact"), [(23.976, 24000 / 1001), (29.97, 30000 / 1001), (59.94, 60000 / 1001)])
def test_a_rate_of_film_or_television_meets_the_limit_that_people_write_for_it(written, exact):
    verdict = VideoSpecs(min_fps=written, max_fps=written).judge(video(fps=exact))
    assert verdict.pass_check
    assert verdict.metrics["checks"]["fps_max"]["threshold"] == written


def test_a_video_without_limits_passes():
    assert VideoSpecs().judge(video()).score == 1.0


def test_a_video_that_is_cut_short_says_so():
    verdict = VideoSpecs(min_duration_sec=10.0).judge(video(duration_sec=4.2, declared_duration_sec=15.0))
    assert not verdict.pass_check
    assert verdict.metrics["video_specs"]["declared_duration_sec"] == 15.0
    assert "cut short" in verdict.rationale


def test_what_a_person_must_know_of_a_file_is_in_metrics_and_rationale():
    notes = ("the picture changes to 480x240 at 2.0s, and the first size is the one measured",)
    verdict = VideoSpecs().judge(video(notes=notes))
    assert verdict.pass_check
    assert verdict.metrics["video_specs"]["notes"] == list(notes)
    assert verdict.rationale.endswith(notes[0])
    notes = ("it holds 2 pictures, and the first is measured",)
    verdict = ImageSpecs().judge(image(notes=notes))
    assert verdict.metrics["image_metadata"]["notes"] == list(notes)
    assert verdict.rationale.endswith(notes[0])


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({"min_width": 1201}, "min_width"),
        ({"min_height": 1201}, "min_height"),
        ({"min_megapixels": 1.45}, "min_megapixels"),
        ({"allowed_aspect_ratios": ["16:9", "4:5"]}, "aspect_ratio"),
    ],
)
def test_each_limit_of_an_image_can_fail(options, check):
    verdict = ImageSpecs.model_validate(options).judge(image())
    assert (verdict.pass_check, verdict.score) == (False, 0.0)
    assert verdict.metrics["checks"][check]["pass"] is False
    assert len(verdict.metrics["issues"]) == 1


def test_the_score_is_the_share_of_checks_that_passed():
    verdict = ImageSpecs(min_width=1, min_height=5000).judge(image())
    assert verdict.score == 0.5


@pytest.mark.parametrize(
    ("title", "description"),
    [
        ("Our #bunny", None),
        (None, "see #BUNNY!"),
        ("a", "#Bunny, again"),
        ("#\uff42unny", ""),
        ("(#bunny)", None),
    ],
)
def test_a_required_hashtag_is_found(title, description):
    verdict = TitleAndDescription(required_hashtags=["#bunny"]).judge(text(title, description))
    assert (verdict.pass_check, verdict.score) == (True, 1.0)


@pytest.mark.parametrize("title", [None, "", "bunny", "#bunnyhop", "# bunny", "#bunn\u0443"])
def test_what_only_resembles_a_required_hashtag_does_not_count(title):
    verdict = TitleAndDescription(required_hashtags=["#bunny"]).judge(text(title))
    assert (verdict.pass_check, verdict.score) == (False, 0.0)
    assert verdict.metrics["missing_hashtags"] == ["#bunny"]


@pytest.mark.parametrize(
    ("required", "title"),
    [
        ("#हिन्दी", "नमस्ते #हिन्दी!"),
        ("#ที่นี่", "#ที่นี่ #thai"),
        ("#İstanbul", "günaydın #İSTANBUL"),
        ("#می\u200cخواهم", "#می\u200cخواهم"),
        ("#café", "#CAFE\u0301 au lait"),
        ("#acme", "🎉#Acme🎉"),
        ("#love", "#acme#love"),
    ],
)
def test_a_hashtag_is_one_word_in_every_script(required, title):
    assert reason_refused("title_and_description", {"required_hashtags": [required]}, content_type="video") is None
    judged = TitleAndDescription(required_hashtags=[required])
    assert judged.judge(text(title)).pass_check
    assert not judged.judge(text(f"{required}x")).pass_check


def test_title_and_description_are_not_joined_into_a_hashtag():
    assert not TitleAndDescription(required_hashtags=["#bunny"]).judge(text("#bun", "ny")).pass_check


def test_some_hashtags_of_several_give_part_of_the_score():
    verdict = TitleAndDescription(required_hashtags=["#a", "#b", "#Straße"]).judge(text("#A #STRASSE"))
    assert (verdict.pass_check, verdict.score) == (False, 0.6667)
    assert verdict.metrics["found_hashtags"] == ["#a", "#Straße"]


@pytest.mark.parametrize(
    ("name", "config", "content_type", "why"),
    [
        ("lighting", {}, "video", "no such detector"),
        ("video_specs", {}, "audio", "measures video, not audio"),
        ("video_specs", {}, "image", "measures video, not image"),
        ("image_specs", {}, "video", "measures image, not video"),
        ("title_and_description", {}, "text", "not text"),
        ("video_specs", {"min_widht": 3}, "video", "min_widht"),
        ("video_specs", {"min_width": "3"}, "video", "min_width"),
        ("video_specs", {"min_width": -1}, "video", "min_width"),
        ("video_specs", {"min_fps": float("nan")}, "video", "min_fps"),
        ("video_specs", {"allowed_aspect_ratios": ["9x16"]}, "video", "allowed_aspect_ratios.0"),
        ("video_specs", {"allowed_aspect_ratios": ["0:16"]}, "video", "allowed_aspect_ratios.0"),
        ("video_specs", {"allowed_aspect_ratios": []}, "video", "allowed_aspect_ratios"),
        ("title_and_description", {"required_hashtags": ["bunny"]}, "video", "required_hashtags.0"),
        ("title_and_description", {"required_hashtags": "#bunny"}, "video", "required_hashtags"),
    ],
)
def test_a_detector_that_cannot_work_is_refused_with_a_reason(name, config, content_type, why):
    reason = reason_refused(name, config, content_type=content_type)
    assert reason is not None
    assert reason.startswith(name)
    assert why in reason


@pytest.mark.parametrize(
    ("name", "config", "content_type"),
    [
        (
            "video_specs",
            {"min_width": None, "min_duration_sec": 5, "allowed_aspect_ratios": ["1.91:1"]},
            "video",
        ),
        ("image_specs", {"min_megapixels": 1}, "image"),
        ("title_and_description", {"required_hashtags": ["#acme", "#émoi_1"]}, "audio"),
        ("title_and_description", {}, "image"),
    ],
)
def test_documented_options_are_taken(name, config, content_type):
    assert reason_refused(name, config, content_type=content_type) is None


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (1080, 1920, "9:16"),
        (854, 480, "16:9"),
        (480, 854, "9:16"),
        (640, 480, "4:3"),
        (500, 500, "1:1"),
        (1000, 100, "10:1"),
    ],
)
def test_ratios_have_readable_names(width, height, name):
    assert aspect_ratio.name_of(width / height) == name


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_every_ratio_has_a_name_that_reads_as_nearly_itself(width, height):
    name = aspect_ratio.name_of(width / height)
    assert aspect_ratio.deviation(width / height, name) <= aspect_ratio.TOLERANCE
