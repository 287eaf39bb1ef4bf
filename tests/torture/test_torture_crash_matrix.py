"""Every failpoint times every way a server behaves: a worker dies there, others finish, and the server is asked.

Each cell has a ledger and contents of its own; some have also content that Pique refuses, and content that is no
longer what was fingerprinted. After its road to the failpoint comes a second crash at a random other one, then workers
that nobody kills.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from crash_roads import EVERY_POINT, road_to
from date_worker import DONE, EVALUATION, MIDDLE_OF_THE_PUT, QUICK_LIMITS, UNFINISHED, WHOLE_DATE
from desk import DEMO
from tiny_images import Studio
from verdict import Verdict, missing_results, submission_records
from workers import WorkerServer

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.media import ContentItem
from pique_assets.testing import (
    Fault,
    FaultKind,
    FaultScript,
    FaultyPique,
    Route,
    SubmissionRecord,
    check_history,
    running_faulty_pique,
)

JUDGE = "judge_demo_images"
PARTITION = "2026-03-02"
CELLS_AT_ONCE = 24
FINISHERS = 6
RUNS_TO_THE_POINT = 6
ROADS_TO_THE_POINT = 6
BEHAVIOURS: dict[str, tuple[Fault, ...]] = {
    "prompt": (),
    "answers are lost": (
        Fault(route=Route.PREPARE, kind=FaultKind.LOST_ANSWER, every=3),
        Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER, every=3),
        Fault(route=Route.RESULT, kind=FaultKind.LOST_ANSWER, every=5),
    ),
    "connections are reset": (
        Fault(route=Route.PREPARE, kind=FaultKind.RESET, every=4),
        Fault(route=Route.UPLOAD, kind=FaultKind.RESET, every=3, after_effect=True),
        Fault(route=Route.UPLOAD, kind=FaultKind.RESET, every=4, after_bytes=300),
    ),
    "everything shows late": (
        # Longer than a lease, so that whoever takes over still meets it.
        Fault(route=Route.PREPARE, kind=FaultKind.CREATION_LAG, every=1, seconds=2.6),
        Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, every=1, seconds=2.6),
    ),
    "uploads are refused": (
        Fault(route=Route.UPLOAD, kind=FaultKind.EARLY_403, every=3),
        Fault(route=Route.UPLOAD, kind=FaultKind.EXPIRED_URL, every=4),
    ),
    "overload": (
        Fault(route=Route.PREPARE, kind=FaultKind.STATUS, status=503, retry_after=0.2, every=3),
        Fault(route=Route.UPLOAD, kind=FaultKind.STATUS, status=503, every=5),
        Fault(route=Route.RESULT, kind=FaultKind.STATUS, status=429, retry_after=0.2, every=3),
        Fault(route=Route.PREPARE, kind=FaultKind.STATUS, status=500, after_effect=True, every=4),
    ),
    "answers are garbled": (
        Fault(route=Route.PREPARE, kind=FaultKind.TRUNCATED_JSON, every=4),
        Fault(route=Route.RESULT, kind=FaultKind.INVALID_JSON, every=3),
        Fault(route=Route.RESULT, kind=FaultKind.CUT_ANSWER, every=4),
    ),
    "its clock is wrong": (
        Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=2, seconds=600),
        Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=3, seconds=-600),
    ),
    "urls expire soon": (),
}


LIMITS = {"everything shows late": {**QUICK_LIMITS, "creation_lag_s": 4}}
"""Where the usual ones would take a late job for a lost one."""

SPOILT_AT = ("record_inventory", "record_rejected", "record_abandoned")
"""Writes whose cells have, besides what is to be evaluated, content that is refused and content that has changed."""

SECOND_POINTS = [
    point
    for point in EVERY_POINT
    if road_to(point) == ({"failpoint": point},) and point.partition(".")[0] not in SPOILT_AT
]
"""Where whoever takes over may die in turn."""


@dataclass(kw_only=True)
class Cell:
    """One point under one behaviour.

    Attributes:
        wanted: To be evaluated, once each.
        crashed: Where workers were killed, in order.
    """

    point: str
    second_point: str
    ledger_path: Path
    wanted: list[ContentItem]
    refused: ContentItem | None
    changed: ContentItem | None
    crashed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    submissions: list[SubmissionRecord] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        """All its content, as orders hold it."""
        return [asdict(item) for item in (*self.wanted, self.refused, self.changed) if item is not None]


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_whoever_dies_wherever_nothing_is_lost_and_nothing_evaluated_twice(
    behaviour: str, workers: WorkerServer, studio: Studio, seed: int, tmp_path: Path, record_property
):
    chance = random.Random(seed)
    ready = tmp_path / "ready.db"
    Ledger.open(f"sqlite:///{ready}").close()
    cells = [_cell(point, studio=studio, chance=chance, ready=ready) for point in EVERY_POINT]
    with _server(behaviour, folder=tmp_path / "pique", seed=seed) as (pique, order):
        with ThreadPoolExecutor(CELLS_AT_ONCE) as pool:
            for done in [pool.submit(_live, cell, workers=workers, order=order, studio=studio) for cell in cells]:
                done.result()
        crashes = sum(len(cell.crashed) for cell in cells)
        wanted = [item for cell in cells for item in cell.wanted]
        verdict = Verdict.of(pique.data_dir, wanted=wanted, crashes=crashes)
        violations = check_history(
            records=pique.records(),
            history=pique.history,
            submissions=[submission for cell in cells for submission in cell.submissions],
            texts={"the workers' log": workers.log.read_text()},
            secrets=[pique.api_key],
        )
    record_property("verdict", asdict(verdict))
    print(f"{behaviour}: {verdict}", *violations, sep="\n")
    assert [cell.complaints for cell in cells if cell.complaints] == [], workers.log.read_text()[-4000:]
    assert verdict.is_clean, verdict
    assert violations == []
    assert [cell.point for cell in cells if cell.point not in cell.crashed] == []


def _cell(point: str, *, studio: Studio, chance: random.Random, ready: Path) -> Cell:
    ledger_path = ready.with_name(f"{point}.db")
    shutil.copy(ready, ledger_path)
    write = point.partition(".")[0]
    return Cell(
        point=point,
        second_point=chance.choice(SECOND_POINTS),
        ledger_path=ledger_path,
        wanted=_new_content(point, studio=studio),
        refused=studio.refused() if write in SPOILT_AT else None,
        changed=studio.changed() if write in SPOILT_AT else None,
    )


def _new_content(point: str, *, studio: Studio) -> list[ContentItem]:
    large = [studio.large_image()] if point == MIDDLE_OF_THE_PUT else []
    # To be adopted, content must have been sent by a run that died of it, and not just have lost its answer.
    return [*large, *studio.images(6 if point.startswith("adopt.") else 2)]


@contextmanager
def _server(behaviour: str, *, folder: Path, seed: int) -> Iterator[tuple[FaultyPique, dict[str, Any]]]:
    """The server, and the order that each worker of it begins with."""
    script = FaultScript(BEHAVIOURS[behaviour], seed=seed)
    life_s = 3 if behaviour == "urls expire soon" else None
    with running_faulty_pique(
        data_dir=folder, script=script, seed_judges=DEMO / "judges.json", upload_url_life_s=life_s
    ) as pique:
        with PiqueClient(base_url=pique.direct_url, api_key=pique.api_key) as client:
            judge = client.get_judge(JUDGE).model_dump(mode="json")
        yield (
            pique,
            {
                "base_url": pique.base_url,
                "api_key": pique.api_key,
                "judge": judge,
                "partition": PARTITION,
                "limits": LIMITS.get(behaviour, QUICK_LIMITS),
                "steps": WHOLE_DATE,
            },
        )


def _live(cell: Cell, *, workers: WorkerServer, order: dict[str, Any], studio: Studio) -> None:
    """Crash, crash again, finish, and look whether the ledger has everything."""
    order = {**order, "ledger_url": f"sqlite:///{cell.ledger_path}"}
    for _ in range(ROADS_TO_THE_POINT):
        _take_the_road(cell, order, workers=workers)
        if cell.point in cell.crashed:
            break
        # The faults led everything past the point, such as every PUT's answer; new content has another fate.
        cell.wanted += _new_content(cell.point, studio=studio)
    order["items"] = cell.items
    _run(cell, {**order, "failpoint": cell.second_point}, workers=workers)
    for _ in range(FINISHERS):
        if _run(cell, order, workers=workers) == DONE:
            break
    else:
        cell.complaints.append(f"{cell.point}: not finished after {FINISHERS} undisturbed runs")
    with Ledger.open(order["ledger_url"]) as ledger:
        missing = missing_results(ledger, evaluation=EVALUATION, partition=PARTITION, wanted=cell.wanted)
        cell.complaints += [f"{cell.point}: {one}" for one in missing]
        cell.submissions = submission_records(ledger, evaluation=EVALUATION, partition=PARTITION)
        rows = {row.item.content_uri: row for row in ledger.partition_state(evaluation=EVALUATION, partition=PARTITION)}
    for item, state, error_code in (
        (cell.refused, SubmissionState.REJECTED, None),
        (cell.changed, None, "changed"),
    ):
        row = None if item is None else rows[item.content_uri]
        found = row and (row.submission.state if row.submission else None, row.item.error_code)
        if found not in (None, (state, error_code)):
            cell.complaints.append(f"{cell.point}: {row.item.filename[:20]} ended as {found}")


def _take_the_road(cell: Cell, order: dict[str, Any], *, workers: WorkerServer) -> None:
    for step in road_to(cell.point):
        # A fault may end a run before it comes by there; the next one comes further.
        for _ in range(RUNS_TO_THE_POINT):
            ended = _run(cell, {**order, "items": cell.items, **step}, workers=workers)
            if ended != UNFINISHED or "failpoint" not in step:
                break


def _run(cell: Cell, order: dict[str, Any], *, workers: WorkerServer) -> int:
    code = workers.start(order).wait()
    if code == -9:
        cell.crashed.append(order["failpoint"])
    elif code not in (DONE, UNFINISHED):
        cell.complaints.append(f"{cell.point}: a worker ended with {code}")
    return code
