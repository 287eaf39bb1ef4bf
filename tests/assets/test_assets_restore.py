"""The ledger is lost, rebuilt from the lake by the command, and the dates run again: nothing is evaluated twice."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from command_line import run_command, run_here
from desk import LIMITS
from graph import DATES, Graph, resources_at, video_evaluation

from pique_assets.cli import main
from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.results import ResultPoller
from pique_assets.lake import Lake, build_table
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import read_record

DATA_TABLES = ("content", "payloads", "submissions", "evaluations", "detector_results", "detector_metrics")


@pytest.fixture(scope="module")
def ran(shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lake and ledger of two dates that were run to their end, one of them without media."""
    home = tmp_path_factory.mktemp("ran")
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(video_evaluation(), home=home, pique=shared_pique, instance=instance)
        assert all(graph.run(date).success for date in ("2026-03-02", "2026-03-04"))
    return home


@pytest.fixture
def graph(ran: Path, pique: LocalPiqueProcess, tmp_path: Path, instance: dg.DagsterInstance) -> Graph:
    """Over a copy of them."""
    home = shutil.copytree(ran, tmp_path / "home")
    return Graph.over(video_evaluation(), home=home, pique=pique, instance=instance)


def lose_ledger(graph: Graph) -> None:
    for path in graph.home.glob("ledger.db*"):
        path.unlink()


def restore(graph: Graph) -> int:
    return main(["ledger", "restore", "--lake", str(graph.home / "lake"), "--ledger", str(graph.home / "ledger.db")])


def opened(graph: Graph) -> Ledger:
    return Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}")


def hashes(graph: Graph) -> dict[str, str]:
    lake = graph.home / "lake"
    return {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in DATA_TABLES
        for path in (lake / name).rglob("*.parquet")
    }


def rewrite(graph: Graph, table_name: str, date: str, change: Callable[[dict], dict | None]) -> None:
    """Change the rows of a table, as if it had been written at another time."""
    rows = [row for row in map(change, graph.table(table_name, date).to_pylist()) if row is not None]
    table = build_table(table_name, rows) if table_name != "payloads" else _payloads(graph, date, rows)
    Lake(str(graph.home / "lake")).write(
        table_name, table, judge=graph.evaluation.judge_folder, date=date, evaluation=graph.evaluation.name
    )


def _payloads(graph: Graph, date: str, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=graph.table("payloads", date).schema)


@pytest.mark.long
def test_after_a_restore_every_date_runs_again_and_nothing_is_sent(graph, pique, capsys):
    assert all(graph.run(date).success for date in DATES)
    tables, record = hashes(graph), read_record(pique.data_dir)
    lose_ledger(graph)
    assert restore(graph) == 0
    said = capsys.readouterr().out
    assert "restored 8 jobs and 8 results of 4 dates; 0 jobs were in the ledger already" in said
    assert "every content item in the lake has its job" in said
    assert "a second time" in said
    with opened(graph) as ledger:
        assert ledger.uncollected_partitions() == []
    assert all(graph.run(date).success for date in DATES)
    assert read_record(pique.data_dir) == record
    assert hashes(graph) == tables
    assert restore(graph) == 0
    assert "restored 0 jobs and 0 results" in capsys.readouterr().out


def test_open_jobs_come_back_as_open_and_are_polled(graph, pique, capsys):
    record, completed = read_record(pique.data_dir), graph.table("submissions", "2026-03-02").num_rows
    states = iter(["uploaded", "uploading", "completed"])

    def reopened(row: dict) -> dict:
        return row | {"state": next(states), "finished_at": None, "latency_s": None}

    rewrite(graph, "submissions", "2026-03-02", reopened)
    rewrite(graph, "payloads", "2026-03-02", lambda row: None)
    lose_ledger(graph)
    assert restore(graph) == 0
    said = capsys.readouterr().out
    assert "3 jobs are open" in said
    assert "1 of them may never have got their bytes" in said
    with opened(graph) as ledger, resources_at(graph.home, pique)["pique"].client() as client:
        progress = ledger.progress(evaluation="brand_videos", partition="2026-03-02")
        assert progress.open == completed
        assert ResultPoller(Engine(client=client, ledger=ledger, limits=LIMITS, say=print)).poll_due().settled == 2
    assert graph.run("2026-03-02").success
    assert set(graph.table("submissions", "2026-03-02").column("state").to_pylist()) == {"completed"}
    assert graph.table("evaluations", "2026-03-02").num_rows == completed
    assert [(job.job_id, job.complete_puts) for job in read_record(pique.data_dir)] == [
        (job.job_id, job.complete_puts) for job in record
    ]


