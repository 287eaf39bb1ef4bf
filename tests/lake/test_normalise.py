"""Payloads become rows: every vocabulary, every oddity, nothing lost, nothing raised."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st
from payload_tables import payloads_table

from pique_assets.lake import SCHEMAS, Payload, normalise
from pique_assets.lake.payload import stored_payloads

EXAMPLES = Path(__file__).parents[1] / "contract" / "payloads"
RECEIVED_AT = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
RESULT_TABLES = {"evaluations", "detector_results", "detector_metrics", "flagged_moments"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=6), inner, max_size=3)
    ),
    max_leaves=10,
)
KNOWN_FIELDS = [
    *(
        "event",
        "job_id",
        "content_id",
        "judge_id",
        "status",
        "overall_score",
        "detector_results",
        "results",
        "error",
    ),
    *("timestamp", "completed_at", "batch_id", "url", "evaluation_id", "unheard_of"),
]
RESULT_FIELDS = [
    *(
        "detector_name",
        "detector_config_id",
        "criterion_id",
        "pass_check",
        "score",
        "weight",
        "rationale",
        "metrics",
    ),
    *("timestamps", "flagged_frames", "unheard_of"),
]
statuses = st.sampled_from(["completed", "failed", "pending", "processing", "cancelled", "", None, 5])
results = st.lists(st.dictionaries(st.sampled_from(RESULT_FIELDS), json_values) | json_values, max_size=3)
bodies = st.builds(
    lambda fields, status, result: json.dumps({**fields, "status": status, "detector_results": result}).encode(),
    st.dictionaries(st.sampled_from(KNOWN_FIELDS), json_values, max_size=6),
    statuses,
    results,
)
payloads = st.builds(
    Payload,
    job_id=st.sampled_from(["job_1", "job_2", "job_-_3"]),
    source=st.sampled_from(["polled", "webhook"]),
    received_at=st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2027, 1, 1), timezones=st.just(dt.UTC)),
    body=bodies | st.binary(max_size=30),
)


def payload(
    body: object, *, job_id: str = "job_1", source: str = "polled", received_at: dt.datetime = RECEIVED_AT
) -> Payload:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(job_id=job_id, source=source, received_at=received_at, body=data)


def evaluation(*given_payloads: Payload) -> dict[str, object]:
    (row,) = normalise(given_payloads)["evaluations"].to_pylist()
    return row


def detector_result(result: object) -> dict[str, object]:
    tables = normalise([payload({"status": "completed", "detector_results": [result]})])
    (row,) = tables["detector_results"].to_pylist()
    return row


@settings(max_examples=150, deadline=None)
@given(st.lists(payloads, max_size=5), st.randoms(use_true_random=False))
def test_any_payloads_give_typed_tables_whatever_their_order(some: list[Payload], rng: random.Random) -> None:
    tables = normalise(some)
    assert set(tables) == RESULT_TABLES
    for name, table in tables.items():
        table.validate(full=True)
        assert table.schema.equals(SCHEMAS[name])
    shuffled = rng.sample(some, k=len(some))
    assert all(table.equals(normalise(shuffled)[name]) for name, table in tables.items() if not _has_nan(table))


@settings(max_examples=300, deadline=None)
@given(st.binary() | st.binary(max_size=8).map(lambda b: b'{"status":"completed","x":"' + b + b'"}'))
@example(b"")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"status": "completed", "results": [{"metrics": ' + b"[" * 5_000 + b"]" * 5_000 + b"}]}")
@example(b"9" * 5_000)
@example(b'{"status": "completed", "overall_score": ' + b"9" * 400 + b"}")
@example(b'\xef\xbb\xbf{"status": "completed"}')
def test_any_bytes_end_as_rows(body: bytes) -> None:
    tables = normalise([payload(body)])
    assert tables["evaluations"].num_rows <= 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\xff\xfe\xfd", "not readable as JSON"),
        (b"<html>502 Bad Gateway</html>", "not readable as JSON"),
        (b"[1]", "not an object"),
        (b"[" * 100_000, "too deep"),
        (b'{"status": "completed", "n": ' + b"9" * 5_000 + b"}", "digits"),
        (b'{"detail": "Job not found"}', "neither a status nor an outcome"),
        (b'"\xed\xa0\x80"', "not readable as JSON"),
    ],
)
def test_an_unreadable_body_is_a_row_that_says_why(body: bytes, problem: str) -> None:
    row = evaluation(payload(body))
    assert row["status"] == "unreadable"
    assert problem in str(row["error"])
    assert row["payload_sha256"] == payload(body).sha256


def test_a_polled_result_is_read() -> None:
    tables = normalise([payload((EXAMPLES / "results_completed.json").read_bytes(), job_id="job_xKt9mNp2qRs3vWy7")])
    (row,) = tables["evaluations"].to_pylist()
    assert row["event"] == "evaluation.completed"
    assert row["overall_score"] == 0.85
    assert row["overall_score_scale"] == "unit"
    assert row["finished_at"] == dt.datetime(2025, 11, 12, 23, 16, 8, tzinfo=dt.UTC)
    assert (row["detectors"], row["detectors_passed"], row["detectors_undecided"]) == (1, 1, 0)
    assert row["other_fields"] is None
    (result,) = tables["detector_results"].to_pylist()
    assert result["detector_config_id"] == "848b9b59-2775-4303-8912-0a6ff40b6fd6"
    assert (result["timestamp_count"], result["flagged_frame_count"]) == (0, 0)
    assert result["other_fields"] is None


def test_a_direct_webhook_is_read_into_the_same_columns() -> None:
    body = (EXAMPLES / "webhook_direct_completed.json").read_bytes()
    tables = normalise([payload(body, source="webhook", job_id="job_AbC123XyZ456789")])
    (row,) = tables["evaluations"].to_pylist()
    assert row["evaluation_id"] == "a1922bbb-7264-4e2e-82f6-778702b05a30"
    assert row["finished_at"].microsecond == 526491
    assert row["other_fields"] is None
    (result,) = tables["detector_results"].to_pylist()
    assert result["detector_config_id"] == "848b9b59-2775-4303-8912-0a6ff40b6fd6"
    assert (result["timestamp_count"], result["flagged_frame_count"]) == (None, None)
    assert result["other_fields"] is None


def test_a_social_webhook_is_read_and_its_score_left_as_sent() -> None:
    body = (EXAMPLES / "webhook_social_completed.results_elided.json").read_bytes()
    row = evaluation(payload(body, source="webhook", job_id="job_aB3cD4eF5gH6iJ7k"))
    assert (row["overall_score"], row["overall_score_scale"]) == (85.5, "percent")
    assert row["batch_id"] == "batch_hJ8kLm3nP9qR2vXy"
    assert row["finished_at"] == dt.datetime(2024, 1, 15, 12, 45, tzinfo=dt.UTC)
    assert row["other_fields"] is None


@pytest.mark.parametrize("name", ["results_failed.json", "webhook_direct_failed.json"])
def test_a_failed_evaluation_is_a_row_with_its_error(name: str) -> None:
    body = (EXAMPLES / name).read_bytes()
    row = evaluation(payload(body, job_id=json.loads(body)["job_id"]))
    assert row["status"] == "failed"
    assert row["error"]
    assert row["detectors"] is None
    assert row["other_fields"] is None


def test_an_unfinished_job_has_no_rows() -> None:
    tables = normalise([payload((EXAMPLES / "results_pending.json").read_bytes())])
    assert all(table.num_rows == 0 for table in tables.values())


def test_unknown_status_detector_and_fields_flow_through() -> None:
    row = evaluation(payload({"status": "cancelled", "reason": {"by": "user"}}))
    assert (row["status"], row["other_fields"]) == ("cancelled", '{"reason":{"by":"user"}}')
    result = detector_result({"detector_name": "tomorrow", "vibe": None})
    assert (result["detector_name"], result["other_fields"]) == ("tomorrow", '{"vibe":null}')


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"event": "evaluation.failed"}, "failed"),
        ({"event": "evaluation.completed", "status": "done"}, "done"),
        ({"results": []}, "unknown"),
    ],
)
def test_a_missing_or_strange_status_is_told_by_the_rest(body: dict[str, object], status: str) -> None:
    assert evaluation(payload(body))["status"] == status


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("overall_score", True, "overall_score"),
        ("overall_score", "0.9", "overall_score"),
        ("overall_score", 2**53 + 1, "overall_score"),
        ("error", {"code": 7}, "error"),
        ("timestamp", "yesterday", "finished_at"),
        ("timestamp", "2026-03-02T10:00:00", "finished_at"),
        ("timestamp", "0001-01-01T00:00:00+23:00", "finished_at"),
        ("judge_id", 7, "judge_id"),
        ("url", "\ud800", "url"),
        ("job_id", "job_other", "job_id"),
        ("detector_results", {"a": 1}, "detectors"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_kept_beside_it(field: str, value: object, column: str) -> None:
    row = evaluation(payload({"status": "completed", field: value}))
    assert json.loads(str(row["other_fields"])) == {field: value}
    assert row[column] == ("job_1" if field == "job_id" else None)


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("pass_check", "yes", "pass_check"),
        ("pass_check", 1, "pass_check"),
        ("score", False, "score"),
        ("rationale", ["a"], "rationale"),
        ("timestamps", "1.2", "timestamp_count"),
        ("detector_name", 3, "detector_name"),
    ],
)
def test_a_detector_value_that_does_not_fit_is_kept_beside_it(field: str, value: object, column: str) -> None:
    row = detector_result({field: value})
    assert row[column] is None
    assert json.loads(str(row["other_fields"])) == {field: value}


def test_a_detector_result_that_is_no_object_keeps_its_place() -> None:
    tables = normalise([payload({"status": "completed", "results": ["...", {"score": 1}]})])
    rows = tables["detector_results"].to_pylist()
    assert [row["other_fields"] for row in rows] == ['"..."', None]
    assert [row["detector_index"] for row in rows] == [0, 1]
    assert rows[1]["score"] == 1.0


def test_the_verdict_is_never_derived_from_the_score() -> None:
    row = evaluation(
        payload(
            {
                "status": "completed",
                "results": [{"score": 1.0}, {"score": 0.0, "pass_check": True}, {"pass_check": None}],
            }
        )
    )
    assert (row["detectors_passed"], row["detectors_failed"], row["detectors_undecided"]) == (1, 0, 2)


def test_the_same_detector_twice_is_two_results() -> None:
    result = {"detector_name": "logo", "pass_check": True, "metrics": {"a": 1}}
    tables = normalise([payload({"status": "completed", "results": [result, result]})])
    assert tables["detector_results"].num_rows == tables["detector_metrics"].num_rows == 2


def test_moments_keep_time_and_the_exact_entry() -> None:
    result = {
        "detector_name": "framing",
        "timestamps": [1.5, 12, "later"],
        "flagged_frames": [{"timestamp_sec": 3, "why": "é"}, 7],
    }
    rows = normalise([payload({"status": "completed", "results": [result]})])["flagged_moments"].to_pylist()
    assert [(r["moment_kind"], r["moment_index"], r["at_s"], r["value_json"]) for r in rows] == [
        ("frame", 0, 3.0, '{"timestamp_sec":3,"why":"é"}'),
        ("frame", 1, None, "7"),
        ("timestamp", 0, 1.5, None),
        ("timestamp", 1, 12.0, "12"),
        ("timestamp", 2, None, '"later"'),
    ]


@pytest.mark.parametrize(
    ("score", "social", "scale"),
    [
        (0.85, False, "unit"),
        (85.5, False, "percent"),
        (1, False, "unit"),
        (-1, False, "unknown"),
        (0.5, True, "unknown"),
    ],
)
def test_the_scale_of_a_score_is_detected_and_not_applied(score: float, social: bool, scale: str) -> None:
    body = {"status": "completed", "overall_score": score} | ({"batch_id": "b"} if social else {})
    row = evaluation(payload(body))
    assert (row["overall_score"], row["overall_score_scale"]) == (score, scale)


LATER = RECEIVED_AT + dt.timedelta(hours=1)
DONE, PENDING = {"status": "completed"}, {"status": "processing"}


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (payload(DONE, source="webhook"), payload(PENDING, received_at=LATER)),
        (payload(DONE), payload({"status": "failed"}, source="webhook", received_at=LATER)),
        (payload(DONE, received_at=LATER), payload({"status": "failed"})),
        (payload(DONE, source="webhook"), payload(b"garbage", received_at=LATER)),
        (payload(DONE), payload({"status": "cancelled"}, received_at=LATER)),
    ],
)
def test_of_several_payloads_the_most_telling_counts(winner: Payload, loser: Payload) -> None:
    for order in ((winner, loser), (loser, winner)):
        assert evaluation(*order)["payload_sha256"] == winner.sha256


def test_rows_are_sorted_by_their_keys() -> None:
    result = {"metrics": {"z": 1, "a": {"b": 2}}}
    tables = normalise(
        [payload({"status": "completed", "results": [result, result]}, job_id=job) for job in ("job_9", "job_10")]
    )
    rows = tables["detector_metrics"].to_pylist()
    keys = [(row["job_id"], row["detector_index"], row["metric_path"]) for row in rows]
    assert keys == sorted(keys)
    assert tables["evaluations"]["job_id"].to_pylist() == ["job_10", "job_9"]


@given(st.lists(payloads, max_size=5))
@settings(max_examples=50, deadline=None)
def test_tables_can_be_rebuilt_from_the_stored_payloads(some: list[Payload]) -> None:
    table = payloads_table(some)
    assert table.schema.equals(SCHEMAS["payloads"])
    assert set(stored_payloads(table)) == set(some)


@pytest.mark.parametrize(
    "wrong",
    [{"job_id": ""}, {"job_id": "\ud800"}, {"received_at": dt.datetime(2026, 1, 1)}],
)
def test_a_payload_nobody_can_place_is_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"job_id": "j", "source": "polled", "received_at": RECEIVED_AT, "body": b""}
    with pytest.raises(ValueError, match="job"):
        Payload(**(right | wrong))  # type: ignore[arg-type]


def _has_nan(table: object) -> bool:
    return "nan" in str(table.to_pylist())  # type: ignore[attr-defined]
