"""The same graph from YAML as from Python."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from graph import resources_at

from pique_assets.component import PiqueEvaluations
from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Limits
from pique_assets.media import DatedFolder, Manifest

# Dagster itself reads YAML with it.
pytestmark = pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")

ATTRIBUTES = {
    "environment": "production",
    "evaluations": [
        {
            "name": "brand_videos",
            "judge_id": "judge_abc123",
            "dated_folder": "media",
            "start_date": "2026-03-02",
            "limits": {"concurrent_uploads": 8, "results_wait_s": 60},
        }
    ],
}


def component(**changes) -> dg.Definitions:
    evaluation = ATTRIBUTES["evaluations"][0] | changes
    attributes = ATTRIBUTES | {"evaluations": [evaluation]}
    return dg.build_defs_for_component(component=PiqueEvaluations.resolve_from_dict(attributes))


def shape(defs: dg.Definitions) -> dict[str, object]:
    """What each asset is and depends on, and the names of checks, jobs, sensors and schedules."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {key: graph.get(key).to_asset_spec() for key in graph.get_all_asset_keys()},
        "checks": set(graph.asset_check_keys),
        "jobs": {
            job.name: sorted(map(str, job.asset_layer.executable_asset_keys)) for job in repository.get_all_jobs()
        },
        "sensors": [(sensor.name, sensor.default_status) for sensor in repository.sensor_defs],
        "schedules": [(schedule.name, schedule.cron_schedule) for schedule in repository.schedule_defs],
    }


def test_yaml_gives_the_same_assets_jobs_and_checks_as_python(tmp_path):
    class Nowhere:
        base_url, api_key = "http://127.0.0.1:9", "k"

    declared = Evaluation(
        name="brand_videos",
        judge_id="judge_abc123",
        media=DatedFolder(str(tmp_path / "media")),
        start_date="2026-03-02",
        limits=Limits(concurrent_uploads=8, results_wait_s=60),
    )
    (model,) = PiqueEvaluations.resolve_from_dict(ATTRIBUTES).evaluations
    assert model.to_evaluation(base=tmp_path) == declared
    python = shape(build_defs(evaluations=[declared], resources=resources_at(tmp_path, Nowhere)))
    assert all(python.values())
    assert shape(component(dated_folder=str(tmp_path / "media"))) == python


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest": "list.csv"}, "either dated_folder or manifest"),
        ({"dated_folder": None}, "either dated_folder or manifest"),
        ({"manifest_buckets": ["others"]}, "there is none"),
        ({"limits": {"speed": 9}}, "unknown limits speed"),
        ({"name": "not a name"}, "letters, digits"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        component(**changes)


def test_two_evaluations_of_one_name_are_refused():
    attributes = ATTRIBUTES | {"evaluations": ATTRIBUTES["evaluations"] * 2}
    with pytest.raises(ValueError, match="used more than once: brand_videos"):
        dg.build_defs_for_component(component=PiqueEvaluations.resolve_from_dict(attributes))


def test_relative_media_lie_beside_the_yaml(tmp_path: Path):
    model = PiqueEvaluations.resolve_from_dict(ATTRIBUTES).evaluations[0]
    assert model.to_evaluation(base=tmp_path).media_address == str(tmp_path / "media")
    assert model.to_evaluation(base=tmp_path).limits.concurrent_uploads == 8


def test_a_manifest_may_name_the_buckets_that_yaml_names(tmp_path: Path):
    changes = {"dated_folder": None, "manifest": "gs://ours/list.csv", "manifest_buckets": ["theirs"]}
    attributes = ATTRIBUTES | {"evaluations": [ATTRIBUTES["evaluations"][0] | changes]}
    (model,) = PiqueEvaluations.resolve_from_dict(attributes).evaluations
    assert model.to_evaluation(base=tmp_path).media == Manifest("gs://ours/list.csv", buckets=["theirs"])


def test_a_relative_judge_file_lies_beside_the_yaml(tmp_path: Path):
    changes = {"judge_id": None, "judge_file": "judge.yaml", "create_missing_judge": True}
    declared = ATTRIBUTES["evaluations"][0] | changes
    model = PiqueEvaluations.resolve_from_dict(ATTRIBUTES | {"evaluations": [declared]}).evaluations[0]
    evaluation = model.to_evaluation(base=tmp_path)
    assert (evaluation.judge_file, evaluation.create_missing_judge) == (str(tmp_path / "judge.yaml"), True)
