"""A lake and a ledger that real runs filled, once; tests that change them take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest
from graph import Graph, video_evaluation

from pique_assets.local.process import LocalPiqueProcess

# A day with a broken and an empty file, and a day without media.
FILLED_DATES = ("2026-03-03", "2026-03-04")


@pytest.fixture(scope="session")
def filled(shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `lake` and `ledger.db` as the assets left them."""
    home = tmp_path_factory.mktemp("filled")
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(video_evaluation(), home=home, pique=shared_pique, instance=instance)
        assert all(graph.run(date).success for date in FILLED_DATES)
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    """A copy of it, for a test to change."""
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def pique_environment(pique: LocalPiqueProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIQUE_BASE_URL", pique.base_url)
    monkeypatch.setenv("PIQUE_API_KEY", pique.api_key)
