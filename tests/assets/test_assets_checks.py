"""Asset checks, each seen to pass and to fail, over tables that real runs wrote and that are then tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from graph import Graph, resources_at, video_evaluation

from pique_assets.api.models import Judge
from pique_assets.assets.judge import snapshots_of
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks import partition_checks
from pique_assets.checks.judge_drift import HASH_DIGITS_SHOWN
from pique_assets.checks.operation import Finding
from pique_assets.checks.scores import score_range
from pique_assets.definitions import build_defs
from pique_assets.lake import SCHEMAS, Lake, build_table
from pique_assets.local.process import LocalPiqueProcess

DATE, BROKEN, EMPTY, LATER = "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE = SimpleNamespace(base_url="http://127.0.0.1:9", api_key="k")
Rows = list[dict[str, Any]]

OUTCOME_CHECKS = ("every_content_item_has_an_outcome", "every_job_has_ended", "all_content_was_evaluated")
ALL_CHECKS = {
    "date_was_delivered": "content",
    "all_content_is_readable": "content",
    "every_content_item_has_an_outcome": "submissions",
    "every_job_has_ended": "submissions",
    "all_content_was_evaluated": "submissions",
    "failure_rate_is_low": "submissions",
    "judge_has_not_changed": "submissions",
    "scores_are_in_range": "evaluations",
    "metrics_were_seen_before": "metric_catalog",
    "columns_are_as_declared": "partition_status",
    "keys_are_unique": "partition_status",
}


@pytest.fixture(scope="module")
def materialised(
    shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A lake that real runs filled with three dates, and what the checks of those runs said."""
    home = tmp_path_factory.mktemp("home")
    said = {}
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(video_evaluation(), home=home, pique=shared_pique, instance=instance)
        for date in (DATE, BROKEN, EMPTY):
            result = graph.run(date)
            assert result.success
            said[date] = {found.check_name: found for found in result.get_asset_check_evaluations()}
    return home, said


@pytest.fixture
def tables(materialised, tmp_path: Path) -> Iterator[Tables]:
    """A copy of that lake, to tamper with; a fourth date, after the empty one, is like the second."""
    shutil.copytree(materialised[0] / "lake", tmp_path / "lake")
    for folder in (tmp_path / "lake").rglob(f"date={BROKEN}"):
        shutil.copytree(folder, folder.with_name(f"date={LATER}"))
    yield Tables(tmp_path)


