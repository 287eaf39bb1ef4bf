"""Where Postgres undoes one of two transactions that wait for each other, and takes ours, nobody hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from waiting import eventually

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.ledger.tables import inventory, known_lake_files, partitions, submissions


@pytest.fixture
def ledger(postgres_url, clock) -> Iterator[Ledger]:
    with Ledger.open(postgres_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def engine(postgres_url) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


def is_waited_for(connection: sa.Connection) -> bool:
    ours = sa.text("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))")
    return bool(connection.execute(ours).scalar_one())


@contextmanager
def in_the_way(
    engine: sa.Engine, write: Callable[[], Any], *, first: sa.Select[Any], second: sa.Select[Any]
) -> Iterator[Future[Any]]:
    """Another host holds the second row, and wants the first as soon as the write, which holds that, wants the second.

    The other host looks for a circle after an hour only, so that it is the write which finds one and is undone.
    """
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        other.execute(sa.text("SET deadlock_timeout = '1h'"))
        other.execute(second.with_for_update())
        future = pool.submit(write)
        eventually(lambda: is_waited_for(other))
        other.execute(first.with_for_update())
        other.commit()
        yield future


def of_job(job_id: str) -> sa.Select[Any]:
    return sa.select(submissions.c.submission_id).where(submissions.c.job_id == job_id)


def of_file(key: str) -> sa.Select[Any]:
    return sa.select(known_lake_files.c.file_key).where(known_lake_files.c.file_key == key)


def test_a_write_that_locks_several_rows_is_run_again(ledger, engine, story):
    story.uploaded("first", job_id="job_1")
    story.uploaded("second", job_id="job_2")
    wake = lambda: ledger.make_due(["job_1", "job_2"])  # noqa: E731
    with in_the_way(engine, wake, first=of_job("job_1"), second=of_job("job_2")) as written:
        assert written.result() == 2


def test_a_write_in_a_transaction_of_its_own_is_run_again(ledger, engine):
    ledger.record_known_lake_files({"a": "1", "b": "1"})
    note = lambda: ledger.record_known_lake_files({"a": "2", "b": "2"})  # noqa: E731
    with in_the_way(engine, note, first=of_file("a"), second=of_file("b")) as noted:
        noted.result()
    assert ledger.known_lake_files() == {"a": "2", "b": "2"}


def test_what_is_abandoned_while_its_inventory_is_recorded_waits_before_it_touches_content(ledger, engine, story):
    story.take_inventory(story.item("gone"))
    lease = story.prepared("gone")
    story.take_inventory()
    with ThreadPoolExecutor(1) as pool, engine.connect() as recording:
        recording.execute(sa.select(partitions).with_for_update())
        abandoned = pool.submit(ledger.record_abandoned, lease, evidence="it is gone", next_poll_at=None)
        eventually(lambda: is_waited_for(recording))
        assert recording.execute(sa.select(inventory.c.filename).with_for_update(nowait=True)).scalars().all()
        recording.commit()
        assert abandoned.result().state is SubmissionState.ABANDONED
    assert ledger.partition_state(evaluation="brand", partition="2026-03-02") == []
