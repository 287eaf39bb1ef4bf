"""A guest in other people's code locations: several `build_defs`, merged with what knows nothing of Pique."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from desk import DEMO
from graph import resources_at, tick, video_evaluation

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.ledger import Ledger
from pique_assets.media import DatedFolder
from pique_assets.sensors import ResultsSensor

DATE = "2026-03-02"
OURS = ("videos", "images", "posters")
JOBS = ("submit", "results", "everything")
SHARED, SEPARATE = "one ledger", "a ledger each"


class NotOurs(dg.IOManager):
    """The project's own way to store assets, which knows nothing of ours."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        assert context.asset_key == dg.AssetKey("numbers")
        assert obj == "what the lake said"

    def load_input(self, context: dg.InputContext) -> object:
        raise AssertionError("nothing has inputs here")


class TheirLake(dg.ConfigurableResource[Any]):
    """A resource of the project that is called as one of ours is."""

    said: str

    def ask(self) -> str:
        return self.said


@dg.asset
def numbers(lake: TheirLake) -> str:
    return lake.ask()


@dg.asset_check(asset=numbers)
def numbers_are_right(pique: dg.ResourceParam[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=pique == "a mountain")


def their_project() -> dg.Definitions:
    return dg.Definitions(
        assets=[numbers],
        asset_checks=[numbers_are_right],
        jobs=[dg.define_asset_job("nightly", selection=[numbers])],
        schedules=[dg.ScheduleDefinition(name="every_night", job_name="nightly", cron_schedule="0 1 * * *")],
        resources={"lake": TheirLake(said="what the lake said"), "pique": "a mountain", "io_manager": NotOurs()},
        executor=dg.multiprocess_executor,
    )


def images(name: str) -> Evaluation:
    media = DatedFolder(DEMO / "media" / "brand_images")
    return video_evaluation(name=name, judge_id="judge_demo_images", media=media)


def guests(home: Path, pique, *, ledgers: str = SHARED, **settings: Any) -> list[dg.Definitions]:
    """Three `build_defs` of an evaluation each; what they share is equal, and not the same objects."""
    homes = [home if ledgers == SHARED else home / name for name in OURS]
    for folder in homes:
        folder.mkdir(exist_ok=True)
    return [
        build_defs(evaluations=[images(name)], resources=resources_at(folder, pique), **settings)
        for name, folder in zip(OURS, homes, strict=True)
    ]


@pytest.mark.parametrize("ledgers", [SHARED, SEPARATE])
def test_guests_and_their_host_load_in_any_order_and_keep_their_executors(ledgers, tmp_path, pique):
    host = their_project()
    for order in itertools.permutations([host, *guests(tmp_path, pique, ledgers=ledgers)]):
        defs = dg.Definitions.merge(*order)
        dg.Definitions.validate_loadable(defs)
        assert defs.executor is host.executor
        assert defs.resolve_job_def("nightly").executor_def.name == "multiprocess"
        ours = [defs.resolve_job_def(f"{name}_{job}").executor_def.name for name in OURS for job in JOBS]
        assert ours == ["in_process"] * 9
        assert {sensor.name for sensor in defs.sensors} == {f"pique_results_{name}" for name in OURS}


def test_the_keys_of_the_assets_are_as_they_would_be_alone(tmp_path, pique):
    alone = guests(tmp_path, pique)
    merged = dg.Definitions.merge(their_project(), *alone)
    keys = {spec.key for spec in merged.resolve_all_asset_specs()}
    assert keys == {spec.key for defs in alone for spec in defs.resolve_all_asset_specs()} | {dg.AssetKey("numbers")}
    assert dg.AssetKey(["videos", "scorecard_daily"]) in keys


@pytest.mark.slow
def test_the_hosts_job_and_ours_run_each_with_what_is_its_own(tmp_path, pique, instance):
    defs = dg.Definitions.merge(their_project(), *guests(tmp_path, pique, ledgers=SEPARATE))
    nightly = defs.resolve_job_def("nightly").execute_in_process(instance=instance)
    assert [check.passed for check in nightly.get_asset_check_evaluations()] == [True]
    for name in ("videos", "images"):
        done = defs.resolve_job_def(f"{name}_everything").execute_in_process(instance=instance, partition_key=DATE)
        assert done.success
    for name, ran in {"videos": True, "images": True, "posters": False}.items():
        with Ledger.open(f"sqlite:///{tmp_path / name / 'ledger.db'}") as ledger:
            assert len(ledger.partition_state(evaluation=name, partition=DATE)) == 2 * ran
        assert (tmp_path / name / "lake").exists() is ran


def test_what_is_materialised_without_a_job_is_executed_as_the_host_says(tmp_path, pique):
    """A limit of Dagster: only a job has an executor, and its implicit one is everybody's."""
    assert dg.Definitions.merge(*guests(tmp_path, pique)).executor is None
    alone = dg.Definitions.merge(*guests(tmp_path, pique), dg.Definitions(executor=dg.in_process_executor))
    assert alone.resolve_implicit_global_asset_job_def().executor_def.name == "in_process"


def test_another_executor_is_that_of_all_our_jobs_and_of_no_other(tmp_path, pique):
    defs = dg.Definitions.merge(their_project(), *guests(tmp_path, pique, executor=dg.multi_or_in_process_executor))
    ours = {defs.resolve_job_def(f"{name}_{job}").executor_def.name for name in OURS for job in JOBS}
    assert ours == {"multi_or_in_process_executor"}
    assert defs.resolve_job_def("nightly").executor_def.name == "multiprocess"


def test_an_evaluation_of_two_build_defs_is_refused_with_the_way_out(tmp_path, pique):
    resources = resources_at(tmp_path, pique)
    first = build_defs(evaluations=[images("videos"), images("images")], resources=resources)
    second = build_defs(evaluations=[images("posters"), images("images")], resources=resources)
    for order in itertools.permutations([first, second, their_project()]):
        with pytest.raises(
            ValueError, match=r"two build_defs .* an evaluation 'images', .* give one of them another name"
        ):
            dg.Definitions.merge(*order)


def test_one_name_or_one_sensor_of_two_build_defs_is_refused_with_the_way_out(tmp_path, pique):
    with pytest.raises(ValueError, match=r"are named 'brand', .*with build_defs\(name=\.\.\.\)"):
        dg.Definitions.merge(*guests(tmp_path, pique, name="brand"))
    with pytest.raises(
        ValueError, match=r"have a sensor 'noticed': .*build_defs\(sensor=ResultsSensor\(name=\.\.\.\)\)"
    ):
        dg.Definitions.merge(*guests(tmp_path, pique, sensor=ResultsSensor(name="noticed")))


def test_the_same_definitions_may_be_merged_twice(tmp_path, pique):
    """As happens where two modules of a project import the same ones."""
    defs, other, _ = guests(tmp_path, pique)
    dg.Definitions.validate_loadable(dg.Definitions.merge(dg.Definitions.merge(defs, other), defs))


def test_the_sensor_is_called_and_ticks_as_it_is_told(tmp_path, pique):
    settings = ResultsSensor(
        name="noticed", minimum_interval_s=300, tick_budget_s=5, default_status=dg.DefaultSensorStatus.STOPPED
    )
    defs = build_defs(evaluations=[images("images")], resources=resources_at(tmp_path, pique), sensor=settings)
    sensor = defs.resolve_sensor_def("noticed")
    assert (sensor.minimum_interval_seconds, sensor.default_status) == (300, dg.DefaultSensorStatus.STOPPED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minimum_interval_s": 0}, "minimum_interval_s is 0: give a second or more"),
        ({"tick_budget_s": 2}, "tick_budget_s is 2: give more than 2 seconds"),
        ({"tick_budget_s": float("nan")}, "tick_budget_s is nan: give more than 2 seconds"),
    ],
)
def test_a_sensor_that_no_tick_can_keep_to_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ResultsSensor(**settings)


