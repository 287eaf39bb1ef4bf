"""Dated folders: which files are content, in which order, with which words."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from pathlib import Path

import google_crc32c
import pytest

from pique_assets.media import DatedFolder, SourceReader, SourceUnavailable, inventory, open_source
from pique_assets.media.file_stores import Files


def test_a_file_is_described_by_its_bytes_and_its_sidecar(folder, mp4):
    path = folder.add("clip.mp4", words={"title": "Spring", "description": "A meadow #bunny", "camera": "A7"})
    item = folder.only()
    assert item.is_ready
    assert item.content_uri == path.as_uri()
    assert (item.filename, item.size_bytes) == ("clip.mp4", len(mp4))
    assert (item.content_type, item.media_type) == ("video", "video/mp4")
    assert item.fingerprint == hashlib.sha256(mp4).hexdigest()
    assert item.crc32c == google_crc32c.value(mp4)
    assert (item.title, item.description) == ("Spring", "A meadow #bunny")


def test_files_in_sub_folders_are_content_too_and_the_order_is_steady(folder):
    for name in ("b.mp4", "a/z.mp4", "a.mp4", "a/b/c.mp4", "ä.mp4", "Z.mp4"):
        folder.add(name)
    uris = [item.content_uri for item in folder.items()]
    assert len(uris) == 6
    assert uris == sorted(uris)


def test_only_the_wanted_date_is_read(folder):
    folder.add("clip.mp4")
    folder.add("../2026-03-020/clip.mp4")
    folder.add("../2026-03-03/other.mp4")
    assert [item.filename for item in folder.items(date=dt.date(2026, 3, 3))] == ["other.mp4"]


def test_a_date_without_a_folder_is_a_day_without_media(folder):
    assert folder.items(date=dt.date(2026, 3, 4)) == []


@pytest.mark.parametrize("make", [lambda root: None, lambda root: root.write_text("")])
def test_a_root_that_is_no_folder_is_an_error_that_names_it(tmp_path, date, make):
    root = tmp_path / "nowhere"
    make(root)
    with pytest.raises(SourceUnavailable, match="nowhere"):
        list(inventory(open_source(DatedFolder(root)), date=date))


def test_a_root_can_be_written_as_a_file_uri_or_relative_to_the_working_directory(folder, date, monkeypatch):
    folder.add("ein clip.mp4")
    monkeypatch.chdir(folder.root.parent)
    by_path, by_uri, relative = (
        list(inventory(open_source(DatedFolder(root)), date=date))
        for root in (folder.root, folder.root.as_uri(), "media/../media")
    )
    assert by_path == by_uri == relative


@pytest.mark.parametrize("root", ["https://example.com/media", "s3://bucket/media", "gs://bucket/media"])
def test_a_root_that_no_store_holds_is_an_error(root):
    with pytest.raises(SourceUnavailable, match=root):
        open_source(DatedFolder(root))


def test_an_empty_root_is_refused_when_it_is_named():
    with pytest.raises(ValueError, match="empty"):
        DatedFolder(" ")


def test_both_unicode_forms_of_a_name_are_two_files_with_names_of_their_own(folder):
    names = {unicodedata.normalize(form, "é.mp4") for form in ("NFC", "NFD")}
    for name in names:
        folder.add(name)
    assert {item.filename for item in folder.items()} == names
    assert all(item.is_ready for item in folder.items())


@pytest.mark.parametrize("name", ["a b#c?d%41.mp4", "日本語🐇.mp4", "quote'\".mp4", "back\\slash.mp4", "no_suffix"])
def test_unusual_names_are_kept_as_they_are(folder, name):
    path = folder.add(name)
    item = folder.only()
    assert item.is_ready
    assert item.filename == name
    assert item.content_uri == path.as_uri()


def test_what_operating_systems_leave_behind_gets_no_row(folder):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._clip.mp4", "__MACOSX/clip.mp4", "@eaDir/x.jpg", "Icon\r"):
        folder.add(name, b"litter")
    for name in ("#recycle/clip.mp4", "@Recycle/clip.mp4", "$RECYCLE.BIN/S-1-5/$R1.mp4", ".AppleDouble/clip.mp4"):
        folder.add(name)
    assert folder.items() == []


def test_other_hidden_files_and_folders_get_one_row_each(folder):
    folder.add(".clip.mp4")
    folder.add(".git/objects/1", b"x")
    folder.add(".git/objects/2", b"x")
    assert [(item.filename, item.error_code) for item in folder.items()] == [
        (".clip.mp4", "hidden"),
        (".git", "hidden"),
    ]


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_neither_the_items_nor_their_order(folder, threads):
    for number in range(150):
        folder.add(f"{number}.mp4", b"\0\0\0\x18ftypmp42" + b"x" * (150 - number) * 50)
    folder.add("75.empty.mp4", b"")
    assert folder.items(threads=threads) == folder.items()


class CountingReader(SourceReader):
    """Counts how many entries were asked for."""

    drawn = 0

    def list_entries(self, date):
        for entry in super().list_entries(date):
            type(self).drawn += 1
            yield entry


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (2, 16)])
def test_an_inventory_reads_no_further_ahead_than_its_threads_need(folder, date, threads, ahead):
    for number in range(100):
        folder.add(f"{number:03}.mp4")
    CountingReader.drawn = 0
    source = DatedFolder(folder.root)
    items = inventory(CountingReader(source=source, files=Files()), date=date, threads=threads)
    assert next(items).filename == "000.mp4"
    items.close()
    assert CountingReader.drawn == ahead


def test_progress_counts_every_byte(folder, date):
    folder.add("a.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    read: list[int] = []
    (item,) = inventory(open_source(DatedFolder(folder.root)), date=date, on_bytes=read.append)
    assert sum(read) == item.size_bytes
    assert len(read) == 3


def test_a_link_to_a_file_inside_the_root_is_content(folder):
    original = folder.add("../library/clip.mp4")
    (folder.day / "linked.mp4").symlink_to(original)
    item = folder.only()
    assert item.is_ready
    assert item.filename == "linked.mp4"


def test_a_root_and_a_date_may_be_links(folder, tmp_path, date):
    folder.add("clip.mp4")
    (folder.root / "2026-03-09").symlink_to(folder.day)
    link = Path(tmp_path / "link")
    link.symlink_to(folder.root)
    assert [item.filename for item in folder.items(date=dt.date(2026, 3, 9))] == ["clip.mp4"]
    assert [item.is_ready for item in inventory(open_source(DatedFolder(link)), date=date)] == [True]
