"""A run that was stopped, or cut off from the ledger, finishes no upload that another run may have taken over."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from desk import Desk, demo_items, open_item_verified

from pique_assets.evaluation.claiming import LeaseKeeper
from pique_assets.ledger import LeaseLost, Ledger, LedgerUnavailable, SubmissionOrder

CHILD = Path(__file__).parents[1] / "support" / "frozen_submitter.py"
WHERE = {"evaluation": "brand_videos", "partition": "2026-03-02"}


def complete_puts(desk: Desk) -> int:
    return sum(job.complete_puts for job in desk.record())


def test_a_run_that_was_frozen_in_its_put_does_not_finish_it_after_another_took_over(desk, tmp_path):
    environment = os.environ | {"PIQUE_BASE_URL": desk.pique.base_url, "PIQUE_API_KEY": desk.pique.api_key}
    frozen = subprocess.Popen(
        [sys.executable, CHILD, f"sqlite:///{tmp_path / 'ledger.db'}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, status = os.waitpid(frozen.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), frozen.communicate()
        assert (complete_puts(desk), len(desk.record())) == (0, 1)
        assert desk.submit(demo_items("2026-03-02")[:1]).sent == 1
        frozen.send_signal(signal.SIGCONT)
        said, complaints = frozen.communicate(timeout=200)
    finally:
        frozen.kill()
    assert (frozen.returncode, said.split()) == (0, ["0", "1"]), complaints
    assert (complete_puts(desk), set(desk.evaluations().values())) == (1, {1})


class _LockedMeanwhile(io.BufferedReader):
    """Somebody else locks the ledger's file while the content is sent."""

    def __init__(self, raw: io.RawIOBase, *, lock: sqlite3.Connection) -> None:
        super().__init__(raw)
        self._lock = lock

    def read(self, size: int | None = -1) -> bytes:
        if not self._lock.in_transaction:
            self._lock.execute("BEGIN IMMEDIATE")
        return super().read(size)


@pytest.mark.long
def test_a_run_that_is_cut_off_from_the_ledger_finishes_no_upload(pique, client, tmp_path):
    path = tmp_path / "ledger.db"
    with (
        Ledger.open(f"sqlite:///{path}", busy_timeout_s=0.2) as ledger,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as somebody_else,
    ):
        desk = Desk(pique=pique, client=client, ledger=ledger)
        items = demo_items("2026-03-02")[:1]
        with pytest.raises(LedgerUnavailable, match="locked"):
            desk.submit(items, open_item=lambda item: _LockedMeanwhile(open_item_verified(item), lock=somebody_else))
        assert complete_puts(desk) == 0
        somebody_else.execute("ROLLBACK")
        assert desk.submit(items).sent == 1
        assert (complete_puts(desk), set(desk.evaluations().values())) == (1, {1})


def order(name: str) -> SubmissionOrder:
    return SubmissionOrder(
        work_key=name * 64,
        judge_id="j",
        judge_configuration_hash="h",
        content_type="video",
        fingerprint="f",
        filename="f.mp4",
        size_bytes=1,
    )


def test_a_lease_is_confirmed_by_the_ledger_alone(ledger):
    lease = ledger.claim_submissions([order("a")], lease_s=60)[0].lease
    keeper = LeaseKeeper(ledger, lease_s=60)
    keeper.confirm(lease)
    ledger.release_lease(lease)
    with pytest.raises(LeaseLost):
        keeper.confirm(lease)


def test_a_ledger_that_answers_too_slowly_for_any_lease_confirms_none(ledger):
    lease = ledger.claim_submissions([order("a")], lease_s=60)[0].lease
    # With a lease that is over at once, every answer comes too late.
    with pytest.raises(LeaseLost, match="more than half of a lease"):
        LeaseKeeper(ledger, lease_s=1e-6).confirm(lease)
