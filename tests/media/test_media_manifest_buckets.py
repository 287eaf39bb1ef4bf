"""Which buckets a manifest on a disk may name; what one in a bucket may is told with the real client."""

from __future__ import annotations

import datetime as dt

import pytest

from pique_assets.media import Manifest, open_source

LINES = "uri,date\ngs://ours/a.mp4,2026-03-02\ngs://theirs/b.mp4,2026-03-02\nc.mp4,2026-03-02\ngs://ours.evil/a.mp4,2026-03-02\n"


def refused(path, **options) -> list[str]:
    entries = open_source(Manifest(path, **options)).list_entries(dt.date(2026, 3, 2))
    return [entry.problem.error for entry in entries if entry.problem is not None]


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(LINES)
    return path


def test_any_bucket_where_nothing_is_said(manifest):
    assert refused(manifest) == []


def test_only_those_that_are_named_where_some_are(manifest):
    theirs, evil = refused(manifest, buckets=["ours"])
    assert "Line 3: it names an object of the bucket 'theirs'" in theirs
    assert "buckets=['theirs']" in theirs
    assert "'ours.evil'" in evil
    assert len(refused(manifest, buckets=[])) == 3


def test_a_source_with_buckets_is_a_value():
    assert Manifest("a.csv", buckets=["b"]) == Manifest("a.csv", buckets=("b",)) == Manifest("a.csv", buckets="b")
    assert len({Manifest("a.csv", buckets=["b"]), Manifest("a.csv")}) == 2


@pytest.mark.parametrize("name", ["gs://ours", "ours/videos", "", "*"])
def test_what_is_no_bucket_is_refused(name):
    with pytest.raises(ValueError, match="no name of a bucket"):
        Manifest("a.csv", buckets=[name])
