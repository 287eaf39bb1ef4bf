"""Files of the lake: atomic, byte-identical, typed, and readable by every Hive reader."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from pique_assets.lake import SCHEMAS, FileMissing, Lake, PartitionFile, build_table
from pique_assets.lake.errors import FileUnreadable, SchemaMismatch, TableUnknown

WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "demo"}


def metrics(*values: float, job: str = "job") -> pa.Table:
    return build_table(
        "detector_metrics",
        [
            {
                "job_id": f"{job}_{place}",
                "detector_index": 0,
                "metric_path": "fps",
                "value_kind": "float" if isinstance(value, float) else "int",
                "value_double" if isinstance(value, float) else "value_int": value,
                "payload_sha256": "0" * 64,
            }
            for place, value in enumerate(values)
        ],
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_what_is_written_is_read_back_and_described(lake: Lake) -> None:
    table = metrics(29.97, 30)
    written = lake.write("detector_metrics", table, **WHERE)

    assert lake.read("detector_metrics", **WHERE).equals(table)
    assert written.uri == lake.uri("detector_metrics", **WHERE)
    assert written.uri.endswith("lake/detector_metrics/judge=brand/date=2026-03-02/demo.parquet")
    data = Path(written.uri).read_bytes()
    assert (written.row_count, written.size_bytes) == (2, len(data))
    assert written.sha256 == hashlib.sha256(data).hexdigest()


def test_the_same_rows_give_the_same_bytes_in_any_order_and_chunking(lake: Lake) -> None:
    table = metrics(*(float(value) for value in range(100)))
    shuffled = pa.concat_tables([table.slice(60, 40), table.slice(0, 60)]).replace_schema_metadata({"by": "me"})
    first = lake.write("detector_metrics", table, **WHERE)
    again = lake.write("detector_metrics", shuffled, **WHERE)
    assert first == again


WRITE_FIFTY_JOBS = """
import datetime as dt, sys
from pique_assets.lake import Lake, Payload, normalise
body = b'{"status": "completed", "results": [{"metrics": {"b": 1, "a": {"x": [1.0]}}}]}'
at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
payloads = {Payload(job_id=f"j{i}", source="polled", received_at=at, body=body) for i in range(50)}
for name, table in normalise(payloads).items():
    print(Lake(sys.argv[1]).write(name, table, judge="j", date="2026-03-02", evaluation="e").sha256)
