"""What stands behind the scores: a project's own assets, their automation, and tables as their inputs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from graph import DATES, Graph, resources_at, video_evaluation

from pique_assets import (
    LakeResource,
    ParquetLakeIOManager,
    PiqueTranslator,
    build_defs,
    lake as lake_room,
    partitions_of,
)
from pique_assets.analysis import load
from pique_assets.lake import partitioned_schema
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.resources import MediaStorageResource

EXAMPLE = Path(__file__).parents[2] / "examples" / "downstream" / "definitions.py"
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
DATE, EARLIER = DATES[3], DATES[0]
AFTER_THE_LAST = datetime.fromisoformat("2026-03-07T12:00+00:00")


@pytest.fixture
def example(pique: LocalPiqueProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a code location loads it, at a Pique, ledger and lake of the test's own."""
    monkeypatch.setenv("PIQUE_BASE_URL", pique.base_url)
    monkeypatch.setenv("PIQUE_API_KEY", pique.api_key)
    monkeypatch.setenv("PIQUE_HOME", str(tmp_path / "home"))
    spec = importlib.util.spec_from_file_location("downstream_example", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Automation:
    """Dagster's automation of some definitions, tick by tick."""

    def __init__(self, defs: dg.Definitions, *, instance: dg.DagsterInstance) -> None:
        self._defs, self._instance, self._cursor = defs, instance, None

    def tick(self) -> dict[str, set[str | None]]:
        """What Dagster would run now: assets by name, with their partitions."""
        result = dg.evaluate_automation_conditions(
            self._defs,
            instance=self._instance,
            asset_selection=dg.AssetSelection.all(),
            cursor=self._cursor,
            evaluation_time=AFTER_THE_LAST,
        )
        self._cursor = result.cursor
        graph = self._defs.resolve_asset_graph()
        requested = {
            key.path[-1]: result.get_requested_partitions(key)
            for key in graph.materializable_asset_keys
            if graph.get(key).automation_condition is not None
        }
        return {asset: partitions for asset, partitions in requested.items() if partitions}


def run_job(defs: dg.Definitions, date: str, *, instance: dg.DagsterInstance) -> None:
    job = defs.resolve_job_def("brand_videos_everything")
    assert job.execute_in_process(instance=instance, partition_key=date, run_config=QUIET).success


def run_asset(
    defs: dg.Definitions, name: str, *, instance: dg.DagsterInstance, date: str | None = None
) -> Mapping[str, Any]:
    """Materialise one asset of the project, as Dagster does when its condition fires; returns its metadata."""
    job = dg.define_asset_job("alone", selection=[name])
    resolved = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("alone")
    result = resolved.execute_in_process(instance=instance, partition_key=date, run_config=QUIET)
    (event,) = result.get_asset_materialization_events()
    return {key: value.value for key, value in event.materialization.metadata.items()}


@pytest.mark.slow
def test_the_example_follows_the_scores_of_each_date_and_of_all(example, instance):
    automation = Automation(example.defs, instance=instance)
    assert automation.tick() == {}, "nothing is scored yet"

    run_job(example.defs, EARLIER, instance=instance)
    assert automation.tick() == {"failed_detectors": {EARLIER}, "pass_rates_so_far": {None}}
    failed = run_asset(example.defs, "failed_detectors", instance=instance, date=EARLIER)
    assert failed["failed"] == {"title_and_description": 1, "video_specs": 1}
    assert run_asset(example.defs, "pass_rates_so_far", instance=instance)["dates"] == 1
    assert automation.tick() == {}, "once is enough"

    run_job(example.defs, DATE, instance=instance)
    assert automation.tick() == {"failed_detectors": {DATE}, "pass_rates_so_far": {None}}
    both = run_asset(example.defs, "pass_rates_so_far", instance=instance)
    scorecard = load("scorecard_daily", lake=example.RESOURCES["lake"].process_config_and_initialize().lake())
    of_specs = scorecard[scorecard.detector_name == "video_specs"]
    assert both["dates"] == 2
    assert both["pass_rates"]["video_specs"] == of_specs.passed.sum() / of_specs.n.sum()


def loaded(graph: Graph, asset: str, *, annotation: Any = Any, dates: tuple[str, ...] = ()) -> Any:
    """What an asset of a project gets as its input: of one date, of a range, or of all dates."""
    found = []

    def take(rows) -> None:
        found.append(rows)

    take.__annotations__["rows"] = annotation
    key = graph.evaluation.asset_key(asset)
    several = dg.SpecificPartitionsPartitionMapping(list(dates)) if len(dates) > 1 else None
    downstream = dg.asset(
        name="downstream",
        ins={"rows": dg.AssetIn(key=key, input_manager_key="pique_tables", partition_mapping=several)},
        partitions_def=partitions_of(graph.evaluation) if len(dates) == 1 else None,
    )(take)
    tables = ParquetLakeIOManager.of(LakeResource(root=str(graph.home / "lake")))
    defs = dg.Definitions(
        assets=[downstream],
        resources={"pique_tables": tables},
        jobs=[dg.define_asset_job("alone", selection=[downstream])],
    )
    result = (
        dg.Definitions.merge(graph.defs, defs)
        .resolve_job_def("alone")
        .execute_in_process(
            instance=graph.instance, partition_key=dates[0] if len(dates) == 1 else None, run_config=QUIET
        )
    )
    assert result.success
    return found[0]


@pytest.fixture(scope="module")
def scored(shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Two dates of a prefixed evaluation, and one of another evaluation in the same judge's folder."""
    home = tmp_path_factory.mktemp("scored")
    prefixed = video_evaluation(translator=PiqueTranslator(key_prefix="marketing"), judge_name="shared")
    other = video_evaluation(name="other_videos", judge_name="shared")
    with dg.DagsterInstance.ephemeral() as instance:
        defs = build_defs(evaluations=[prefixed, other], resources=resources_at(home, shared_pique))
        graph = Graph(home=home, defs=defs, instance=instance, evaluation=prefixed)
        assert graph.run(EARLIER).success
        assert graph.run(DATE).success
        assert Graph(home=home, defs=defs, instance=instance, evaluation=other).run(EARLIER).success
        yield graph


def test_an_input_of_a_date_is_a_frame_of_that_evaluation_and_date(scored):
    frame = loaded(scored, "detector_results", dates=(EARLIER,))
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == scored.table("detector_results", EARLIER).num_rows
    assert set(frame.evaluation) == {"brand_videos"}
    assert set(frame.date.astype(str)) == {EARLIER}
    everything = load("detector_results", lake=scored.home / "lake")
    assert list(frame.columns) == list(everything.columns)
    assert dict(frame.dtypes) == dict(everything.dtypes)


def test_an_input_is_an_arrow_table_where_its_annotation_says_so(scored):
    table = loaded(scored, "evaluations", annotation=pa.Table, dates=(DATE,))
    assert table.schema == partitioned_schema("evaluations")
    assert table.num_rows == scored.table("evaluations", DATE).num_rows
    assert isinstance(loaded(scored, "evaluations", annotation=pd.DataFrame, dates=(DATE,)), pd.DataFrame)


@pytest.mark.parametrize(
    ("dates", "found"), [((EARLIER, DATES[1]), {EARLIER}), (DATES, {EARLIER, DATE}), ((), {EARLIER, DATE})]
)
def test_an_input_of_several_dates_has_the_rows_of_those_that_were_scored(scored, dates, found):
    frame = loaded(scored, "scorecard_daily", dates=dates)
    assert set(frame.date.astype(str)) == found
    assert set(frame.evaluation) == {"brand_videos"}


def test_the_payloads_are_the_input_that_evaluation_results_gives(scored):
    frame = loaded(scored, "evaluation_results", dates=(DATE,))
    assert len(frame) == scored.table("payloads", DATE).num_rows
    assert "body" in frame


def test_the_judge_gives_its_detector_configs(scored):
    frame = loaded(scored, "judge")
    assert set(frame.detector_name) == {"video_specs", "title_and_description"}


def test_an_input_of_a_date_that_was_not_scored_says_so(scored):
    with pytest.raises(lake_room.FileMissing, match=f"evaluations.*date={DATES[1]}"):
        loaded(scored, "evaluations", dates=(DATES[1],))


@pytest.mark.parametrize(
    ("asset", "annotation", "sentence"),
    [("uploads", Any, "says of no table"), ("evaluations", dict, "annotate it as pandas.DataFrame or pyarrow.Table")],
)
def test_what_cannot_be_an_input_is_one_sentence(scored, asset, annotation, sentence):
    with pytest.raises(dg.Failure, match=sentence):
        loaded(scored, asset, annotation=annotation, dates=(DATE,))


def test_nothing_is_written_through_the_io_manager(tmp_path, instance):
    @dg.asset(io_manager_key="pique_tables")
    def written() -> int:
        return 1

    tables = ParquetLakeIOManager(root=str(tmp_path))
    with pytest.raises(dg.Failure, match="only reads, and 'written' is to be written"):
        dg.materialize([written], resources={"pique_tables": tables}, instance=instance)
    assert list(tmp_path.iterdir()) == []


def test_an_io_manager_is_made_of_a_lake_alone():
    assert ParquetLakeIOManager.of(LakeResource(root="/lake", project="/here")).project == "/here"
    with pytest.raises(TypeError, match="takes a LakeResource, not a MediaStorageResource"):
        ParquetLakeIOManager.of(MediaStorageResource())


def damage(graph: Graph, table: str) -> None:
    """Give a date's file of a table another column than declared, as another writer would."""
    file = Path(graph.materialization(table, DATE).metadata["dagster/uri"].value)
    pq.write_table(pq.read_table(file).rename_columns({"score": "grade"}), file)


def behind(
    graph: Graph, *, condition: dg.AutomationCondition | None = None
) -> tuple[dg.Definitions, Callable[[], dg.ExecuteInProcessResult], list[str]]:
    """An asset behind the commit mark of a date: the definitions, a run of mark and asset, and where the asset ran."""
    mark, ran = graph.evaluation.asset_key("partition_status"), []

    @dg.asset(deps=[mark], partitions_def=partitions_of(graph.evaluation), automation_condition=condition)
    def downstream() -> None:
        ran.append(DATE)

    job = dg.define_asset_job("marked", selection=[mark, downstream.key])
    defs = dg.Definitions.merge(graph.defs, dg.Definitions(assets=[downstream], jobs=[job]))

    def run() -> dg.ExecuteInProcessResult:
        return defs.resolve_job_def("marked").execute_in_process(
            instance=graph.instance, partition_key=DATE, raise_on_error=False, run_config=QUIET
        )

    return defs, run, ran


@pytest.mark.parametrize("blocking", [False, True])
def test_a_blocking_schema_check_keeps_what_is_downstream_from_running(pique, tmp_path, instance, blocking):
    graph = Graph.over(video_evaluation(blocking_schema_check=blocking), home=tmp_path, pique=pique, instance=instance)
    assert graph.run(DATE).success
    _, run, ran = behind(graph)
    assert run().success
    assert ran == [DATE]
    damage(graph, "detector_results")
    result = run()
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "columns_are_as_declared"]
    assert not found.passed
    assert found.blocking is blocking
    assert result.success is not blocking
    assert ran == ([DATE] if blocking else [DATE, DATE])


@pytest.mark.parametrize("blocking", [False, True])
def test_automation_waits_for_a_blocking_schema_check(pique, tmp_path, instance, blocking):
    graph = Graph.over(video_evaluation(blocking_schema_check=blocking), home=tmp_path, pique=pique, instance=instance)
    once_scored = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    defs, _, _ = behind(graph, condition=once_scored & dg.AutomationCondition.all_deps_blocking_checks_passed())
    automation = Automation(defs, instance=instance)
    assert automation.tick() == {}
    assert graph.run(DATE).success
    assert automation.tick() == {"downstream": {DATE}}
    assert automation.tick() == {}, "once is enough"
    damage(graph, "detector_results")
    # As the UI materialises one asset.
    defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        partition_key=DATE,
        asset_selection=[graph.evaluation.asset_key("partition_status")],
        raise_on_error=False,
        run_config=QUIET,
    )
    assert automation.tick() == ({} if blocking else {"downstream": {DATE}})
