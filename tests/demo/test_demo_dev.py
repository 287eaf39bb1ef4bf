"""`make dev` as a user meets it: ready when it says so, one sentence where it can not start, and everything ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from ports import port_for_later

from pique_assets.local.process import served_folder

PROJECT = Path(__file__).parents[2]
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what `make dev` needs, with a `.pique` of its own."""
    for name in ("definitions.py", "workspace.yaml", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    for folder in ("examples", "resources"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    return tmp_path


def dev(project: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "examples/demo/dev.py", "--port", str(port)],
        cwd=project,
        env=CLEAN,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_taken_port_is_one_sentence_that_names_another_and_nothing_is_started(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with dev(project, port) as process:
            out, said = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    (sentence,) = said.splitlines()
    assert sentence.startswith(f"make dev: port {port} of 127.0.0.1") and f"PORT={port + 100} make dev" in sentence
    assert not (project / ".pique").exists()


def test_a_ui_that_does_not_start_is_one_sentence_with_its_last_line(project):
    (project / "workspace.yaml").write_text("load_from: [")
    (project / "pyproject.toml").unlink()
    with dev(project, port_for_later()) as process:
        _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    (sentence,) = said.splitlines()
    assert sentence.startswith("make dev: the Dagster UI did not start: ") and "dagster_dev.log" in sentence
    assert served_folder(project / ".pique" / "local_pique") is None


@pytest.mark.slow
def test_the_ui_answers_when_it_is_said_to_be_ready_and_a_second_one_is_told(project):
    port = port_for_later()
    with dev(project, port) as process:
        try:
            *_, ready = _until_ready(process)
            assert f"ready: Dagster UI at http://127.0.0.1:{port}" in ready
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/server_info") as answer:
                assert answer.status == 200
            with dev(project, port_for_later()) as second:
                out, said = second.communicate(timeout=120)
            assert (second.returncode, out) == (1, "")
            (sentence,) = said.splitlines()
            assert sentence.startswith("make dev: another `make dev` or `make run`") and str(project) in sentence
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=300)
            assert (process.returncode, said) == (0, "")
            assert served_folder(project / ".pique" / "local_pique") is None
        finally:
            if process.poll() is None:
                process.terminate()


def _until_ready(process: subprocess.Popen[str]) -> list[str]:
    lines = []
    while line := process.stdout.readline():
        lines.append(line)
        if line.startswith("ready"):
            return lines
    raise AssertionError(process.stderr.read())
