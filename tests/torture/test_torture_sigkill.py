"""Four workers on one ledger, killed at any moment, on a bad connection; then one that nobody kills.

The days go by while they die: as soon as one is settled the next begins, with new content and some of the day before.
`PIQUE_TORTURE_SECONDS` says how long, `PIQUE_TEST_SEED` repeats the contents, the faults and the moments.
"""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from date_worker import DONE, EVALUATION, QUICK_LIMITS, UNFINISHED, WHOLE_DATE
from desk import DEMO
from tiny_images import Studio
from verdict import Verdict, missing_results, submission_records
from workers import WorkerServer

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem
from pique_assets.testing import Fault, FaultKind, FaultScript, FaultyPique, Route, check_history, running_faulty_pique

SECONDS = float(os.environ.get("PIQUE_TORTURE_SECONDS", "8"))
WORKERS = 4
NEW_IMAGES_A_DAY, OLD_IMAGES_A_DAY = 10, 2
FINISHERS = 10
LIVES_S = ((0.02, 0.3), (0.02, 0.3), (0.3, 1.5), (1.5, 5.0))
"""Most die young; some live long enough to take over from the dead, and die at that."""
SLOW_S = (0.0, 0.0, 0.0, 2.5)
"""Some are slower at every upload than a lease lasts."""

BAD_CONNECTION = (
    Fault(route=Route.PREPARE, kind=FaultKind.LOST_ANSWER, probability=0.05),
    Fault(route=Route.PREPARE, kind=FaultKind.CREATION_LAG, probability=0.05, seconds=0.5),
    Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER, probability=0.05),
    Fault(route=Route.UPLOAD, kind=FaultKind.RESET, probability=0.05, after_bytes=100),
    Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, probability=0.05, seconds=0.5),
    Fault(route=Route.UPLOAD, kind=FaultKind.EARLY_403, probability=0.02),
    Fault(route=Route.ANY, kind=FaultKind.STATUS, status=503, retry_after=0.1, probability=0.05),
)


@dataclass(kw_only=True)
class Calendar:
    """The days so far; thread-safe."""

    studio: Studio
    chance: random.Random
    days: dict[str, list[ContentItem]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def today(self) -> tuple[str, list[ContentItem]]:
        with self._lock:
            if not self.days:
                self._begin_day()
            today = list(self.days)[-1]
            return today, self.days[today]

    def over(self, day: str) -> None:
        with self._lock:
            if day == list(self.days)[-1]:
                self._begin_day()

    def _begin_day(self) -> None:
        before = list(self.days.values())[-1] if self.days else []
        old = self.chance.sample(before, min(len(before), OLD_IMAGES_A_DAY))
        day = date(2026, 3, 2) + timedelta(days=len(self.days))
        self.days[day.isoformat()] = [*old, *self.studio.images(NEW_IMAGES_A_DAY)]


@dataclass(kw_only=True)
class Torture:
    """One ledger, its workers, and how they ended."""

    workers: WorkerServer
    calendar: Calendar
    order: dict[str, Any]
    ends: list[int] = field(default_factory=list)

    def live_and_die(self, number: int, *, seed: int, until: float) -> None:
        chance = random.Random(f"{seed}:{number}")
        while time.monotonic() < until:
            day, items = self.calendar.today()
            steps = WHOLE_DATE if chance.random() < 0.8 else ("webhook", "tick")
            order = self._order(day, chance.sample(items, len(items)), steps=steps)
            worker = self.workers.start({**order, "slow_s": chance.choice(SLOW_S)})
            try:
                end = worker.ended.result(chance.uniform(*chance.choice(LIVES_S)))
            except TimeoutError:
                worker.kill()
                end = worker.wait()
            self.ends.append(end)
            if end == DONE and steps == WHOLE_DATE:
                self.calendar.over(day)

    def finish(self) -> None:
        for day, items in self.calendar.days.items():
            for _ in range(FINISHERS):
                end = self.workers.start(self._order(day, items, steps=WHOLE_DATE)).wait()
                self.ends.append(end)
                if end != UNFINISHED:
                    break

    def _order(self, day: str, items: list[ContentItem], *, steps: tuple[str, ...]) -> dict[str, Any]:
        return {**self.order, "partition": day, "items": [asdict(item) for item in items], "steps": steps}


@pytest.mark.long
@pytest.mark.timeout(300 + 3 * SECONDS)
def test_four_workers_killed_at_any_moment_lose_nothing_and_repeat_nothing(
    workers: WorkerServer, studio: Studio, seed: int, ledger_url: str, tmp_path: Path, record_property
):
    calendar = Calendar(studio=studio, chance=random.Random(seed))
    Ledger.open(ledger_url).close()
    script = FaultScript(BAD_CONNECTION, seed=seed)
    with running_faulty_pique(data_dir=tmp_path / "pique", script=script, seed_judges=DEMO / "judges.json") as pique:
        order = _order(pique, ledger_url=ledger_url)
        torture = Torture(workers=workers, calendar=calendar, order=order)
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(WORKERS) as pool:
            lives = [pool.submit(torture.live_and_die, number, seed=seed, until=until) for number in range(WORKERS)]
            for life in lives:
                life.result()
        torture.finish()
        wanted = [item for items in calendar.days.values() for item in items]
        verdict = Verdict.of(pique.data_dir, wanted=wanted, crashes=torture.ends.count(-9))
        record_property("verdict", asdict(verdict))
        print(f"{len(calendar.days)} days: {verdict}")
        with Ledger.open(ledger_url) as ledger:
            missing = [
                sentence
                for day, items in calendar.days.items()
                for sentence in missing_results(ledger, evaluation=EVALUATION, partition=day, wanted=items)
            ]
            submissions = {
                submission.job_id or submission.work: submission
                for day in calendar.days
                for submission in submission_records(ledger, evaluation=EVALUATION, partition=day)
            }
        violations = check_history(
            records=pique.records(),
            history=pique.history,
            submissions=submissions.values(),
            texts={"the workers' log": workers.log.read_text()},
            secrets=[pique.api_key],
        )
    assert verdict.is_clean, verdict
    assert missing == []
    assert violations == []
    assert set(torture.ends) <= {-9, DONE, UNFINISHED}, workers.log.read_text()[-4000:]
    assert verdict.crashes > SECONDS


def _order(pique: FaultyPique, *, ledger_url: str) -> dict[str, Any]:
    with PiqueClient(base_url=pique.direct_url, api_key=pique.api_key) as client:
        judge = client.get_judge("judge_demo_images").model_dump(mode="json")
    return {
        "base_url": pique.base_url,
        "api_key": pique.api_key,
        "judge": judge,
        "ledger_url": ledger_url,
        "limits": QUICK_LIMITS,
    }
