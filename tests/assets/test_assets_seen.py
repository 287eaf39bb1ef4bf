"""What the UI shows of a materialisation beside its table: numbers that plot, pictures, and checks that name items."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, video_evaluation
from PIL import Image

from pique_assets.display.numbers import MOST_DETECTORS, scorecard_numbers, submission_numbers
from pique_assets.display.pictures import WITHOUT_DECODERS, pass_rate_chart, picture, worst_items, worst_items_metadata
from pique_assets.lake import OVERALL, build_table
from pique_assets.media import DatedFolder
from pique_assets.resources import MediaStorageResource

DATE = "2026-03-03"
JPEG = re.compile(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")
ANY_NAME = "a `|<script>\x1b]0;owned\x07\u202e" + "x" * 500


def numbers_of(event: dg.AssetMaterialization) -> dict[str, float | int]:
    """What the UI would plot."""
    kinds = (dg.IntMetadataValue, dg.FloatMetadataValue)
    return {name: value.value for name, value in event.metadata.items() if isinstance(value, kinds)}


@pytest.mark.slow
def test_each_asset_of_a_date_has_the_numbers_that_plot(graph: Graph):
    assert graph.run(DATE).success
    told = {
        asset: numbers_of(graph.materialization(asset, DATE))
        for asset in ("uploads", "evaluation_results", "submissions", "scorecard_daily", "partition_status")
    }
    assert not [(asset, name) for asset, found in told.items() for name, value in found.items() if value is None]
    assert told["submissions"]["state/unreadable"] == 1
    assert told["submissions"]["state/in_doubt"] == 0
    states = [value for name, value in told["submissions"].items() if name.startswith("state/")]
    assert sum(states) == graph.table("submissions", DATE).num_rows
    assert told["submissions"]["content_bytes"] > 0
    assert told["submissions"]["seconds_to_result/most"] >= told["submissions"]["seconds_to_result/median"]
    assert told["uploads"]["bytes_uploaded"] > 0 and told["uploads"]["seconds"] > 0
    assert told["evaluation_results"]["seconds_waited"] >= 0
    assert told["partition_status"]["unreadable_count"] == 1
    for row in graph.table("scorecard_daily", DATE).to_pylist():
        name = "overall" if row["detector_name"] == OVERALL else row["detector_name"]
        for kind, column in (("pass_rate", "pass_rate"), ("mean_score", "score_mean")):
            assert told["scorecard_daily"].get(f"{kind}/{name}") == row[column]


@pytest.mark.slow
def test_the_worst_content_of_a_date_has_small_pictures(graph: Graph):
    assert graph.run("2026-03-02").success
    shown = graph.materialization("scorecard_daily", "2026-03-02").metadata["worst_items"]
    pictures = [base64.b64decode(found) for found in JPEG.findall(shown.value)]
    assert pictures
    for jpeg in pictures:
        image = Image.open(io.BytesIO(jpeg))
        assert max(image.size) == 160
    assert len(shown.value) < 64_000


def scorecard(rows: list[dict[str, Any]]) -> Any:
    return build_table("scorecard_daily", [{"judge_id": "j", "n": 2, "score_n": 0, **row} for row in rows])


def test_names_of_numbers_are_safe_few_and_do_not_hide_each_other():
    many = [{"detector_name": f"detector {n:02}", "pass_rate": 0.5} for n in range(MOST_DETECTORS + 20)]
    assert len(scorecard_numbers(scorecard(many))) == MOST_DETECTORS + 1
    (name,) = [
        one for one in scorecard_numbers(scorecard([{"detector_name": ANY_NAME, "pass_rate": 1.0}])) if "/" in one
    ]
    assert name.startswith("pass_rate/a `|<script>\\u001b]0;owned") and len(name) < 80 and name.isprintable()
    twice = [{"detector_name": "same", "detector_config_id": config, "pass_rate": 0.0} for config in ("a", "b")]
    assert {"pass_rate/same", "pass_rate/same b"} <= set(scorecard_numbers(scorecard(twice)))


def test_a_rate_that_does_not_exist_is_left_out():
    assert set(scorecard_numbers(scorecard([{"detector_name": "undecided"}]))) == {"evaluations"}
    assert scorecard_numbers(scorecard([]))["evaluations"].value == 0
    assert "seconds_to_result/median" not in submission_numbers(build_table("submissions", []))


def test_a_chart_of_a_few_detectors_is_shown_at_once_and_holds_any_name():
    rows = [{"detector_name": name, "pass_rate": rate} for name, rate in (("a", 1.0), ("b", 0.0), ("c", None))]
    chart = pass_rate_chart(scorecard(rows))["pass_rate_chart"].value
    assert len(chart) < 1000
    svg = base64.b64decode(chart.partition("base64,")[2].rstrip(")")).decode()
    assert "100%" in svg and "0%" in svg and ">c<" not in svg
    hostile = pass_rate_chart(scorecard([{"detector_name": ANY_NAME, "pass_rate": 0.4}]))["pass_rate_chart"].value
    assert "<script" not in base64.b64decode(hostile.partition("base64,")[2].rstrip(")")).decode()
    assert pass_rate_chart(scorecard([])) == {}


def judged(*jobs: str) -> dict[str, Any]:
    """Tables of jobs that a detector failed."""
    return {
        "evaluations": build_table("evaluations", [evaluated(job) for job in jobs]),
        "detector_results": build_table(
            "detector_results",
            [
                {"job_id": job, "detector_index": 0, "detector_name": "d", "pass_check": False, "payload_sha256": "0"}
                for job in jobs
            ],
        ),
        "flagged_moments": build_table(
            "flagged_moments",
            [
                {"job_id": jobs[-1], "detector_index": 0, "moment_kind": "frame", "moment_index": 0, "at_s": 0.5}
                | {"payload_sha256": "0"}
            ],
        ),
    }


def evaluated(job: str) -> dict[str, Any]:
    required = [field for field in build_table("evaluations", []).schema if not field.nullable]
    return {**{field.name: "x" if str(field.type) == "string" else 0 for field in required}, "job_id": job}


def submitted(job: str, path: Path, **changes: Any) -> dict[str, Any]:
    row = {
        "evaluation": "e",
        "job_id": job,
        "source": "direct",
        "content_uri": path.as_uri(),
        "filename": path.name,
        "size_bytes": path.stat().st_size if path.is_file() else 1,
        "fingerprint": fingerprint(path),
        "content_type": "video",
        "state": "completed",
    }
    return row | changes


def fingerprint(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


def shown_worst(rows: list[dict[str, Any]]) -> str:
    found = worst_items(**judged(*[row["job_id"] for row in rows]))
    told = worst_items_metadata(
        found, submissions=build_table("submissions", rows), media_storage=MediaStorageResource()
    )
    return told["worst_items"].value


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Path(
        shutil.copy(next((DEMO / "media" / "brand_videos" / "2026-03-02").glob("*.mp4")), tmp_path / "clip.mp4")
    )


def test_only_files_of_the_source_as_evaluated_have_a_picture(clip, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:2000])
    gone = tmp_path / "gone.mp4"
    shown = shown_worst(
        [
            submitted("1", clip),
            submitted("2", clip, content_uri="https://video.example/watch?v=1", source="social", filename=None),
            submitted("3", gone),
            submitted("4", clip, content_uri=f"{clip.as_uri()}#", fingerprint="0" * 64, filename="changed.mp4"),
            submitted("5", tmp_path / "broken.mp4"),
            submitted("6", clip, content_uri=f"{clip.as_uri()}?", content_type="audio", filename="sound.mp4"),
        ]
    )
    assert len(JPEG.findall(shown)) == 1
    for name in ("clip.mp4", "https://video.example/watch?v=1", "gone.mp4", "changed.mp4", "broken.mp4", "sound.mp4"):
        assert name in shown


def test_flagged_content_comes_first_and_more_than_six_are_counted(clip):
    rows = [submitted(str(number), clip, content_uri=f"file:///{number}.mp4") for number in range(8)]
    shown = shown_worst(rows)
    assert shown.endswith("2 more")
    assert worst_items(**judged(*"01234567"))[0].job_id == "7"
    assert worst_items(**judged(*"01234567"))[0].at_s == 0.5


def test_without_decoders_one_line_names_the_extra(clip, monkeypatch):
    monkeypatch.setattr("pique_assets.display.pictures.can_make_thumbnails", lambda: False)
    assert shown_worst([submitted("1", clip)]).endswith(WITHOUT_DECODERS)


def test_a_name_beside_a_picture_can_break_nothing():
    assert picture(b"x", media_type="image/jpeg", title="a](javascript:1)|\n") == (
        r"![a\](javascript:1)\|](data:image/jpeg;base64,eA==)"
    )


@pytest.mark.slow
def test_checks_name_the_items(tmp_path, pique, instance):
    day = tmp_path / "media" / DATE
    shutil.copytree(DEMO / "media" / "brand_videos" / DATE, day)
    for number in range(4):
        (day / f"\u202eempty {number}.mp4").touch()
    evaluation = video_evaluation(media=DatedFolder(tmp_path / "media"))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    result = graph.run(DATE)
    said = {check.check_name: check.description for check in result.get_asset_check_evaluations()}
    assert said["all_content_is_readable"].startswith("5 of 8: \\u202eempty 0.mp4, empty; \\u202eempty 1.mp4")
    assert said["all_content_is_readable"].endswith("; and 2 more")


def test_evidence_of_a_detector_that_passed_flags_nothing_and_one_that_can_not_tell_is_named():
    def result(job: str, index: int, name: str, pass_check: bool | None) -> dict[str, Any]:
        required = [field for field in build_table("detector_results", []).schema if not field.nullable]
        filled = {field.name: "x" if str(field.type) == "string" else 0 for field in required}
        return filled | {"job_id": job, "detector_index": index, "detector_name": name, "pass_check": pass_check}

    def moment(job: str, index: int, kind: str) -> dict[str, Any]:
        where = {"job_id": job, "detector_index": index, "moment_kind": kind, "moment_index": 0, "at_s": 2.5}
        return {"detector_name": "x", "payload_sha256": "x"} | where

    found = worst_items(
        evaluations=build_table("evaluations", [evaluated(job) for job in ("good", "flagged", "unclear")]),
        detector_results=build_table(
            "detector_results",
            [
                result("good", 0, "video_matching", True),
                result("flagged", 0, "video_matching", True),
                result("unclear", 0, "language", None),
            ],
        ),
        flagged_moments=build_table(
            "flagged_moments",
            [moment("good", 0, "timestamp"), moment("flagged", 0, "frame"), moment("unclear", 0, "timestamp")],
        ),
    )
    assert [(item.job_id, item.failed, item.flagged) for item in found] == [
        ("unclear", ("language (undetermined)",), 1),
        ("flagged", (), 1),
    ]
