"""Files that are no media: told beyond doubt, or not named at all."""

from __future__ import annotations

import gzip
import io
import sqlite3
import tarfile
import zipfile
import zoneinfo
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from whole_media import sound

from pique_assets.media.kinds import Kind, NoMedia
from pique_assets.media.not_media import sniff_other
from pique_assets.media.signatures import sniff

TEXT = "Encoder finished without errors.\r\n" * 20
JAPANESE = "エンコードが完了しました。\n" * 20


@pytest.mark.parametrize("text", [TEXT, JAPANESE, "x"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_text_is_text_in_any_encoding(text, encoding):
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    found = sniff(mark + text.encode(encoding))
    assert found == NoMedia("It is no video, image or audio file: it is text.")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_text_without_a_mark_is_text(encoding):
    assert sniff((TEXT + "Größe: 3 €\r\n" * 9 if encoding == "cp1252" else TEXT).encode(encoding)) == NoMedia(
        "It is no video, image or audio file: it is text."
    )


def test_a_character_that_is_cut_by_the_end_of_what_is_read_leaves_text_as_it_is():
    for length in range(4090, 4100):
        assert sniff_other((b"a" * (4096 - length % 4) + "🐇".encode()) * 2) is not None


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # Stored as they are, so that frames of sound lie in the archive's first bytes.
        archive.writestr("song.mp3", sound(".mp3", codec="libmp3lame"))
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    body = sound(".mp3", codec="libmp3lame")
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("song.mp3")
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
    return file.getvalue()


def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE a (b)")
        return connection.serialize()


OTHERS = {
    "a ZIP archive": zipped(),
    "an archive": tarred(),
    "an archive or a packed file": gzip.compress(TEXT.encode()),
    "a database": database(),
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a disc image": bytes(32768) + b"\1CD001\1" + bytes(2041),
    "a disc image ": bytes(32768) + b"\0BEA01\1" + bytes(2041),
    "a disc image  ": (b"\0" + b"\xff" * 10 + b"\0\0\2\0\1" + sound(".mp3", codec="libmp3lame")[:2336]) * 3,
    "a MIDI file": b"MThd\0\0\0\x06\0\1\0\2\1\xe0MTrk",
    "a Photoshop document": b"8BPS\0\1" + bytes(6) + b"\0\3",
    "`git lfs pull`": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a program": b"MZ" + bytes(58) + (128).to_bytes(4, "little") + bytes(64) + b"PE\0\0\x64\x86",
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_certain_is_said(what):
    found = sniff(OTHERS[what], size_bytes=len(OTHERS[what]))
    assert isinstance(found, NoMedia)
    assert found.reason.startswith("It is no video, image or audio file") and what.strip() in found.reason


@pytest.mark.parametrize(
    "body", [b"BM" + bytes(100), b"ID3", b"\xff\xd8\xff\0\0\0", b"#!AMR.sh"[:5] + b"/bin/sh\n", b"FLV\x01\0"]
)
def test_a_beginning_of_a_few_bytes_makes_no_media(body):
    assert not isinstance(sniff(body, size_bytes=len(body)), Kind)


@given(st.binary(max_size=5000))
def test_any_bytes_are_told_or_not_without_a_fault(body):
    found = sniff_other(body)
    assert found is None or found.code == "unsupported_type"


def test_tables_of_numbers_are_no_sound():
    """Those of time zones have places that look like a few short frames of MP3."""
    tables = [path for folder in zoneinfo.TZPATH for path in Path(folder).rglob("*") if path.is_file()]
    if not tables:
        pytest.skip("this machine has no tables of time zones")
    assert not [path for path in tables if isinstance(sniff(path.read_bytes()), Kind)]
