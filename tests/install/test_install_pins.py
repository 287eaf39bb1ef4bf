"""The oldest and the newest releases that pyproject.toml allows: installed from the index, then one date for real.

Belongs here: whether the declared bounds are true, with the newest releases also of those libraries that have them for
newer Pythons alone. Does not: what the package does; `uv.lock` has the releases that all other tests run with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pythons import newest_interpreter

PROJECT = Path(__file__).parents[2]
# The demo's own way of running a date, in a copy of the demo: its wheel is installed, its source is not there.
ONE_DATE = """
import sys
sys.path.insert(0, "examples/demo")
import dagster as dg
from run import defs, run_date, staged
from stage import fetch_missing_model
assert fetch_missing_model() is None
with staged(), dg.DagsterInstance.get() as instance:
    defs.resolve_all_asset_specs()
    ran = run_date("acme_videos", "2026-03-03", instance=instance)
from pique_assets.analysis import load
submissions = load("submissions", lake=".pique/lake")
print(dg.__version__, dict(zip(submissions["filename"], submissions["state"])))
sys.exit(not ran)
"""
EXTRAS = [word for extra in ("local", "local-ocr", "local-speech") for word in ("--extra", extra)]
STATES = {"interrupted_export.mp4": "failed", "spring_classic.mov": "completed", "never_written.mp4": "unreadable"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture
def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIQUE_", "DAGSTER_"))}


def installed(*, resolution: str, python: str, uv: str, wheel: Path, env: dict[str, str], venv: Path) -> Path:
    """The Python of a new environment with these releases, the wheel, and what its tests need."""
    install = [uv, "pip", "install", "-q", "--python", venv / "bin" / "python"]
    for command in (
        [uv, "venv", "-q", "--python", python, venv],
        # The requirements as this project's own, since uv takes the lowest release of direct requirements alone.
        [*install, "--resolution", resolution, "-r", PROJECT / "pyproject.toml", *EXTRAS],
        [*install, "--no-deps", wheel],
        [*install, "pytest", "pytest-timeout", "hypothesis"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=900)
        assert done.returncode == 0, done.stderr
    return venv / "bin" / "python"


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_media_are_measured_and_one_date_runs_with_the_releases_at_the_end_of_what_is_allowed(
    resolution: str, uv: str, wheel: Path, clean: dict[str, str], tmp_path: Path
) -> None:
    python = installed(
        resolution=resolution,
        python=newest_interpreter() if resolution == "highest" else sys.executable,
        uv=uv,
        wheel=wheel,
        env=clean,
        venv=tmp_path / "venv",
    )
    measured = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/decoding"],
        cwd=PROJECT, env=clean, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stdout[-6000:]
    project = tmp_path / "project"
    for folder in ("examples", "resources"):
        shutil.copytree(PROJECT / folder, project / folder)
    for file in ("definitions.py", "pyproject.toml"):
        shutil.copy(PROJECT / file, project / file)
    ran = subprocess.run([python, "-c", ONE_DATE], cwd=project, env=clean, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for filename, state in STATES.items():
        assert f"{filename!r}: {state!r}" in ran.stdout
    requirements = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    (oldest,) = (text.split(">=")[1].split(",")[0] for text in requirements if text.startswith("dagster>="))
    ran_with = ran.stdout.splitlines()[-1].split()[0]
    assert (ran_with == oldest) == (resolution == "lowest-direct")
