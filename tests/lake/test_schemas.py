"""Declarations of the tables are complete and consistent."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pique_assets.lake import COLUMN_DOCS, SCHEMAS, TABLE_DOCS, TABLES, build_table, table_spec
from pique_assets.lake.errors import TableUnknown

DESIGNED = {
    *("payloads", "content", "submissions", "evaluations", "detector_results", "detector_metrics"),
    *(
        "flagged_moments",
        "judges",
        "detector_configs",
        "scorecard_daily",
        "metric_catalog",
        "partition_status",
    ),
}
PLAIN_TYPES = {
    *(pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.binary(), pa.timestamp("us", tz="UTC")),
}


def test_every_table_of_the_design_is_declared_once() -> None:
    assert set(SCHEMAS) == set(COLUMN_DOCS) == set(TABLE_DOCS) == DESIGNED


@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_a_table_is_documented_keyed_and_plainly_typed(name: str) -> None:
    schema = SCHEMAS[name]
    assert len(set(schema.names)) == len(schema.names)
    assert list(COLUMN_DOCS[name]) == schema.names
    assert all(len(doc) > 10 and doc.endswith(".") for doc in COLUMN_DOCS[name].values())
    assert set(schema.types) <= PLAIN_TYPES
    assert set(TABLES[name].key) <= set(schema.names)
    assert not {"judge", "date"} & set(schema.names), "these are in the path"


@pytest.mark.parametrize("name", ["evaluations", "detector_results", "detector_metrics", "flagged_moments"])
def test_every_result_row_names_its_payload(name: str) -> None:
    assert not SCHEMAS[name].field("payload_sha256").nullable


def test_quantities_say_their_unit() -> None:
    for name, schema in SCHEMAS.items():
        for field in schema:
            doc = COLUMN_DOCS[name][field.name]
            if pa.types.is_timestamp(field.type):
                assert "UTC" in doc
            if field.name.endswith("_s"):
                assert "econds" in doc
            if field.name.endswith("_bytes"):
                assert "bytes" in doc


def test_rows_become_a_sorted_typed_table() -> None:
    table = build_table("content", [{"content_uri": uri, "state": "ready"} for uri in ("b", "a")])
    assert table.schema.equals(SCHEMAS["content"])
    assert table["content_uri"].to_pylist() == ["a", "b"]
    assert table["size_bytes"].to_pylist() == [None, None]


def test_a_file_name_of_undecodable_bytes_can_be_stored() -> None:
    name = b"caf\xe9.mp4".decode(errors="surrogateescape")
    table = build_table("content", [{"content_uri": name, "state": "unreadable"}])
    assert table["content_uri"].to_pylist() == ["caf\\udce9.mp4"]


def test_a_misspelt_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no column filenam"):
        build_table("content", [{"content_uri": "a", "state": "ready", "filenam": "x"}])


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        build_table("content", [{"content_uri": "a", "state": "ready", "size_bytes": "big"}])


def test_an_unknown_table_lists_the_known_ones() -> None:
    with pytest.raises(TableUnknown, match="detector_results"):
        table_spec("detector_result")
