"""The command `pique-assets` in a process of its own. Not here: the command in this process, which is `cli.main`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

QUICK = ("--limit", "first_poll_s=0.1", "--limit", "shortest_poll_s=0.1", "--limit", "lease_s=2")
"""Options of `evaluate` that suit the local Pique."""


def run_command(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end, with nothing of Pique in the environment but what is given."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment_with(**environment), capture_output=True, text=True, check=False
    )


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pique_assets.cli", *map(str, arguments)]


def environment_with(**environment: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    return clean | environment
