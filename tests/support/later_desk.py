"""A desk at a server that others used before, whose jobs are no concern of it. Does not: a server of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk import DEMO, Desk

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess, running_local_pique


@contextmanager
def running_demo_pique(folder: Path, *, public_url: str | None = None) -> Iterator[LocalPiqueProcess]:
    """The demo's judges, for as many tests as like to share them."""
    with running_local_pique(
        data_dir=folder, seed_judges=DEMO / "judges.json", workers=1, public_url=public_url
    ) as process:
        yield process


@contextmanager
def desk_at(pique: LocalPiqueProcess, *, ledger_path: Path) -> Iterator[Desk]:
    """A desk with a new ledger."""
    with (
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
        Ledger.open(f"sqlite:///{ledger_path}") as ledger,
    ):
        yield Desk(pique=pique, client=client, ledger=ledger)
