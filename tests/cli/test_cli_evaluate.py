"""`pique-assets evaluate`: files to scores from the command line, each evaluated once."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import QUICK, command, environment_with, run_command
from desk import DEMO, JUDGE

from pique_assets.cli import main
from pique_assets.cli.named_files import read_named_files
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import JobRecord, read_record

VIDEOS = DEMO / "media" / "brand_videos"
GOOD_DAY = VIDEOS / "2026-03-02"
"""Three videos that can be evaluated."""
BAD_DAY = VIDEOS / "2026-03-03"
"""Two that can, one that ends in the middle, one that is empty."""


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


@pytest.fixture
def new_jobs(pique: LocalPiqueProcess):
    """A function that returns the jobs made since the test began."""
    before = {job.job_id for job in read_record(pique.data_dir)}

    def found() -> list[JobRecord]:
        return [job for job in read_record(pique.data_dir) if job.job_id not in before]

    return found


def evaluate(*arguments: str | Path, ledger: str) -> int:
    return main(["evaluate", "--judge", JUDGE, "--ledger", ledger, *QUICK, *map(str, arguments)])


def test_a_folder_is_evaluated_once_and_bad_files_are_rows_with_a_reason(
    pique, pique_environment, ledger, new_jobs, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("COLUMNS", "160")
    environment = {"PIQUE_BASE_URL": pique.base_url, "PIQUE_API_KEY": pique.api_key, "PIQUE_LEDGER_URL": ledger}
    files = (BAD_DAY, "not_there.mp4")
    first = run_command("evaluate", *files, "--judge", JUDGE, *QUICK, cwd=tmp_path, **environment)
    assert first.returncode == 1, first.stderr
    lines = {line.split("  ")[0].rpartition("/")[2]: line for line in first.stdout.splitlines() if line[0] != " "}
    assert "overall" in lines["meadow_vertical.mov"]
    assert "Media processing failed" in lines["interrupted_export.mp4"]
    assert "unreadable" in lines["never_written.mp4"] and "empty" in lines["never_written.mp4"]
    assert "does not exist" in lines["not_there.mp4"]
    assert first.stdout.splitlines()[-1] == "2 of 5 files have their scores"
    assert "3 new evaluations" in first.stderr
    assert pique.api_key not in first.stdout + first.stderr
    jobs = new_jobs()
    assert sum(len(job.evaluations) for job in jobs) == 3
    monkeypatch.chdir(tmp_path)
    assert evaluate(*files, ledger=ledger) == 1
    second = capsys.readouterr()
    assert second.out == first.stdout
    assert "0 new evaluations" in second.err
    assert new_jobs() == jobs


def test_programs_get_every_verdict_with_its_metrics(pique_environment, ledger, capsys):
    assert evaluate(GOOD_DAY, "--json", ledger=ledger) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [file["state"] for file in files] == ["completed"] * 3
    verdicts = [verdict for file in files for verdict in file["detectors"]]
    assert {verdict["detector_name"] for verdict in verdicts} == {"video_specs", "title_and_description"}
    specs = next(verdict for verdict in verdicts if verdict["detector_name"] == "video_specs")
    assert isinstance(specs["metrics"]["video_specs"]["width"], int)
    assert isinstance(specs["pass_check"], bool)


def test_what_goes_beyond_max_new_is_refused_before_anything_is_sent(pique_environment, ledger, new_jobs, capsys):
    assert evaluate(GOOD_DAY, "--max-new", "2", ledger=ledger) == 1
    said = capsys.readouterr().err
    assert "3 new evaluations" in said
    assert "2 of them fit" in said
    assert new_jobs() == []
    assert evaluate(GOOD_DAY, "--max-new", "3", ledger=ledger) == 0
    assert evaluate(GOOD_DAY, "--max-new", "0", ledger=ledger) == 0


def test_results_that_are_still_to_come_fail_the_call_and_a_later_one_has_them(
    pique_environment, ledger, new_jobs, capsys
):
    assert evaluate(GOOD_DAY, "--limit", "results_wait_s=0", "--limit", "first_poll_s=60", ledger=ledger) == 1
    printed = capsys.readouterr()
    assert "run the same command again" in printed.err
    assert printed.out.count("no result yet") == 3
    with Ledger.open(f"sqlite:///{ledger}") as opened:
        opened.make_due([job.job_id for job in new_jobs()])
    assert evaluate(GOOD_DAY, ledger=ledger) == 0
    assert len(new_jobs()) == 3


def test_ctrl_c_ends_in_order_and_the_same_command_goes_on(pique, pique_environment, ledger, new_jobs, capsys):
    environment = {"PIQUE_BASE_URL": pique.base_url, "PIQUE_API_KEY": pique.api_key, "PIQUE_LEDGER_URL": ledger}
    waiting = ("--limit", "first_poll_s=60", "--limit", "shortest_poll_s=60")
    with subprocess.Popen(
        command("evaluate", GOOD_DAY, "--judge", JUDGE, *waiting),
        env=environment_with(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "3 of 3 content items submitted" in line:
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert "run the same command again" in said
    assert "Traceback" not in said
    with Ledger.open(f"sqlite:///{ledger}") as opened:
        opened.make_due([job.job_id for job in new_jobs()])
    assert evaluate(GOOD_DAY, ledger=ledger) == 0
    assert "0 new evaluations" in capsys.readouterr().err
    assert [len(job.evaluations) for job in new_jobs()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--judge", "no_such_judge", str(GOOD_DAY)], 1, "404"),
        (["--judge", "judge_demo_images", str(GOOD_DAY)], 1, "evaluates image"),
        (["--judge", JUDGE, "gs://bucket/clip.mp4"], 1, "no local file"),
        (["--judge", JUDGE, "EMPTY"], 1, "there is no file in"),
        (["--judge", JUDGE, "--max-new", "few", "clip.mp4"], 2, "no number of evaluations"),
        (["--judge", JUDGE, "--limit", "speed=9", "clip.mp4"], 2, "the names are attempts"),
    ],
)
def test_mistakes_are_named(pique_environment, ledger, new_jobs, tmp_path, capsys, arguments, status, message):
    (tmp_path / "empty").mkdir()
    arguments = [str(tmp_path / "empty") if argument == "EMPTY" else argument for argument in arguments]
    try:
        ended = main(["evaluate", "--ledger", ledger, *arguments])
    except SystemExit as wrong:
        ended = wrong.code
    assert ended == status
    assert message in capsys.readouterr().err
    assert new_jobs() == []


def test_without_an_address_the_variable_is_named(ledger, monkeypatch, capsys):
    for name in ("PIQUE_BASE_URL", "PIQUE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert evaluate(GOOD_DAY, ledger=ledger) == 1
    assert "set PIQUE_BASE_URL" in capsys.readouterr().err


def test_each_named_file_is_read_once_and_sidecars_are_no_content(tmp_path):
    folder = tmp_path / "media"
    shutil.copytree(GOOD_DAY, folder)
    (folder / ".hidden.mp4").write_bytes(b"x")
    named = sorted(str(path) for path in folder.iterdir() if path.is_file())
    items = read_named_files([*named, str(folder)], threads=2, say=print)
    uris = [item.content_uri for item in items]
    assert len(uris) == len(set(uris))
    assert not [uri for uri in uris if uri.endswith(".json")]
    videos = [item for item in items if item.is_ready]
    assert len(videos) == 3
    assert any(item.title for item in videos)
    assert [item.error_code for item in items if not item.is_ready] == ["hidden"]


def test_a_file_named_alone_has_its_sidecar(tmp_path):
    video = next(path for path in sorted(GOOD_DAY.iterdir()) if Path(f"{path}.json").exists())
    title = json.loads(Path(f"{video}.json").read_text())["title"]
    assert [item.title for item in read_named_files([str(video)], threads=1, say=print)] == [title]
