"""The metric catalogue tells what was seen, and of known metrics what they mean."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa

from pique_assets.lake import SCHEMAS, Payload, metric_catalog, normalise
from pique_assets.lake.catalog import KNOWN_METRICS

DETECTORS = Path(__file__).parents[1] / "contract" / "detectors"


def metrics_of(*results: object) -> pa.Table:
    body = json.dumps({"status": "completed", "results": results}).encode()
    at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    return normalise([Payload(job_id="j", source="polled", received_at=at, body=body)])["detector_metrics"]


def test_kinds_counts_and_ranges_are_told_per_detector_and_path() -> None:
    def logo(value: object) -> dict[str, object]:
        return {"detector_name": "logo", "metrics": {"x": value}}

    table = metric_catalog(
        metrics_of(logo(1), logo(3), logo(2.5), logo("s"), {"detector_name": "b", "metrics": {"x": 9}})
    )

    assert table.schema.equals(SCHEMAS["metric_catalog"])
    rows = {(r["detector_name"], r["value_kind"]): (r["n"], r["value_min"], r["value_max"]) for r in table.to_pylist()}
    assert rows == {
        ("b", "int"): (1, 9.0, 9.0),
        ("logo", "float"): (1, 2.5, 2.5),
        ("logo", "int"): (2, 1.0, 3.0),
        ("logo", "string"): (1, None, None),
    }


def test_a_percent_and_a_fraction_of_the_same_ending_are_told_apart() -> None:
    results = [json.loads((DETECTORS / f"{name}.json").read_bytes()) for name in ("lighting", "audio_noise", "logo")]
    units = {row["metric_path"]: row["unit"] for row in metric_catalog(metrics_of(*results)).to_pylist()}
    assert units["dark_frames_pct"] == "percent (0 to 100)"
    assert units["music.overlap_pct"] == units["logo_presence_pct"] == "fraction (0 to 1)"
    assert units["always_present"] is None


def test_every_known_metric_occurs_in_the_contract() -> None:
    results = [json.loads(path.read_bytes()) for path in sorted(DETECTORS.glob("*.json"))]
    seen = {(row["detector_name"], row["metric_path"]) for row in metrics_of(*results).to_pylist()}
    assert set(KNOWN_METRICS) <= seen


def test_huge_integers_do_not_break_the_range() -> None:
    (row,) = metric_catalog(metrics_of({"metrics": {"x": 2**63 - 1}})).to_pylist()
    assert row["value_max"] == float(2**63)


def test_no_metrics_give_an_empty_catalogue() -> None:
    assert metric_catalog(SCHEMAS["detector_metrics"].empty_table()).num_rows == 0
