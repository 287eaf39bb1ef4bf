"""The switch that kills: off by default, exact about names and counts."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pique_assets
from pique_assets.ledger.failpoints import ENVIRONMENT_VARIABLE, failpoint, failpoints


def _run(setting: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from pique_assets.ledger.failpoints import failpoint\n{code}"],
        env={ENVIRONMENT_VARIABLE: setting},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_nothing_happens_when_the_switch_is_off(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    for name in failpoints():
        failpoint(name)


def test_the_process_dies_at_the_nth_hit():
    died = _run(
        "upload.before:3",
        "for n in range(9): failpoint('upload.after'); failpoint('upload.before'); print(n, flush=True)",
    )
    assert died.returncode == -9
    assert died.stdout.split() == ["0", "1"]


@pytest.mark.parametrize("setting", ["upload", "upload.before:0", "upload.before:x", "upload.before:-1", ":1"])
def test_a_setting_that_names_no_failpoint_is_an_error(monkeypatch, setting):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, setting)
    with pytest.raises(ValueError, match=ENVIRONMENT_VARIABLE):
        failpoint("upload.before")


def test_a_place_that_names_no_failpoint_is_an_error(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "upload.before:99")
    with pytest.raises(ValueError, match="no failpoint"):
        failpoint("nowhere")


def test_a_wrong_setting_stops_the_ledger_at_its_first_write(monkeypatch, ledger):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "nowhere")
    with pytest.raises(ValueError, match="nowhere"):
        ledger.record_inventory(evaluation="brand", partition="2026-03-02", items=[])
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert ledger.uncollected_partitions() == []


def _of_calls(tree: ast.AST) -> Iterator[str]:
    """The failpoints by which a source file comes in calls of `failpoint`, and the writes it opens by name."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match (ast.unparse(call.func), call.args):
            case ("failpoint", [ast.Constant(value=str(name))]):
                yield name
            case ("self._database.long_write", [ast.Constant(value=str(name))]):
                yield from (f"{name}.before_commit", f"{name}.after_commit")


def _of_writes(tree: ast.AST) -> Iterator[str]:
    """The failpoints of the methods that are declared as writes."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for decorator in function.decorator_list:
            match decorator:
                case ast.Call(func=ast.Name(id="ledger_write"), keywords=[ast.keyword(value=ast.Constant(value=name))]):
                    yield from (f"{name}.before_commit", f"{name}.after_commit")
                case ast.Call(func=ast.Name(id="ledger_write")):
                    yield from (f"{function.name}.before_commit", f"{function.name}.after_commit")


def test_names_are_unique_and_are_those_by_which_the_package_comes():
    package = Path(pique_assets.__file__).parent
    trees = [ast.parse(path.read_text()) for path in package.rglob("*.py")]
    come_by = [name for tree in trees for name in (*_of_calls(tree), *_of_writes(tree))]
    assert sorted(failpoints()) == sorted(come_by)
