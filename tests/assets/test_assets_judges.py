"""The judge of an evaluation: its snapshots, what a change of it sets off, and judges that can't be used."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView, TemporalContext
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from desk import DEMO
from graph import Graph, resources_at, video_evaluation

from pique_assets.analysis import load
from pique_assets.api.models import Judge
from pique_assets.assets.judge import snapshots_of
from pique_assets.definitions import build_defs
from pique_assets.lake import Lake
from pique_assets.ledger import Ledger
from pique_assets.local.process import running_local_pique
from pique_assets.local.record import evaluations_by_content, read_record
from pique_assets.media import DatedFolder

DATE = "2026-03-02"
CONTENT_ITEMS = 3
SEEDS = json.loads((DEMO / "judges.json").read_text(encoding="utf-8"))
SPECS = SEEDS["judges"][0]["detectors"]
JUDGE_FILE = {"name": "Demo videos", "description": "d", "content_type": "video"}


def seed_file(folder: Path, *, min_width: int = 480) -> Path:
    changed = json.loads(json.dumps(SEEDS))
    changed["judges"][0]["detectors"][0]["config"]["min_width"] = min_width
    (folder / "judges.json").write_text(json.dumps(changed))
    return folder / "judges.json"


def run_alone(graph: Graph, asset: str, *, date: str | None = None) -> dg.ExecuteInProcessResult:
    """Materialise one asset."""
    job = dg.define_asset_job("alone", selection=[graph.evaluation.asset_key(asset)])
    defs = dg.Definitions.merge(graph.defs, dg.Definitions(jobs=[job]))
    return defs.resolve_job_def("alone").execute_in_process(
        instance=graph.instance,
        partition_key=date,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
    )


def run_judge(graph: Graph) -> dg.ExecuteInProcessResult:
    return run_alone(graph, "judge")


def stale(graph: Graph, *, date: str = DATE) -> dict[str, list[tuple[str, ...]]]:
    """What the UI calls stale of a date, with the assets it blames: Dagster's own answer, which the UI shows."""
    assets = graph.defs.resolve_asset_graph()
    view = AssetGraphView(
        temporal_context=TemporalContext(effective_dt=datetime.now(UTC), last_event_id=None),
        instance=graph.instance,
        asset_graph=assets,
    )
    resolver = CachingStaleStatusResolver(instance=graph.instance, asset_graph=assets, loading_context=view)
    partitioned = [key for key in assets.materializable_asset_keys if assets.get(key).is_partitioned]
    return {
        key.path[-1]: [tuple(cause.asset_key.path) for cause in resolver.get_stale_root_causes(key, date)]
        for key in partitioned
        if resolver.get_status(key, date).value == "STALE"
    }


