"""The ledger fails at every point of the work: locked, full or corrupt, nothing is sent that it does not know.

Fails closed: what Pique may be billed for is written down first, so a worker without a ledger sends
nothing, and one with a ledger again finishes without repeating anything.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from crash_roads import EVERY_POINT, road_to
from date_worker import DONE, EVALUATION, LEDGER_GONE, QUICK_LIMITS, UNFINISHED, WHOLE_DATE
from desk import DEMO
from ledger_trouble import FULL, LOCKED, spoil
from tiny_images import Studio
from verdict import Verdict, missing_results
from workers import WorkerServer

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem
from pique_assets.testing import FaultScript, FaultyPique, running_faulty_pique

JUDGE = "judge_demo_images"
PARTITION = "2026-03-02"
NEEDS_BAD_CONTENT = ("record_rejected", "record_abandoned")
NEEDS_A_REFUSED_KEY = ("release_lease",)
POINTS = [
    point
    for point in EVERY_POINT
    if len(road_to(point)) == 1 and point.partition(".")[0] not in (*NEEDS_BAD_CONTENT, *NEEDS_A_REFUSED_KEY)
]
"""Where one worker comes by when nothing goes wrong at Pique."""
CELLS_AT_ONCE = 12
FINISHERS = 6


@dataclass(kw_only=True)
class Cell:
    """One point, with a ledger and contents of its own."""

    point: str
    ledger_path: Path
    wanted: list[ContentItem]
    complaints: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def order(self) -> dict[str, Any]:
        """The whole date, with one upload at a time, so that one step follows another."""
        (road,) = road_to(self.point)
        return {
            **road,
            "ledger_url": f"sqlite:///{self.ledger_path}",
            "items": [asdict(item) for item in self.wanted],
            "limits": {**QUICK_LIMITS, "concurrent_uploads": 1, "concurrent_polls": 1},
        }


@contextmanager
def _server(folder: Path):
    with running_faulty_pique(data_dir=folder, script=FaultScript(()), seed_judges=DEMO / "judges.json") as pique:
        with PiqueClient(base_url=pique.direct_url, api_key=pique.api_key) as client:
            judge = client.get_judge(JUDGE).model_dump(mode="json")
        yield (
            pique,
            {
                "base_url": pique.base_url,
                "api_key": pique.api_key,
                "judge": judge,
                "partition": PARTITION,
                "steps": WHOLE_DATE,
            },
        )


@pytest.fixture
def cells(studio: Studio, tmp_path: Path) -> list[Cell]:
    ready = tmp_path / "ready.db"
    Ledger.open(f"sqlite:///{ready}").close()
    made = []
    for point in POINTS:
        ledger_path = tmp_path / f"{point}.db"
        shutil.copy(ready, ledger_path)
        made.append(Cell(point=point, ledger_path=ledger_path, wanted=studio.images(2)))
    return made


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("trouble", [LOCKED, FULL])
def test_a_ledger_that_fails_half_way_stops_the_work_before_anything_is_sent(
    trouble: str, cells: list[Cell], workers: WorkerServer, tmp_path: Path
):
    with _server(tmp_path / "pique") as (pique, order):

        def live(cell: Cell) -> None:
            broken = {**order, **cell.order, "ledger_trouble": trouble, "busy_timeout_s": 0.3}
            ended = workers.start(broken).wait()
            cell.stopped = ended == LEDGER_GONE
            if ended not in (DONE, LEDGER_GONE):
                cell.complaints.append(f"{cell.point}: the worker ended with {ended}")
            cell.complaints += _sent_unknown(cell, pique)
            _finish(cell, order, workers=workers)

        _each(cells, live)
        verdict = _verdict(pique, cells)
    print(f"{trouble}: stopped at {sum(cell.stopped for cell in cells)} of {len(cells)} points; {verdict}")
    assert [cell.complaints for cell in cells if cell.complaints] == [], workers.log.read_text()[-4000:]
    assert verdict.is_clean, verdict
    # The others are the last writes of all, after which nothing is left to be stopped.
    assert sum(cell.stopped for cell in cells) > 0.8 * len(cells)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_worker_with_a_corrupt_ledger_asks_pique_for_nothing(
    cells: list[Cell], workers: WorkerServer, tmp_path: Path
):
    with _server(tmp_path / "pique") as (pique, order):
        _each(cells, lambda cell: workers.start({**order, **cell.order}).wait())
        before = {cell.point: spoil(cell.ledger_path) for cell in cells}
        asked = len(pique.history)
        undisturbed = [{**order, **_without_failpoint(cell.order)} for cell in cells]
        ends = [worker.wait() for worker in [workers.start(one) for one in undisturbed]]
        assert set(ends) == {LEDGER_GONE}, workers.log.read_text()[-4000:]
        assert len(pique.history) == asked
        for files in before.values():
            for file, body in files.items():
                file.write_bytes(body)
        _each(cells, lambda cell: _finish(cell, order, workers=workers))
        verdict = _verdict(pique, cells)
    print(f"corrupt: {len(cells)} points; {verdict}")
    assert [cell.complaints for cell in cells if cell.complaints] == [], workers.log.read_text()[-4000:]
    assert verdict.is_clean, verdict


def _each(cells: list[Cell], act: Any) -> None:
    with ThreadPoolExecutor(CELLS_AT_ONCE) as pool:
        for done in [pool.submit(act, cell) for cell in cells]:
            done.result()


def _without_failpoint(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in ("failpoint", "slow_s")}


def _sent_unknown(cell: Cell, pique: FaultyPique) -> list[str]:
    """Complaints about bytes that were sent to a job of which the ledger knows no upload."""
    with Ledger.open(f"sqlite:///{cell.ledger_path}") as ledger:
        rows = ledger.partition_state(evaluation=EVALUATION, partition=PARTITION)
    begun = {row.submission.job_id for row in rows if row.submission and row.submission.upload_started_at}
    own = {item.fingerprint for item in cell.wanted}
    sent = {job.job_id for job in pique.records() if job.complete_puts and job.content_sha256 in own}
    return [f"{cell.point}: job {job_id} has bytes, and the ledger knows of no upload" for job_id in sent - begun]


def _finish(cell: Cell, order: dict[str, Any], *, workers: WorkerServer) -> None:
    undisturbed = {**order, **_without_failpoint(cell.order)}
    ends = []
    while DONE not in ends and len(ends) < FINISHERS:
        ends.append(workers.start(undisturbed).wait())
    if ends[-1] != DONE or not set(ends) <= {DONE, UNFINISHED}:
        cell.complaints.append(f"{cell.point}: its finishers ended with {ends}")
    with Ledger.open(undisturbed["ledger_url"]) as ledger:
        missing = missing_results(ledger, evaluation=EVALUATION, partition=PARTITION, wanted=cell.wanted)
    cell.complaints += [f"{cell.point}: {one}" for one in missing]


def _verdict(pique: FaultyPique, cells: list[Cell]) -> Verdict:
    wanted = [item for cell in cells for item in cell.wanted]
    return Verdict.of(pique.data_dir, wanted=wanted, crashes=len(cells))