class Tables:
    """Tables to tamper with, and the checks over them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lake = Lake(str(home / "lake"))

    def keep_snapshot(self, judge: Judge, *, fetched_at: datetime = LONG_AGO) -> None:
        snapshots_of(video_evaluation(), lake=self.lake).keep(judge, fetched_at=fetched_at)

    def where(self, date: str) -> dict[str, str]:
        return {"judge": "brand_videos", "date": date, "evaluation": "brand_videos"}

    def path(self, table: str, date: str = DATE) -> Path:
        return Path(self.lake.uri(table, **self.where(date)))

    def change(self, table: str, change: Callable[[Rows], Rows], *, date: str = DATE) -> None:
        rows = change(self.lake.read(table, **self.where(date)).to_pylist())
        self.lake.write(table, build_table(table, rows), **self.where(date))

    def check(
        self, name: str, *, date: str = DATE, partitioned: bool = True, **evaluation: Any
    ) -> dg.AssetCheckEvaluation:
        """What one check says of a date, asked for alone, as by the button in the UI."""
        declared = video_evaluation(**evaluation)
        key = dg.AssetCheckKey(declared.asset_key(ALL_CHECKS[name]), name)
        job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(key))
        defs = build_defs(
            evaluations=[declared], resources=resources_at(self.home, NOWHERE), partitioned_checks=partitioned
        )
        with dg.DagsterInstance.ephemeral() as instance:
            result = (
                dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
                .resolve_job_def("one_check")
                .execute_in_process(
                    instance=instance,
                    tags={"dagster/partition": date},
                    run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
                )
            )
        (found,) = result.get_asset_check_evaluations()
        assert (found.check_name, found.asset_key) == (name, key.asset_key)
        assert found.partition == (date if partitioned else None)
        return found

    def look(self, name: str, *, date: str = DATE, **evaluation: Any) -> Finding:
        """The same without a run, where many cases are told apart."""
        declared = video_evaluation(**evaluation)
        (check,) = (check for check in partition_checks(declared) if check.name == name)
        return check.look(PartitionTables(lake=self.lake, evaluation=declared, date=date))


def each(**changes: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [row | changes for row in rows]


def first(**changes: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [row | (changes if place == 0 else {}) for place, row in enumerate(rows)]


def test_a_good_date_passes_every_check(materialised):
    said = materialised[1][DATE]
    assert {name: found.asset_key.path[-1] for name, found in said.items()} == ALL_CHECKS
    assert [name for name, found in said.items() if not found.passed] == []
    assert {found.partition for found in said.values()} == {DATE}
    assert "no date before" in said["metrics_were_seen_before"].description


def test_an_empty_date_passes_every_check_but_that_it_was_delivered(materialised):
    said = materialised[1][EMPTY]
    assert set(said) == set(ALL_CHECKS)
    assert [name for name, found in said.items() if not found.passed] == ["date_was_delivered"]


def test_a_date_that_is_like_an_earlier_one_has_nothing_new(materialised, tables):
    assert materialised[1][BROKEN]["metrics_were_seen_before"].passed
    assert materialised[1][BROKEN]["judge_has_not_changed"].metadata["date_before"].value == DATE
    # The date between had no media; the one before that counts.
    found = tables.look("judge_has_not_changed", date=LATER)
    assert found.passed and found.metadata["date_before"] == BROKEN


def test_failures_are_counted_against_what_was_submitted(materialised, tables):
    # One of three submissions failed; the empty file was never submitted.
    found = materialised[1][BROKEN]["failure_rate_is_low"]
    assert not found.passed and found.severity is dg.AssetCheckSeverity.WARN
    assert (found.metadata["failed"].value, found.metadata["submitted"].value) == (1, 3)
    strict = tables.check("failure_rate_is_low", date=BROKEN, failure_rate_error_above=0.33)
    assert not strict.passed and strict.severity is dg.AssetCheckSeverity.ERROR
    # At the threshold is not above it.
    for warn_above in (1 / 3, 0.34):
        assert tables.look("failure_rate_is_low", date=BROKEN, failure_rate_warn_above=warn_above).passed


@pytest.mark.parametrize("state", ["rejected", "in_doubt"])
def test_what_was_refused_or_is_in_doubt_is_a_failure_too(tables, state):
    tables.change("submissions", each(state=state))
    found = tables.look("failure_rate_is_low")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR


def test_checks_without_partitions_look_at_the_date_of_their_run_all_the_same(tables):
    tables.change("submissions", first(state="failed"))
    found = tables.check("all_content_was_evaluated", partitioned=False)
    assert not found.passed and found.metadata["found"].value == 1


# In the order of the checks: Pique has not got it; has, or may have it; came to nothing with it.
WITHOUT_RESULT = ("unsubmitted intended prepared uploading abandoned", "uploaded submitting", "given_up")


@pytest.mark.parametrize(("check", "states"), [*zip(OUTCOME_CHECKS, WITHOUT_RESULT, strict=True)])
def test_content_without_a_result_is_told_by_the_check_that_says_why(tables, check, states):
    for state in states.split():
        tables.change("submissions", first(state=state))
        found = [(name, look.severity.value) for name in OUTCOME_CHECKS if not (look := tables.look(name)).passed]
        assert found == [(check, "ERROR" if check == OUTCOME_CHECKS[0] else "WARN")], state


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Past the lake, which would refuse to write such a table."""
    pq.write_table(change(pq.read_table(path)), path)


# Parquet calls the items of a list "element".
NESTED_AS_READ = "list<element: struct<kind: string, at: list<element: float>>>"
NESTED = pa.list_(pa.struct([("kind", pa.string()), ("at", pa.list_(pa.float32()))]))


def retyped(column: str, to: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, pa.field(column, to), pa.nulls(table.num_rows, to))

    return change


WRONG_COLUMNS = {
    "evaluations": (retyped("overall_score", pa.string()), "evaluations.overall_score", "string", "double"),
    "detector_results": (retyped("score", pa.float32()), "detector_results.score", "float", "double"),
    "detector_metrics": (
        retyped("value_json", NESTED),
        "detector_metrics.value_json",
        str(NESTED).replace("item", "element"),
        "string",
    ),
    "content": (lambda rows: rows.drop_columns(["state"]), "content.state", "none", "string not null"),
    "submissions": (
        lambda rows: rows.append_column("surprise", pa.nulls(rows.num_rows)),
        "submissions.surprise",
        "null",
        "none",
    ),
    "scorecard_daily": (lambda rows: rows.cast(nullable(rows.schema)), "scorecard_daily.n", "int64", "int64 not null"),
    "flagged_moments": (
        lambda rows: rows.append_column(rows.schema.field("job_id"), rows["job_id"]),
        "flagged_moments.job_id",
        "string not null, string not null",
        "string not null",
    ),
}


@pytest.mark.parametrize(("error_code", "passes"), [("repeated", True), ("in_progress", False)])
def test_a_line_that_repeats_another_is_content_that_was_read(tables, error_code, passes):
    tables.change("content", lambda rows: [{**rows[0], "error_code": error_code}, *rows[1:]])
    assert tables.look("all_content_is_readable").passed is passes


