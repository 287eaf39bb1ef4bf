"""What a command says when something it needs is not there: one sentence that names what and where."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import run_command, run_here
from ports import port_for_later

from pique_assets.cli import COMMANDS, main


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "a_file").touch()
    (tmp_path / "clip.mp4").write_bytes(b"anything")
    return tmp_path


KEY = {"PIQUE_API_KEY": "pq_1"}
EVALUATE = ("evaluate", "clip.mp4", "--judge", "judge_1")


@pytest.mark.parametrize("command", [("judges", "list"), ("judges", "show", "judge_1"), EVALUATE])
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "nothing says which Pique: set PIQUE_BASE_URL"),
        ({"PIQUE_ENVIRONMENT": "sandbox"}, "there is no key for https://api-sandbox.getpique.ai: set PIQUE_API_KEY"),
        (KEY | {"PIQUE_BASE_URL": "https://api.getpique.ai/v1"}, "must end before /v1"),
        (KEY | {"PIQUE_BASE_URL": "http://api.getpique.ai"}, "base_url must be https"),
        (KEY | {"PIQUE_BASE_URL": "https://no-such-host.invalid"}, "at https://no-such-host.invalid"),
        (KEY | {"PIQUE_BASE_URL": "http://127.0.0.1:{port}"}, "`pique-assets local` starts one"),
    ],
)
@pytest.mark.slow
def test_what_is_wrong_with_pique_is_one_sentence(empty, command, environment, told):
    port = str(port_for_later())
    given = {name: value.replace("{port}", port) for name, value in environment.items()}
    reason = refused(*command, cwd=empty, PIQUE_HOME=str(empty / "home"), **given)
    assert told in reason


@pytest.mark.parametrize(
    ("command", "environment", "told"),
    [
        (("jobs",), {}, "Set PIQUE_HOME"),
        (("jobs",), {"PIQUE_HOME": "relative"}, "PIQUE_HOME is 'relative', a relative path"),
        (("ledger", "create"), {"PIQUE_HOME": "{empty}/a_file"}, "{empty}/a_file"),
        (("jobs",), {"PIQUE_LEDGER_URL": "{empty}/clip.mp4"}, "is no SQLite database"),
        (("rebuild",), {"PIQUE_LAKE": "{empty}/a_file/lake"}, "{empty}/a_file/lake"),
        (("judges", "show", "--file", "none.yaml"), KEY | {"PIQUE_BASE_URL": "http://127.0.0.1:9"}, "none.yaml"),
        (("plan", "--start", "2026-03-02", "--end", "2026-03-02"), {}, "there is no module"),
    ],
)
def test_what_is_wrong_with_the_home_is_one_sentence(empty, command, environment, told):
    if command[0] == "plan":
        (empty / "dg.toml").write_text("[project]\nroot_module = 'nowhere'\n")
    given = {name: value.replace("{empty}", str(empty)) for name, value in environment.items()}
    assert told.replace("{empty}", str(empty)) in refused(*command, cwd=empty, **given)


@pytest.mark.parametrize(
    ("extra", "module", "command"),
    [
        ("local", "yt_dlp", ("local", "--port", "0", "--data-dir", "data")),
        ("local-speech", "faster_whisper", ("models", "fetch")),
        ("gcs", "gcsfs", ("rebuild",)),
    ],
)
@pytest.mark.slow
def test_a_missing_extra_names_itself(empty, extra, module, command):
    # A process of its own: what another test has imported here is kept, by fsspec too.
    (empty / "without").mkdir()
    (empty / "without" / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
    done = run_command(
        *command,
        cwd=empty,
        PYTHONPATH=str(empty / "without"),
        PIQUE_LAKE="gs://bucket/lake",
        PIQUE_HOME=str(empty / "home"),
    )
    assert f"pip install 'pique_assets[{extra}]'" in the_reason(done)


def refused(*command: str, cwd: Path, **environment: str) -> str:
    """The one line of the reason."""
    return the_reason(run_here(*command, cwd=cwd, **environment))


def the_reason(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (1, ""), done
    *_, reason = done.stderr.splitlines()
    assert reason.startswith("pique-assets: ") and "Traceback" not in done.stderr
    return reason


def test_the_version_is_said(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pique-assets {version('pique_assets')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["do"], {"doctor"}),
        (["judges", "cr"], {"create"}),
        (["judges", "list", "--con"], {"--content-type"}),
        (["plan", "--start", "2026-03-02", "--e"], {"--end", "--evaluation"}),
        (["completion", ""], {"bash", "zsh", "fish", "--help"}),
    ],
)
def test_bash_completes_commands_and_options(capsys, typed, offered):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    words = " ".join(f"'{word}'" for word in ["pique-assets", *typed])
    script += f'\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _pique_assets; echo "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (set(done.stdout.split()), done.stderr) == (offered, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_every_command(capsys, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    names = {name.removesuffix("_command").replace("_", "-") for name in COMMANDS}
    assert names <= set(script.replace('"', " ").split())