def test_what_was_given_up_comes_back_watched_and_is_not_sent_again(graph, pique, capsys):
    assert graph.run("2026-03-02").success
    record = read_record(pique.data_dir)
    given_up = {"state": "given_up", "error_code": "never_ended", "error": "Pique says 'paused'", "finished_at": None}
    states = iter([given_up, {"state": "uploaded", "error_code": "no_result_yet", "error": "no result yet"}, {}])
    rewrite(graph, "submissions", "2026-03-02", lambda row: row | next(states))
    lose_ledger(graph)
    assert restore(graph) == 0
    with opened(graph) as ledger:
        progress = ledger.progress(evaluation="brand_videos", partition="2026-03-02")
        assert (progress.given_up, progress.open) == (1, 1)
        found = ledger.partition_state(evaluation="brand_videos", partition="2026-03-02")
        reasons = {row.submission.state: row.submission.error for row in found}
        # What a row says of an open job is no error of the job.
        assert (reasons["GIVEN_UP"], reasons["UPLOADED"]) == ("Pique says 'paused'", None)
    assert graph.run("2026-03-02").success
    assert read_record(pique.data_dir) == record
    assert set(graph.table("submissions", "2026-03-02").column("state").to_pylist()) == {"completed"}


def test_content_whose_jobs_the_lake_does_not_know_is_named(graph, capsys):
    assert graph.run("2026-03-03", job="submit").success
    lose_ledger(graph)
    assert restore(graph) == 0
    assert "brand_videos 2026-03-03: the lake names no job for 3 content items" in capsys.readouterr().out


def test_a_ledger_that_has_evaluated_the_content_again_is_refused(graph, capsys):
    lose_ledger(graph)
    # While the lake does not say that the content has its jobs.
    table, hidden = graph.home / "lake" / "submissions", graph.home / "hidden"
    table.rename(hidden)
    assert graph.run("2026-03-02", job="submit").success
    hidden.rename(table)
    assert restore(graph) == 1
    refusal = capsys.readouterr().err
    assert "to be restored, but the ledger has job" in refusal
    assert "empty ledger" in refusal


def test_an_attempt_that_an_older_date_still_calls_open_is_restored_as_finished(graph, pique):
    assert graph.run("2026-03-05").success
    record = read_record(pique.data_dir)
    shared = {row["job_id"] for row in graph.table("submissions", "2026-03-05").to_pylist()}

    def stale(row: dict) -> dict:
        return row | {"state": "uploaded", "finished_at": None} if row["job_id"] in shared else row

    rewrite(graph, "submissions", "2026-03-02", stale)
    lose_ledger(graph)
    assert restore(graph) == 0
    with opened(graph) as ledger:
        assert ledger.progress(evaluation="brand_videos", partition="2026-03-02").is_settled
    assert graph.run("2026-03-02").success
    assert read_record(pique.data_dir) == record


def test_a_row_nobody_can_have_written_is_an_error_that_names_it(graph, capsys):
    rewrite(graph, "submissions", "2026-03-02", lambda row: row | {"judge_configuration_hash": None})
    lose_ledger(graph)
    assert restore(graph) == 1
    assert "has no judge_configuration_hash" in capsys.readouterr().err


def test_a_lake_without_submissions_is_an_error_and_no_ledger_is_made(tmp_path):
    done = run_here("ledger", "restore", "--lake", str(tmp_path / "lake"), "--ledger", str(tmp_path / "new.db"))
    assert done.returncode == 1
    assert "nothing to restore from" in done.stderr
    assert not list(tmp_path.glob("new.db*"))


def test_where_the_ledger_is_has_to_be_known(graph, monkeypatch):
    monkeypatch.chdir(graph.home)
    done = run_command("ledger", "restore", "--lake", "lake")
    assert done.returncode == 1
    assert "Set PIQUE_HOME" in done.stderr
    assert run_here("ledger").returncode == 2


def test_a_ledger_that_cannot_be_opened_is_an_error_without_its_password(graph):
    done = run_here(
        "ledger",
        "restore",
        "--lake",
        str(graph.home / "lake"),
        PIQUE_LEDGER_URL="postgresql://somebody:5ec7e7@127.0.0.1:9/ledger",
    )
    assert done.returncode == 1
    assert "unavailable" in done.stderr
    assert "5ec7e7" not in done.stdout + done.stderr


def test_help_loads_nothing_heavy():
    code = "import sys\ntry:\n  from pique_assets.cli import main; main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({name.split('.')[0] for name in sys.modules} & {'pyarrow', 'sqlalchemy', 'dagster'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("path", ["ledger.db", "sub/ledger.db"])
def test_a_ledger_may_be_named_by_its_path(graph, path, monkeypatch):
    monkeypatch.chdir(graph.home)
    assert main(["ledger", "restore", "--lake", "lake", "--ledger", f"restored/{path}"]) == 0
    assert Path(f"restored/{path}").is_file()