"""


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", WRITE_FIFTY_JOBS, str(tmp_path / seed)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 4


def test_an_empty_table_is_a_typed_file_of_one_row_group_at_most(lake: Lake) -> None:
    for name, schema in SCHEMAS.items():
        written = lake.write(name, schema.empty_table(), **WHERE)
        assert pq.read_schema(written.uri).equals(schema)
        assert lake.read(name, **WHERE).num_rows == 0


def test_files_are_zstd_in_one_row_group(lake: Lake) -> None:
    written = lake.write("detector_metrics", metrics(*(float(v) for v in range(5000))), **WHERE)
    meta = pq.ParquetFile(written.uri).metadata
    assert meta.num_row_groups == 1
    assert meta.row_group(0).column(0).compression == "ZSTD"


def test_rows_of_all_partitions_carry_judge_date_and_evaluation(lake: Lake) -> None:
    for judge, date, evaluation in [
        ("b", "2026-03-02", "x"),
        ("a", "2026-03-03", "x"),
        ("a", "2026-03-02", "y"),
        ("a", "2026-03-02", "x"),
    ]:
        lake.write("detector_metrics", metrics(1.0), judge=judge, date=date, evaluation=evaluation)

    everything = lake.read_all("detector_metrics")
    assert everything["judge"].to_pylist() == ["a", "a", "a", "b"]
    assert everything.schema.field("date").type == pa.date32()
    some = lake.read_all("detector_metrics", judge="a", start="2026-03-03", end=dt.date(2026, 3, 3))
    assert some["date"].to_pylist() == [dt.date(2026, 3, 3)]
    until = lake.read_all("detector_metrics", judge="a", end="2026-03-02")
    assert until["date"].to_pylist() == [dt.date(2026, 3, 2)] * 2
    assert everything["evaluation"].to_pylist() == ["x", "y", "x", "x"]
    assert lake.read_all("evaluations").schema.names[:4] == ["judge", "date", "evaluation", "job_id"]
    assert lake.read_all("submissions").schema.names.count("evaluation") == 1
    assert lake.partitions("detector_metrics")[0] == PartitionFile(judge="a", date=dt.date(2026, 3, 2), evaluation="x")


def test_a_lake_that_does_not_exist_yet_is_empty(lake: Lake) -> None:
    assert lake.partitions("evaluations") == []
    assert lake.read_all("evaluations").num_rows == 0
    with pytest.raises(FileMissing, match="not been written"):
        lake.read("evaluations", **WHERE)


def test_an_unknown_table_is_named_with_those_there_are(lake: Lake) -> None:
    with pytest.raises(TableUnknown, match=r"'scores'.*scorecard_daily"):
        lake.read_all("scores")


@pytest.mark.parametrize(
    "where",
    [
        {"judge": "../up"},
        {"judge": ""},
        {"judge": ".hidden"},
        {"judge": "a/b"},
        {"evaluation": "a=b"},
        {"evaluation": "e\n"},
        {"judge": "x" * 101},
        {"date": "2026-3-2"},
        {"date": "2026-02-30"},
        {"date": "../2026"},
        {"date": dt.datetime(2026, 3, 2, 23, tzinfo=dt.UTC)},
    ],
)
def test_names_that_could_leave_their_place_are_refused(lake: Lake, where: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"name|date|day"):
        lake.uri("evaluations", **(WHERE | where))  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_accepted_judge_name_is_found_again(name: str) -> None:
    try:
        file = PartitionFile(judge=name, date=dt.date(2026, 3, 2), evaluation="e")
    except ValueError:
        return
    assert PartitionFile.from_path(file.path) == file


def test_a_table_of_another_shape_is_refused_and_told_apart(lake: Lake) -> None:
    table = metrics(1.0)
    wrong = {
        "missing columns .'value_kind'": table.drop_columns(["value_kind"]),
        "foreign columns .'mood'": table.append_column("mood", pa.array(["good"])),
        "value_double is int64": table.set_column(5, "value_double", pa.array([30], pa.int64())),
        "null in required column job_id": table.set_column(0, "job_id", pa.array([None], pa.string())),
    }
    for message, other in wrong.items():
        with pytest.raises(SchemaMismatch, match=message):
            lake.write("detector_metrics", other, **WHERE)
    assert lake.partitions("detector_metrics") == []


def test_a_file_of_an_older_schema_says_what_to_do(lake: Lake) -> None:
    written = lake.write("detector_metrics", metrics(1.0), **WHERE)
    pq.write_table(metrics(1.0).drop_columns(["payload_sha256"]), written.uri)
    with pytest.raises(SchemaMismatch, match=r"demo.parquet was written with another schema.*materialise"):
        lake.read_all("detector_metrics")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"garbage" * 100])
def test_a_damaged_file_is_named(lake: Lake, data: bytes) -> None:
    written = lake.write("detector_metrics", metrics(1.0), **WHERE)
    Path(written.uri).write_bytes(data)
    with pytest.raises(FileUnreadable, match=r"demo\.parquet"):
        lake.read("detector_metrics", **WHERE)


READS_BESIDE_WRITES = 30


def test_a_reader_beside_a_writer_sees_whole_files_only(lake: Lake) -> None:
    versions = [metrics(*(float(n) for _ in range(3000))) for n in range(2)]
    sizes = {lake.write("detector_metrics", version, **WHERE).size_bytes for version in versions}
    path = Path(lake.uri("detector_metrics", **WHERE))
    wrong: list[object] = []

    def read() -> None:
        for _ in range(READS_BESIDE_WRITES):
            values = set(lake.read("detector_metrics", **WHERE)["value_double"].to_pylist())
            if len(values) != 1 or path.stat().st_size not in sizes or len(lake.partitions("detector_metrics")) != 1:
                wrong.append(values)

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        for version in versions:
            lake.write("detector_metrics", version, **WHERE)
    assert wrong == []


# The writer syncs the new file before it takes the old one's place, and the folder after.
WRITER_KILLED_AT_SYNC = """
import os, signal, sys
from pique_assets.lake import Lake
syncs = int(sys.argv[2])
def sync(descriptor):
    global syncs
    syncs -= 1
    if syncs == 0:
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = sync
where = dict(judge="brand", date="2026-03-02", evaluation="demo")
lake = Lake(sys.argv[1])
lake.write("detector_metrics", lake.read("detector_metrics", **where).slice(0, 1), **where)
"""


@pytest.mark.parametrize(("killed_at", "rows_left"), [(1, 2), (2, 1)])
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(lake: Lake, killed_at: int, rows_left: int) -> None:
    lake.write("detector_metrics", metrics(1.0, 2.0), **WHERE)
    command = [sys.executable, "-c", WRITER_KILLED_AT_SYNC, lake.root, str(killed_at)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert lake.read("detector_metrics", **WHERE).equals(metrics(1.0, 2.0).slice(0, rows_left))
    assert lake.read_all("detector_metrics").num_rows == rows_left


def test_what_a_killed_writer_left_is_removed_a_day_later(lake: Lake) -> None:
    folder = Path(lake.uri("detector_metrics", **WHERE)).parent
    folder.mkdir(parents=True)
    old, fresh, foreign = (folder / name for name in (".demo.parquet.1.tmp", ".demo.parquet.2.tmp", ".other.1.tmp"))
    for file in (old, fresh, foreign):
        file.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    for file in (old, foreign):
        os.utime(file, (two_days_ago, two_days_ago))

    lake.write("detector_metrics", metrics(1.0), **WHERE)

    assert sorted(file.name for file in folder.iterdir()) == [fresh.name, foreign.name, "demo.parquet"]
    assert len(lake.partitions("detector_metrics")) == 1


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    written = lake.write("detector_metrics", metrics(1.0), **WHERE)

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        lake.write("detector_metrics", metrics(2.0), **WHERE)

    assert lake.read("detector_metrics", **WHERE).equals(metrics(1.0))
    assert [file.name for file in Path(written.uri).parent.iterdir()] == ["demo.parquet"]


def test_any_fsspec_file_system_will_do() -> None:
    lake = Lake("memory://bucket-of-this-test/lake")
    written = lake.write("detector_metrics", metrics(29.97), **WHERE)
    assert written.uri == (
        "memory:///bucket-of-this-test/lake/detector_metrics/judge=brand/date=2026-03-02/demo.parquet"
    )
    assert lake.read_all("detector_metrics")["value_double"].to_pylist() == [29.97]


def test_storage_options_never_show() -> None:
    lake = Lake("memory://secret-test", {"token": "hunter2"})
    assert "hunter2" not in repr(lake)


@pytest.fixture
def int_day_beside_float_day(lake: Lake) -> Lake:
    """One day whose scores are all whole numbers, one with fractions, one without rows."""
    for date, table in (
        ("2026-03-02", metrics(30, 60)),
        ("2026-03-03", metrics(29.97, 30.0)),
        ("2026-03-04", metrics()),
    ):
        lake.write("detector_metrics", table, judge="brand", date=date, evaluation="demo")
    (Path(lake.root) / "detector_metrics/judge=brand/date=2026-03-02/.demo.parquet.x.tmp").write_bytes(b"half")
    return lake


def test_duckdb_reads_the_partitions_with_their_types(int_day_beside_float_day: Lake) -> None:
    duckdb = pytest.importorskip("duckdb")
    glob = f"{int_day_beside_float_day.root}/detector_metrics/*/*/*.parquet"
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select judge, date, value_double, value_int, typeof(value_double), typeof(value_int) "
            f"from read_parquet('{glob}', hive_partitioning = true) order by date, job_id"
        ).fetchall()
    assert [row[2:4] for row in rows] == [(None, 30), (None, 60), (29.97, None), (30.0, None)]
    assert {row[4:] for row in rows} == {("DOUBLE", "BIGINT")}
    assert rows[0][:2] == ("brand", dt.date(2026, 3, 2))


def test_pandas_reads_the_partitions_with_their_types(int_day_beside_float_day: Lake) -> None:
    import pandas as pd

    frame = pd.read_parquet(f"{int_day_beside_float_day.root}/detector_metrics")
    assert frame["value_double"].tolist()[2:] == [29.97, 30.0]
    assert set(frame["judge"]) == {"brand"}
    assert len(frame) == 4


def test_arrow_datasets_read_the_partitions_with_their_types(int_day_beside_float_day: Lake) -> None:
    import pyarrow.dataset as ds

    table = ds.dataset(f"{int_day_beside_float_day.root}/detector_metrics", partitioning="hive").to_table()
    assert table.schema.field("value_double").type == pa.float64()
    assert table["value_int"].to_pylist() == [30, 60, None, None]
