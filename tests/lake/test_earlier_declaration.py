"""Files that were written before a column was declared stay readable, by every way there is to read them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pique_assets.analysis import load, sql
from pique_assets.lake import SCHEMAS, Lake, build_table, partitioned_schema
from pique_assets.lake.errors import SchemaMismatch

EARLIER = Path(__file__).parent / "earlier_declaration"
WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "demo"}
NEW_IN_CONTENT = ["crc32c", "version"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The lake of an earlier declaration, a copy to write beside it."""
    shutil.copytree(EARLIER, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


def test_the_files_are_of_an_earlier_declaration_of_content(lake: Lake) -> None:
    earlier = lake.schema("content", **WHERE).names
    assert [name for name in SCHEMAS["content"].names if name not in earlier] == NEW_IN_CONTENT


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_file_reads_as_declared_today_and_null_where_it_has_no_column(lake: Lake, name: str) -> None:
    stored = pq.read_table(lake.uri(name, **WHERE), partitioning=None)
    read = lake.read(name, **WHERE)
    assert read.schema.equals(SCHEMAS[name])
    assert read.num_rows == stored.num_rows > 0
    for column in SCHEMAS[name].names:
        expected = stored[column].to_pylist() if column in stored.column_names else [None] * stored.num_rows
        assert read[column].to_pylist() == expected
    assert pa.concat_tables(lake.read_parts(name, **WHERE)).equals(read)
    assert lake.read_all(name).schema.equals(partitioned_schema(name))
    assert load(name, lake=lake)[SCHEMAS[name].names[0]].tolist() == read[SCHEMAS[name].names[0]].to_pylist()


def test_a_new_column_alone_can_be_asked_of_an_old_file(lake: Lake) -> None:
    read = lake.read("content", **WHERE, columns=["version", "filename", "crc32c"])
    assert read.to_pylist() == [
        {"version": None, "filename": "a.mp4", "crc32c": None},
        {"version": None, "filename": None, "crc32c": None},
    ]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_sql_over_old_files_alone_has_every_column(lake: Lake, name: str) -> None:
    answer = sql(f"select * from {name}", lake=lake)
    assert list(answer.columns) == partitioned_schema(name).names
    assert len(answer) == lake.read(name, **WHERE).num_rows


@pytest.mark.parametrize("date", ["2026-03-01", "2026-03-03"])
def test_old_and_new_files_are_one_table_whichever_comes_first(lake: Lake, date: str) -> None:
    new = {"content_uri": "file:///media/c.mp4", "state": "ready", "crc32c": 7, "version": "1:2"}
    lake.write("content", build_table("content", [new]), judge="brand", date=date, evaluation="demo")
    query = "select content_uri, crc32c, version from content order by content_uri"
    for frame in (sql(query, lake=lake), load("content", lake=lake).sort_values("content_uri")):
        assert frame["crc32c"].astype("object").where(frame["crc32c"].notna(), None).tolist() == [None, None, 7]
        assert frame["version"].astype("object").where(frame["version"].notna(), None).tolist() == [None, None, "1:2"]


def test_a_file_without_a_required_column_is_still_refused(lake: Lake) -> None:
    path = lake.uri("content", **WHERE)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["state"]), path)
    with pytest.raises(SchemaMismatch, match=r"missing columns .'state'"):
        lake.read("content", **WHERE)


def test_a_table_to_write_needs_every_column(lake: Lake) -> None:
    earlier = pq.read_table(lake.uri("content", **WHERE), partitioning=None)
    with pytest.raises(SchemaMismatch, match=r"missing columns .'crc32c', 'version'"):
        lake.write("content", earlier, **WHERE)
