"""`pique-assets local`: a local Pique anywhere, its two `export` lines, and one sentence where it can't start."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import QUICK, command, environment_with, run_here

from pique_assets.api import PiqueClient

PROJECT = Path(__file__).parents[2]
CLIP = PROJECT / "examples" / "demo" / "media" / "brand_videos" / "2026-03-02" / "teaser_vertical.mp4"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@contextmanager
def started(*arguments: str | Path, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """In a process group of its own, as a shell does for whatever Ctrl-C shall reach."""
    with subprocess.Popen(
        command("local", *arguments),
        cwd=cwd,
        env=environment_with(HOME=str(cwd), **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def exports(lines: list[str]) -> dict[str, str]:
    read = [shlex.split(line) for line in lines]
    assert {words[0] for words in read} == {"export"}, lines
    return dict(words[1].split("=", 1) for words in read)


def read_exports(process: subprocess.Popen[str]) -> dict[str, str]:
    return exports([process.stdout.readline(), process.stdout.readline()])


def stop(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Ctrl-C, which reaches the whole group; what was printed since."""
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=60)


def test_it_starts_in_an_empty_folder_and_ends_cleanly_and_keeps_its_key(empty):
    with started("--port", "0", cwd=empty, PIQUE_API_KEY="pk_of_a_real_pique") as process:
        variables = read_exports(process)
        asked = run_here("judges", "list", cwd=empty, **variables)
        again = run_here("local", "--exports", cwd=empty, HOME=str(empty))
        second = run_here("local", "--port", "0", cwd=empty, HOME=str(empty))
        rest, said = stop(process)
    assert (process.returncode, rest) == (0, ""), said
    assert "judge_demo_videos" in asked.stdout and "judge_demo_images" in asked.stdout
    assert exports(again.stdout.splitlines()) == variables
    assert second.returncode == 1 and "runs already" in second.stderr and variables["PIQUE_BASE_URL"] in second.stderr
    assert "Traceback" not in said and said.endswith("stopped\n")
    assert "video_specs" in said and str(empty / ".pique" / "local_pique" / "api_key") in said
    assert variables["PIQUE_API_KEY"] != "pk_of_a_real_pique" and "pk_of_a_real_pique" not in said
    with started("--port", "0", cwd=empty) as process:
        assert read_exports(process)["PIQUE_API_KEY"] == variables["PIQUE_API_KEY"]


def test_the_state_is_in_the_home_that_everything_else_finds(empty, tmp_path):
    with started("--port", "0", cwd=empty, PIQUE_HOME=str(tmp_path / "home")) as process:
        read_exports(process)
        assert (tmp_path / "home" / "local_pique" / "api_key").is_file()


def test_a_clip_has_its_scores_by_the_lines_that_are_printed(empty):
    with started("--port", "0", cwd=empty) as process:
        variables = read_exports(process)
        done = run_here(
            *("evaluate", CLIP, "--judge", "judge_demo_videos", *QUICK), cwd=empty, PIQUE_HOME=str(empty), **variables
        )
        assert done.returncode == 0, done.stderr
        assert "video_specs" in done.stdout


def test_judges_of_ones_own(empty):
    (empty / "mine.json").write_text(
        '{"judges": [{"id": "judge_mine", "name": "Mine", "description": "mine", "content_type": "video", '
        '"detectors": [{"detector_name": "video_specs", "config": {"min_width": 100}}]}]}'
    )
    with started("--port", "0", "--seed", "mine.json", cwd=empty) as process:
        variables = read_exports(process)
        with PiqueClient(base_url=variables["PIQUE_BASE_URL"], api_key=variables["PIQUE_API_KEY"]) as client:
            assert [judge.id for judge in client.list_judges()] == ["judge_mine"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--port", "{taken}"), "port {taken} of 127.0.0.1 is in use by another program: name another, such as"),
        (("--port", "0", "--data-dir", "a_file/below"), "{empty}/a_file"),
        (("--port", "0", "--seed", "missing.json"), "missing.json"),
        (("--port", "0", "--seed", "a_file"), "a_file is not a seed file"),
        (("--exports",), "no local Pique runs with {empty}/.pique/local_pique"),
    ],
)
def test_one_sentence_where_it_can_not_start(empty, arguments, named):
    (empty / "a_file").write_text("{")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"taken": taken.getsockname()[1], "empty": empty}
        with started(*(argument.format(**names) for argument in arguments), cwd=empty) as process:
            out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    (reason,) = [line for line in said.splitlines() if not line.startswith("starting")]
    assert reason.startswith("pique-assets: ") and named.format(**names) in reason
