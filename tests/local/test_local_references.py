"""Which file a reference URI means, and judges as a Pique answers them: over a real server where it matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pique_assets.local.references import ReferenceMissing, References

SEED_JUDGE = Path(__file__).parents[2] / "examples" / "demo" / "all_judges.json"


@pytest.fixture
def places(tmp_path: Path) -> References:
    for folder in ("uploaded", "buckets/brand/films"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "uploaded" / "one.mp4").touch()
    (tmp_path / "buckets" / "brand" / "films" / "two.mp4").touch()
    (tmp_path / "outside.mp4").touch()
    (tmp_path / "buckets" / "brand" / "link.mp4").symlink_to(tmp_path / "outside.mp4")
    return References(uploaded=tmp_path / "uploaded", buckets=tmp_path / "buckets")


def test_what_was_uploaded_and_what_lies_in_the_folder_of_buckets_is_found(places):
    assert places.file("gs://judge-artifacts/org_local/reference_uploads/one.mp4").name == "one.mp4"
    assert places.file("gs://brand/films/two.mp4").name == "two.mp4"


@pytest.mark.parametrize(
    "uri",
    [
        "gs://judge-artifacts/org_local/reference_uploads/two.mp4",
        "gs://judge-artifacts/org_other/reference_uploads/one.mp4",
        "gs://brand/films",
        "gs://brand/link.mp4",
        "gs://brand/films/two.mp4/three.mp4",
        "gs://brand/\ud800.mp4",
    ],
)
def test_a_reference_that_is_not_there_is_named_with_the_place_for_it(places, uri):
    with pytest.raises(ReferenceMissing, match="is not here: put the file at "):
        places.file(uri)


def test_the_command_that_brings_a_reference_can_be_pasted_into_a_shell(places):
    with pytest.raises(
        ReferenceMissing, match=r"`gcloud storage cp 'gs://brand/a film.mp4' '?/[^`]*/a film.mp4'?` does"
    ):
        places.file("gs://brand/a film.mp4")


@pytest.mark.parametrize(
    ("name", "reason"),
    [(f"{'long' * 100}.mp4", "File name too long"), ("loop.mp4", "Too many levels of symbolic links")],
)
def test_a_reference_of_which_nobody_can_tell_says_why(places, tmp_path, name, reason):
    (tmp_path / "buckets" / "brand" / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(ReferenceMissing, match=f"^gs://brand/{name} can't be read here: .*: {reason}$"):
        places.file(f"gs://brand/{name}")


@pytest.mark.parametrize(
    "uri",
    [
        "gs://brand/../outside.mp4",
        "gs://brand//films/two.mp4",
        "gs://brand",
        "/brand/films/two.mp4",
        "gs://",
        "gs://b/\0",
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(places, uri):
    with pytest.raises(ReferenceMissing, match=r"is no address such as gs://bucket/folder/video.mp4"):
        places.file(uri)


def seed_judge() -> dict:
    return json.loads(SEED_JUDGE.read_text(encoding="utf-8"))["judges"][0]


@pytest.mark.parametrize("alone", [True, False])
def test_a_judge_saved_from_a_pique_runs_with_its_own_ids(start_pique, tmp_path, clip, alone):
    saved = seed_judge()
    saved["detector_configs"] = [
        one for one in saved["detector_configs"] if one["detector_name"] in ("video_specs", "title_and_description")
    ]
    seeds = tmp_path / "saved.json"
    seeds.write_text(json.dumps(saved if alone else {"judges": [saved]}))
    with start_pique(tmp_path / "pique", seed_judges=seeds) as pique:
        answered = pique.http.get(f"/v1/judges/{saved['id']}").json()
        results = pique.evaluated(clip, judge_id=saved["id"])["detector_results"]
    assert answered["detector_configs"] == saved["detector_configs"]
    assert (answered["name"], answered["status"], answered["is_active"]) == (saved["name"], "ready", True)
    assert [one["detector_config_id"] for one in results] == [one["id"] for one in saved["detector_configs"]]


def test_a_judge_that_was_not_active_is_not(start_pique, tmp_path):
    seeds = tmp_path / "saved.json"
    saved = seed_judge() | {"is_active": False}
    seeds.write_text(json.dumps(saved))
    with start_pique(tmp_path / "pique", seed_judges=seeds) as pique:
        assert pique.http.get(f"/v1/judges/{saved['id']}").json()["is_active"] is False


def test_a_reference_that_vanished_fails_the_evaluation_and_not_the_server(start_pique, tmp_path, clip):
    place = tmp_path / "buckets" / "brand" / "reference.mp4"
    place.parent.mkdir(parents=True)
    place.write_bytes(clip)
    config = {"reference_videos": ["gs://brand/reference.mp4"]}
    judge = seed_judge() | {"detector_configs": [{"detector_name": "video_matching", "config": config, "weight": 1}]}
    seeds = tmp_path / "saved.json"
    seeds.write_text(json.dumps(judge))
    with start_pique(tmp_path / "pique", seed_judges=seeds, references=tmp_path / "buckets") as pique:
        assert pique.evaluated(clip, judge_id=judge["id"])["detector_results"][0]["pass_check"] is True
        place.unlink()
        failed = pique.evaluated(clip, judge_id=judge["id"])
        assert failed["error"].startswith(
            "Media processing failed: gs://brand/reference.mp4 is not here: put the file at"
        )
        place.write_bytes(clip)
        assert pique.evaluated(clip, judge_id=judge["id"])["status"] == "completed"
