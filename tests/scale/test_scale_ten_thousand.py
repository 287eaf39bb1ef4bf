"""Ten thousand submissions on a connection on which everything goes wrong: all end, none twice, and memory stays flat.

The server's own record and the history of the proxy are the judges. `PIQUE_TEST_SEED` repeats the contents and the
faults; `PIQUE_SCALE_ITEMS` changes how many there are.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from scale_submitter import EVALUATION
from tiny_images import Studio
from verdict import Verdict, submission_records

from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem
from pique_assets.testing import Fault, FaultScript, Kind, Route, check_history, running_faulty_pique

ITEMS = int(os.environ.get("PIQUE_SCALE_ITEMS", "10000"))
FIRST_ITEMS = ITEMS // 10
FIRST_DATE, SECOND_DATE = "2026-03-02", "2026-03-03"
SCRIPT = Path(__file__).parents[1] / "support" / "scale_submitter.py"
PATIENCE_S = 1800

WARM_UP_KIB, RECORDS_KIB = 16 * 1024, 8
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


def everywhere(*routes: Route, kind: Kind, **how: object) -> list[Fault]:
    return [Fault(route=route, kind=kind, probability=SHARE, **how) for route in routes]


CALLS = (Route.PREPARE, Route.UPLOAD, Route.RESULT)
FAULTS = [
    *everywhere(*CALLS, kind=Kind.STATUS, status=500),
    *everywhere(*CALLS, kind=Kind.STATUS, status=503),
    *everywhere(*CALLS, kind=Kind.STATUS, status=429, retry_after=0.02),
    *everywhere(*CALLS, kind=Kind.SLOW, seconds=0.05),
    *everywhere(*CALLS, kind=Kind.RESET),
    *everywhere(*CALLS, kind=Kind.RESET, after_effect=True),
    *everywhere(*CALLS, kind=Kind.LOST_ANSWER),
    *everywhere(Route.PREPARE, Route.RESULT, kind=Kind.TRUNCATED_JSON),
    *everywhere(Route.PREPARE, Route.RESULT, kind=Kind.INVALID_JSON),
    *everywhere(*CALLS, kind=Kind.CUT_ANSWER),
    *everywhere(Route.UPLOAD, kind=Kind.EARLY_403),
    *everywhere(Route.UPLOAD, kind=Kind.EXPIRED_URL),
    *everywhere(Route.UPLOAD, kind=Kind.NOTIFICATION_LAG, seconds=LAG_S),
    *everywhere(Route.PREPARE, kind=Kind.CREATION_LAG, seconds=LAG_S),
]


def make_date(folder: Path, *, seed: int, count: int) -> list[ContentItem]:
    folder.mkdir(parents=True)
    return Studio(folder, seed=seed).images(count)


def settled_dates(order: dict[str, object], *, log: Path) -> list[dict[str, object]]:
    """What the submitting process says of each date, once it is through with all."""
    with log.open("w") as stderr:
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


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S + 60)
@pytest.mark.long
def test_ten_thousand_submissions_all_end_none_twice_and_memory_stays_flat(tmp_path, record_property):
    seed = int(os.environ.get("PIQUE_TEST_SEED") or random.SystemRandom().randrange(1, 1 << 31))
    record_property("seed", seed)
    media, judges, log = tmp_path / "media", tmp_path / "judges.json", tmp_path / "submitter.log"
    contents = [
        *make_date(media / FIRST_DATE, seed=seed, count=FIRST_ITEMS),
        *make_date(media / SECOND_DATE, seed=seed + 1, count=ITEMS - FIRST_ITEMS),
    ]
    judges.write_text(json.dumps({"judges": [JUDGE]}))
    ledger_url = f"sqlite:///{tmp_path / 'ledger.db'}"
    script = FaultScript(FAULTS, seed=seed)
    with running_faulty_pique(data_dir=tmp_path / "pique", script=script, seed_judges=judges, workers=2) as pique:
        order = {
            "base_url": pique.base_url,
            "api_key": pique.api_key,
            "judge_id": JUDGE["id"],
            "ledger_url": ledger_url,
            "media": str(media),
            "dates": [FIRST_DATE, SECOND_DATE],
            "limits": LIMITS,
        }
        first, second = settled_dates(order, log=log)
        verdict = Verdict.of(pique.data_dir, wanted=contents, crashes=0)
        with Ledger.open(ledger_url) as ledger:
            records = [
                record
                for day in (FIRST_DATE, SECOND_DATE)
                for record in submission_records(ledger, evaluation=EVALUATION, partition=day)
            ]
        violations = check_history(
            records=pique.records(),
            history=pique.history,
            submissions=records,
            texts={"the submitter's log": log.read_text()},
            secrets=[pique.api_key],
        )
        struck = Counter(fault.kind for exchange in pique.history for fault in exchange.faults)
        requests = len(pique.history)
    print(f"{ITEMS} submissions, {requests} requests, {struck.total()} faults: {verdict}; {first}; {second}; {struck}")
    record_property("verdict", asdict(verdict))
    assert verdict.is_clean, verdict
    assert violations == []
    assert Counter(record.state for record in records)["COMPLETED"] == ITEMS
    # A few records for each item of a date, and nothing else that grows: no content, no connection, no answer.
    further_items = ITEMS - 2 * FIRST_ITEMS
    assert second["peak_kib"] - first["peak_kib"] < WARM_UP_KIB + RECORDS_KIB * further_items
