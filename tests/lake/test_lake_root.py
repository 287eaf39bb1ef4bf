"""A lake's address: a path is a path, whatever is in it, and a URL is one file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from pique_assets.lake import Lake, build_table

WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "demo"}
NAMES = [
    "a::b",
    "gs::file",
    "ads? round 1",
    "a*b",
    "[ab]",
    "week #3",
    "50% off",
    "a%20b",
    "date=2026-01-01",
    "été",
    "~x",
]


def content(size: int = 3):
    return build_table("content", [{"content_uri": "a", "state": "ready", "size_bytes": size}])


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_taken_as_it_is_written(tmp_path, name):
    root = tmp_path / name / "lake"
    # What a pattern, or half an address, would find instead.
    Lake(str(tmp_path / "ab" / "lake")).write(
        "content", content(9), judge="other", date="2026-03-02", evaluation="demo"
    )
    lake = Lake(str(root))
    written = lake.write("content", content(), **WHERE)
    assert Path(written.uri).is_file()
    assert Path(written.uri).is_relative_to(root)
    assert lake.root == str(root)
    assert [file.judge for file in lake.partitions("content")] == ["brand"]
    assert lake.read_all("content").to_pylist()[0]["size_bytes"] == 3
    assert lake.schema("content", **WHERE).names[0] == "content_uri"


def test_a_relative_path_starts_here_and_a_tilde_at_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Lake("a/../lake").root == str(tmp_path / "lake")
    assert Lake("~/lake").root == str(tmp_path / "home" / "lake")


def test_a_file_url_is_read_as_a_url(tmp_path):
    folder = tmp_path / "50% off ?#"
    for url in (folder.as_uri(), folder.as_uri().replace("file:///", "file://localhost/")):
        assert Lake(url).root == str(folder)
    with pytest.raises(ValueError, match="host 'data'"):
        Lake("file://data/lake")


def test_a_bucket_path_with_colons_is_one_path():
    lake = Lake("memory://a::b/lake?x=1#y")
    lake.write("content", content(), **WHERE)
    assert lake.root == "memory://a::b/lake?x=1#y"
    assert lake.read_all("content").num_rows == 1
    assert Lake("memory://a").partitions("content") == []


@pytest.mark.parametrize("root", ["simplecache::gs://bucket/lake", "filecache::simplecache::s3://b/lake"])
def test_a_chain_of_file_systems_is_refused(root):
    with pytest.raises(ValueError, match="chains file systems"):
        Lake(root)


def test_an_unknown_file_system_is_named():
    with pytest.raises(ValueError, match="nowhere"):
        Lake("nowhere://bucket/lake")
