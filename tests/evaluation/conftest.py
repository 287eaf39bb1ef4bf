"""A local Pique with the demo's judges, which tests share, and a desk at it with a ledger file of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from later_desk import desk_at, shared_pique

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess


@pytest.fixture(scope="session")
def pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    """Its record holds what other tests did; a desk leaves that out."""
    with shared_pique(tmp_path_factory.mktemp("pique")) as process:
        yield process


@pytest.fixture
def desk(pique: LocalPiqueProcess, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(pique, ledger_path=tmp_path / "ledger.db") as desk:
        yield desk


@pytest.fixture
def client(desk: Desk) -> PiqueClient:
    return desk.client


@pytest.fixture
def ledger(desk: Desk) -> Ledger:
    return desk.ledger
