"""A ledger that is slower than Pique waits: nothing is stored twice, and what waits for it is bounded."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from receiver_process import PATIENCE_S, Answer, serving

from pique_assets.ledger import Ledger
from pique_assets.webhooks import receiver_app
from pique_assets.webhooks.calls import MOST_CALLS

SECRET = "whsec_that-nobody-else-knows"
TAKEN, LATER = Answer(status=200), Answer(status=503)


def body_of(**fields: object) -> bytes:
    return json.dumps({"job_id": "job_" + secrets.token_urlsafe(12), **fields}).encode()


@contextmanager
def blocked(ledger: Path) -> Iterator[None]:
    """Nobody else can write into the ledger meanwhile."""
    blocker = sqlite3.connect(ledger, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    yield
    blocker.execute("ROLLBACK")
    blocker.close()


class Stored:
    """Counts what is stored: begun, and ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.ended: list[bool] = []
        self.change = threading.Condition()
        record = Ledger.record_webhook

        def counted(ledger: Ledger, *, job_id: str, **about: object) -> object:
            with self.change:
                self.begun.append(job_id)
                self.change.notify_all()
            receipt = record(ledger, job_id=job_id, **about)
            with self.change:
                self.ended.append(receipt.repeated)
                self.change.notify_all()
            return receipt

        monkeypatch.setattr(Ledger, "record_webhook", counted)

    def wait_for(self, count: int, *, begun: bool = False) -> None:
        with self.change:
            assert self.change.wait_for(lambda: len(self.begun if begun else self.ended) >= count, PATIENCE_S)


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # What outlasts four seconds outlasts these too, and the test need not wait for them.
    monkeypatch.setattr("pique_assets.webhooks.app.STORE_WITHIN_S", 0.2)


def test_a_store_that_outlasts_its_answer_is_not_done_twice(tmp_path, monkeypatch, short_patience):
    stored = Stored(monkeypatch)
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", busy_timeout_s=2 * PATIENCE_S) as ledger:
        body = body_of()
        with serving(receiver_app(ledger=ledger, secrets=SECRET)) as receiver:
            with blocked(path):
                # Pique signs anew whenever it sends again; the body is the same.
                assert [receiver.deliver(body) for _ in range(3)] == [LATER] * 3
            stored.wait_for(1)
            assert receiver.deliver(body) == TAKEN
        (kept,) = ledger.unknown_webhooks(limit=9)
        assert kept.body == body
    # The last one was new to the receiver, and known to the ledger.
    assert stored.ended == [False, True]
    assert len(stored.begun) == 2


def test_what_waits_for_a_slow_ledger_is_bounded(tmp_path, monkeypatch, short_patience):
    stored = Stored(monkeypatch)
    path = tmp_path / "ledger.db"
    bodies = [body_of() for _ in range(3 * MOST_CALLS)]
    with Ledger.open(f"sqlite:///{path}", busy_timeout_s=2 * PATIENCE_S) as ledger:
        with (
            serving(receiver_app(ledger=ledger, secrets=SECRET)) as receiver,
            ThreadPoolExecutor(8) as senders,
        ):
            with blocked(path):
                assert list(senders.map(receiver.deliver, bodies)) == [LATER] * len(bodies)
            stored.wait_for(MOST_CALLS)
            assert len(stored.begun) == MOST_CALLS
            assert list(senders.map(receiver.deliver, bodies)) == [TAKEN] * len(bodies)
        assert len(ledger.unknown_webhooks(limit=999)) == len(bodies)


def test_more_webhooks_than_are_stored_at_once_wait_for_their_turn(tmp_path, monkeypatch):
    # As long as this test takes.
    monkeypatch.setattr("pique_assets.webhooks.app.STORE_WITHIN_S", PATIENCE_S)
    stored = Stored(monkeypatch)
    path = tmp_path / "ledger.db"
    bodies = [body_of() for _ in range(5 * MOST_CALLS)]
    with (
        Ledger.open(f"sqlite:///{path}", busy_timeout_s=2 * PATIENCE_S) as ledger,
        serving(receiver_app(ledger=ledger, secrets=SECRET)) as receiver,
        ThreadPoolExecutor(len(bodies)) as senders,
    ):
        with blocked(path):
            answers = [senders.submit(receiver.deliver, body) for body in bodies]
            stored.wait_for(MOST_CALLS, begun=True)
        assert [answer.result() for answer in answers] == [TAKEN] * len(bodies)
        assert len(stored.begun) == len(bodies)
