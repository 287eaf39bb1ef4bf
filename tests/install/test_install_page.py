"""The commands of docs/start/your-project.md, typed by a test: from an empty folder to an asset that follows scores.

Belongs here: reading the page's commands, and typing them in terminals as the page says. Does not: any command that the
page lacks; what the test needs beyond them is the wheel, by the variable that the page names.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from ports import port_for_later
from pythons import VERSIONS, interpreter
from waiting import eventually

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "start" / "your-project.md"
BLOCK = re.compile(r'^```sh(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# What a reader waits for in the two further terminals, as the page says, before typing on in the first.
READY = {
    "In a second terminal": "export PIQUE_API_KEY=",
    "In a third terminal": "Finished auto-materialization tick for automation",
}
LOCAL_PIQUE_PORT = 8786

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


class Block(NamedTuple):
    terminal: str
    commands: str


def blocks() -> list[Block]:
    return [Block(title, commands) for title, commands in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


def environment(*, uv: str, python: str, wheel: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIQUE_", "DAGSTER_", "VIRTUAL_"))
    }
    return {
        **kept,
        "PATH": f"{Path(uv).parent}:{os.environ['PATH']}",
        "UV_PYTHON": python,
        "UV_PYTHON_DOWNLOADS": "never",
        "PIQUE_ASSETS_WHEEL": str(wheel),
        # What `dg dev` takes for --port: another program may have 3000.
        "DAGSTER_DG_DEV_PORT": str(port_for_later()),
    }


class FirstTerminal:
    """A shell that keeps its folder and variables from one block to the next."""

    def __init__(self, *, cwd: Path, env: dict[str, str], log: Path) -> None:
        self._log = log
        self._written = log.open("w")
        self._shell = subprocess.Popen(
            ["bash", "-eu"], cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._written,
            text=True,
        )  # fmt: skip

    def type(self, commands: str) -> None:
        assert self._shell.stdin is not None and self._shell.stdout is not None
        # Without input of their own, commands would read those that follow them.
        self._shell.stdin.write(f"{{\n{commands}}} </dev/null >&2\necho typed\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "typed\n", f"{commands}\n{self._log.read_text()[-6000:]}"

    def close(self) -> None:
        # Leaving the block closes the pipes and waits for the shell, which ends with its input.
        with self._shell:
            pass
        self._written.close()


@contextmanager
def further_terminal(block: Block, *, cwd: Path, env: dict[str, str]) -> Iterator[Path]:
    """A terminal that serves until Ctrl-C; yields what is written there, once the reader may go on."""
    log = cwd / f"{block.terminal}.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            ["bash", "-eu", "-c", block.commands],
            cwd=cwd,
            env=env,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
        try:
            eventually(lambda: READY[block.terminal] in log.read_text() or process.poll() is not None)
            assert process.poll() is None, log.read_text()[-6000:]
            yield log
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[None]:
    """The page serves the local Pique at one port, so one reader after the other follows the page."""
    base = tmp_path_factory.getbasetemp()
    with (base if worker_id == "master" else base.parent).joinpath("install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", LOCAL_PIQUE_PORT)) == 0:
                pytest.skip(f"port {LOCAL_PIQUE_PORT} is taken, at which the page serves the local Pique")
        yield


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_commands_of_the_page_lead_from_an_empty_folder_to_an_asset_that_follows_scores(
    version: str, uv: str, wheel: Path, tmp_path: Path
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    env = environment(uv=uv, python=python, wheel=wheel)
    with ExitStack() as terminals:
        first = FirstTerminal(cwd=tmp_path, env=env, log=tmp_path / "first.log")
        terminals.callback(first.close)
        for block in blocks():
            if block.terminal:
                terminals.enter_context(further_terminal(block, cwd=tmp_path, env=env))
            else:
                first.type(block.commands)
        scores = tmp_path / "my-project" / "scores.csv"
        assert "video_specs" in eventually(lambda: scores.exists() and scores.read_text())


def test_the_page_says_everything_in_blocks_that_are_typed() -> None:
    """A block in another language, or a terminal that nobody waits for, would be left out unseen."""
    fences = re.findall(r"^```(.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == len(blocks())
    assert [block.terminal for block in blocks() if block.terminal] == list(READY)
