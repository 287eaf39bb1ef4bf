"""Thumbnails of content from strangers: bounded in time, memory and bytes, and never the end of a step."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from desk import DEMO
from PIL import Image

from pique_assets.display import thumbnails as thumbnails_module
from pique_assets.display.thumbnails import MOST_CONTENT_BYTES, Wanted, thumbnails
from pique_assets.media import ContentItem

KILLER = """
import os, signal, sys
for number, line in enumerate(sys.stdin.buffer):
    if b"killer" in open(__import__("json").loads(line)["path"], "rb").read(20):
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdout.buffer.write(b"/9j/\\n")
    sys.stdout.buffer.flush()
"""


def item(path: Path, *, content_type: str = "image", size_bytes: int | None = None) -> ContentItem:
    size = path.stat().st_size if size_bytes is None else size_bytes
    return ContentItem(
        content_uri=path.as_uri(), filename=path.name, size_bytes=size, content_type=content_type, fingerprint="0" * 64
    )


def opened(wanted: ContentItem) -> io.BufferedReader:
    return Path(wanted.content_uri.removeprefix("file://")).open("rb")


def made(*items: ContentItem, patience_s: float = 60.0) -> list[bytes | None]:
    return thumbnails([Wanted(item=one) for one in items], open_content=opened, patience_s=patience_s)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGBA", (900, 300), "red").save(path)
    return path


def test_pictures_come_in_the_order_in_which_they_are_wanted(picture, tmp_path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(picture.read_bytes()[:100])
    clip = next((DEMO / "media" / "brand_videos" / "2026-03-02").glob("*.mp4"))
    first, second, third = made(item(picture), item(damaged), item(clip, content_type="video"))
    assert Image.open(io.BytesIO(first)).size == (160, 53)
    assert second is None
    assert max(Image.open(io.BytesIO(third)).size) == 160


def test_what_is_too_large_or_has_no_picture_is_not_even_opened(picture):
    def refuse(wanted: ContentItem) -> io.BufferedReader:
        raise AssertionError(f"{wanted.filename} was opened")

    large = item(picture, size_bytes=MOST_CONTENT_BYTES + 1)
    sound = item(picture, content_type="audio")
    assert thumbnails([Wanted(item=large), Wanted(item=sound)], open_content=refuse) == [None, None]


def test_a_picture_that_decodes_to_gigabytes_has_no_thumbnail(picture, tmp_path):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(bomb)
    assert [one is not None for one in made(item(bomb), item(picture))] == [False, True]


def test_content_that_kills_the_process_costs_only_its_own_picture(picture, tmp_path, monkeypatch):
    killer = tmp_path / "killer.png"
    killer.write_bytes(b"killer")
    package = tmp_path / "in_front" / "pique_assets" / "decoding"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "thumbnail_child.py").write_text(KILLER)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "in_front"), *sys.path])
    assert [one is not None for one in made(item(picture), item(killer), item(picture))] == [True, False, True]


def test_when_the_time_is_over_the_pictures_are_missing(picture):
    assert made(item(picture), patience_s=0.0) == [None]


def test_the_process_knows_no_secret(picture, tmp_path, monkeypatch):
    monkeypatch.setenv("PIQUE_API_KEY", "the-key-of-a-test")
    seen: list[dict[str, str]] = []
    run = thumbnails_module.subprocess.run

    def watched(*arguments, **named):
        seen.append(named["env"])
        return run(*arguments, **named)

    monkeypatch.setattr(thumbnails_module.subprocess, "run", watched)
    assert made(item(picture))[0] is not None
    assert seen and not [name for environment in seen for name in environment if name.startswith("PIQUE")]
