"""What is open, and one job from raw media to every score row: read from a ledger and a lake that real runs filled."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import JUDGE

from pique_assets.cli import main
from pique_assets.lake import Lake
from pique_assets.ledger import InventoryItem, Ledger, SubmissionOrder

WHERE = {"judge": "brand_videos", "evaluation": "brand_videos", "date": "2026-03-03"}


def order(work_key: str) -> SubmissionOrder:
    return SubmissionOrder(
        work_key=work_key,
        judge_id=JUDGE,
        judge_configuration_hash="c" * 64,
        content_type="video",
        fingerprint="f" * 64,
        filename="\x1b[31mclip.mp4",
        size_bytes=7,
    )


@pytest.fixture
def open_ledger(tmp_path: Path) -> Path:
    """A ledger with one job Pique has and is asked about in three days, and one that is only intended."""
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        items = [
            InventoryItem(content_uri=f"file:///m/{key[0]}.mp4", filename=f"{key[0]}.mp4", size_bytes=7, work_key=key)
            for key in ("a" * 64, "b" * 64)
        ]
        ledger.record_inventory(evaluation="brand_videos", partition="2026-03-02", items=items)
        lease = ledger.claim_submissions([order("a" * 64)], lease_s=30)[0].lease
        assert lease is not None
        later = datetime.now(UTC) + timedelta(days=3)
        ledger.record_prepared(
            lease, job_id="job_a", upload_url="https://storage/x", upload_headers={}, expires_at=later
        )
        ledger.record_upload_started(lease)
        ledger.record_uploaded(lease, next_poll_at=later)
        ledger.claim_submissions([order("b" * 64)], lease_s=30)[0]
    return path


def job_of(home: Path, filename: str) -> str:
    rows = Lake(str(home / "lake")).read("submissions", **WHERE).to_pylist()
    return next(row["job_id"] for row in rows if row["filename"] == filename)


def test_open_jobs_are_listed_with_their_next_poll(open_ledger, capsys):
    assert main(["jobs", "--ledger", str(open_ledger)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert {"job_a", "uploaded", "brand_videos", "2026-03-02", JUDGE} <= set(lines[1].split())
    assert "in 3 d" in lines[1]
    assert lines[2].split()[:2] == ["-", "intended"]
    assert not any("\x1b" in line for line in lines), "a file's name must not reach the terminal as a command"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--state", "uploaded"), ["job_a"]),
        (("--state", "INTENDED"), [None]),
        (("--evaluation", "brand_videos", "--partition", "2026-03-02"), ["job_a", None]),
        (("--partition", "2026-03-09"), []),
        (("--judge", "another"), []),
        (("--all", "--limit", "1"), [None]),
    ],
)
def test_jobs_can_be_filtered_and_read_by_programs(open_ledger, capsys, options, expected):
    assert main(["jobs", "--ledger", str(open_ledger), "--json", *options]) == 0
    printed = capsys.readouterr()
    assert [job["job_id"] for job in json.loads(printed.out)] == expected
    assert "https://storage" not in printed.out
    assert ("more than 1" in printed.err) == ("--limit" in options)


def test_a_finished_ledger_has_nothing_open_and_all_shows_what_ended(home, capsys):
    assert main(["jobs", "--ledger", str(home / "ledger.db")]) == 0
    assert capsys.readouterr().out == "nothing is open\n"
    assert main(["jobs", "--ledger", str(home / "ledger.db"), "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["jobs", "--state", "lost"], 2, "unknown state lost"),
        (["jobs", "--limit", "none"], 2, "no number of rows"),
        (["jobs", "--ledger", "nowhere/ledger.db"], 1, "there is no ledger at"),
    ],
)
def test_mistakes_are_named_and_no_ledger_is_made(tmp_path, monkeypatch, capsys, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(arguments)
    except SystemExit as wrong:
        ended = wrong.code
    assert ended == status
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def trace(home: Path, job_id: str, *options: str) -> int:
    where = ["--ledger", str(home / "ledger.db"), "--lake", str(home / "lake")]
    return main(["trace", job_id, *where, *options])


def test_a_job_is_followed_from_its_file_to_its_rows(home, capsys):
    job_id = job_of(home, "meadow_vertical.mov")
    assert trace(home, job_id, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(place["evaluation"], place["partition"]) for place in found["content"]] == [("brand_videos", "2026-03-03")]
    assert found["content"][0]["content_uri"].endswith("2026-03-03/meadow_vertical.mov")
    steps = [step["what"] for step in found["walk"]]
    assert steps[:2] == ["intent recorded", "job prepared"]
    assert steps[-1] == "result recorded"
    lake = Lake(str(home / "lake"))
    for entry in found["tables"]:
        written = [row for row in lake.read(entry["table"], **WHERE).to_pylist() if row["job_id"] == job_id]
        assert len(entry["rows"]) == len(written)
        assert Path(entry["uri"]).is_file()
    results = next(entry["rows"] for entry in found["tables"] if entry["table"] == "detector_results")
    assert {row["payload_sha256"] for row in results} == {found["payloads"][0]["sha256"]}


def test_a_trace_reads_like_a_story(home, capsys):
    job_id = job_of(home, "meadow_vertical.mov")
    assert trace(home, job_id) == 0
    said = capsys.readouterr().out
    for word in (job_id, "meadow_vertical.mov", "2026-03-03", "video_specs", "detector_metrics", ".parquet", "sha256"):
        assert word in said


def test_the_lake_alone_is_enough(home, capsys):
    job_id = job_of(home, "interrupted_export.mp4")
    for file in home.glob("ledger.db*"):
        file.unlink()
    assert trace(home, job_id, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["known_to"], found["facts"]["state"]) == ("lake", "failed")
    assert "Media processing failed" in found["facts"]["error"]
    assert not list(home.glob("ledger.db*"))


def test_a_job_whose_tables_are_not_written_yet_shows_what_they_will_hold(home, capsys):
    job_id = job_of(home, "meadow_vertical.mov")
    shutil.rmtree(home / "lake")
    assert trace(home, job_id) == 0
    said = capsys.readouterr().out
    assert "in no file yet" in said
    assert "video_specs" in said


def test_an_unknown_job_is_a_failure_that_says_where_was_looked(home, capsys):
    assert trace(home, "job_nobody_made") == 1
    assert "job_nobody_made" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ads? round 1", "a::b", "https:", "50% off", "week #3"])
def test_a_ledger_and_a_lake_in_any_folder_are_found(home, tmp_path, capsys, name):
    folder = tmp_path / name / "x"
    shutil.copytree(home, folder)
    # As somebody may write it: behind a folder that ends with a colon these are the slashes of no URL.
    ledger, lake = f"{tmp_path}/{name}//x/ledger.db", f"{tmp_path}/{name}//x/lake"
    assert main(["jobs", "--all", "--json", "--ledger", ledger]) == 0
    job_id = json.loads(capsys.readouterr().out)[0]["job_id"]
    assert main(["trace", job_id, "--ledger", ledger, "--lake", lake]) == 0
    assert str(folder / "lake") in capsys.readouterr().out
