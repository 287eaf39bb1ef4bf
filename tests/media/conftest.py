"""Real files to read: tiny but with the signatures of their formats, and the words that go with them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from pique_assets.media import ContentItem, DatedFolder, inventory, open_source

DATE = dt.date(2026, 3, 2)
MP4 = b"\0\0\0\x18ftypmp42" + b"moving pictures" * 10


class MediaFolder:
    """A dated folder under construction, and its inventory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.day = root / DATE.isoformat()
        self.day.mkdir(parents=True)

    def add(self, name: str | bytes, body: bytes = MP4, *, words: object = None) -> Path:
        """Write a file, and a sidecar when there are words for one."""
        path = Path(f"{self.day}/{name if isinstance(name, str) else name.decode('utf-8', 'surrogateescape')}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if words is not None:
            Path(f"{path}.json").write_text(json.dumps(words), encoding="utf-8")
        return path

    def items(self, *, threads: int = 1, date: dt.date = DATE) -> list[ContentItem]:
        """Take the inventory."""
        return list(inventory(open_source(DatedFolder(self.root)), date=date, threads=threads))

    def only(self) -> ContentItem:
        """Take the inventory of a folder that should give one item."""
        (item,) = self.items()
        return item


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
def mp4() -> bytes:
    return MP4


@pytest.fixture
def date() -> dt.date:
    return DATE
