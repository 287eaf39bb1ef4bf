"""A local Pique with the demo's judges and a ledger file of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import DEMO, Desk

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess, running_local_pique


@pytest.fixture
def pique(tmp_path: Path) -> Iterator[LocalPiqueProcess]:
    """A local Pique of the test's own, so that its record holds nothing else."""
    with running_local_pique(data_dir=tmp_path / "pique", seed_judges=DEMO / "judges.json", workers=1) as process:
        yield process


@pytest.fixture
def client(pique: LocalPiqueProcess) -> Iterator[PiqueClient]:
    with PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        yield ledger


@pytest.fixture
def desk(pique: LocalPiqueProcess, client: PiqueClient, ledger: Ledger) -> Desk:
    return Desk(pique=pique, client=client, ledger=ledger)
