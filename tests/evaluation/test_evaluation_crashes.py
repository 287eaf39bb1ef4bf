"""A process killed at any step, and another that finishes its work: nothing is lost, nothing is evaluated twice."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from date_worker import DONE
from desk import JUDGE, LIMITS, Desk, demo_items
from workers import WorkerServer, worker_server

DATE = "2026-03-02"
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
# Behind each of these Pique knows what the ledger does not yet; the others are tried in CI, beside the torture.
TOLD_APART = {"prepare.after", "upload.after", "record_uploaded.before_commit", "record_result.before_commit"}


@pytest.mark.parametrize(
    "step", [step if step in TOLD_APART else pytest.param(step, marks=pytest.mark.long) for step in STEPS]
)
def test_after_a_kill_a_second_process_finishes_and_nothing_is_evaluated_twice(step, desk: Desk, run_child, workers):
    assert run_child(failpoint=step) == -signal.SIGKILL
    assert run_child() == DONE, workers.log.read_text()[-2000:]
    settled = desk.collect()
    assert (settled.progress.total, settled.progress.completed) == (3, 3)
    assert set(desk.evaluations().values()) == {1}
    assert len(desk.evaluations()) == len(demo_items(DATE))
    assert sum(job.complete_puts for job in desk.record()) == 3


def test_an_upload_url_that_is_refused_costs_a_job_but_no_evaluation(desk: Desk, run_child, workers, tmp_path):
    assert run_child(failpoint="record_prepared.after_commit") == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        spoilt = ledger.execute("UPDATE upload_targets SET url = substr(url, 1, length(url) - 4) || 'beef'").rowcount
    assert spoilt >= 1
    assert run_child() == DONE, workers.log.read_text()[-2000:]
    assert set(desk.evaluations().values()) == {1}
    assert sum(job.complete_puts for job in desk.record()) == 3
    assert len(desk.record()) >= 3 + spoilt


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerServer]:
    with worker_server(log=tmp_path_factory.mktemp("workers") / "log") as server:
        yield server


@pytest.fixture
def run_child(desk: Desk, workers: WorkerServer, tmp_path: Path) -> Callable[..., int]:
    """Submit and collect the date in a process of its own, which may die at a failpoint; returns its return code."""

    def run(**order: str) -> int:
        usual = {
            "base_url": desk.pique.base_url,
            "api_key": desk.pique.api_key,
            "ledger_url": f"sqlite:///{tmp_path / 'ledger.db'}",
            "evaluation": "brand_videos",
            "partition": DATE,
            "items": [asdict(item) for item in demo_items(DATE)],
            "judge": desk.client.get_judge(JUDGE).model_dump(mode="json"),
            # Whoever comes after the process that is killed waits for the end of its leases.
            "limits": asdict(replace(LIMITS, lease_s=5)),
            "steps": ["submit", "collect"],
        }
        return workers.start(usual | order).wait()

    return run
