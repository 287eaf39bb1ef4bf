"""Ten thousand submissions on a connection on which everything goes wrong: all end, and none twice.

As in a backfill, several processes submit a date each and share a ledger. The server's own record and the history of
the proxy are the judges. `PIQUE_TEST_SEED` repeats the contents and the faults; `PIQUE_SCALE_ITEMS` changes how many
there are. How much memory a process takes for a thousand items and for ten times as many is asked without faults, which
only make it wait.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from scale_submitter import EVALUATION
from tiny_images import Studio
from verdict import Verdict, submission_records

from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem
from pique_assets.testing import Fault, FaultKind, FaultScript, FaultyPique, Route, check_history, running_faulty_pique

ITEMS = int(os.environ.get("PIQUE_SCALE_ITEMS", "10000"))
DATES = [f"2026-03-{day:02}" for day in range(2, 8)]
SCRIPT = Path(__file__).parents[1] / "support" / "scale_submitter.py"
PATIENCE_S = 1800

FLAT = 1.1
SHARE = 0.05
LAG_S = 0.3
JUDGE = {
    "id": "judge_tiny",
    "name": "Tiny images",
    "description": "Whether they are tagged.",
    "content_type": "image",
    "detectors": [{"detector_name": "title_and_description", "config": {"required_hashtags": ["#tiny"]}, "weight": 1}],
}
LIMITS = {
    "concurrent_uploads": 16,
    "concurrent_polls": 16,
    "lease_s": 60,
    "notification_lag_s": 3 * LAG_S,
    "expiry_grace_s": 5,
    "creation_lag_s": 3,
    "first_poll_s": 0.5,
    "shortest_poll_s": 0.5,
    "longest_poll_s": 2,
    "results_wait_s": 600,
}


def everywhere(*routes: Route, kind: FaultKind, **how: object) -> list[Fault]:
    return [Fault(route=route, kind=kind, probability=SHARE, **how) for route in routes]


CALLS = (Route.PREPARE, Route.UPLOAD, Route.RESULT)
FAULTS = [
    *everywhere(*CALLS, kind=FaultKind.STATUS, status=500),
    *everywhere(*CALLS, kind=FaultKind.STATUS, status=503),
    *everywhere(*CALLS, kind=FaultKind.STATUS, status=429, retry_after=0.02),
    *everywhere(*CALLS, kind=FaultKind.SLOW, seconds=0.05),
    *everywhere(*CALLS, kind=FaultKind.RESET),
    *everywhere(*CALLS, kind=FaultKind.RESET, after_effect=True),
    *everywhere(*CALLS, kind=FaultKind.LOST_ANSWER),
    *everywhere(Route.PREPARE, Route.RESULT, kind=FaultKind.TRUNCATED_JSON),
    *everywhere(Route.PREPARE, Route.RESULT, kind=FaultKind.INVALID_JSON),
    *everywhere(*CALLS, kind=FaultKind.CUT_ANSWER),
    *everywhere(Route.UPLOAD, kind=FaultKind.EARLY_403),
    *everywhere(Route.UPLOAD, kind=FaultKind.EXPIRED_URL),
    *everywhere(Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, seconds=LAG_S),
    *everywhere(Route.PREPARE, kind=FaultKind.CREATION_LAG, seconds=LAG_S),
]


def make_date(folder: Path, *, seed: int, count: int) -> list[ContentItem]:
    folder.mkdir(parents=True)
    return Studio(folder, seed=seed).images(count)


def settled_dates(order: dict[str, object], *, log: Path) -> list[dict[str, object]]:
    """What a submitting process says of each of its dates, once it is through with all."""
    with log.open("a") as stderr:
        done = subprocess.run(
            [sys.executable, SCRIPT, json.dumps(order)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 0, log.read_text()[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def seed(record_property) -> int:
    number = int(os.environ.get("PIQUE_TEST_SEED") or random.SystemRandom().randrange(1, 1 << 31))
    record_property("seed", number)
    return number


@contextmanager
def server(folder: Path, *, faults: list[Fault], seed: int) -> Iterator[tuple[FaultyPique, dict[str, object]]]:
    """The server, and the order that each submitting process begins with."""
    judges = folder / "judges.json"
    judges.write_text(json.dumps({"judges": [JUDGE]}))
    script = FaultScript(faults, seed=seed)
    with running_faulty_pique(data_dir=folder / "pique", script=script, seed_judges=judges, workers=2) as pique:
        yield (
            pique,
            {
                "base_url": pique.base_url,
                "api_key": pique.api_key,
                "judge_id": JUDGE["id"],
                "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
                "media": str(folder / "media"),
                "limits": LIMITS,
            },
        )


@pytest.mark.timeout(PATIENCE_S + 60)
@pytest.mark.long
def test_ten_thousand_submissions_through_every_fault_all_end_and_none_twice(tmp_path, seed, record_property):
    log = tmp_path / "submitter.log"
    sizes = [len(range(number, ITEMS, len(DATES))) for number in range(len(DATES))]
    contents = [
        item
        for number, (date, count) in enumerate(zip(DATES, sizes, strict=True))
        for item in make_date(tmp_path / "media" / date, seed=seed + number, count=count)
    ]
    with server(tmp_path, faults=FAULTS, seed=seed) as (pique, order):
        Ledger.open(str(order["ledger_url"])).close()
        with ThreadPoolExecutor(len(DATES)) as pool:
            said = list(pool.map(lambda date: settled_dates({**order, "dates": [date]}, log=log), DATES))
        verdict = Verdict.of(pique.data_dir, wanted=contents, crashes=0)
        with Ledger.open(str(order["ledger_url"])) as ledger:
            records = [
                record for date in DATES for record in submission_records(ledger, evaluation=EVALUATION, partition=date)
            ]
        violations = check_history(
            records=pique.records(),
            history=pique.history,
            submissions=records,
            texts={"the submitters' log": log.read_text()},
            secrets=[pique.api_key],
        )
        struck = Counter(fault.kind for exchange in pique.history for fault in exchange.faults)
        requests = len(pique.history)
    print(f"{ITEMS} submissions, {requests} requests, {struck.total()} faults: {verdict}; {said}; {struck}")
    record_property("verdict", asdict(verdict))
    assert verdict.is_clean, verdict
    assert violations == []
    assert Counter(record.state for record in records)["COMPLETED"] == ITEMS
    assert set(struck) == {fault.kind for fault in FAULTS}


@pytest.mark.timeout(PATIENCE_S + 60)
@pytest.mark.long
def test_ten_times_the_items_take_no_more_memory(tmp_path, seed):
    small, large = DATES[:2]
    make_date(tmp_path / "media" / small, seed=seed, count=ITEMS // 10)
    make_date(tmp_path / "media" / large, seed=seed + 1, count=ITEMS)
    with server(tmp_path, faults=[], seed=seed) as (_, order):
        first, second = settled_dates({**order, "dates": [small, large]}, log=tmp_path / "submitter.log")
    ratio = second["peak_kib"] / first["peak_kib"]
    print(
        f"peak of {ITEMS // 10} items {first['peak_kib']} KiB, of {ITEMS} items {second['peak_kib']} KiB: {ratio:.3f}"
    )
    # The listing of the folder and the rows of the content table: no record, no content, no connection, no answer.
    assert ratio < FLAT
