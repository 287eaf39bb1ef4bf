"""Frames have the same types whatever the rows, and an analyst's mistakes are answered helpfully."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pique_assets.analysis import NoLake, describe, load, tables, wide
from pique_assets.lake import COLUMN_DOCS, SCHEMAS, Lake
from pique_assets.lake.errors import TableUnknown


def test_a_table_is_a_frame_with_judge_date_and_evaluation(lake: Lake) -> None:
    frame = load("evaluations", lake=lake)
    assert list(frame.columns[:4]) == ["judge", "date", "evaluation", "job_id"]
    assert set(frame["evaluation"]) == {"demo"}
    assert frame["judge"].tolist() == ["007", "brand", "brand", "brand"]
    assert frame["date"].max() == pd.Timestamp("2026-03-03")
    assert load("evaluations", lake=lake, judge="brand", start="2026-03-03")["job_id"].tolist() == ["job_2026-03-03_0"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_types_do_not_depend_on_the_rows(lake: Lake, name: str) -> None:
    full, empty = load(name, lake=lake), load(name, lake=lake, start="2026-03-04")
    assert empty.empty
    assert full.dtypes.to_dict() == empty.dtypes.to_dict()
    assert full["date"].dtype == "datetime64[us]"


def test_missing_integers_and_booleans_stay_integers_and_booleans(lake: Lake) -> None:
    frame = load("detector_metrics", lake=lake)
    assert (frame["value_int"].dtype, frame["value_bool"].dtype) == (pd.Int64Dtype(), pd.BooleanDtype())
    assert frame["value_double"].dtype == "float64"
    assert frame.loc[frame["metric_path"] == "fps", "value_int"].dropna().tolist() == [24, 30, 25]
    assert str(load("evaluations", lake=lake)["received_at"].dtype) == "datetime64[us, UTC]"


def test_an_unknown_table_is_answered_with_the_known_ones(lake: Lake) -> None:
    for ask in (lambda: load("evaluation", lake=lake), lambda: describe("evaluation")):
        with pytest.raises(TableUnknown, match="evaluations"):
            ask()


def test_the_lake_is_found_by_argument_environment_and_place(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIQUE_LAKE", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoLake, match=r"PIQUE_HOME.*make run.*\.pique.*PIQUE_LAKE"):
        load("evaluations")

    assert len(load("evaluations", lake=Path(lake.root))) == 4

    Path(".pique").mkdir()
    Path(lake.root).rename(".pique/lake")
    # A working directory alone never decides: the same notebook elsewhere would find another lake.
    with pytest.raises(NoLake):
        load("evaluations")
    Path("pyproject.toml").touch()
    Path("notebooks").mkdir()
    for folder in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(folder)
        assert len(load("evaluations")) == 4

    monkeypatch.setenv("PIQUE_LAKE", str(tmp_path / "elsewhere"))
    assert load("evaluations").empty


def test_wide_has_a_row_per_result_and_a_typed_column_per_metric(lake: Lake) -> None:
    frame = wide(detector="video_specs", lake=lake, judge="brand")
    assert list(frame.columns) == ["fps", "mixed", "ok", "ratio", "tags"]
    assert frame.index.names == ["judge", "date", "evaluation", "job_id", "detector_index", "detector_name"]
    assert frame["fps"].tolist() == [30.0, 25.0, 29.97]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "fps": "float64",
        "mixed": "string",
        "ok": "boolean",
        "ratio": "string",
        "tags": "object",
    }
    assert frame["tags"].tolist() == [None, [1], None]


def test_wide_keeps_what_no_plain_type_can_hold(lake: Lake) -> None:
    frame = wide(lake=lake)
    assert frame["big"].dropna().tolist() == [2**70]
    assert frame["mixed"].dropna().tolist() == [1, "a"]
    assert str(wide(detector="video_specs", lake=lake, start="2026-03-02", end="2026-03-02")["fps"].dtype) == "Int64"


def test_wide_of_no_rows_is_an_empty_frame_with_the_same_index(lake: Lake) -> None:
    frame = wide(lake=lake, start="2026-03-04")
    assert frame.empty
    assert frame.index.names == wide(lake=lake).index.names


def test_tables_tell_what_the_lake_holds(lake: Lake) -> None:
    overview = tables(lake=lake).set_index("table")
    assert set(overview.index) == set(SCHEMAS)
    assert overview.loc["evaluations", "files"] == 4
    assert overview.loc["evaluations", "last_date"] == pd.Timestamp("2026-03-04")
    assert overview.loc["judges", "files"] == 0
    assert overview.loc["judges", "last_date"] is pd.NaT


def test_a_table_is_described_column_by_column(lake: Lake) -> None:
    description = describe("evaluations").set_index("column")
    assert list(description.index) == ["judge", "date", "evaluation", *COLUMN_DOCS["evaluations"]]
    assert list(describe("submissions")["column"]) == list(load("submissions", lake=lake).columns)
    assert description.loc["overall_score", "type"] == "double"
    assert "scale" in description.loc["overall_score", "description"]
