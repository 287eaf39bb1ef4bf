"""SQL sees every table of the lake, typed, empty or not."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from pique_assets.analysis import ExtraMissing, load, sql
from pique_assets.lake import SCHEMAS, Lake, build_table


def test_tables_are_views_that_join(lake: Lake) -> None:
    answer = sql(
        """
        select judge, date, r.detector_name, count(*) as n, sum(pass_check::int) as passed
        from evaluations e join detector_results r using (judge, date, job_id)
        group by all order by all
        """,
        lake=lake,
    )
    assert answer["judge"].tolist() == ["007", "brand", "brand", "brand"]
    assert answer["passed"].tolist() == [1, 1, 1, 1]
    assert (answer["n"].dtype, answer["passed"].dtype) == (pd.Int64Dtype(), pd.Int64Dtype())
    assert answer["date"].dtype == "datetime64[us]"


def test_a_fraction_after_a_day_of_whole_numbers_stays_a_fraction(lake: Lake) -> None:
    answer = sql("select max(value_double) as fps from detector_metrics where metric_path = 'fps'", lake=lake)
    assert answer["fps"].tolist() == [29.97]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_table_can_be_asked_even_if_never_written(lake: Lake, name: str) -> None:
    columns = list(sql(f"select * from {name}", lake=lake).columns)
    own = [column for column in SCHEMAS[name].names if column != "evaluation"]
    assert columns == ["judge", "date", "evaluation", *own] == list(load(name, lake=lake).columns)


def test_parameters_and_bounds_narrow_the_answer(lake: Lake) -> None:
    query = "select job_id from evaluations where judge = ?"
    answer = sql(query, parameters=["brand"], lake=lake, start="2026-03-03")
    assert answer["job_id"].tolist() == ["job_2026-03-03_0"]


def test_instants_come_back_in_utc(lake: Lake) -> None:
    answer = sql("select min(received_at) as at from evaluations", lake=lake)
    assert answer["at"].tolist() == [pd.Timestamp("2026-03-02T12:00:00Z")]


def test_a_lake_that_is_not_on_a_disk_can_be_asked() -> None:
    lake = Lake("memory://sql-test/lake")
    content = build_table("content", [{"content_uri": "a", "state": "ready", "size_bytes": 3}])
    lake.write("content", content, judge="j", date="2026-03-02", evaluation="e")
    assert sql("select size_bytes from content", lake=lake)["size_bytes"].tolist() == [3]


def test_without_duckdb_the_extra_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ExtraMissing, match=r"pique_assets\[analysis\]"):
        sql("select 1", lake=lake)


@pytest.mark.parametrize(
    "above",
    [
        "date=2026-03-31",
        "judge=backup",
        "date=latest",
        "judge=b/date=2020-01-01",
        "a*b",
        "ads? round 1",
        "[ab]c",
        "a::b",
        "50% #1",
        "it's",
        "a\\b",
        "x/judge=y/date=2026-03-02/z.parquet",
    ],
)
def test_the_folders_above_the_lake_mean_nothing(tmp_path: Path, above: str) -> None:
    # A neighbour that a pattern would find too.
    for root in (tmp_path / "aXb" / "lake", tmp_path / "ac" / "lake", tmp_path / above / "lake"):
        lake = Lake(str(root))
        row = {"content_uri": str(root), "state": "ready", "filename": "x.mp4"}
        lake.write("content", build_table("content", [row]), judge="brand", date="2026-03-02", evaluation="e")
    query = "select * from content where date = '2026-03-02' and judge = 'brand'"
    pd.testing.assert_frame_equal(sql(query, lake=lake), load("content", lake=lake))
    assert sql("select count(*) as n from content where date > '2026-03-02'", lake=lake)["n"].tolist() == [0]


def test_a_pattern_in_the_path_of_a_bucket_means_nothing() -> None:
    for root in ("memory://sql [p]/a*b?/lake", "memory://sql p/aXbc/lake"):
        lake = Lake(root)
        content = build_table("content", [{"content_uri": root, "state": "ready"}])
        lake.write("content", content, judge="j", date="2026-03-02", evaluation="e")
    lake = Lake("memory://sql [p]/a*b?/lake")
    assert sql("select content_uri from content", lake=lake)["content_uri"].tolist() == ["memory://sql [p]/a*b?/lake"]


def test_a_path_that_duckdb_cannot_name_is_said(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "a\\b*c"))
    lake.write("content", build_table("content", []), judge="j", date="2026-03-02", evaluation="e")
    with pytest.raises(ValueError, match="use load"):
        sql("select 1 from content", lake=lake)


def test_evaluations_that_share_a_judge_keep_their_names(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    for evaluation in ("one", "two"):
        content = build_table("content", [{"content_uri": evaluation, "state": "ready"}])
        lake.write("content", content, judge="007", date="2026-03-02", evaluation=evaluation)
    answer = sql("select judge, evaluation, content_uri from content order by all", lake=lake)
    assert answer.to_numpy().tolist() == [["007", "one", "one"], ["007", "two", "two"]]
