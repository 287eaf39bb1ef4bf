"""`pique-assets rebuild`: the tables of a lake from its payloads, byte for byte what the assets wrote."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from pique_assets.cli import main
from pique_assets.lake import Lake
from pique_assets.recovering.tables_from_payloads import DERIVED_TABLES

WHERE = {"judge": "brand_videos", "evaluation": "brand_videos"}


def files(home: Path) -> dict[str, str]:
    lake = home / "lake"
    return {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest() for path in lake.rglob("*.parquet")
    }


def rebuild(home: Path, *options: str) -> int:
    return main(["rebuild", "--lake", str(home / "lake"), *options])


def test_lost_tables_come_back_byte_for_byte(home, capsys):
    written = files(home)
    for table in DERIVED_TABLES:
        shutil.rmtree(home / "lake" / table)
    assert rebuild(home) == 0
    assert files(home) == written
    assert "rebuilt 2 dates" in capsys.readouterr().out


def test_a_lost_commit_mark_comes_back_without_a_run(home):
    shutil.rmtree(home / "lake" / "partition_status")
    assert rebuild(home) == 0
    status = Lake(str(home / "lake")).read("partition_status", date="2026-03-03", **WHERE).to_pylist()[0]
    assert (status["run_id"], status["content_count"], status["completed_count"]) == (None, 4, 2)


def test_only_the_dates_asked_for_are_rebuilt(home):
    for table in DERIVED_TABLES:
        shutil.rmtree(home / "lake" / table)
    assert rebuild(home, "--start", "2026-03-04", "--end", "2026-03-04", "--judge", "brand_videos") == 0
    assert {file.date.isoformat() for file in Lake(str(home / "lake")).partitions("evaluations")} == {"2026-03-04"}


def test_a_damaged_date_is_named_and_the_others_are_rebuilt(home, capsys):
    lake = Lake(str(home / "lake"))
    Path(lake.uri("payloads", date="2026-03-03", **WHERE)).write_bytes(b"PAR1 no more")
    shutil.rmtree(home / "lake" / "evaluations")
    assert rebuild(home) == 1
    assert "brand_videos 2026-03-03 was not rebuilt" in capsys.readouterr().err
    assert [file.date.isoformat() for file in lake.partitions("evaluations")] == ["2026-03-04"]


def test_without_submissions_there_is_no_commit_mark(home, capsys):
    for table in ("submissions", "partition_status"):
        shutil.rmtree(home / "lake" / table)
    assert rebuild(home) == 0
    assert "no commit mark" in capsys.readouterr().out
    assert Lake(str(home / "lake")).partitions("partition_status") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--evaluation", "another"), "nothing to rebuild from"),
        (("--start", "2027-01-01"), "nothing to rebuild from"),
    ],
)
def test_nothing_to_rebuild_is_a_failure_that_says_so(home, capsys, options, message):
    assert rebuild(home, *options) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30", "20260303"])
def test_a_date_that_is_none_is_a_wrong_argument(home, capsys, date):
    with pytest.raises(SystemExit) as ended:
        rebuild(home, "--start", date)
    assert ended.value.code == 2
    assert "is no date" in capsys.readouterr().err
