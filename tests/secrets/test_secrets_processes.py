"""No secret is left by runs as a deployment has them: a daemon, code servers, and a process for each step."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO

DATE = "2026-03-02"
JOB = "brand_videos_submit"
PATIENCE_S = 400
PROJECT = Path(__file__).parents[2]
SIGNED = re.compile(r"X-Goog-Signature(?:=|%3D)[0-9a-fA-F]{16}", re.IGNORECASE)

# What is said at DEBUG goes to the run's events and to the compute logs, HTTP libraries included.
INSTANCE = """
telemetry: {enabled: false}
python_logs: {python_log_level: DEBUG, managed_python_loggers: [root]}
"""
CODE_LOCATION = f"""
import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.media import DatedFolder
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

defs = build_defs(
    evaluations=[
        Evaluation(
            name="brand_videos",
            judge_id="judge_demo_videos",
            media=DatedFolder({str(DEMO / "media" / "brand_videos")!r}),
            start_date={DATE!r},
        )
    ],
    resources={{
        "pique": PiqueResource(base_url=dg.EnvVar("PIQUE_BASE_URL"), api_key=dg.EnvVar("PIQUE_API_KEY")),
        "ledger": LedgerResource(url=dg.EnvVar("PIQUE_LEDGER_URL")),
        "lake": LakeResource(root=dg.EnvVar("PIQUE_LAKE")),
        "media_storage": MediaStorageResource(),
    }},
    executor=dg.multiprocess_executor,
)
"""


@pytest.fixture
def deployment(tmp_path, pique, canaries, monkeypatch) -> Path:
    """A folder with a code location, and an environment in which it works."""
    (tmp_path / "code_location.py").write_text(CODE_LOCATION)
    (tmp_path / "home").mkdir()
    dagster_home = tmp_path / "dagster_home"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text(INSTANCE)
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home))
    monkeypatch.setenv("PIQUE_BASE_URL", pique.base_url)
    monkeypatch.setenv("PIQUE_LEDGER_URL", f"sqlite:///{tmp_path / 'home' / 'ledger.db'}")
    monkeypatch.setenv("PIQUE_LAKE", str(tmp_path / "home" / "lake"))
    return tmp_path


def command(*words: str) -> list[str]:
    program, *rest = words
    return [str(Path(sys.executable).with_name(program)), *rest, "-f", "code_location.py"]


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    with (folder / "daemon.log").open("w") as log:
        process = subprocess.Popen(command("dagster-daemon", "run"), cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait_for_run(folder: Path) -> dg.DagsterRun:
    """The one run, when it is over."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        with dg.DagsterInstance.get() as instance:
            (run,) = instance.get_runs(filters=dg.RunsFilter(job_name=JOB))
        if run.is_finished:
            return run
        time.sleep(1)
    raise AssertionError(f"the run is still {run.status}: {(folder / 'daemon.log').read_text()[-4000:]}")


def signatures_below(folder: Path, unpacked) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(SIGNED.search(text) for text in unpacked(path))]


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S)
@pytest.mark.long
def test_a_run_of_the_daemon_in_many_processes_leaves_no_secret_behind(deployment, canaries, unpacked):
    queued = subprocess.run(
        [*command("dagster", "job", "backfill"), "-j", JOB, "--partitions", DATE, "--noprompt"],
        cwd=deployment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert queued.returncode == 0, queued.stdout + queued.stderr
    with daemon(deployment):
        run = wait_for_run(deployment)
    assert run.is_success, (deployment / "daemon.log").read_text()[-4000:]

    with dg.DagsterInstance.get() as instance:
        events = instance.all_logs(run.run_id)
        snapshot = dg.serialize_value(instance.get_job_snapshot(run.job_snapshot_id))
        canaries.assert_silent(json.dumps(run.run_config) + repr(run.tags) + snapshot)
        assert "PIQUE_API_KEY" in snapshot
    said = "\n".join(event.to_json() for event in events)
    # A process for each step, and HTTP libraries that spoke: else their silence would prove nothing.
    assert said.count("Launching subprocess for") >= 3
    assert "HTTP Request: PUT" in said
    logs = [path for path in (deployment / "dagster_home").rglob("*.err") if path.stat().st_size]
    assert any("HTTP Request: PUT" in path.read_text() for path in logs), logs

    for folder in (deployment / "dagster_home", deployment / "home"):
        assert canaries.leaks_below(folder) == {}
        assert signatures_below(folder, unpacked) == []
    canaries.assert_silent((deployment / "daemon.log").read_text() + queued.stdout + queued.stderr)
