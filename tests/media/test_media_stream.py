"""Streams for uploads: the fingerprinted bytes or an error before the last of them."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from pique_assets.media import ContentError, MediaChanged, open_content

HEAD = b"\0\0\0\x18ftypmp42"


def opener(item, *, version: bool = False):
    """Return what an upload is given: a way to open the content again and again."""
    return partial(
        open_content,
        item.content_uri,
        size_bytes=item.size_bytes,
        fingerprint=item.fingerprint,
        version=item.version if version else None,
    )


def read_in_chunks(file, size: int = 256 * 1024) -> bytes:
    return b"".join(iter(lambda: file.read(size), b""))


def bytes_before_the_error(open_body) -> int:
    """Read until the change is noticed; return how much was handed out before."""
    seen = 0
    with pytest.raises(MediaChanged, match="fingerprinted"), open_body() as file:
        while chunk := file.read(256 * 1024):
            seen += len(chunk)
    return seen


@pytest.fixture
def body() -> bytes:
    return HEAD + os.urandom(3 * 1024 * 1024 + 17)


@pytest.mark.parametrize("version", [False, True])
def test_each_opening_gives_all_bytes_anew(folder, body, version):
    folder.add("clip.mp4", body)
    open_body = opener(folder.only(), version=version)
    for _ in range(2):
        with open_body() as file:
            assert file.read(5) == body[:5]
            assert read_in_chunks(file) == body[5:]
            assert file.read(1) == b""


def test_two_openings_do_not_disturb_each_other(folder, body):
    folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    with open_body() as first, open_body() as second:
        assert (first.read(100), second.read(100)) == (body[:100], body[:100])


@pytest.mark.parametrize("size", [HEAD, HEAD + b"x"])
def test_tiny_content_is_read_whole(folder, size):
    folder.add("clip.mp4", size)
    with opener(folder.only())() as file:
        assert file.read() == size


@pytest.mark.parametrize("version", [False, True])
def test_a_file_of_another_size_is_refused_before_the_first_byte(folder, body, version):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only(), version=version)
    path.write_bytes(body + b"x")
    assert bytes_before_the_error(open_body) == 0


def test_another_version_is_refused_before_the_first_byte(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only(), version=True)
    os.utime(path, ns=(1, 1))
    assert bytes_before_the_error(open_body) == 0


@pytest.mark.parametrize("at", [0, 200_000, -1])
@pytest.mark.parametrize("size", [12, 256 * 1024, 512 * 1024, 1024 * 1024 - 1, 1024 * 1024, 3_000_000])
def test_other_bytes_of_the_same_size_never_complete(folder, body, at, size):
    path = folder.add("clip.mp4", body[:size])
    open_body = opener(folder.only())
    other = bytearray(body[:size])
    other[at % size] ^= 1
    path.write_bytes(other)
    assert bytes_before_the_error(open_body) < size


def test_a_touched_file_with_the_same_bytes_is_the_same_content(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    path.unlink()
    path.write_bytes(body)
    with open_body() as file:
        assert read_in_chunks(file) == body


@pytest.mark.parametrize("change", ["overwrite", "truncate"])
def test_a_change_while_the_stream_is_open_never_completes(folder, body, change):
    path = folder.add("clip.mp4", body)
    file = opener(folder.only(), version=True)()
    first = file.read(1000)
    if change == "truncate":
        os.truncate(path, 2_000_000)
    else:
        with path.open("r+b") as other:
            other.seek(2_500_000)
            other.write(b"something else")
    with file, pytest.raises(MediaChanged):
        first += read_in_chunks(file)
    assert len(first) < len(body)


def test_an_error_stays_an_error_when_it_is_read_past(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    path.write_bytes(body[::-1])
    with open_body() as file:
        for _ in range(3):
            with pytest.raises(MediaChanged):
                read_in_chunks(file)


def test_content_that_vanished_says_so(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    path.unlink()
    with pytest.raises(ContentError) as caught:
        open_body()
    assert caught.value.code == "vanished"


def test_a_pipe_in_the_place_of_content_is_not_waited_for(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ContentError, match="named pipe"):
        open_body()


def test_errors_survive_the_way_between_processes(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    path.write_bytes(b"")
    with pytest.raises(MediaChanged) as caught:
        open_body()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is MediaChanged
    assert (copy.code, str(copy)) == (caught.value.code, str(caught.value))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_file_stays_open(folder, body):
    path = folder.add("clip.mp4", body)
    open_body = opener(folder.only())
    before = open_files()
    for _ in range(20):
        with open_body() as file:
            file.read(10)
    path.write_bytes(b"")
    for _ in range(20):
        with pytest.raises(MediaChanged):
            open_body()
    assert open_files() == before


def test_memory_stays_flat_in_file_size(folder):
    path = folder.add("large.mp4", HEAD)
    os.truncate(path, 100 * 1024 * 1024)
    tracemalloc.start()
    try:
        with opener(folder.only())() as file:
            while file.read(256 * 1024):
                pass
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
