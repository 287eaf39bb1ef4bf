"""Downloads, uploads and copies under way: held back by their names, and by what lies beside them."""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path

import pytest
from heic import heic
from hostile_containers import FTYP
from hypothesis import given, strategies as st
from made_media import image_bytes
from whole_media import clip

from pique_assets.cli.named_files import read_named_files
from pique_assets.media import Manifest, inventory, open_source
from pique_assets.media.in_progress import progress_problem

DAY = dt.date(2026, 3, 2)

UNDER_WAY = (
    "clip.mp4.part",
    "clip.mp4.PART",
    "clip.mp4.partial",
    "clip.mp4.crdownload",
    "Unconfirmed 123456.crdownload",
    "clip.mp4.filepart",
    "clip.mp4.opdownload",
    "clip.mp4.download",
    "clip.mp4.tmp",
    "clip.mp4.!ut",
    "clip.mp4.!qB",
    "clip.mp4.bc!",
    "clip.mp4.fdmdownload",
    "clip.mp4.xltd",
    "clip.mp4.aria2",
    "clip.mp4.ytdl",
    "clip.f137.mp4.part",
    "clip.mp4.part-Frag3",
    "clip.mp4.part-Frag3.part",
    "clip.mp4.ocTransferId1234567.part",
    "clip.temp.mp4",
    "clip.f137.mp4",
    "clip.f251.webm",
    "clip.f140-drc.m4a",
    "clip.mp4.crswap",
    "clip.mkv.partial~",
    "clip.mp4._COPYING_",
    "clip.mp4.!sync",
    "clip.mp4.aspx",
    "clip.mp4.aspera-ckpt",
    "clip.mp4.st",
    "clip.mp4_.gstmp",
    "clip.mp4.6eF5b5da",
    "clip.mp4.a1b2c3d4.partial",
    "clip.mp4.part.minio",
    "clip.mp4.sb-1a2b3c4d-Xy12Zz",
    "~syncthing~clip.mp4.tmp",
    # Hidden by a dot as well; renaming them is no advice.
    ".clip.mp4.Xy12Zz",
    ".syncthing.clip.mp4.tmp",
    ".in.clip.mp4.",
    ".pending-1772442000-clip.mp4",
    ".clip.mp4.~1a2b",
    ".azDownload-7c1f-clip.mp4",
)


@pytest.mark.parametrize("name", UNDER_WAY)
def test_the_name_of_a_download_under_way_holds_it_back(folder, name):
    folder.add(name)
    item = folder.only()
    assert (item.error_code, item.filename) == ("in_progress", name)
    assert item.fingerprint is None and "still being written" in item.error and "real name" in item.error


@pytest.mark.parametrize(
    "name",
    [
        *("part.mp4", "my.part.two.mp4", "tmp.mp4", "download.mp4", "clip.mp4.20260302", "the.last.st", "a.partner"),
        *("lens.f28.mp4", "f137.mp4", "clip.f137", "page.aspx", "clip"),
    ],
)
def test_a_name_that_only_has_such_a_word_in_it_is_content(folder, name):
    folder.add(name)
    assert folder.only().is_ready


def test_a_file_is_content_once_it_has_its_real_name(folder):
    path = folder.add("clip.mp4.part")
    assert folder.only().error_code == "in_progress"
    path.rename(path.with_suffix(""))
    item = folder.only()
    assert item.is_ready and item.filename == "clip.mp4"


@pytest.mark.parametrize("companion", ["aria2", "part", "crdownload", "ytdl", "lftp-pget-status", "st", "aspx"])
def test_a_file_with_its_download_beside_it_is_held_back_until_that_is_gone(folder, companion):
    folder.add("clip.mp4")
    beside = folder.add(f"clip.mp4.{companion}", b"which pieces are there")
    whole, record = folder.items()
    assert (whole.error_code, record.error_code) == ("in_progress", "in_progress")
    assert f"clip.mp4.{companion}" in whole.error and "Remove that file" in whole.error
    beside.unlink()
    assert folder.only().is_ready


def test_content_waits_for_the_sidecar_that_is_still_being_written(folder):
    folder.add("clip.mp4")
    beside = folder.add("clip.mp4.json.part", b"{")
    assert [item.error_code for item in folder.items()] == ["in_progress", "in_progress"]
    assert "sidecar" in folder.items()[0].error
    beside.rename(beside.with_suffix("")).write_text('{"title": "Spring"}')
    assert folder.only().title == "Spring"


