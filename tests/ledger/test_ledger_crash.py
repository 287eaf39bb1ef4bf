"""kill -9 just before and just after every commit: all of a write is there or nothing, and another worker goes on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.ledger.failpoints import ledger_writes

_PATH = Path(__file__).with_name("worker.py")
_SPEC = importlib.util.spec_from_file_location("ledger_test_worker", _PATH)
worker = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(worker)

# In this order, so that no walk leaves anything to a later one that claims whatever is left: those that do come first.
CLAIMS_ANYTHING = ("claim_begun_long_ago", "claim_orphans")
WRITES = sorted(ledger_writes(), key=lambda write: write not in CLAIMS_ANYTHING)
FAILPOINTS = [f"{write}.{moment}" for write in WRITES for moment in ("after_commit", "before_commit")]


def _undisturbed(ledger: Ledger) -> dict[str, object]:
    """For every failpoint, what is stored if a walk ends there the first time."""
    expected: dict[str, object] = {}
    for walk in (worker.walk_with_uploads, worker.walk_with_urls):
        name = walk.__name__
        before = worker.snapshot(ledger, name)
        for write in walk(ledger, name):
            after = worker.snapshot(ledger, name)
            expected.setdefault(f"{write}.before_commit", before)
            expected.setdefault(f"{write}.after_commit", after)
            before = after
    return expected


def _finish_everything(ledger: Ledger, now: datetime) -> None:
    """What a worker does that knows nothing but the ledger: close what never got a job, adopt the rest, collect.

    What may have been posted and was never answered ends in doubt.
    """
    orders = [worker.order(f"{name} {item}") for name in FAILPOINTS for item in worker.NAMES]
    for claim in ledger.claim_submissions(orders, lease_s=600):
        if claim.lease is not None and claim.submission.state is SubmissionState.INTENDED:
            ledger.record_rejected(claim.lease, error_code="content_vanished", error="the file is gone")
        elif claim.lease is not None:
            ledger.adopt(claim.lease, next_poll_at=now)
    for left in ledger.submissions(states=[SubmissionState.SUBMITTING], limit=1000):
        claim = ledger.claim_for_reconciliation(left.submission_id, lease_s=600)
        ledger.record_in_doubt(claim.lease, evidence="no answer")
    for due in ledger.claim_due(limit=1000, lease_s=600):
        ledger.record_result(
            due.lease, outcome=SubmissionState.COMPLETED, payload=b"{}", source="polled", received_at=now
        )


@pytest.mark.long
def test_a_worker_killed_at_any_commit_leaves_all_or_nothing_and_work_that_can_be_finished(ledger_url):
    with Ledger.open(ledger_url) as ledger:
        expected = _undisturbed(ledger)
    assert set(expected) == set(FAILPOINTS)

    killed = subprocess.run(
        [sys.executable, str(_PATH), "walk", ledger_url, *FAILPOINTS],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert killed.stdout.split() == [word for name in FAILPOINTS for word in (name, "9")], killed.stderr

    later = datetime.now(UTC) + timedelta(days=1)
    with Ledger.open(ledger_url, clock=lambda: later) as ledger:
        for name in FAILPOINTS:
            assert worker.snapshot(ledger, name) == expected[name], name
        _finish_everything(ledger, later)
        for name in FAILPOINTS:
            for item in worker.NAMES:
                attempts = ledger.attempts(work_key=worker.key(f"{name} {item}"))
                assert attempts or item == "orphan"
                assert {attempt.state for attempt in attempts} <= {
                    SubmissionState.COMPLETED,
                    SubmissionState.REJECTED,
                    SubmissionState.IN_DOUBT,
                }
                # Whatever had a job when the worker was killed was evaluated by that job and no other.
                assert sum(attempt.job_id is not None for attempt in attempts) <= 1
