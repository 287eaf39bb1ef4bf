"""A disk that is full: the ledger fails closed before anything is sent, the lake keeps its old file, and work resumes.

Two ways to fill a disk: a small file system of its own where this user may mount one, and everywhere else a limit on
the size of files, which a write meets in the same place.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from desk import Desk

from pique_assets.lake import Lake, build_table
from pique_assets.ledger import Ledger, LedgerUnavailable

SUPPORT = Path(__file__).parents[1] / "support"
WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "brand_videos"}

_SUBMIT = textwrap.dedent(
    """
    import resource, sys
    from pique_assets.ledger import LedgerUnavailable
    import submit_and_collect
    # Else a module that is imported now would be kept half compiled.
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        submit_and_collect.main(sys.argv[1])
    except LedgerUnavailable as error:
        print("LedgerUnavailable:", error)
    """
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def submit(desk: Desk, url: str, *, largest_file: int = -1) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PIQUE_BASE_URL": desk.pique.base_url,
        "PIQUE_API_KEY": desk.pique.api_key,
        "PYTHONPATH": str(SUPPORT),
    }
    return subprocess.run(
        [sys.executable, "-c", _SUBMIT, url, str(largest_file)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_on_a_full_disk_nothing_is_sent_and_with_room_again_everything_is(desk: Desk, small_disk):
    url = f"sqlite:///{small_disk / 'ledger.db'}"
    Ledger.open(url).close()
    filler = fill(small_disk)
    stopped = submit(desk, url)
    assert "LedgerUnavailable" in stopped.stdout, stopped.stderr[-2000:]
    assert "disk" in stopped.stdout
    assert desk.record() == []
    filler.unlink()
    finished = submit(desk, url)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert sorted(desk.evaluations().values()) == [1, 1, 1]


@pytest.mark.parametrize("room", ["none", "a little"])
def test_a_disk_that_fills_half_way_stops_the_run_and_a_later_one_resumes(desk: Desk, tmp_path, room):
    url = f"sqlite:///{tmp_path / 'small.db'}"
    with Ledger.open(url) as ledger:
        # The write-ahead log stays while somebody has the ledger open; what is in it counts.
        used = max(path.stat().st_size for path in tmp_path.glob("small.db*"))
        stopped = submit(desk, url, largest_file=1 if room == "none" else used + 60_000)
        assert "LedgerUnavailable" in stopped.stdout, stopped.stderr[-2000:]
        sent = sum(job.complete_puts for job in desk.record())
        known = ledger.partition_state(evaluation="brand_videos", partition="2026-03-02")
        in_the_ledger = {row.submission.job_id for row in known if row.submission is not None}
        assert {job.job_id for job in desk.record() if job.complete_puts} <= in_the_ledger
        if room == "none":
            assert (sent, desk.record()) == (0, [])
    finished = submit(desk, url)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert sorted(desk.evaluations().values()) == [1, 1, 1]
    assert sum(job.complete_puts for job in desk.record()) == 3


def test_a_ledger_cannot_be_made_on_a_full_disk(small_disk):
    fill(small_disk)
    with pytest.raises(LedgerUnavailable):
        Ledger.open(f"sqlite:///{small_disk / 'ledger.db'}")


def content_table(rows: int):
    return build_table(
        "content",
        [
            {
                "content_uri": f"/media/{n}",
                "fingerprint": os.urandom(32).hex(),
                "filename": f"{n}.mp4",
                "state": "ready",
            }
            for n in range(rows)
        ],
    )


def test_a_lake_on_a_full_disk_keeps_the_old_file_and_leaves_nothing_else(small_disk):
    lake = Lake(str(small_disk / "lake"))
    written = lake.write("content", content_table(3), **WHERE)
    before = Path(written.uri).read_bytes()
    filler = fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        lake.write("content", content_table(2000), **WHERE)
    assert [path.name for path in Path(written.uri).parent.iterdir()] == [Path(written.uri).name]
    assert Path(written.uri).read_bytes() == before
    filler.unlink()
    assert lake.write("content", content_table(2000), **WHERE).row_count == 2000


_WRITE = textwrap.dedent(
    """
    import resource, sys
    import pyarrow.parquet as pq
    from pique_assets.lake import Lake
    table = pq.read_table(sys.argv[2])
    # Else a module that is imported now would be kept half compiled.
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    try:
        Lake(sys.argv[1]).write("content", table, judge="brand", date="2026-03-02", evaluation="brand_videos")
    except OSError as error:
        print("OSError:", error)
    """
)


def test_a_lake_file_that_may_not_grow_keeps_the_old_one(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    written = lake.write("content", content_table(3), **WHERE)
    before = Path(written.uri).read_bytes()
    pq.write_table(content_table(2000), tmp_path / "larger.parquet")
    said = subprocess.run(
        [sys.executable, "-c", _WRITE, lake.root, tmp_path / "larger.parquet"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "OSError" in said.stdout
    assert [path.name for path in Path(written.uri).parent.iterdir()] == [Path(written.uri).name]
    assert Path(written.uri).read_bytes() == before
