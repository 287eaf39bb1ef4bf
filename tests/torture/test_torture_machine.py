"""Any sequence of runs, ticks, webhooks, crashes and wrong clocks: nothing twice, and an end for everything.

A step is a process of its own. Each begins a lease's life after the one before by its own clock, so that nobody waits
for the leases of the dead; some clocks are ten minutes off besides.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from crash_roads import EVERY_POINT
from date_worker import DONE, EVALUATION, QUICK_LIMITS, UNFINISHED
from desk import DEMO
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tiny_images import Studio
from verdict import Verdict, missing_results
from workers import WorkerServer

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.local.process import running_local_pique
from pique_assets.local.record import evaluations_by_content, read_record
from pique_assets.media import ContentItem

DAYS = ("2026-03-02", "2026-03-03")
TEN_MINUTES_S = 600.0
STEP_S = QUICK_LIMITS["lease_s"] + 1
FINISHERS = 4


def _points(*steps: str) -> st.SearchStrategy[str | None]:
    """No crash, or one at a point that such a run may come by."""
    return st.sampled_from([None, *(point for point in EVERY_POINT if point.partition(".")[0] in steps)])


days = st.sampled_from(DAYS)
submit_points = _points(
    "record_inventory",
    "claim_submissions",
    "prepare",
    "record_prepared",
    "record_upload_started",
    "upload",
    "record_uploaded",
    "adopt",
)
tick_points = _points("claim_due", "ask", "record_result", "record_poll")
webhook_points = _points("make_due")
skews = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.0, TEN_MINUTES_S, -TEN_MINUTES_S])


class Engine(RuleBasedStateMachine):
    """Two days that share an image, one ledger, and whoever works on them."""

    def __init__(
        self, *, workers: WorkerServer, order: dict[str, Any], data_dir: Path, folder: Path, number: int
    ) -> None:
        super().__init__()
        self.workers = workers
        self.data_dir = data_dir
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        images = Studio(self.folder, seed=number).images(3)
        self.items = {DAYS[0]: images[:2], DAYS[1]: images[1:]}
        self.order = {**order, "ledger_url": f"sqlite:///{self.folder / 'ledger.db'}"}
        self.elapsed_s = 0.0
        self.crashes = 0
        Ledger.open(self.order["ledger_url"]).close()

    @rule(day=days, point=submit_points, skew_s=skews)
    def submit(self, day: str, point: str | None, skew_s: float) -> None:
        self.run(day, "submit", point=point, skew_s=skew_s)

    @rule(day=days, point=tick_points, skew_s=skews)
    def tick(self, day: str, point: str | None, skew_s: float) -> None:
        self.run(day, "tick", point=point, skew_s=skew_s)

    @rule(day=days, point=webhook_points, skew_s=skews)
    def webhook(self, day: str, point: str | None, skew_s: float) -> None:
        self.run(day, "webhook", point=point, skew_s=skew_s)

    @invariant()
    def nothing_is_evaluated_twice(self) -> None:
        own = self.fingerprints()
        begun = evaluations_by_content(read_record(self.data_dir))
        assert all(count == 1 for (_, fingerprint), count in begun.items() if fingerprint in own)

    def run(self, day: str, *steps: str, point: str | None = None, skew_s: float = 0.0) -> int:
        self.elapsed_s += STEP_S
        changes = {"partition": day, "items": [asdict(item) for item in self.items[day]], "steps": steps}
        end = self.workers.start(
            {**self.order, **changes, "failpoint": point, "skew_s": self.elapsed_s + skew_s}
        ).wait()
        assert end in (DONE, UNFINISHED, -9), self.workers.log.read_text()[-4000:]
        assert end != -9 or point is not None
        self.crashes += end == -9
        return end

    def wanted(self) -> list[ContentItem]:
        return [item for items in self.items.values() for item in items]

    def fingerprints(self) -> set[str | None]:
        return {item.fingerprint for item in self.wanted()}

    def teardown(self) -> None:
        # Later than any lease that a worker with a fast clock may have left.
        self.elapsed_s += TEN_MINUTES_S
        for day, items in self.items.items():
            finished = (self.run(day, "submit", "collect") == DONE for _ in range(FINISHERS))
            assert any(finished)
            with Ledger.open(self.order["ledger_url"]) as ledger:
                assert missing_results(ledger, evaluation=EVALUATION, partition=day, wanted=items) == []
        self.nothing_is_evaluated_twice()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_any_sequence_of_steps_and_crashes_ends_well(workers: WorkerServer, tmp_path: Path, record_property):
    machines: list[Engine] = []
    with running_local_pique(data_dir=tmp_path / "pique", seed_judges=DEMO / "judges.json", workers=1) as pique:
        with PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client:
            judge = client.get_judge("judge_demo_images").model_dump(mode="json")
        order = {
            "base_url": pique.base_url,
            "api_key": pique.api_key,
            "judge": judge,
            "limits": {**QUICK_LIMITS, "notification_lag_s": 0.1},
        }

        def machine() -> Engine:
            made = Engine(workers=workers, order=order, data_dir=pique.data_dir, folder=tmp_path, number=len(machines))
            machines.append(made)
            return made

        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
        wanted = [item for made in machines for item in made.wanted()]
        crashes = sum(made.crashes for made in machines)
        verdict = Verdict.of(pique.data_dir, wanted=wanted, crashes=crashes)
    record_property("verdict", asdict(verdict))
    assert verdict.is_clean, verdict
