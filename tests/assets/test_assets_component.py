"""The same graph from YAML as from Python."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from graph import resources_at

from pique_assets.component import OTHERWISE_IN_YAML, EvaluationModel, PiqueEvaluations
from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Budget, Limits
from pique_assets.media import DatedFolder, Manifest
from pique_assets.resources import resources_for
from pique_assets.translation import PiqueAssetProps, PiqueTranslator
from pique_assets.yaml_models import descriptions_of

# Dagster itself reads YAML with it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

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
        (
            {"limits": {"speed": 9}},
            "evaluation 'brand_videos': limits.speed is no field: give one of concurrent_uploads, ",
        ),
        ({"name": "not a name"}, "letters, digits"),
        ({"speed": 9}, "evaluation 'brand_videos': speed is no field: give one of dated_folder, .*, partitions, "),
        (
            {"partitions": "hourly"},
            "evaluation 'brand_videos': partitions is 'hourly': .*'daily', 'weekly' or 'monthly'",
        ),
        ({"limits": {"lease_s": 1}}, "evaluation 'brand_videos': Limits.lease_s must be at least 2"),
        ({"timezone": "Europe/Berln"}, "evaluation 'brand_videos': timezone is 'Europe/Berln'.*'Europe/Berlin'"),
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


def declared_fields(declaration: type) -> dict[str, object]:
    return {field.name: field for field in dataclasses.fields(declaration)}


def test_yaml_has_the_fields_of_python():
    written = {name for names in OTHERWISE_IN_YAML.values() for name in names}
    python = declared_fields(Evaluation)
    assert set(EvaluationModel.model_fields) == (python.keys() - OTHERWISE_IN_YAML.keys()) | written
    for name in python.keys() - OTHERWISE_IN_YAML.keys() - {"limits", "budget"}:
        field = EvaluationModel.model_fields[name]
        default = python[name].default
        assert field.is_required() if default is dataclasses.MISSING else field.default == default, name


@pytest.mark.parametrize(("declaration", "model"), [(Limits, "LimitsModelModel"), (Budget, "BudgetModelModel")])
def test_limits_and_budget_are_typed_field_for_field(declaration, model):
    properties = PiqueEvaluations.model().model_json_schema()["$defs"][model]["properties"]
    assert properties.keys() == declared_fields(declaration).keys()
    assert {name: one["default"] for name, one in properties.items()} == vars(declaration())


def test_every_field_of_the_schema_says_what_it_is():
    schema = PiqueEvaluations.model().model_json_schema()
    ours = {name: one for name, one in schema["$defs"].items() if name.endswith("ModelModel")}
    assert len(ours) == 6
    for name, model in {"PiqueEvaluations": schema, **ours}.items():
        for field, declared in model["properties"].items():
            assert len(declared.get("description", "")) > 10, (name, field)


def test_every_description_is_that_of_python():
    assert descriptions_of(Limits)["attempts"] == (
        "Jobs prepared for one submission in one run before it is left to the next run."
    )
    for declaration in (Evaluation, Limits, Budget):
        assert descriptions_of(declaration).keys() == declared_fields(declaration).keys()


def make_project(folder: Path, **attributes) -> dg.Definitions:
    """The definitions of a `defs.yaml` that somebody wrote."""
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(
            component_cls=PiqueEvaluations, defs_path="ads", defs_yaml_contents=attributes or None
        )
        shutil.copytree(path, folder / "ads")
        with sandbox.load_component_and_build_defs(defs_path=path) as (_, defs):
            return defs


def test_what_dg_scaffolds_loads_at_once(tmp_path):
    defs = make_project(tmp_path)
    assert {job.name for job in defs.get_repository_def().get_all_jobs()} >= {"ads_submit", "ads_results"}
    text = (tmp_path / "ads" / "defs.yaml").read_text()
    assert "# partitions: weekly" in text
    assert "judge_demo_videos" in text
    assert [path.name for path in (tmp_path / "ads" / "media").iterdir()] == [
        yaml.safe_load(text)["attributes"]["evaluations"][0]["start_date"]
    ]


def test_a_mistake_names_file_and_line(tmp_path):
    wrong = ATTRIBUTES["evaluations"][0] | {"timezone": "Europe/Berln"}
    written = {"type": "pique_assets.PiqueEvaluations", "attributes": ATTRIBUTES | {"evaluations": [wrong]}}
    with pytest.raises(Exception, match="Error while building definitions") as caught:
        make_project(tmp_path, **written)
    lines = (tmp_path / "ads" / "defs.yaml").read_text().splitlines()
    line = 1 + next(number for number, text in enumerate(lines) if "timezone" in text)
    (said,) = (text for text in _messages(caught.value) if text.startswith("/"))
    assert f"defs.yaml:{line}: evaluation 'brand_videos': timezone is 'Europe/Berln'" in said
    assert "\n" not in said


def _messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


def test_resources_executor_and_translation_come_from_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("TEAM", "brand")
    attributes = ATTRIBUTES | {
        "evaluations": [
            ATTRIBUTES["evaluations"][0]
            | {
                "partitions": "weekly",
                "schedule": "30 7 * * 1",
                "translation": {"key_prefix": "marketing", "group_name": "{{ props.evaluation }}_group"},
            }
        ],
        "ledger": "kept/ledger.db",
        "lake": "gs://bucket/lake",
        "pique": {"base_url": "http://127.0.0.1:9", "api_key": "{{ env.TEAM_KEY }}"},
        "executor": {"type": "multiprocess", "max_concurrent": 2},
    }
    component = PiqueEvaluations.resolve_from_dict(attributes)
    resources = component._resources(tmp_path)
    assert resources["ledger"].url == str(tmp_path / "kept" / "ledger.db")
    assert resources["lake"].root == "gs://bucket/lake"
    assert resources["pique"].api_key == dg.EnvVar("TEAM_KEY")
    assert resources["pique"].base_url == "http://127.0.0.1:9"
    defs = dg.build_defs_for_component(component=component)
    spec = defs.get_repository_def().asset_graph.get(dg.AssetKey(["marketing", "brand_videos", "content"]))
    assert spec.group_name == "brand_videos_group"
    (schedule,) = defs.get_repository_def().schedule_defs
    assert (schedule.name, schedule.cron_schedule) == ("brand_videos_weekly", "30 7 * * 1")
    assert defs.get_repository_def().get_job("brand_videos_submit").executor_def.name == "multiprocess"


def test_a_team_s_conventions_give_the_same_graph_from_yaml_and_from_python(tmp_path):
    class Team(PiqueTranslator):
        def get_asset_spec(self, props: PiqueAssetProps) -> dg.AssetSpec:
            spec = props.default_spec.replace_attributes(
                key=props.default_spec.key.with_prefix("marketing"),
                group_name="brand",
                automation_condition=None if props.spends else dg.AutomationCondition.eager(),
            )
            return spec.merge_attributes(owners=["team:brand"], tags={"tier": "gold"})

    def seen(defs: dg.Definitions) -> dict[str, object]:
        nodes = defs.get_repository_def().asset_graph.asset_nodes
        return {
            node.key.to_user_string(): (
                node.group_name,
                sorted(node.owners),
                dict(node.tags),
                None if node.automation_condition is None else node.automation_condition.get_label(),
                sorted(key.to_user_string() for key in node.parent_keys),
                sorted(key.name for key in node.check_keys),
            )
            for node in nodes
        }

    translation = {
        "key_prefix": "marketing",
        "group_name": "brand",
        "owners": ["team:brand"],
        "tags": {"tier": "gold"},
        "automation_condition": "{{ None if props.spends else automation_condition.eager() }}",
    }
    evaluation = ATTRIBUTES["evaluations"][0] | {"dated_folder": str(tmp_path), "translation": translation}
    declared_in_yaml = dg.build_defs_for_component(
        component=PiqueEvaluations.resolve_from_dict(ATTRIBUTES | {"evaluations": [evaluation]})
    )
    (model,) = PiqueEvaluations.resolve_from_dict(ATTRIBUTES).evaluations
    declared = dataclasses.replace(model.to_evaluation(base=tmp_path), media=DatedFolder(tmp_path), translator=Team())
    python = build_defs(evaluations=[declared], resources=resources_for("local", home=tmp_path))
    assert seen(declared_in_yaml) == seen(python)
    assert any(label for _, _, _, label, _, _ in seen(python).values())


def test_a_relative_home_begins_beside_the_yaml_and_leaves_no_ledger_behind(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    base = tmp_path / "defs" / "ads"
    base.mkdir(parents=True)
    component = PiqueEvaluations.resolve_from_dict(ATTRIBUTES | {"home": "kept"})
    assert component._resources(base)["lake"].root == str(base / "kept" / "lake")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "ledger.db").touch()
    with pytest.raises(ValueError, match=f"write home: {tmp_path}/kept"):
        component._resources(base)
