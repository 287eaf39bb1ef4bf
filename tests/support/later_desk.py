"""A desk at a server that others used before: its record begins when it does. Not here: a server of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from desk import DEMO, Desk

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import JobRecord, read_record


@dataclass(frozen=True, kw_only=True)
class LaterDesk(Desk):
    """A desk that knows which jobs were there before it."""

    earlier: frozenset[str]

    def record(self) -> list[JobRecord]:
        return [job for job in super().record() if job.job_id not in self.earlier]


@contextmanager
def shared_pique(folder: Path) -> Iterator[LocalPiqueProcess]:
    """The demo's judges, for as many tests as like to share them."""
    with running_local_pique(data_dir=folder, seed_judges=DEMO / "judges.json", workers=1) as process:
        yield process


@contextmanager
def desk_at(pique: LocalPiqueProcess, *, ledger_path: Path) -> Iterator[LaterDesk]:
    """A desk with a new ledger."""
    earlier = frozenset(job.job_id for job in read_record(pique.data_dir))
    with (
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
        Ledger.open(f"sqlite:///{ledger_path}") as ledger,
    ):
        yield LaterDesk(pique=pique, client=client, ledger=ledger, earlier=earlier)