def test_names_and_resources_that_are_none_are_refused(tmp_path, pique):
    resources = resources_at(tmp_path, pique)
    with pytest.raises(ValueError, match="can't name anything after 'the brand': use letters, digits and underscores"):
        build_defs(evaluations=[images("images")], resources=resources, name="the brand")
    with pytest.raises(ValueError, match=r"no resource 'ledger' and no 'lake'; `resources_for\(...\)` makes all four"):
        build_defs(
            evaluations=[images("images")],
            resources={name: one for name, one in resources.items() if name not in ("ledger", "lake")},
        )


def test_resources_beyond_ours_keep_their_keys(tmp_path, pique):
    theirs = TheirLake(said="hello")
    defs = build_defs(evaluations=[images("images")], resources=resources_at(tmp_path, pique) | {"theirs": theirs})
    assert defs.resources["theirs"] is theirs


def test_a_sensor_asks_and_requests_for_its_own_evaluations_alone(tmp_path, pique, instance):
    defs = dg.Definitions.merge(*guests(tmp_path, pique))
    assert defs.resolve_job_def("images_submit").execute_in_process(instance=instance, partition_key=DATE).success
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        jobs = ledger.progress(evaluation="images", partition=DATE).open_job_ids
        assert ledger.make_due(jobs) == len(jobs) == 2
    others = tick(defs, instance=instance, sensor="pique_results_videos")
    assert "asked Pique for 0 results" in others.skip_reason.skip_message
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.claim_due(limit=10, lease_s=0.001, evaluation="images"), "asked about by another's sensor"
        ledger.record_inventory(evaluation="posters", partition=DATE, items=[])
    for name, dates in {"videos": [], "posters": [DATE]}.items():
        found = tick(defs, instance=instance, sensor=f"pique_results_{name}")
        assert [request.run_key.split("|")[:2] for request in found.run_requests or ()] == [
            [name, one] for one in dates
        ]


def test_complete_dates_of_others_hold_up_none_of_ours(tmp_path, pique, instance):
    defs = dg.Definitions.merge(*guests(tmp_path, pique))
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        for number in range(200):
            ledger.record_inventory(evaluation="images", partition=f"{2027 + number}-03-02", items=[])
        ledger.record_inventory(evaluation="videos", partition=DATE, items=[])
    asked_for = [tick(defs, instance=instance, sensor="pique_results_videos", cursor=str(turn)) for turn in range(3)]
    assert [[request.partition_key for request in one.run_requests] for one in asked_for] == [[DATE]] * 3
