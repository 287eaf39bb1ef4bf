"""Reading part of a file: some of its columns, or only what columns it has."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pique_assets.lake import SCHEMAS, FileMissing, Lake, build_table
from pique_assets.lake.errors import FileUnreadable, SchemaMismatch

WHERE = {"judge": "j", "date": "2026-03-02", "evaluation": "e"}


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.write("evaluations", build_table("evaluations", []), **WHERE)
    return lake


def test_some_columns_come_as_declared_in_the_order_asked_for(lake):
    read = lake.read("evaluations", **WHERE, columns=["status", "job_id"])
    assert read.schema == pa.schema([SCHEMAS["evaluations"].field(name) for name in ("status", "job_id")])


def test_a_column_of_another_type_is_noticed_only_where_it_is_read(lake):
    path = lake.uri("evaluations", **WHERE)
    table = pq.read_table(path)
    place = table.schema.get_field_index("overall_score")
    pq.write_table(table.set_column(place, "overall_score", pa.array([], pa.string())), path)
    assert lake.read("evaluations", **WHERE, columns=["job_id"]).num_rows == 0
    with pytest.raises(SchemaMismatch, match="overall_score is string, not double"):
        lake.read("evaluations", **WHERE, columns=["job_id", "overall_score"])
    assert lake.schema("evaluations", **WHERE).field("overall_score").type == pa.string()


def test_a_schema_is_that_of_the_file(lake):
    assert lake.schema("evaluations", **WHERE).equals(SCHEMAS["evaluations"])
    with pytest.raises(FileMissing, match="has not been written"):
        lake.schema("payloads", **WHERE)


@pytest.mark.parametrize("damaged", [b"", b"PAR1", b"no parquet at all" * 1000])
def test_a_damaged_file_has_no_schema(lake, damaged):
    Path(lake.uri("evaluations", **WHERE)).write_bytes(damaged)
    with pytest.raises(FileUnreadable, match="not a readable Parquet file"):
        lake.schema("evaluations", **WHERE)
