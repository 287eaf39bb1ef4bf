"""Each write is one transaction, whichever of its statements fails, and the disk has it before the method returns."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from pique_assets.ledger import Ledger
from pique_assets.ledger.failpoints import ledger_writes
from pique_assets.ledger.tables import metadata

_PATH = Path(__file__).with_name("worker.py")
_SPEC = importlib.util.spec_from_file_location("ledger_test_worker", _PATH)
worker = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(worker)

STEPS = ("before_cursor_execute", "commit")


class Broken(Exception):
    """The database failed."""


def rows(ledger: Ledger) -> dict[str, list[str]]:
    """All that is stored."""
    with ledger._database.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in metadata.sorted_tables}


@contextmanager
def failing_after(ledger: Ledger, steps: int) -> Iterator[None]:
    """Let so many statements and commits succeed inside the block, and the next one fail."""
    engine = ledger._database._engine
    taken = 0

    def take_a_step(*_: object) -> None:
        nonlocal taken
        if taken == steps:
            raise Broken
        taken += 1

    for step in STEPS:
        sa.event.listen(engine, step, take_a_step)
    try:
        yield
    finally:
        for step in STEPS:
            sa.event.remove(engine, step, take_a_step)


class StumblingLedger:
    """A ledger that fails at the first step of each write, then at its second, until the write has succeeded.

    Attributes:
        failures: How often each write failed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.failures: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        method = getattr(self._ledger, name)
        return self._stumbling(method) if name in ledger_writes() else method

    def _stumbling(self, method: Callable[..., object]) -> Callable[..., object]:
        def write(*arguments: object, **options: object) -> object:
            before = rows(self._ledger)
            for steps in range(100):
                try:
                    with failing_after(self._ledger, steps):
                        return method(*arguments, **options)
                except Broken:
                    self.failures[method.__name__] += 1
                    assert rows(self._ledger) == before, f"{method.__name__} left something after {steps} steps"
            raise AssertionError(f"{method.__name__} takes more than 100 steps")

        return write


@pytest.mark.parametrize("walk", [worker.walk_with_uploads, worker.walk_with_urls])
def test_a_write_that_fails_at_any_statement_leaves_nothing_and_can_be_repeated(ledger_url, walk):
    with Ledger.open(ledger_url) as ledger:
        undisturbed = list(walk(ledger, "undisturbed"))
        stored = worker.snapshot(ledger, "undisturbed")
        stumbling = StumblingLedger(ledger)
        assert list(walk(stumbling, "stumbling")) == undisturbed
        assert worker.snapshot(ledger, "stumbling") == stored
    # A statement and the commit at least; the begin of SQLite's transactions is one of its statements.
    assert set(stumbling.failures) == set(undisturbed)
    assert min(stumbling.failures.values()) >= 2


def _shown(ledger: Ledger, *questions: str) -> list[object]:
    """What the connections of a ledger's reads and of its writes are set to."""
    found = []
    for transaction in (ledger._database.read, ledger._database.long_write):
        with transaction() as connection:
            found.append(tuple(connection.exec_driver_sql(question).scalar_one() for question in questions))
    return found


FULL = 2


def test_sqlite_waits_for_the_disk_at_each_commit_and_overwrites_what_is_erased(sqlite_url):
    with Ledger.open(sqlite_url) as ledger:
        questions = [f"PRAGMA {name}" for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")]
        assert _shown(ledger, *questions) == [("wal", FULL, 1, 1)] * 2


def test_the_write_ahead_log_is_moved_into_the_file_as_sqlite_does_by_default(sqlite_url):
    with Ledger.open(sqlite_url) as ledger:
        assert _shown(ledger, "PRAGMA wal_autocheckpoint") == [(1000,)] * 2


def test_postgres_waits_for_the_disk_at_each_commit(postgres_url):
    with Ledger.open(postgres_url) as ledger:
        assert _shown(ledger, "SHOW synchronous_commit", "SHOW transaction_isolation") == [("on", "read committed")] * 2