def test_columns_that_are_not_as_declared_are_named(tables):
    for table, (change, *_) in WRONG_COLUMNS.items():
        rewrite(tables.path(table), change)
    rewrite(tables.path("payloads"), lambda rows: rows.select(rows.column_names[::-1]))
    found = tables.check("columns_are_as_declared")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    wrong = {one["column"]: (one["found"], one["declared"]) for one in found.metadata["wrong"].value}
    for _, column, is_now, was_declared in WRONG_COLUMNS.values():
        assert wrong[column] == (is_now, was_declared)
    assert wrong["payloads"][0].startswith("body") and wrong["payloads"][1].startswith("job_id")


def test_a_file_from_before_a_column_was_declared_is_as_declared(tables):
    rewrite(tables.path("content"), lambda rows: rows.drop_columns(["crc32c", "version"]))
    assert tables.look("columns_are_as_declared").passed


def nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, field.type, nullable=True) for field in schema])


def test_the_judges_snapshots_are_looked_at_too(tables):
    (file,) = (tables.home / "lake" / "judges").rglob("*.parquet")
    rewrite(file, retyped("is_active", pa.string()))
    found = tables.look("columns_are_as_declared")
    assert [one["column"] for one in found.metadata["wrong"].value] == ["judges.is_active"]


def test_a_damaged_table_fails_its_check_and_not_the_run(tables):
    tables.path("evaluations").write_bytes(b"PAR1, or so it says")
    found = tables.check("columns_are_as_declared")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    assert "not a readable Parquet file" in found.description


def test_a_date_that_was_never_materialised_says_so(tables):
    found = tables.check("failure_rate_is_low", date="2026-04-01")
    assert not found.passed and "has not been written" in found.description


def test_rows_that_share_a_key_are_named(tables):
    changed = {"content", "payloads", "submissions", "evaluations", "detector_results", "detector_metrics"}
    for table in changed:
        tables.change(table, lambda rows: [rows[0], *rows])
    found = tables.check("keys_are_unique")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    repeated = {one["table"]: one for one in found.metadata["repeated"].value}
    assert repeated.keys() == changed
    assert repeated["detector_results"]["key"].endswith(", detector_index=0")
    assert {one["rows"] for one in repeated.values()} == {"2"}


def test_two_detectors_of_one_job_have_keys_of_their_own(tables):
    # A judge may hold the same detector twice.
    tables.change("detector_results", each(detector_name="video_specs", detector_config_id="same"))
    assert tables.look("keys_are_unique").passed


@pytest.mark.parametrize(
    ("scores", "bounds"),
    [
        ([], (0, 1)),
        ([0, 0], (0, 1)),
        ([0.2, 1.0], (0, 1)),
        ([85.5, 100], (0, 100)),
        ([0.2, 0.3, 1.2], (0, 1)),
        ([0.5, 60, 70], (0, 100)),
        ([0.5, 60], (0, 100)),
        ([-1, 0.5], (0, 1)),
        ([101, 0.5], (0, 1)),
    ],
)
def test_the_range_is_that_of_most_scores(scores, bounds):
    assert score_range(scores) == bounds


@pytest.mark.parametrize(
    ("table", "change", "passes"),
    [
        ("evaluations", each(overall_score=85.5), True),
        ("evaluations", each(overall_score=None), True),
        ("evaluations", first(overall_score=1.2), False),
        ("evaluations", first(overall_score=-0.01), False),
        ("evaluations", first(overall_score=float("nan")), False),
        ("evaluations", first(overall_score=float("inf")), False),
        ("evaluations", each(overall_score=100.5), False),
        ("detector_results", first(score=-1.0), False),
    ],
)
def test_scores_outside_their_scale_warn(tables, table, change, passes):
    tables.change(table, change)
    found = tables.look("scores_are_in_range")
    assert found.passed is passes and found.severity is dg.AssetCheckSeverity.WARN
    assert (found.metadata["outside"].value == []) is passes


def test_a_score_outside_its_scale_is_shown(tables):
    tables.change("evaluations", first(overall_score=1.2))
    found = tables.check("scores_are_in_range")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.WARN
    (outside,) = found.metadata["outside"].value
    assert (outside["of"], outside["score"], outside["range"]) == ("overall", "1.2", "0 to 1")


def test_metrics_nobody_has_seen_are_listed(tables):
    def with_news(rows: Rows) -> Rows:
        return [
            *(rows[0] | {"metric_path": path} for path in ("brand.new", "brand|newer")),
            *({**row, "value_kind": "list"} if place == 0 else row for place, row in enumerate(rows)),
        ]

    tables.change("metric_catalog", with_news, date=LATER)
    found = tables.check("metrics_were_seen_before", date=LATER)
    assert not found.passed and found.severity is dg.AssetCheckSeverity.WARN
    assert found.description.startswith("3 metrics")
    listed = {one["path"]: one["what is new"] for one in found.metadata["new"].value}
    assert sorted(listed.values()) == ["the kind", "the path", "the path"]
    assert listed["brand.new"] == listed["brand|newer"] == "the path"


