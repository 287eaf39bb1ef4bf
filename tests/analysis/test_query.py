"""SQL sees every table of the lake, typed, empty or not."""

from __future__ import annotations

import sys

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
