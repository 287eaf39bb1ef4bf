"""Writes of several threads share a transaction; each caller learns what became of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from waiting import eventually

from pique_assets.ledger import LeaseLost, Ledger, LedgerDeadlocked, LedgerUnavailable, SubmissionState
from pique_assets.ledger.group_commit import MOST_IN_A_GROUP, MOST_TRIES

WAITING = 6


class Broken(LedgerUnavailable):
    """The database failed."""


class Interrupted(BaseException):
    """Dagster cancels the run."""


@contextmanager
def while_somebody_writes(ledger: Ledger) -> Iterator[ThreadPoolExecutor]:
    """Let writes that are begun inside the block wait for each other until its end."""
    database = ledger._database
    may_end = threading.Event()
    with ThreadPoolExecutor(MOST_IN_A_GROUP + 3) as pool:
        first = pool.submit(database.write, "make_due", lambda connection: may_end.wait())
        eventually(lambda: database._group._has_leader and not database._group._waiting)
        try:
            yield pool
        finally:
            may_end.set()
        first.result()


def all_waiting(ledger: Ledger, count: int) -> None:
    eventually(lambda: len(ledger._database._group._waiting) == count)


@contextmanager
def counted(ledger: Ledger, event: str) -> Iterator[list[object]]:
    """What an engine does inside the block."""
    seen: list[object] = []

    def note(*_: object) -> None:
        seen.append(event)

    sa.event.listen(ledger._database._engine, event, note)
    try:
        yield seen
    finally:
        sa.event.remove(ledger._database._engine, event, note)


def together(ledger: Ledger, writes: list[Callable[[], object]]) -> list[Future[object]]:
    """Do all of this in one group."""
    with while_somebody_writes(ledger) as pool:
        begun = []
        for number, write in enumerate(writes, start=1):
            begun.append(pool.submit(write))
            all_waiting(ledger, number)
    return begun


def test_writes_that_wait_together_are_committed_together(story, ledger):
    leases = [story.prepared(f"n{number}") for number in range(WAITING)]
    with counted(ledger, "commit") as commits:
        begun = together(ledger, [lambda lease=lease: ledger.record_upload_started(lease) for lease in leases])
    assert {one.result().state for one in begun} == {SubmissionState.UPLOADING}
    # That of the write they waited for, and their own.
    assert len(commits) == 2
    assert {story.state(f"n{number}")[0] for number in range(WAITING)} == {"UPLOADING"}


def test_a_refused_write_fails_its_caller_alone(story, ledger):
    leases = [story.prepared(f"n{number}") for number in range(WAITING)]
    ledger.release_lease(leases[2])
    begun = together(ledger, [lambda lease=lease: ledger.record_upload_started(lease) for lease in leases])
    with pytest.raises(LeaseLost):
        begun.pop(2).result()
    assert {one.result().state for one in begun} == {SubmissionState.UPLOADING}
    states = [story.state(f"n{number}") for number in range(WAITING)]
    assert states == [["PREPARED"] if number == 2 else ["UPLOADING"] for number in range(WAITING)]


def test_what_a_refused_write_had_written_before_is_not_committed_with_the_others(story, ledger):
    """The second of two leases of one POST is lost: neither is recorded, and the upload beside them is."""
    first, second = story.wanted("u1", "u2")
    ledger.release_lease(second)
    upload = story.prepared("n1")
    begun = together(
        ledger,
        [lambda: ledger.record_submitting([first, second]), lambda: ledger.record_upload_started(upload)],
    )
    with pytest.raises(LeaseLost):
        begun[0].result()
    assert begun[1].result().state is SubmissionState.UPLOADING
    assert story.state("u1") == story.state("u2") == ["INTENDED"]


def test_an_error_of_the_database_fails_all_of_them_each_with_an_error_of_its_own(story, ledger):
    leases = [story.prepared(f"n{number}") for number in range(WAITING)]
    database = ledger._database

    def fail(_: object) -> None:
        raise Broken("the disk is full")

    writes = [lambda lease=lease: ledger.record_upload_started(lease) for lease in leases]
    begun = together(ledger, [*writes, lambda: database.write("make_due", fail)])
    errors = [one.exception() for one in begun]
    assert {(type(error), str(error)) for error in errors} == {(LedgerUnavailable, "the disk is full")}
    assert len({id(error) for error in errors}) == len(errors)
    assert {story.state(f"n{number}")[0] for number in range(WAITING)} == {"PREPARED"}


def test_where_locks_form_a_circle_each_is_written_again_alone(story, ledger):
    leases = [story.prepared(f"n{number}") for number in range(2)]
    database, tries = ledger._database, []

    def fail_twice(_: object) -> str:
        tries.append(1)
        if len(tries) <= 2:
            raise LedgerDeadlocked("a deadlock")
        return "written"

    writes = [lambda lease=lease: ledger.record_upload_started(lease) for lease in leases]
    with counted(ledger, "commit") as commits:
        begun = together(ledger, [*writes, lambda: database.write("make_due", fail_twice)])
    assert begun.pop().result() == "written"
    assert {one.result().state for one in begun} == {SubmissionState.UPLOADING}
    assert len(commits) == 4


def test_a_circle_that_never_ends_is_an_error_after_so_many_tries(ledger):
    tries = []

    def fail(_: object) -> None:
        tries.append(1)
        raise LedgerDeadlocked("a deadlock")

    with pytest.raises(LedgerUnavailable, match="a deadlock"):
        ledger._database.write("make_due", fail)
    assert len(tries) == MOST_TRIES


def test_an_interrupted_leader_hands_over_what_it_has_not_finished(story, ledger):
    leases = [story.prepared(f"n{number}") for number in range(WAITING)]
    database = ledger._database

    def be_interrupted(_: object) -> None:
        raise Interrupted

    interrupted = lambda: database.write("make_due", be_interrupted)  # noqa: E731
    writes = [lambda lease=lease: ledger.record_upload_started(lease) for lease in leases]
    begun = together(ledger, [interrupted, *writes])
    with pytest.raises(Interrupted):
        begun.pop(0).result()
    assert {one.result().state for one in begun} == {SubmissionState.UPLOADING}
    # And the next write finds nobody leading.
    assert ledger.make_due([]) == 0


def test_a_group_has_a_bound(ledger):
    database = ledger._database
    with counted(ledger, "commit") as commits:
        begun = together(
            ledger,
            [
                lambda number=number: database.write("make_due", lambda _: number)
                for number in range(MOST_IN_A_GROUP + 1)
            ],
        )
    assert [one.result() for one in begun] == list(range(MOST_IN_A_GROUP + 1))
    assert len(commits) == 3
