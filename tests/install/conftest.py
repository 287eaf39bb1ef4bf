"""What a test needs that installs the package as a user does: uv with an index in reach, and the wheel of this tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def uv() -> str:
    """uv, if it reaches an index: a page that installs packages can't be tried without one."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("no uv here")
    tried = subprocess.run(
        [found, "pip", "compile", "-q", "--no-deps", "--no-cache", "-"], input="dagster", capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"no index of packages can be reached: {tried.stderr.strip()[-300:]}")
    return found


@pytest.fixture(scope="session")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([uv, "build", "--wheel", "-q", "-o", folder, PROJECT], check=True, timeout=600)
    (built,) = folder.glob("*.whl")
    return built
