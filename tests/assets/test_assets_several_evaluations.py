"""Several evaluations in one code location: two judges over the same media, and one judge over two sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest
from desk import LIMITS
from graph import Graph, resources_at, tick, video_evaluation
from waiting import eventually
from whole_media import clip

from pique_assets.analysis import load, plot_scorecard, sql, wide
from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.lake import Lake
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import evaluations_by_content, read_record
from pique_assets.media import DatedFolder

pytestmark = pytest.mark.slow

DATE = "2026-03-02"
JUDGES = {
    "strict": {"detector_name": "video_specs", "config": {"min_width": 4000}},
    "lenient": {"detector_name": "video_specs", "config": {"min_width": 100}},
}
# What lies in the two sources; one video lies in both.
STUDIO = {"shared.mp4": clip(), "studio.mkv": clip(".mkv")}
CREATORS = {"copy of shared.mp4": clip(), "creator.webm": clip(".webm", codec="libvpx")}
GRAPH_NAMES = ("studio_strict", "studio", "creators")


@dataclass(frozen=True, kw_only=True)
class Location:
    """A code location of three evaluations, after a date of each."""

    home: Path
    pique: LocalPiqueProcess
    defs: dg.Definitions
    graphs: dict[str, Graph]
    collected_by: dict[str, dg.RunRequest]

    @property
    def lake(self) -> Path:
        return self.home / "lake"


@pytest.fixture(scope="module")
def pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    folder = tmp_path_factory.mktemp("pique")
    judges = [
        {"id": f"judge_{name}", "name": name, "description": "d", "content_type": "video", "detectors": [detector]}
        for name, detector in JUDGES.items()
    ]
    (folder / "judges.json").write_text(json.dumps({"judges": judges}))
    with running_local_pique(data_dir=folder / "data", seed_judges=folder / "judges.json", workers=1) as process:
        yield process


def three_evaluations(media: Path) -> list[Evaluation]:
    """Two judges over the studio's media; the lenient one over the creators', too, from another day and clock on."""
    limits = replace(LIMITS, lease_s=60, results_wait_s=100)
    lenient = {"judge_id": "judge_lenient", "judge_name": "lenient", "limits": limits}
    studio = DatedFolder(media / "studio")
    return [
        video_evaluation(name="studio_strict", judge_id="judge_strict", media=studio, limits=limits),
        video_evaluation(name="studio", media=studio, **lenient),
        video_evaluation(
            name="creators",
            media=DatedFolder(media / "creators"),
            start_date="2026-02-27",
            timezone="America/New_York",
            **lenient,
        ),
    ]


@pytest.fixture(scope="module")
def location(pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Location]:
    home = tmp_path_factory.mktemp("home")
    for source, files in (("studio", STUDIO), ("creators", CREATORS)):
        (home / "media" / source / DATE).mkdir(parents=True)
        for name, body in files.items():
            (home / "media" / source / DATE / name).write_bytes(body)
    evaluations = three_evaluations(home / "media")
    defs = build_defs(evaluations=evaluations, resources=resources_at(home, pique))
    with dg.DagsterInstance.ephemeral() as instance:
        graphs = {one.name: Graph(home=home, defs=defs, instance=instance, evaluation=one) for one in evaluations}
        for graph in graphs.values():
            assert graph.run(DATE, job="submit").success
        collected_by = collect_as_the_sensor_asks(defs, graphs, instance=instance)
        yield Location(home=home, pique=pique, defs=defs, graphs=graphs, collected_by=collected_by)


def collect_as_the_sensor_asks(defs, graphs, *, instance) -> dict[str, dg.RunRequest]:
    """Run what the one sensor asks for, until it has asked for every evaluation."""
    asked_for: dict[str, dg.RunRequest] = {}

    def asked() -> set[str]:
        for request in tick(defs, instance=instance).run_requests:
            name = request.job_name.removesuffix("_results")
            asked_for[name] = request
            assert graphs[name].run(request.partition_key, job="results").success
        return set(asked_for)

    eventually(asked, lambda names: names == set(graphs), every_s=0.1)
    return asked_for


def test_each_evaluation_has_assets_jobs_and_a_schedule_of_its_own_and_all_share_one_sensor(location):
    repository = location.defs.get_repository_def()
    keys = {key.path[0] for key in location.defs.resolve_asset_graph().get_all_asset_keys()}
    assert keys == set(GRAPH_NAMES)
    assert {job.name for job in repository.get_all_jobs()} >= {
        f"{name}_{what}" for name in GRAPH_NAMES for what in ("submit", "results", "everything")
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {f"{name}_daily" for name in GRAPH_NAMES}
    (sensor,) = repository.sensor_defs
    assert {target.job_name for target in sensor.targets} == {f"{name}_results" for name in GRAPH_NAMES}


def test_the_one_sensor_asked_for_each_evaluations_date(location):
    assert {name: request.partition_key for name, request in location.collected_by.items()} == dict.fromkeys(
        GRAPH_NAMES, DATE
    )
    assert len({request.run_key for request in location.collected_by.values()}) == len(GRAPH_NAMES)


def test_the_same_content_is_evaluated_once_by_each_judge_and_no_more(location):
    contents = [STUDIO["shared.mp4"], STUDIO["studio.mkv"], CREATORS["creator.webm"]]
    hashes = [hashlib.sha256(body).hexdigest() for body in contents]
    assert evaluations_by_content(read_record(location.pique.data_dir)) == {
        ("judge_strict", hashes[0]): 1,
        ("judge_strict", hashes[1]): 1,
        ("judge_lenient", hashes[0]): 1,
        ("judge_lenient", hashes[1]): 1,
        ("judge_lenient", hashes[2]): 1,
    }


def test_two_judges_over_the_same_media_have_work_jobs_and_verdicts_of_their_own(location):
    rows = load("submissions", lake=location.lake)
    pair = rows[rows["filename"] == "studio.mkv"].set_index("judge")
    assert set(pair.index) == {"studio_strict", "lenient"}
    for column in ("work_key", "job_id", "judge_id"):
        assert pair[column].nunique() == 2
    assert pair["fingerprint"].nunique() == 1
    verdicts = load("scorecard_daily", lake=location.lake).set_index(["evaluation", "detector_name"])
    assert verdicts.loc[("studio_strict", "video_specs"), ["passed", "n"]].tolist() == [0, 2]
    assert verdicts.loc[("studio", "video_specs"), ["passed", "n"]].tolist() == [2, 2]


def test_one_judge_over_two_sources_has_its_files_side_by_side(location):
    lake = Lake(str(location.lake))
    for table in ("content", "submissions", "payloads", "evaluations", "detector_results", "scorecard_daily"):
        assert [file.evaluation for file in lake.partitions(table, judge="lenient")] == ["creators", "studio"], table
    verdicts = load("scorecard_daily", lake=location.lake, judge="lenient").set_index(["evaluation", "detector_name"])
    assert verdicts.loc[("creators", "video_specs"), ["passed", "n"]].tolist() == [2, 2]


def test_a_video_in_both_sources_has_one_job_and_appears_in_both(location):
    rows = load("submissions", lake=location.lake, judge="lenient").set_index(["evaluation", "filename"])
    shared = rows.loc[[("studio", "shared.mp4"), ("creators", "copy of shared.mp4")]]
    assert shared["job_id"].nunique() == shared["work_key"].nunique() == 1
    assert shared["state"].tolist() == ["completed", "completed"]
    evaluations = load("evaluations", lake=location.lake, judge="lenient")
    shown = evaluations[evaluations["job_id"] == shared["job_id"].iloc[0]]
    assert sorted(shown["evaluation"]) == ["creators", "studio"]


def test_an_analyst_sees_each_evaluation_apart_and_joins_without_counting_twice(location):
    joined = sql(
        """
        select evaluation, count(*) as n, count(distinct job_id) as jobs
        from submissions join evaluations using (judge, date, evaluation, job_id)
        group by all order by all
        """,
        lake=location.lake,
    )
    assert joined.values.tolist() == [["creators", 2, 2], ["studio", 2, 2], ["studio_strict", 2, 2]]
    metrics = wide(detector="video_specs", lake=location.lake)
    assert metrics.index.is_unique
    assert len(metrics) == 6
    assert metrics["video_specs.width"].tolist() == [160] * 6


def test_the_scorecard_has_a_line_for_each(location):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    axes = plot_scorecard(lake=location.lake)
    assert [bars.get_label() for bars in axes.containers] == [f"{name}: video_specs" for name in sorted(GRAPH_NAMES)]
    plt.close("all")


def test_dates_begin_where_and_when_each_evaluation_says(location):
    keys = {name: location.defs.resolve_job_def(f"{name}_everything").partitions_def for name in ("studio", "creators")}
    assert keys["studio"].get_first_partition_key() == "2026-03-02"
    assert keys["creators"].get_first_partition_key() == "2026-02-27"
    assert keys["creators"].timezone == "America/New_York"
    schedules = {one.name: one.execution_timezone for one in location.defs.get_repository_def().schedule_defs}
    assert schedules["creators_daily"] == "America/New_York"


def test_submitting_again_sends_nothing(location):
    before = read_record(location.pique.data_dir)
    assert location.graphs["creators"].run(DATE, job="submit").success
    assert read_record(location.pique.data_dir) == before


def named(name: str, **changes) -> Evaluation:
    return video_evaluation(name=name, **changes)


@pytest.mark.parametrize(
    "evaluations",
    [
        [named("a", judge_name="brand", judge_id="j1"), named("b", judge_name="brand", judge_id="j2")],
        [named("brand", judge_id="j1"), named("b", judge_name="brand", judge_id="j2")],
    ],
    ids=["both name it", "one is called so"],
)
def test_one_judge_name_for_two_judges_is_refused_with_what_to_do(evaluations):
    with pytest.raises(ValueError, match=r"share the judge_name 'brand' but not the judge: j1 and j2; give one"):
        build_defs(evaluations=evaluations, resources={})


def test_a_judge_that_the_environment_names_may_be_the_same(pique, tmp_path):
    evaluations = [named("a", judge_name="brand"), named("b", judge_name="brand", judge_id=dg.EnvVar("BRAND_JUDGE"))]
    assert build_defs(evaluations=evaluations, resources=resources_at(tmp_path, pique))