def failure(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    return "\n".join(event.step_failure_data.error.to_string() for event in result.all_events if event.is_step_failure)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


@pytest.mark.slow
def test_a_changed_judge_is_stale_downstream_and_evaluated_anew_an_unchanged_one_is_not(tmp_path, instance):
    def at_pique(*, min_width: int) -> contextlib.AbstractContextManager[Any]:
        return running_local_pique(
            data_dir=tmp_path / "pique", seed_judges=seed_file(tmp_path, min_width=min_width), workers=1
        )

    def evaluated() -> Counter[str]:
        return Counter(evaluations_by_content(read_record(tmp_path / "pique")))

    def graph_over(pique) -> Graph:
        return Graph.over(video_evaluation(), home=tmp_path, pique=pique, instance=instance)

    def work_keys() -> set[str]:
        with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
            return {row.item.work_key for row in ledger.partition_state(evaluation="brand_videos", partition=DATE)}

    with at_pique(min_width=480) as pique:
        graph = graph_over(pique)
        assert graph.run(DATE).success
        first, first_keys = evaluated(), work_keys()
        assert sorted(first.values()) == [1] * CONTENT_ITEMS
        assert graph.run(DATE, job="submit").success
        assert stale(graph) == {}
    assert evaluated() == first, "an unchanged judge evaluates nothing"

    with at_pique(min_width=4000) as pique:
        graph = graph_over(pique)
        assert run_judge(graph).success
        # Dagster marks what comes directly after; the rest follows when `uploads` is materialised.
        assert stale(graph) == {"uploads": [tuple(graph.evaluation.asset_key("judge").path)]}
        assert graph.run(DATE).success
        assert evaluated() == dict.fromkeys(first, 2), "each content once more, on purpose"
        assert stale(graph) == {}
        assert graph.run(DATE, job="submit").success
    assert evaluated() == dict.fromkeys(first, 2)
    assert len(work_keys()) == CONTENT_ITEMS and not work_keys() & first_keys

    # Both configurations of the day are there, and the scores name theirs.
    judges = load("judges", lake=tmp_path / "lake").sort_values("fetched_at")
    hashes = list(judges.judge_configuration_hash.unique())
    assert len(hashes) == 2
    assert set(load("submissions", lake=tmp_path / "lake").judge_configuration_hash) == {hashes[-1]}
    configs = load("detector_configs", lake=tmp_path / "lake")
    assert {json.loads(config).get("min_width") for config in configs.config_json} - {None} == {480, 4000}


@pytest.fixture(scope="module")
def many_judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A Pique with judges that can't be used, each for a reason of its own, and a home with a date's inventory."""
    folder = tmp_path_factory.mktemp("many")
    seeds = [
        {"id": name, "name": name, "description": "d", "content_type": "video", "detectors": SPECS}
        for name in ("inactive", "pending", "unheard_of")
    ]
    seeds.append(
        {**seeds[0], "id": "failed", "name": "failed", "detectors": [{"detector_name": "mind_reading", "config": {}}]}
    )
    seeds.append({**seeds[0], "id": "text", "name": "text", "content_type": "text"})
    (folder / "judges.json").write_text(json.dumps({"judges": [*SEEDS["judges"], *seeds]}))
    with running_local_pique(data_dir=folder / "pique", seed_judges=folder / "judges.json", workers=1) as pique:
        with contextlib.closing(sqlite3.connect(pique.data_dir / "pique.sqlite3")) as connection, connection:
            connection.execute("UPDATE judges SET is_active = 0 WHERE id = 'inactive'")
            connection.execute("UPDATE judges SET status = 'pending' WHERE id = 'pending'")
            connection.execute("UPDATE judges SET status = 'archived' WHERE id = 'unheard_of'")
            connection.execute("UPDATE judges SET status = 'ready', status_reason = NULL WHERE id = 'text'")
        with dg.DagsterInstance.ephemeral() as instance:
            graph = Graph.over(video_evaluation(), home=folder, pique=pique, instance=instance)
            inventory = run_alone(graph, "content", date=DATE)
        assert inventory.success and checks(inventory)["all_content_is_readable"].passed
        yield pique, folder


@pytest.mark.parametrize(
    ("judge_id", "said"),
    [
        ("inactive", "is not active"),
        ("pending", "is still being prepared"),
        ("failed", "has no such detector"),
        ("unheard_of", "is archived"),
        ("text", "evaluates text"),
        ("judge_demo_images", "evaluates image, and all content is of another type (3 video)"),
    ],
)
def test_a_judge_that_cannot_be_used_stops_the_date_before_anything_is_sent(many_judges, instance, judge_id, said):
    pique, home = many_judges
    graph = Graph.over(video_evaluation(judge_id=judge_id), home=home, pique=pique, instance=instance)
    said_by_run = failure(run_alone(graph, "uploads", date=DATE))
    assert "JudgeNotUsable" in said_by_run and said in said_by_run
    assert read_record(pique.data_dir) == [], "not even a job was prepared"
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        assert ledger.progress(evaluation="brand_videos", partition=DATE).total == 0
    # As it was when it was refused.
    assert judge_id in set(load("judges", lake=home / "lake").judge_id)


def declare(folder: Path, **changes: Any) -> Path:
    detectors = [{key: detector[key] for key in ("detector_name", "config")} for detector in SPECS]
    # JSON is YAML.
    (folder / "judge.yaml").write_text(json.dumps(JUDGE_FILE | {"detectors": detectors} | changes))
    return folder / "judge.yaml"


def test_a_declared_judge_is_found_by_its_name_and_its_scores_name_it(pique, tmp_path, instance):
    evaluation = video_evaluation(judge_id=None, judge_file=declare(tmp_path))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert graph.run(DATE).success
    assert set(graph.table("submissions", DATE).column("judge_id").to_pylist()) == {"judge_demo_videos"}
    assert set(graph.table("scorecard_daily", DATE).column("judge_id").to_pylist()) == {"judge_demo_videos"}


@pytest.mark.parametrize("judge_id", [None, "judge_demo_videos"])
def test_a_judge_that_is_not_as_its_file_declares_evaluates_nothing(pique, tmp_path, instance, judge_id):
    before = len(read_record(pique.data_dir))
    file = declare(tmp_path, detectors=[{"detector_name": "title_and_description", "config": {}}])
    evaluation = video_evaluation(judge_id=judge_id, judge_file=file)
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    said = failure(graph.run(DATE, job="submit"))
    assert "JudgeDiffers" in said and "detector video_specs is new" in said
    assert len(read_record(pique.data_dir)) == before


def test_a_missing_judge_is_created_only_on_purpose_and_only_once(pique, tmp_path, instance):
    file = declare(tmp_path, name="Declared beside its evaluation")
    graph = Graph.over(video_evaluation(judge_id=None, judge_file=file), home=tmp_path, pique=pique, instance=instance)
    assert "pique-assets judges create --file" in failure(run_judge(graph))
    creating = Graph.over(
        video_evaluation(judge_id=None, judge_file=file, create_missing_judge=True),
        home=tmp_path,
        pique=pique,
        instance=instance,
    )
    for _ in range(2):
        assert run_judge(creating).success
    assert run_judge(graph).success
    assert load("judges", lake=tmp_path / "lake").judge_id.nunique() == 1


def test_reference_content_is_never_uploaded_by_a_run(pique, tmp_path, instance):
    clip = DEMO / "media" / "brand_videos" / "2026-03-03" / "meadow_vertical.mov"
    (tmp_path / "clip.mov").write_bytes(clip.read_bytes())
    references = [{"detector_name": "video_matching", "config": {"reference_videos": ["clip.mov"]}}]
    file = declare(tmp_path, name="With a reference", detectors=references)
    evaluation = video_evaluation(judge_id=None, judge_file=file, create_missing_judge=True)
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    said = failure(run_judge(graph))
    assert "never uploaded" in said and "judges create --file" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"judge_id": None}, "names no judge"),
        ({"judge_id": ""}, "names no judge"),
        ({"create_missing_judge": True}, "needs judge_file"),
        ({"judge_file": "j.yaml", "create_missing_judge": True}, "no judge_id"),
        ({"failure_rate_warn_above": 0.9}, "at least the first"),
        ({"failure_rate_error_above": 1.5}, "shares of 0 to 1"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        video_evaluation(**changes)


def a_judge(*, status: str = "ready", min_width: int = 480) -> Judge:
    config = {"id": "c1", "detector_name": "video_specs", "config": {"min_width": min_width}, "weight": 5}
    return Judge.model_validate(
        {"id": "j", "name": "J", "content_type": "video", "status": status, "detector_configs": [config], "extra": 1}
    )


def test_a_day_keeps_the_first_and_latest_time_of_each_description(tmp_path):
    lake = Lake(str(tmp_path))
    snapshots = snapshots_of(video_evaluation(), lake=lake)
    fetched = datetime(2026, 3, 2, 8, tzinfo=UTC)
    story = [
        a_judge(),
        a_judge(),
        a_judge(min_width=720),
        a_judge(),
        a_judge(status="failed"),
        a_judge(min_width=720),
        a_judge(),
    ]
    for hour, judge in enumerate(story):
        snapshots.keep(judge, fetched_at=fetched + timedelta(hours=hour))
    judges = load("judges", lake=lake).sort_values("fetched_at")
    hours = [(time.hour - 8, status) for time, status in zip(judges.fetched_at, judges.status, strict=True)]
    assert hours == [(0, "ready"), (2, "ready"), (4, "failed"), (5, "ready"), (6, "ready")]
    assert judges.judge_configuration_hash.nunique() == 2
    assert set(judges.other_fields) == {'{"extra": 1}'}
    latest = snapshots.latest()
    assert latest is not None and latest.fetched_at == fetched + timedelta(hours=6)
    settings = snapshots.settings(a_judge(min_width=720).configuration_hash())
    assert settings is not None and [one.config for one in settings] == [{"min_width": 720}]
    assert snapshots.settings("0" * 64) is None


def test_evaluations_that_share_a_judge_keep_snapshots_of_their_own(tmp_path):
    lake = Lake(str(tmp_path))
    one, other, third = (
        snapshots_of(video_evaluation(name=name, judge_name="shared"), lake=lake)
        for name in ("one", "one_more", "third")
    )
    fetched = datetime(2026, 3, 2, tzinfo=UTC)
    one.keep(a_judge(), fetched_at=fetched)
    other.keep(a_judge(min_width=1), fetched_at=fetched + timedelta(days=1))
    latest = one.latest()
    assert latest is not None and latest.fetched_at == fetched
    assert third.latest() is None


def test_loading_a_graph_with_a_judge_file_reads_nothing(tmp_path):
    nowhere = SimpleNamespace(base_url="http://127.0.0.1:9", api_key="k")
    evaluation = video_evaluation(judge_id=None, judge_file=tmp_path / "missing.yaml")
    defs = build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, nowhere))
    assert defs.resolve_job_def("brand_videos_everything").partitions_def is not None


def test_media_of_the_other_type_beside_the_right_one_is_a_row_with_an_error(pique, tmp_path, instance):
    folder = tmp_path / "media" / DATE
    folder.mkdir(parents=True)
    for path in (
        next((DEMO / "media" / "brand_videos" / DATE).glob("*.mp4")),
        next((DEMO / "media" / "brand_images").rglob("*.jpg")),
    ):
        (folder / path.name).write_bytes(path.read_bytes())
    evaluation = video_evaluation(media=DatedFolder(tmp_path / "media"))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert graph.run(DATE, job="submit").success
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        rows = ledger.partition_state(evaluation="brand_videos", partition=DATE)
    codes = {row.item.content_type: row.item.error_code for row in rows}
    assert codes == {"video": None, "image": "wrong_content_type"}
