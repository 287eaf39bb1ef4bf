"""`make run` as a user meets it: it ends by itself, repeats nothing, and survives being killed at any moment."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pique_assets.analysis import load
from pique_assets.local.record import evaluations_by_content, read_record

PROJECT = Path(__file__).parents[2]
# What a second run may change: these tables name the run, the time, or both.
CHANGING_TABLES = ("partition_status", "judges", "detector_configs", "metric_catalog")
# Contents of examples/demo/README.md, by judge; one clip stands on two dates, one file is empty.
CONTENTS = {"1f46ff19-e251-421c-8b81-30561e160b62": 6, "judge_demo_images": 6}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what `make run` needs, with a `.pique` of its own."""
    shutil.copy(PROJECT / "definitions.py", tmp_path / "definitions.py")
    for folder in ("examples", "resources"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    return tmp_path


def start(project: Path) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    with (project / "run.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "examples/demo/run.py"], cwd=project, env=environment, stdout=log, stderr=log, text=True
        )


def run(project: Path) -> str:
    done = start(project)
    assert done.wait(400) == 0, (project / "run.log").read_text()[-3000:]
    return (project / "run.log").read_text()


def table_hashes(project: Path) -> dict[str, str]:
    lake = project / ".pique" / "lake"
    return {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lake.rglob("*.parquet")
        if path.relative_to(lake).parts[0] not in CHANGING_TABLES
    }


def evaluations(project: Path) -> dict[tuple[str, str], int]:
    return dict(evaluations_by_content(read_record(project / ".pique" / "local_pique")))


def contents_by_judge(project: Path) -> dict[str, int]:
    judges = [judge for judge, _ in evaluations(project)]
    return {judge: judges.count(judge) for judge in set(judges)}


@pytest.mark.parametrize(
    ("kills", "attempt"),
    [
        (0, 0),
        (1, 0),
        (2, 1),
        (2, 2),
    ],
)
def test_killed_at_random_moments_it_completes_and_a_further_run_changes_nothing(project, kills, attempt):
    seed = int(os.environ.get("PIQUE_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed} (PIQUE_TEST_SEED repeats it)")
    moments = random.Random(seed)
    for _ in range(kills):
        process = start(project)
        # The runs themselves begin after some seconds of imports and end some fifteen seconds later.
        time.sleep(moments.uniform(3, 18))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "0 of them more than once" in run(project)
    assert contents_by_judge(project) == CONTENTS
    assert set(evaluations(project).values()) == {1}
    lake = str(project / ".pique" / "lake")
    submissions = load("submissions", lake=lake)
    assert set(submissions.state) == {"completed", "failed", "unreadable"}
    assert len(submissions) == 14
    for table in ("detector_metrics", "evaluations", "detector_results", "scorecard_daily"):
        assert len(load(table, lake=lake)) > 0

    before, evaluated = table_hashes(project), evaluations(project)
    assert len(before) > 50
    run(project)
    assert table_hashes(project) == before
    assert evaluations(project) == evaluated
