"""Dates through the whole asset graph in real Dagster runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest
from desk import LIMITS
from graph import DATES, Graph, video_evaluation

from pique_assets.lake import SCHEMAS
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import read_record

DATA_TABLES = (
    "content",
    "payloads",
    "submissions",
    "evaluations",
    "detector_results",
    "detector_metrics",
    "flagged_moments",
    "scorecard_daily",
)
# No detector of the demo's judges flags a moment.
NOTHING_FLAGGED = ("flagged_moments",)
TABLE_ASSETS = {name: "evaluation_results" if name == "payloads" else name for name in DATA_TABLES}


def check_results(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def hashes(graph: Graph) -> dict[str, str]:
    lake = graph.home / "lake"
    return {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in DATA_TABLES
        for path in (lake / name).rglob("*.parquet")
    }


@dataclass(frozen=True, kw_only=True)
class Day:
    """A date that was run from media to scorecard once, for tests that only look."""

    graph: Graph
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def day(shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with dg.DagsterInstance.ephemeral() as instance:
        home = tmp_path_factory.mktemp("day")
        graph = Graph.over(video_evaluation(), home=home, pique=shared_pique, instance=instance)
        yield Day(graph=graph, result=graph.run("2026-03-02"))


def test_a_day_runs_from_media_to_scorecard(day):
    graph, result = day.graph, day.result
    assert result.success
    assert all(evaluation.passed for evaluation in check_results(result).values())
    scorecard = graph.table("scorecard_daily", "2026-03-02").to_pylist()
    rates = {row["detector_name"]: (row["passed"], row["n"]) for row in scorecard}
    assert rates == {"video_specs": (2, 3), "title_and_description": (2, 3), "__overall__": (None, 3)}
    status = graph.table("partition_status", "2026-03-02").to_pylist()[0]
    assert (status["run_id"], status["content_count"], status["completed_count"]) == (result.run_id, 3, 3)


def test_a_day_with_a_broken_file_completes_and_its_checks_warn(graph):
    result = graph.run("2026-03-03")
    assert result.success
    rows = {row["filename"]: row for row in graph.table("submissions", "2026-03-03").to_pylist()}
    assert rows["never_written.mp4"]["state"] == "unreadable"
    assert "empty" in rows["never_written.mp4"]["error"]
    assert rows["interrupted_export.mp4"]["state"] == "failed"
    assert rows["meadow_vertical.mov"]["state"] == "completed"
    checks = check_results(result)
    for name in ("all_content_is_readable", "all_content_was_evaluated"):
        assert not checks[name].passed
        assert checks[name].severity is dg.AssetCheckSeverity.WARN
        assert checks[name].partition == "2026-03-03"
    assert checks["every_content_item_has_an_outcome"].passed
    assert "never\\_written.mp4" in checks["all_content_is_readable"].metadata["first_found"].value


def test_a_day_without_media_completes_with_empty_typed_tables(graph):
    assert graph.run("2026-03-04").success
    for name in (*DATA_TABLES, "metric_catalog"):
        table = graph.table(name, "2026-03-04")
        assert (table.num_rows, table.schema) == (0, SCHEMAS[name])


def test_a_second_run_sends_nothing_and_leaves_the_same_bytes_and_data_versions(graph, pique):
    assert all(graph.run(date).success for date in DATES[:2])
    before, sent = hashes(graph), read_record(pique.data_dir)
    versions = {
        asset: graph.materialization(asset, "2026-03-03").tags["dagster/data_version"]
        for asset in TABLE_ASSETS.values()
    }
    assert all(graph.run(date).success for date in DATES[:2])
    assert hashes(graph) == before
    assert read_record(pique.data_dir) == sent
    assert graph.materialization("uploads", "2026-03-03").metadata["uploaded"].value == 0
    assert versions == {
        asset: graph.materialization(asset, "2026-03-03").tags["dagster/data_version"]
        for asset in TABLE_ASSETS.values()
    }


def test_every_table_says_its_rows_schema_lineage_address_and_preview(day):
    graph = day.graph
    for name, asset in TABLE_ASSETS.items():
        metadata = graph.materialization(asset, "2026-03-02").metadata
        table = graph.table(name, "2026-03-02")
        assert metadata["dagster/partition_row_count"].value == table.num_rows
        assert [column.name for column in metadata["dagster/column_schema"].value.columns] == table.column_names
        assert all(column.description for column in metadata["dagster/column_schema"].value.columns)
        assert Path(metadata["dagster/uri"].value).is_file()
        is_empty = name in NOTHING_FLAGGED
        assert (table.num_rows == 0) is is_empty, name
        assert metadata["preview"].value.startswith("No rows" if is_empty else "| "), name
        if name not in ("content", "payloads"):
            assert metadata["dagster/column_lineage"].value.deps_by_column


def test_lineage_names_only_assets_and_columns_that_exist(day):
    graph = day.graph
    table_of = {asset: name for name, asset in TABLE_ASSETS.items()}
    for asset in TABLE_ASSETS.values():
        lineage = graph.materialization(asset, "2026-03-02").metadata["dagster/column_lineage"].value
        for deps in lineage.deps_by_column.values():
            for dep in deps:
                assert dep.asset_key.path[0] == "brand_videos"
                assert dep.column_name in SCHEMAS[table_of[dep.asset_key.path[1]]].names


def test_submitting_and_collecting_may_be_separate_runs(graph):
    assert graph.run("2026-03-05", job="submit").success
    assert graph.run("2026-03-05", job="results").success
    assert graph.table("evaluations", "2026-03-05").num_rows == 3


def test_a_run_whose_waiting_is_over_names_the_open_jobs_and_a_later_run_resumes(graph, pique, tmp_path, instance):
    hasty = Graph.over(
        video_evaluation(limits=replace(LIMITS, results_wait_s=0)), home=tmp_path, pique=pique, instance=instance
    )
    assert hasty.run("2026-03-02", job="submit").success
    result = hasty.run("2026-03-02", job="results")
    assert result.success
    jobs = {row["job_id"] for row in hasty.table("submissions", "2026-03-02").to_pylist()}
    pending = hasty.materialization("evaluation_results", "2026-03-02").metadata["pending_job_ids"].value
    assert set(pending) == jobs
    assert check_results(result)["every_job_has_ended"].metadata["found"].value == len(jobs)
    uploads = len(hasty.table("content", "2026-03-02"))
    assert graph.run("2026-03-02", job="results").success
    assert graph.table("evaluations", "2026-03-02").num_rows == uploads


def test_an_unset_judge_variable_is_named_when_a_run_needs_it(pique, tmp_path, instance, monkeypatch):
    monkeypatch.delenv("NO_SUCH_JUDGE", raising=False)
    graph = Graph.over(
        video_evaluation(judge_id=dg.EnvVar("NO_SUCH_JUDGE")), home=tmp_path, pique=pique, instance=instance
    )
    result = graph.run("2026-03-02", job="submit")
    assert not result.success
    failures = [event.step_failure_data.error.to_string() for event in result.all_events if event.is_step_failure]
    assert any("NO_SUCH_JUDGE" in failure for failure in failures)


@pytest.mark.parametrize("name", ["", "1st", "with space", "a/b", "é", "x" * 65])
def test_a_name_that_cannot_be_an_asset_key_is_refused(name):
    with pytest.raises(ValueError, match="letter"):
        video_evaluation(name=name)