def test_what_any_earlier_date_has_is_known(tables):
    tables.change("metric_catalog", lambda rows: [rows[0] | {"metric_path": "rare"}, *rows], date=LATER)
    assert not tables.look("metrics_were_seen_before", date=LATER).passed
    tables.change("metric_catalog", lambda rows: [rows[0] | {"metric_path": "rare"}, *rows], date=DATE)
    assert tables.look("metrics_were_seen_before", date=LATER).passed
    # A later date is not an earlier one.
    found = tables.look("metrics_were_seen_before", date=DATE)
    assert found.passed and "no date before" in found.description


def changed_judge(**config: Any) -> Judge:
    detectors = [{"id": "c1", "detector_name": "video_specs", "config": config, "weight": 5}]
    return Judge.model_validate(
        {"id": "judge_demo_videos", "content_type": "video", "status": "ready", "detector_configs": detectors}
    )


def test_a_judge_that_has_changed_since_says_what_changed(tables):
    assert tables.look("judge_has_not_changed").passed
    tables.keep_snapshot(changed_judge(min_width=4000), fetched_at=datetime.now(UTC))
    found = tables.check("judge_has_not_changed")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.WARN
    changes = [(one["when"], one["what"]) for one in found.metadata["changes"].value]
    assert {when for when, _ in changes} == {"since then"}
    what = [change for _, change in changes]
    assert "detector title_and_description is gone" in what
    assert "video_specs: config.min_width was 480, is 4000" in what


def test_submissions_to_another_configuration_than_the_day_before_warn(tables):
    other = changed_judge(min_width=720)
    tables.keep_snapshot(other)
    tables.change("submissions", each(judge_configuration_hash=other.configuration_hash()), date=DATE)
    found = tables.check("judge_has_not_changed", date=BROKEN)
    assert not found.passed and f"since {DATE}" in found.description
    assert {"when": f"since {DATE}", "what": "video_specs: config.min_width was 720, is 480"} in found.metadata[
        "changes"
    ].value
    # Two configurations within a date; and one that no snapshot was kept of.
    tables.change("submissions", first(judge_configuration_hash="f" * 64), date=LATER)
    found = tables.look("judge_has_not_changed", date=LATER)
    assert "2 configurations" in found.description and "no snapshot of the second" in found.description


def changes_between(tables: Tables, before: list[Judge], after: list[Judge]) -> list[str]:
    """What the check says changed from one date to the next, where these configurations were submitted to."""
    for judge in (*before, *after):
        tables.keep_snapshot(judge)
    for date, judges in ((DATE, before), (BROKEN, after)):
        hashes = cycle(judge.configuration_hash() for judge in judges)
        tables.change(
            "submissions",
            lambda rows, hashes=hashes: [
                row | {"judge_configuration_hash": next(hashes)} if row["judge_id"] else row for row in rows
            ],
            date=date,
        )
    changes = tables.look("judge_has_not_changed", date=BROKEN).metadata["changes"].value
    return [change["what"] for change in changes if change["when"] == f"since {DATE}"]


def test_two_configurations_that_became_two_others_are_two_changes(tables):
    before = [changed_judge(min_width=100, max_width=1000), changed_judge(min_width=900, max_width=9000)]
    after = [changed_judge(min_width=101, max_width=1000), changed_judge(min_width=901, max_width=9000)]
    assert sorted(changes_between(tables, before, after)) == [
        "video_specs: config.min_width was 100, is 101",
        "video_specs: config.min_width was 900, is 901",
    ]


def test_a_change_that_two_configurations_share_is_said_once(tables):
    before = [changed_judge(min_width=480, max_width=width) for width in (1000, 2000)]
    after = [changed_judge(min_width=720, max_width=width) for width in (1000, 2000)]
    assert changes_between(tables, before, after) == ["video_specs: config.min_width was 480, is 720"]


def test_configurations_that_come_or_go_alone_are_told_of_too(tables):
    one, other, third = (changed_judge(min_width=width) for width in (1, 2, 3))
    assert sorted(changes_between(tables, [one], [other, third])) == [
        "video_specs: config.min_width was 1, is 2",
        "video_specs: config.min_width was 1, is 3",
    ]
    assert changes_between(tables, [other, third], [other]) == [
        f"configuration {third.configuration_hash()[:HASH_DIGITS_SHOWN]} is used no more"
    ]


def test_every_table_has_a_declared_schema_that_the_check_knows(materialised):
    files = materialised[1][DATE]["columns_are_as_declared"].metadata["files"].value
    assert files == len(SCHEMAS)
