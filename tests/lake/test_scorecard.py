"""The scorecard counts what Pique decided, and says how sure that is."""

from __future__ import annotations

import datetime as dt
import json
import statistics

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from pique_assets.lake import SCHEMAS, Payload, normalise, scorecard_daily
from pique_assets.lake.scorecard import OVERALL, quantile, wilson_interval


def scorecard(
    *bodies: dict[str, object], judge_id: str | None = None
) -> dict[tuple[object, object], dict[str, object]]:
    at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    tables = normalise(
        Payload(job_id=f"job_{n}", source="polled", received_at=at, body=json.dumps(body).encode())
        for n, body in enumerate(bodies)
    )
    table = scorecard_daily(
        evaluations=tables["evaluations"], detector_results=tables["detector_results"], judge_id=judge_id
    )
    assert table.schema.equals(SCHEMAS["scorecard_daily"])
    return {(row["judge_id"], row["detector_config_id"] or row["detector_name"]): row for row in table.to_pylist()}


def completed(
    *verdicts: tuple[str, object, float | None], score: float | None = None, judge: str | None = "J"
) -> dict[str, object]:
    return {
        "status": "completed",
        "judge_id": judge,
        "overall_score": score,
        "detector_results": [
            {"detector_name": "logo", "detector_config_id": config, "pass_check": passed, "score": value}
            for config, passed, value in verdicts
        ],
    }


def test_verdicts_are_counted_per_detector_config() -> None:
    card = scorecard(
        completed(("c1", True, 0.2), ("c2", False, 0.9)),
        completed(("c1", False, 0.4), ("c2", None, None)),
        completed(("c1", True, 0.6)),
    )
    one = card["J", "c1"]
    assert (one["n"], one["passed"], one["failed"], one["undecided"]) == (3, 2, 1, 0)
    assert one["pass_rate"] == pytest.approx(2 / 3)
    assert (one["score_min"], one["score_p50"], one["score_max"]) == (0.2, 0.4, 0.6)
    assert one["score_mean"] == pytest.approx(0.4)
    two = card["J", "c2"]
    assert (two["n"], two["undecided"], two["pass_rate"], two["score_n"]) == (2, 1, 0.0, 1)


def test_the_judge_row_counts_evaluations_and_claims_no_verdict() -> None:
    card = scorecard(completed(score=0.5), {"status": "failed", "judge_id": "J"}, {"nothing": 1}, judge_id="J")
    row = card["J", OVERALL]
    assert (row["n"], row["evaluations_completed"], row["evaluations_failed"], row["evaluations_other"]) == (
        3,
        1,
        1,
        1,
    )
    assert row["passed"] is row["pass_rate"] is row["wilson_low"] is None
    assert (row["score_n"], row["score_p50"]) == (1, 0.5)


def test_without_any_verdict_there_is_no_pass_rate() -> None:
    row = scorecard(completed(("c", None, None)))["J", "c"]
    assert row["pass_rate"] is row["wilson_low"] is row["wilson_high"] is row["score_min"] is None


def test_scores_of_two_scales_are_not_averaged() -> None:
    row = scorecard(completed(score=0.85), completed(score=85.5))["J", OVERALL]
    assert (row["score_scale"], row["score_min"], row["score_max"]) == ("mixed", 0.85, 85.5)
    assert row["score_mean"] is row["score_p50"] is None


def test_a_zero_is_a_zero_on_every_scale() -> None:
    row = scorecard(completed(score=0), completed(score=85.5))["J", OVERALL]
    assert (row["score_scale"], row["score_mean"]) == ("percent", 42.75)


def test_judges_are_kept_apart() -> None:
    card = scorecard(completed(("c", True, 1), judge="A"), completed(("c", False, 0), judge="B"))
    assert (card["A", "c"]["passed"], card["B", "c"]["passed"]) == (1, 0)


def test_the_named_judge_stands_in_where_the_payload_names_none() -> None:
    assert ("J", "c") in scorecard(completed(("c", True, 1), judge=None), judge_id="J")


def test_a_day_without_evaluations_has_an_empty_scorecard() -> None:
    assert scorecard() == {}


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_rate_and_stays_within_0_and_1(passed: int, failed: int) -> None:
    interval = wilson_interval(passed, passed + failed)
    if interval is None:
        assert passed + failed == 0
        return
    assert 0 <= interval[0] <= passed / (passed + failed) <= interval[1] <= 1
    assert interval[0] < interval[1]


@pytest.mark.parametrize(
    # Reference values of the closed formula, e.g. Wilson (1927); agrees with statsmodels' proportion_confint.
    ("passed", "decided", "low", "high"),
    [(1, 2, 0.0945, 0.9055), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_has_the_known_values(passed: int, decided: int, low: float, high: float) -> None:
    assert wilson_interval(passed, decided) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_quantiles_agree_with_the_inclusive_method(values: list[float]) -> None:
    ordered = sorted(values)
    deciles = statistics.quantiles(ordered, n=10, method="inclusive")
    assert [quantile(ordered, n / 10) for n in range(1, 10)] == pytest.approx(deciles, abs=1e-6)


def test_the_scorecard_does_not_depend_on_the_order_of_rows() -> None:
    bodies = [completed(("c", True, value / 10), score=value / 10) for value in range(10)]
    tables = [
        pa.table({name: [row[name] for row in scorecard(*order).values()] for name in ("score_mean", "score_p90")})
        for order in (bodies, bodies[::-1])
    ]
    assert tables[0].equals(tables[1])
