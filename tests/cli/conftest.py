"""A lake and a ledger that real runs filled, once; tests that change them take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, video_evaluation

from pique_assets.local.process import LocalPiqueProcess, running_local_pique

# A day with a broken and an empty file, and a day without media.
FILLED_DATES = ("2026-03-03", "2026-03-04")


@pytest.fixture(scope="session")
def pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    folder = tmp_path_factory.mktemp("pique")
    with running_local_pique(data_dir=folder, seed_judges=DEMO / "judges.json", workers=1) as process:
        yield process


@pytest.fixture(scope="session")
def filled(pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `lake` and `ledger.db` as the assets left them."""
    home = tmp_path_factory.mktemp("filled")
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(video_evaluation(), home=home, pique=pique, instance=instance)
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
