"""`pique-assets where` and `pique-assets ledger ...`: which ledger and lake are found, and saying whose they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run_command, run_here

from pique_assets.cli import main
from pique_assets.ledger import Ledger

DEFINITIONS = """
from pathlib import Path
from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.media import DatedFolder
from pique_assets.resources import resources_for

EVALUATIONS = [Evaluation(name="ads", judge_id="judge_1", media=DatedFolder("/media"), start_date="2026-03-02")]
defs = build_defs(evaluations=EVALUATIONS, resources=resources_for("production"{home}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "dg.toml").touch()
    return root


def test_it_says_what_is_found_and_why_and_makes_nothing(project):
    done = run_here("where", "--json", cwd=project / "notebooks", PIQUE_ENVIRONMENT="sandbox", PIQUE_API_KEY="pk_1")
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: row for row in json.loads(done.stdout)}
    assert rows["project"]["address"] == str(project)
    assert rows["ledger"]["address"] == str(project / ".pique" / "ledger.db")
    assert rows["ledger"]["state"] == "not there yet"
    assert rows["lake"]["address"] == str(project / ".pique" / "lake")
    assert str(project) in rows["lake"]["because"]
    assert (rows["Pique"]["address"], rows["Pique"]["because"]) == ("sandbox", "PIQUE_ENVIRONMENT")
    assert "pk_1" not in done.stdout
    assert not (project / ".pique").exists()


def test_a_password_is_not_shown(project):
    url = "postgresql://somebody:5ec7e7@127.0.0.1:9/ledger"
    done = run_here("where", cwd=project, PIQUE_LEDGER_URL=url)
    assert done.returncode == 0, done.stderr
    assert "PIQUE_LEDGER_URL" in done.stdout
    assert "5ec7e7" not in done.stdout + done.stderr


@pytest.mark.parametrize(("home", "agrees"), [("", True), (', home="elsewhere"', False)])
def test_it_compares_with_what_runs_of_the_code_location_find(project, home, agrees):
    # A name of its own, as the module stays in this process.
    module = f"definitions_that_{'agree' if agrees else 'differ'}"
    (project / f"{module}.py").write_text(DEFINITIONS.format(home=home))
    done = run_here("where", "--module", module, cwd=project / "notebooks")
    assert done.returncode == (0 if agrees else 1), done.stderr
    assert ("another ledger" in done.stderr) is not agrees


def test_a_ledger_is_begun_and_told_whose_it_is(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    for name in ("PIQUE_HOME", "PIQUE_LEDGER_URL"):
        monkeypatch.delenv(name, raising=False)
    path = project / ".pique" / "ledger.db"
    assert main(["jobs"]) == 1
    assert f"there is no ledger at {path}" in capsys.readouterr().err
    assert not path.exists()
    assert main(["ledger", "create"]) == 0
    assert f"made a new, empty ledger {path}" in capsys.readouterr().out
    assert main(["ledger", "create"]) == 1
    assert "there is one already" in capsys.readouterr().err
    for named, stored in (("production", "production"), ("https://pique.example.org/", "pique.example.org")):
        assert main(["ledger", "belongs-to", named]) == 0
        with Ledger.open(str(path), create=False) as ledger:
            assert ledger.pique() == stored
    assert "no longer to 'production'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [("evaluate", "clip.mp4", "--judge", "judge_1"), ("receive", "--port", "0"), ("jobs",), ("in-doubt",)]
)
@pytest.mark.parametrize("mistyped", ["dta/ledger.db", "data/ledgr.db"])
def test_no_command_makes_a_ledger_by_a_typing_error(project, command, mistyped):
    (project / "data").mkdir()
    with Ledger.open(str(project / "data" / "ledger.db")):
        pass
    (project / "clip.mp4").write_bytes(b"anything")
    named = {"PIQUE_BASE_URL": "http://127.0.0.1:9", "PIQUE_API_KEY": "pk_1", "PIQUE_WEBHOOK_SECRETS": "s" * 20}
    run = run_command if "receive" in command else run_here
    done = run(*command, "--ledger", mistyped, cwd=project, **named)
    assert done.returncode == 1, done.stderr
    assert f"there is no ledger at {project / mistyped}" in done.stderr
    assert not list(project.rglob("ledgr.db*")) and not (project / "dta").exists()
