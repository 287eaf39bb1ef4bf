"""A date's result tables come part by part: the same rows and bytes as all at once, whole files or none."""

from __future__ import annotations

import datetime as dt
import functools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from payload_tables import payloads_table

from pique_assets.lake import Lake, Payload, build_table, normalise, payloads_parts, write_result_tables
from pique_assets.lake.errors import FileUnreadable
from pique_assets.lake.normalised import normalised_parts

WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "demo"}
RESULTS = ("evaluations", "detector_results", "detector_metrics", "flagged_moments")
AT = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def payload(number: int, body: bytes | None = None) -> Payload:
    results = [
        {
            "detector_name": f"d{index}",
            "score": number / 7,
            "metrics": {f"key {place}": [number, place] for place in range(40)},
            "timestamps": [number + 0.5],
        }
        for index in range(5)
    ]
    told = body or json.dumps({"status": "completed", "detector_results": results}).encode()
    return Payload(job_id=f"job_{number:05d}", source="polled", received_at=AT, body=told)


@pytest.fixture(scope="module")
def payloads() -> list[Payload]:
    """Enough for several parts, and for several groups of rows in a file."""
    return [payload(number) for number in range(400)]


@pytest.fixture
def lake(tmp_path: Path, payloads: list[Payload]) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    lake.write("payloads", payloads_table(payloads), **WHERE)
    return lake


def test_parts_put_together_are_the_table(payloads: list[Payload]) -> None:
    parts = list(normalised_parts(payloads))
    assert len(parts) > 3
    whole = normalise(reversed(payloads))
    for name in RESULTS:
        assert pa.concat_tables([part[name] for part in parts]).equals(whole[name])
    assert pa.concat_tables(payloads_parts(payloads)).equals(payloads_table(reversed(payloads)))


def test_files_written_part_by_part_have_the_bytes_of_the_whole_table(lake: Lake, payloads: list[Payload]) -> None:
    written = write_result_tables(lake, **WHERE)
    assert pq.ParquetFile(written["detector_metrics"].uri).metadata.num_row_groups > 1
    assert write_result_tables(lake, **WHERE) == written
    for name, table in normalise(payloads).items():
        assert lake.read(name, **WHERE).equals(table)
        assert lake.write(name, table, **WHERE) == written[name]


@functools.cache
def many_rows() -> pa.Table:
    rows = (
        {"content_uri": f"{number:06d}", "state": "ready", "title": "t" * (number % 300)} for number in range(25_000)
    )
    return build_table("content", rows)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 30_000), max_size=6))
def test_bytes_do_not_depend_on_where_parts_end(cuts: list[int]) -> None:
    lake = Lake("memory://streaming-test/lake")
    table = many_rows()
    whole = lake.write("content", table, **WHERE)
    with lake.writing("content", **WHERE) as writer:
        begin = 0
        for cut in cuts:
            writer.add(table.slice(begin, cut))
            begin = min(begin + cut, table.num_rows)
        writer.add(table.slice(begin))
    assert writer.written == whole
    data = lake.filesystem.cat_file(whole.uri)
    assert pq.ParquetFile(pa.BufferReader(data)).metadata.num_row_groups > 1


def test_a_write_that_ends_early_leaves_every_old_file(lake: Lake) -> None:
    before = write_result_tables(lake, **WHERE)
    path = Path(lake.uri("payloads", **WHERE))
    data = path.read_bytes()
    # Its end still tells of rows that are not there any more.
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"\0" * 5000 + data[middle + 5000 :])
    with pytest.raises(FileUnreadable, match=r"demo\.parquet"):
        write_result_tables(lake, **WHERE)
    for written in before.values():
        assert sorted(file.name for file in Path(written.uri).parent.iterdir()) == ["demo.parquet"]
        assert Path(written.uri).stat().st_size == written.size_bytes


def test_a_date_without_payloads_has_four_files_without_rows(lake: Lake) -> None:
    lake.write("payloads", payloads_table([]), **WHERE)
    assert {name: written.row_count for name, written in write_result_tables(lake, **WHERE).items()} == dict.fromkeys(
        RESULTS, 0
    )


def test_payloads_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not sorted by job"):
        list(normalised_parts([payload(2), payload(1)]))


def test_one_job_that_cannot_be_kept_takes_no_other_along(payloads: list[Payload]) -> None:
    # Parsed all the same, and too deep to be written as JSON beside the stack of the writer.
    deep = payload(7, b'{"status": "completed", "x": ' + b"[" * 980 + b"]" * 980 + b"}")
    tables = normalise([*payloads[:7], deep, *payloads[8:20]])
    alone = normalise([deep])["evaluations"].to_pylist()
    rows = tables["evaluations"].to_pylist()
    assert [row for row in rows if row["job_id"] == deep.job_id] == alone
    assert [row["detectors"] for row in rows if row["job_id"] != deep.job_id] == [5] * 19
