"""A desk at the local Pique that tests share, with a ledger file of the test's own; the same for URLs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from later_desk import desk_at
from social_desk import running_social_pique

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess


@pytest.fixture(scope="session")
def social_pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    """A local Pique with judges that evaluate URLs; each test has URLs of its own."""
    with running_social_pique(tmp_path_factory.mktemp("social")) as process:
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
