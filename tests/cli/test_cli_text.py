"""Tables for a terminal, and what every command does when nobody listens any more."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from command_line import command, environment_with
from hypothesis import given, strategies as st

from pique_assets import cli
from pique_assets.cli import main
from pique_assets.cli.text_table import duration, text_table


@given(rows=st.lists(st.tuples(st.none() | st.text(), st.text()), max_size=5))
def test_no_cell_breaks_the_table_or_commands_the_terminal(rows):
    lines = text_table(("a", "b"), rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def test_columns_stand_under_their_names_and_the_last_is_shortened(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    table = text_table(("file", "why"), [("a_longer_name.mp4", "x" * 100), (None, "short")])
    first, second, third = table.split("\n")
    assert first.index("why") == second.index("x") == third.index("short")
    assert len(second) == 40
    assert second.endswith("…")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations_are_in_the_unit_that_fits(seconds, words):
    assert duration(seconds) == words


def test_a_reader_that_goes_away_is_no_error(home):
    with subprocess.Popen(
        command("jobs", "--all", "--ledger", home / "ledger.db"),
        env=environment_with(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, "")


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch, home, capsys):
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pique_assets.cli.jobs_command.existing_ledger", broken)
    with pytest.raises(ZeroDivisionError) as raised:
        main(["jobs", "--ledger", str(home / "ledger.db")])
    assert raised.traceback[-1].name == "broken"
    assert capsys.readouterr().err == "", "what is shown to users as their own mistake has no traceback"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    named = re.findall(r"^    ([a-z-]+)(?: +|\n +)[a-z]", capsys.readouterr().out, flags=re.MULTILINE)
    modules = {f"{name.replace('-', '_')}_command" for name in named}
    assert modules == {path.stem for path in Path(cli.__file__).parent.glob("*_command.py")}
