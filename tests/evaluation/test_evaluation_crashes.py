"""A process killed at any step, and another that finishes its work: nothing is lost, nothing is evaluated twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from desk import Desk, demo_items

CHILD = Path(__file__).parents[1] / "support" / "submit_and_collect.py"
STEPS = [
    "record_inventory.after_commit",
    "claim_submissions.after_commit",
    "prepare.before",
    "prepare.after",
    "record_prepared.before_commit",
    "record_prepared.after_commit",
    "record_upload_started.after_commit",
    "upload.before",
    "upload.after",
    "record_uploaded.before_commit",
    "record_uploaded.after_commit",
    "claim_due.after_commit",
    "ask.after",
    "record_result.before_commit",
    "record_result.after_commit",
]


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_a_second_process_finishes_and_nothing_is_evaluated_twice(step, desk: Desk, tmp_path):
    killed = run_child(desk, tmp_path, failpoint=step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    finished = run_child(desk, tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]
    settled = desk.collect()
    assert (settled.progress.total, settled.progress.completed) == (3, 3)
    assert set(desk.evaluations().values()) == {1}
    assert len(desk.evaluations()) == len(demo_items("2026-03-02"))
    assert sum(job.complete_puts for job in desk.record()) == 3


def test_an_upload_url_that_is_refused_costs_a_job_but_no_evaluation(desk: Desk, tmp_path):
    assert run_child(desk, tmp_path, failpoint="record_prepared.after_commit").returncode == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        spoilt = ledger.execute("UPDATE upload_targets SET url = substr(url, 1, length(url) - 4) || 'beef'").rowcount
    assert spoilt >= 1
    finished = run_child(desk, tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert set(desk.evaluations().values()) == {1}
    assert sum(job.complete_puts for job in desk.record()) == 3
    assert len(desk.record()) >= 3 + spoilt


def run_child(desk: Desk, tmp_path: Path, *, failpoint: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PIQUE_FAILPOINT"}
    environment |= {"PIQUE_BASE_URL": desk.pique.base_url, "PIQUE_API_KEY": desk.pique.api_key}
    if failpoint is not None:
        environment["PIQUE_FAILPOINT"] = failpoint
    return subprocess.run(
        [sys.executable, CHILD, f"sqlite:///{tmp_path / 'ledger.db'}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
