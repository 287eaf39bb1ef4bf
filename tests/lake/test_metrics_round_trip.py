"""Metrics come back from their rows equal in value and type, whatever JSON they are."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings, strategies as st

from pique_assets.lake import SCHEMAS, Lake, Payload, normalise, restore_metrics

DETECTOR_EXAMPLES = sorted((Path(__file__).parents[1] / "contract" / "detectors").glob("*.json"))
RECEIVED_AT = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)

texts = st.text(st.characters() | st.sampled_from("\x00./\\ e\ud800\udfff\u0007\uffff😀"), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**70)
    | st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**400])
    | st.floats(allow_nan=False)
    | st.sampled_from([-0.0, 30.0, 30, 1e308, 5e-324])
    | texts
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def typed(value: object) -> object:
    """A form in which 30 and 30.0, True and 1, 0.0 and -0.0 differ, and the order of keys does not matter."""
    if isinstance(value, dict):
        return ("dict", sorted((key, typed(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", [typed(item) for item in value])
    return (type(value).__name__, repr(value))


def payload_of(results: object) -> Payload:
    body = json.dumps({"status": "completed", "detector_results": results}).encode()
    return Payload(job_id="job_1", source="polled", received_at=RECEIVED_AT, body=body)


def parquet_round_trip(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(file)


@settings(max_examples=400, deadline=None)
@given(st.lists(json_values, max_size=3))
@example([{"a": {"b.c": 1, "b": {"c": 2}}, "a.b": {"c": 3}}])
@example([{"": {"": {}}, "\\e": 1, "\\": {"e": 2}, "e": 3}])
@example([[], {}, None, [[]], [{}], {"a": []}, {"a": {}}, {"a": None}])
@example([{"\x00": "\x00", "\\u0000": 1, "\ud800": "\udfff"}])
@example([{"value_kind": "list", "a/b": {"c d": [1, 1.0, True, None, -0.0]}}])
def test_metrics_are_restored_in_value_and_type(metrics: list[object]) -> None:
    payload = payload_of([{"detector_name": "any", "metrics": value} for value in metrics])
    sent = [result["metrics"] for result in json.loads(payload.body)["detector_results"]]

    table = normalise([payload])["detector_metrics"]

    for stored in (table, parquet_round_trip(table)):
        restored = restore_metrics(stored)
        assert set(restored) == {("job_1", index) for index in range(len(sent))}
        assert [typed(restored["job_1", index]) for index in range(len(sent))] == [typed(m) for m in sent]


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_paths_are_unique_within_a_detector_result(metrics: object) -> None:
    paths = normalise([payload_of([{"metrics": metrics}])])["detector_metrics"]["metric_path"].to_pylist()
    assert len(paths) == len(set(paths)) >= 1


@pytest.mark.parametrize("path", DETECTOR_EXAMPLES, ids=lambda path: path.stem)
def test_documented_metrics_are_restored_from_the_lake(path: Path, tmp_path: Path) -> None:
    result = json.loads(path.read_bytes())
    lake = Lake(str(tmp_path))
    table = normalise([payload_of([result, result])])["detector_metrics"]
    lake.write("detector_metrics", table, judge="brand", date="2026-03-02", evaluation="demo")

    restored = restore_metrics(lake.read("detector_metrics", judge="brand", date="2026-03-02", evaluation="demo"))

    assert {key: typed(value) for key, value in restored.items()} == {
        ("job_1", index): typed(result["metrics"]) for index in (0, 1)
    }


def test_every_documented_detector_is_covered() -> None:
    assert len(DETECTOR_EXAMPLES) >= 11


def test_absent_metrics_have_no_entry_and_null_metrics_have_one() -> None:
    table = normalise([payload_of([{"detector_name": "a"}, {"detector_name": "b", "metrics": None}])])
    assert restore_metrics(table["detector_metrics"]) == {("job_1", 1): None}
    assert table["detector_results"]["metric_count"].to_pylist() == [None, 1]


def test_nan_and_infinity_of_a_python_server_survive() -> None:
    body = b'{"status": "completed", "results": [{"metrics": {"snr": NaN, "peak": [-Infinity, 1e999]}}]}'
    payload = Payload(job_id="j", source="webhook", received_at=RECEIVED_AT, body=body)
    assert repr(restore_metrics(normalise([payload])["detector_metrics"])["j", 0]) == (
        "{'peak': [-inf, inf], 'snr': nan}"
    )


def test_metrics_nested_hundreds_deep_are_restored() -> None:
    metrics: object = 1
    for _ in range(400):
        metrics = {"a.": metrics}
    restored = restore_metrics(normalise([payload_of([{"metrics": metrics}])])["detector_metrics"])
    assert restored == {("job_1", 0): metrics}


def test_rows_say_kind_and_length() -> None:
    metrics = {"i": 30, "f": 30.0, "b": True, "s": "x", "n": None, "l": [1, [2]], "o": {}, "big": 2**64}
    rows = normalise([payload_of([{"metrics": metrics}])])["detector_metrics"].to_pylist()
    told = {
        row["metric_path"]: {k: v for k, v in row.items() if k.startswith(("value", "list")) and v is not None}
        for row in rows
    }
    assert told == {
        "i": {"value_kind": "int", "value_int": 30},
        "f": {"value_kind": "float", "value_double": 30.0},
        "b": {"value_kind": "bool", "value_bool": True},
        "s": {"value_kind": "string", "value_string": "x"},
        "n": {"value_kind": "null"},
        "l": {"value_kind": "list", "value_json": "[1,[2]]", "list_length": 2},
        "o": {"value_kind": "object"},
        "big": {"value_kind": "int", "value_json": "18446744073709551616"},
    }


def test_restoring_no_rows_gives_nothing() -> None:
    assert restore_metrics(SCHEMAS["detector_metrics"].empty_table()) == {}


def test_a_path_through_a_value_is_refused() -> None:
    table = normalise([payload_of([{"metrics": {"a": 1}}, {"metrics": {"a": {"b": 1}}}])])["detector_metrics"]
    merged = table.set_column(1, "detector_index", pa.array([0, 0], pa.int64()))
    with pytest.raises(ValueError, match="no object"):
        restore_metrics(merged)
