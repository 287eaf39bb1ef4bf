"""The command `pique-assets` as a shell starts it: in a folder, and without the variables of whoever runs the tests.

Belongs here: the command in a process of its own, and in this process, which saves most of the price where a process of
its own is not what a test is about. Does not: what a command should say.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from pique_assets.cli import main

QUICK = ("--limit", "first_poll_s=0.1", "--limit", "shortest_poll_s=0.1", "--limit", "lease_s=2")
"""Options of `evaluate` that suit the local Pique."""


def run_command(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end, with nothing of Pique in the environment but what is given."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment_with(**environment), capture_output=True, text=True, check=False
    )


def run_here(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in this process. Not for `receive`, which begins its process anew without the API key."""
    given = [str(argument) for argument in arguments]
    assert "receive" not in given, "it would begin pytest anew"
    out, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        mock.patch.dict(os.environ, environment_with(**environment), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            status = main(given)
        except SystemExit as ended:
            # Of the parser of arguments.
            status = ended.code
    return subprocess.CompletedProcess(given, status, stdout=out.getvalue(), stderr=errors.getvalue())


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pique_assets.cli", *map(str, arguments)]


def environment_with(**environment: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    return clean | environment
