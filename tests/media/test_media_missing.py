"""A place that is missing is told from one that is empty."""

from __future__ import annotations

import datetime as dt

import pytest

from pique_assets.media import DatedFolder, Manifest, SocialUrls, open_source

DATE = dt.date(2026, 3, 2)


def missing(source) -> str | None:
    return open_source(source).missing_place(DATE)


def test_a_folder(tmp_path):
    assert missing(DatedFolder(tmp_path)) == (tmp_path / "2026-03-02").as_uri()
    (tmp_path / "2026-03-02").mkdir()
    assert missing(DatedFolder(tmp_path)) is None


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_manifest_of_a_date(tmp_path, suffix):
    source = Manifest(tmp_path / f"list_{{date}}{suffix}")
    assert missing(source) == (tmp_path / f"list_2026-03-02{suffix}").as_uri()
    (tmp_path / f"list_2026-03-02{suffix}").write_text("uri\n")
    assert missing(source) is None


@pytest.mark.parametrize("source", [Manifest, SocialUrls])
def test_one_list_of_all_dates_is_never_missing_for_one(tmp_path, source):
    assert missing(source(tmp_path / "all.csv")) is None


@pytest.mark.parametrize("made", ["2026-03-02.txt", "2026-03-02.csv", "2026-03-02/"])
def test_a_list_of_a_date_in_a_folder_of_lists(tmp_path, made):
    assert missing(SocialUrls(tmp_path)) == (tmp_path / "2026-03-02").as_uri()
    if made.endswith("/"):
        (tmp_path / made).mkdir()
    else:
        (tmp_path / made).write_text("")
    assert missing(SocialUrls(tmp_path)) is None
