"""A graph of the demo's videos and an instance of Dagster for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from graph import Graph, video_evaluation

from pique_assets.local.process import LocalPiqueProcess


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """In memory: a third of the price of one on disk, and the same answers."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def graph(tmp_path: Path, pique: LocalPiqueProcess, instance: dg.DagsterInstance) -> Graph:
    return Graph.over(video_evaluation(), home=tmp_path, pique=pique, instance=instance)