def test_what_safari_keeps_in_a_folder_of_its_own_is_held_back(folder):
    folder.add("clip.mp4.download/clip.mp4")
    folder.add("a download/clip.mp4")
    whole, held_back = folder.items()
    assert whole.is_ready
    assert held_back.error_code == "in_progress" and "clip.mp4.download" in held_back.error


def test_a_manifest_names_no_download_under_way(tmp_path, mp4):
    for name in ("a.mp4", "b.mp4", "b.mp4.aria2", "c.mp4.part"):
        (tmp_path / name).write_bytes(mp4)
    (tmp_path / "2026-03-02.csv").write_text("uri\na.mp4\nb.mp4\nc.mp4.part\n")
    found = list(inventory(open_source(Manifest(tmp_path / "{date}.csv")), date=DAY))
    assert [item.error_code for item in found] == [None, "in_progress", "in_progress"]


def test_a_person_who_names_a_download_under_way_hears_why_it_is_not_sent(tmp_path, mp4):
    for name in ("a.mp4", "b.mp4", "b.mp4.aria2", "sub/c.mp4.download/c.mp4"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mp4)
    names = [str(tmp_path / name) for name in ("a.mp4", "b.mp4", "b.mp4.aria2", "sub")]
    found = read_named_files(names, threads=2, say=lambda line: None)
    assert [item.error_code for item in found] == [None, "in_progress", "in_progress", "in_progress"]


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def test_a_film_that_ends_before_its_index_is_held_back_whatever_its_name(folder):
    whole = clip()
    path = folder.add("clip.mp4", half(whole))
    item = folder.only()
    assert item.error_code == "incomplete" and "index (moov)" in item.error
    path.write_bytes(whole)
    assert folder.only().is_ready


def test_a_film_that_ends_inside_its_index_is_held_back(folder):
    whole = clip()
    folder.add("end.mp4", whole[:-100])
    body = clip(faststart=True)
    folder.add("front.mp4", body[: body.index(b"moov") + 100])
    assert [item.error_code for item in folder.items()] == ["incomplete", "incomplete"]


@pytest.mark.parametrize("rest", [b"", bytes(3_000_000)], ids=["samples alone", "room for the rest"])
def test_a_film_without_any_index_is_held_back(folder, rest):
    samples = 2 * 1024 * 1024
    folder.add("clip.mp4", FTYP + struct.pack(">I4s", 8 + samples, b"mdat") + bytes(samples) + rest)
    assert folder.only().error_code == "incomplete"


def test_a_film_with_something_unknown_behind_its_samples_is_left_to_pique(folder):
    samples = 2 * 1024 * 1024
    folder.add("clip.mp4", FTYP + struct.pack(">I4s", 8 + samples, b"mdat") + bytes(samples) + b"\xff" * 3_000_000)
    assert folder.only().is_ready


@pytest.mark.parametrize("name", ["a.heic", "a.avif"])
def test_a_picture_of_boxes_that_ends_inside_of_one_is_held_back(folder, name):
    whole = heic(width=96, height=64) if name == "a.heic" else image_bytes(image_format="AVIF")
    path = folder.add(name, half(whole))
    item = folder.only()
    assert item.error_code == "incomplete" and "ends inside its picture" in item.error
    path.write_bytes(whole + struct.pack(">I4s", 10_000, b"sefd") + b"what a camera adds")
    assert folder.only().media_type == f"image/{name[2:]}"


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_what_a_player_shows_a_part_of_is_content(folder, suffix):
    codec = "libvpx" if suffix == ".webm" else "libx264"
    folder.add(f"a{suffix}", half(clip(suffix, codec=codec)))
    folder.add("b.mp4", half(clip(faststart=True)))
    assert [item.error_code for item in folder.items()] == [None, None]


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_held_back_or_not_in_valid_words(name, folders):
    problem = progress_problem(name, folders=folders)
    assert problem is None or (problem.code == "in_progress" and problem.error.encode())


def test_no_name_of_the_examples_is_held_back():
    media = Path(__file__).parents[2] / "examples" / "demo" / "media"
    assert not [path for path in media.rglob("*") if progress_problem(path.name)]
