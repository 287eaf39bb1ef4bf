"""Files that cannot be content: each is a row with a reason, none stops the others or the clock."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from pique_assets.media import DatedFolder, inventory, open_source

SURROGATES = {chr(code) for code in range(0xD800, 0xE000)}


def refused(item, code: str, words: str = "") -> bool:
    """Check a row that says what is wrong, in text that any table can hold."""
    assert item.error_code == code, item
    assert words in (item.error or "")
    assert not SURROGATES & set(f"{item.content_uri}{item.filename}{item.error}")
    return item.fingerprint is None and not item.is_ready


def test_an_empty_file(folder):
    folder.add("empty.mp4", b"", words={"title": "Nothing yet"})
    item = folder.only()
    assert refused(item, "empty")
    assert (item.size_bytes, item.title) == (0, "Nothing yet")


def test_a_file_that_vanishes_between_listing_and_reading(folder, date):
    path = folder.add("gone.mp4")
    reader = open_source(DatedFolder(folder.root))
    (entry,) = reader.list_entries(date)
    path.unlink()
    assert refused(reader.examine(entry), "vanished")


def test_a_folder_that_takes_the_place_of_a_file(folder, date):
    path = folder.add("clip.mp4")
    reader = open_source(DatedFolder(folder.root))
    (entry,) = reader.list_entries(date)
    path.unlink()
    path.mkdir()
    assert refused(reader.examine(entry), "not_a_file", "a folder")


def test_a_date_that_is_a_file(folder):
    folder.day.rmdir()
    folder.day.write_bytes(b"")
    assert refused(folder.only(), "not_a_folder")


@contextmanager
def unprivileged():
    """Be nobody for a while: permissions mean nothing to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_and_a_folder_without_permission(folder, tmp_path):
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o055)
    folder.add("locked.mp4").chmod(0)
    folder.add("vault/clip.mp4").parent.chmod(0)
    folder.add("open.mp4")
    with unprivileged():
        locked, ready, vault = folder.items()
    (folder.day / "vault").chmod(0o755)
    assert refused(locked, "permission_denied")
    assert ready.is_ready
    assert refused(vault, "permission_denied", "folder")


def test_a_named_pipe_is_not_waited_for(folder):
    os.mkfifo(folder.day / "pipe.mp4")
    assert refused(folder.only(), "not_a_file", "a named pipe")


def test_a_pipe_as_a_sidecar_is_not_waited_for(folder):
    folder.add("clip.mp4")
    os.mkfifo(folder.day / "clip.mp4.json")
    assert refused(folder.only(), "bad_sidecar", "a named pipe")


def test_a_socket(folder, monkeypatch):
    monkeypatch.chdir(folder.day)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket.mp4")
        assert refused(folder.only(), "not_a_file", "a socket")


def test_a_link_to_a_device(folder):
    (folder.day / "zero.mp4").symlink_to("/dev/zero")
    assert refused(folder.only(), "outside_root")


def test_a_link_that_leads_out_of_the_root(folder, tmp_path, mp4):
    (tmp_path / "private.mp4").write_bytes(mp4)
    (folder.day / "link.mp4").symlink_to(tmp_path / "private.mp4")
    assert refused(folder.only(), "outside_root")


def test_a_link_that_is_bent_outwards_after_listing(folder, tmp_path, date, mp4):
    (tmp_path / "private.mp4").write_bytes(mp4)
    link = folder.day / "link.mp4"
    link.symlink_to(folder.add("clip.mp4"))
    reader = open_source(DatedFolder(folder.root))
    _, entry = reader.list_entries(date)
    link.unlink()
    link.symlink_to(tmp_path / "private.mp4")
    assert refused(reader.examine(entry), "outside_root")


def test_a_sidecar_that_leads_out_of_the_root(folder, tmp_path):
    folder.add("clip.mp4")
    (tmp_path / "secret.json").write_text('{"title": "secret"}')
    (folder.day / "clip.mp4.json").symlink_to(tmp_path / "secret.json")
    item = folder.only()
    assert refused(item, "bad_sidecar")
    assert item.title is None


def test_a_date_that_is_a_link_out_of_the_root(folder, tmp_path):
    folder.day.rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "clip.mp4").write_bytes(b"x")
    folder.day.symlink_to(tmp_path / "elsewhere")
    assert refused(folder.only(), "outside_root")


