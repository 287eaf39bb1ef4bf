"""Files that change under the reader's eyes: what Pique evaluates is what was fingerprinted, or nothing."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from desk import DEMO, Desk, open_item_verified
from hostile_containers import FTYP, box
from whole_media import clip

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import running_local_pique
from pique_assets.media import ContentItem, DatedFolder, inventory, open_source

DATE = dt.date(2026, 3, 2)
PARTITION = DATE.isoformat()
PADDING = 6_000_000
VICTIM = "victim.mp4"


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"one more frame")


def truncate(path: Path) -> None:
    os.truncate(path, PADDING // 2)


def overwrite_the_rest(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        file.write(b"other bytes")


def overwrite_the_beginning(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(len(FTYP) + 100)
        file.write(b"other bytes")


def replace_by_another(path: Path) -> None:
    other = path.with_name(".other")
    other.write_bytes(FTYP + b"another file")
    other.replace(path)


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def remove(path: Path) -> None:
    path.unlink()


def lock(path: Path) -> None:
    path.chmod(0)


class Disturbed(io.RawIOBase):
    """A stream during whose reading something happens, once, soon after the beginning."""

    def __init__(self, stream: BinaryIO, disturb: Callable[[], None]) -> None:
        super().__init__()
        self._stream = stream
        self._disturb: Callable[[], None] | None = disturb

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self._stream.readinto(buffer)
        if self._disturb is not None:
            self._disturb()
            self._disturb = None
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A large file between two small good ones."""
    folder = tmp_path / "media" / PARTITION
    folder.mkdir(parents=True)
    (folder / "a good one.mp4").write_bytes(clip())
    (folder / VICTIM).write_bytes(clip() + box(b"free", bytes(PADDING)))
    (folder / "z good one.webm").write_bytes(clip(".webm", codec="libvpx"))
    for path in folder.iterdir():
        # Long ago, so that a change shows in the time of a coarse clock too.
        os.utime(path, (1, 1))
    return folder


def take(day: Path, *, on_bytes: Callable[[int], None] | None = None) -> list[ContentItem]:
    return list(inventory(open_source(DatedFolder(day.parent)), date=DATE, on_bytes=on_bytes))


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (append, "changed"),
        (truncate, "changed"),
        (overwrite_the_rest, "changed"),
        (overwrite_the_beginning, "changed"),
        # The bytes that were opened are still whole; the upload finds out what became of the name.
        (replace_by_another, None),
        (replace_by_a_pipe, None),
        (remove, None),
        (lock, None),
    ],
)
def test_a_change_while_fingerprinting(day, change, row):
    seen: list[int] = []

    def disturb(count: int) -> None:
        seen.append(count)
        # The good one before it is a single chunk, so that this is in the middle of the victim.
        if len(seen) == 3:
            change(day / VICTIM)

    items = {item.filename: item for item in take(day, on_bytes=disturb)}
    assert items.pop(VICTIM).error_code == row
    assert [item.is_ready for item in items.values()] == [True, True]


@pytest.fixture(scope="module")
def fingerprinted() -> set[str]:
    """Everything the desk was ever given; it serves all tests of this file."""
    return set()


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with (
        running_local_pique(data_dir=folder / "pique", seed_judges=DEMO / "judges.json", workers=1) as pique,
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
        Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger,
    ):
        yield Desk(pique=pique, client=client, ledger=ledger)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (append, "changed"),
        (truncate, "changed"),
        (overwrite_the_rest, "changed"),
        # What was sent before the change is what was fingerprinted, and so is the rest.
        (overwrite_the_beginning, None),
        (replace_by_another, None),
        (replace_by_a_pipe, None),
        (remove, None),
        (lock, None),
    ],
)
def test_a_change_while_uploading(day, desk, fingerprinted, change, row):
    (day / VICTIM).write_bytes(clip() + box(b"free", change.__name__.encode(), bytes(PADDING)))
    partition = f"upload-{change.__name__}"
    items = take(day)
    victim = next(item for item in items if item.filename == VICTIM)

    def open_item(item: ContentItem) -> BinaryIO:
        stream = open_item_verified(item)
        return Disturbed(stream, lambda: change(day / VICTIM)) if item is victim else stream

    desk.submit(items, partition=partition, open_item=open_item)
    assert ends(desk, partition=partition) == {
        "a good one.mp4": "completed",
        VICTIM: row or "completed",
        "z good one.webm": "completed",
    }
    evaluated = desk.evaluations()
    assert evaluated.get(victim.fingerprint, 0) == (1 if row is None else 0)
    # Nothing else than what was fingerprinted was ever evaluated, and nothing twice.
    assert set(evaluated.values()) == {1}
    fingerprinted.update(item.fingerprint for item in items)
    assert set(evaluated) <= fingerprinted


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (append, "changed"),
        (replace_by_another, "changed"),
        (overwrite_the_beginning, "changed"),
        (replace_by_a_pipe, "not_a_file"),
        (remove, "vanished"),
    ],
)
def test_a_change_between_fingerprint_and_upload(day, desk, fingerprinted, change, row):
    (day / VICTIM).write_bytes(clip() + box(b"free", b"between", change.__name__.encode(), bytes(PADDING)))
    partition = f"between-{change.__name__}"
    items = take(day)
    victim = next(item for item in items if item.filename == VICTIM)
    fingerprinted.update(item.fingerprint for item in items)
    change(day / VICTIM)
    desk.submit(items, partition=partition)
    assert ends(desk, partition=partition)[VICTIM] == row
    assert victim.fingerprint not in desk.evaluations()


def test_content_larger_than_pique_takes_is_refused_and_not_sent(day, desk, fingerprinted):
    items = take(day)
    large = replace(items[1], size_bytes=5 * 1024**3 + 1, fingerprint="5" * 64)
    fingerprinted.add(items[0].fingerprint)
    report = desk.submit([items[0], large], partition="large")
    assert report.rejected == 1
    assert ends(desk, partition="large") == {"a good one.mp4": "completed", VICTIM: "rejected"}


def ends(desk: Desk, *, partition: str) -> dict[str, str]:
    """What stands beside each file after its evaluation: the error code, or how its submission ended."""
    where = {"evaluation": "brand_videos", "partition": partition}
    desk.collect(partition=partition)
    return {
        row.item.filename: row.item.error_code or row.submission.state.lower()
        for row in desk.ledger.partition_state(**where)
    }
