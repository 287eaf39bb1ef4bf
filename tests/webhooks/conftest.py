"""A receiver for all tests that leave it as it was, and the ledger it writes into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver_process import Receiver, running_receiver

from pique_assets.ledger import Ledger


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receiver")


@pytest.fixture(scope="session")
def receiver(shared_home: Path) -> Iterator[Receiver]:
    with running_receiver(ledger=shared_home / "ledger.db", log=shared_home / "log") as running:
        yield running


@pytest.fixture
def shared_ledger(receiver: Receiver, shared_home: Path) -> Iterator[Ledger]:
    """What the shared receiver has stored."""
    with Ledger.open(f"sqlite:///{shared_home / 'ledger.db'}") as ledger:
        yield ledger