def test_links_that_lead_round_in_circles(folder):
    (folder.day / "a.mp4").symlink_to("b.mp4")
    (folder.day / "b.mp4").symlink_to("a.mp4")
    (folder.day / "self").symlink_to(folder.day)
    first, second, itself = folder.items()
    assert refused(first, "symlink_loop")
    assert refused(second, "symlink_loop")
    assert refused(itself, "linked_folder")


def test_a_link_to_nothing(folder):
    (folder.day / "link.mp4").symlink_to("nowhere.mp4")
    assert refused(folder.only(), "vanished", "link")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.mp4", "caf\\xe9.mp4"),
        (b"two\nlines.mp4", "two\nlines.mp4"),
        (b"tab\t.mp4", "tab\t.mp4"),
        (b"\x1b[31mred.mp4", "\x1b[31mred.mp4"),
        ("para\u2029graph.mp4".encode(), "para\u2029graph.mp4"),
    ],
)
def test_a_name_that_no_upload_can_carry(folder, name, shown):
    folder.add(name)
    item = folder.only()
    assert refused(item, "bad_name", "rename the file")
    assert item.filename == shown
    assert "\n" not in item.error


def test_a_folder_whose_name_is_not_utf_8_does_not_spoil_the_files_in_it(folder):
    folder.add(b"caf\xe9/clip.mp4")
    item = folder.only()
    assert item.is_ready
    assert item.content_uri.endswith("/caf%E9/clip.mp4")


@pytest.mark.parametrize(
    ("name", "body", "code", "words"),
    [
        ("notes.txt", b"remember the milk", "unsupported_type", "it is text"),
        ("garbage.mp4", bytes(range(7, 250)) * 40, "unsupported_type", "no video"),
        ("page.html", b"<!doctype html><html></html>", "unsupported_type", "no video"),
        ("report.pdf", b"%PDF-1.7\n1 0 obj", "unsupported_type", "a PDF document"),
        ("picture.mp4", b"\x89PNG\r\n\x1a\n" + b"x" * 90, "type_mismatch", "image/png"),
        ("clip.jpg", b"\0\0\0\x18ftypmp42" + b"x" * 90, "type_mismatch", "video/mp4"),
        ("clip.txt", b"\0\0\0\x18ftypmp42" + b"x" * 90, "type_mismatch", "text"),
    ],
)
def test_content_that_is_not_what_it_should_be(folder, name, body, code, words):
    folder.add(name, body)
    assert refused(folder.only(), code, words)


def test_a_large_file_of_the_wrong_type_is_not_read_to_its_end(folder, date):
    folder.add("dump.bin", b"no media " * 1_000_000)
    read: list[int] = []
    (item,) = inventory(open_source(DatedFolder(folder.root)), date=date, on_bytes=read.append)
    assert refused(item, "unsupported_type")
    assert read == []


@pytest.mark.parametrize("change", ["append", "truncate", "overwrite"])
def test_a_file_that_changes_while_it_is_read(folder, date, change):
    path = folder.add("busy.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 4_000_000)
    os.utime(path, (1, 1))

    def meddle(_: int) -> None:
        if change == "truncate":
            os.truncate(path, 2_000_000)
            return
        with path.open("ab" if change == "append" else "r+b") as file:
            file.write(b"other bytes")

    (item,) = inventory(open_source(DatedFolder(folder.root)), date=date, on_bytes=meddle)
    assert refused(item, "changed")


def test_a_file_that_never_stops_growing_is_given_up(folder, date):
    path = folder.add("endless.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 1_000_000)

    def grow(count: int) -> None:
        with path.open("ab") as file:
            file.write(b"x" * count)

    (item,) = inventory(open_source(DatedFolder(folder.root)), date=date, on_bytes=grow)
    assert refused(item, "changed")


def test_bad_files_do_not_spoil_the_good_ones(folder):
    os.mkfifo(folder.day / "1.mp4")
    folder.add("2.mp4")
    folder.add("3.mp4", b"")
    folder.add("4.mp4")
    assert [item.is_ready for item in folder.items(threads=3)] == [False, True, False, True]
    assert threading.active_count() == 1
