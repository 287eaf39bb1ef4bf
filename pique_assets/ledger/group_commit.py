"""Group commit: writes that threads of this process want at the same moment share one transaction and one fsync.

Belongs here: who leads, who waits, and what an error of one write means for the others. Does not: what is written, and
how a transaction is opened (`database.py`).

Each write is a function of a connection. The first thread that comes leads: it runs every write that waits, in the
order in which they came, and commits once. The others wait. When a group is done, the first of those that came
meanwhile leads the next one. What holds:

1. A write returns only after the commit that holds it.
2. A write that is refused fails its own caller alone: nothing of the group was committed then, so each write of it is
   run again in a transaction of its own. So a write may run more than once before it counts, and must do nothing but
   read and write its connection.
3. Where transactions of other processes wait for ours as ours does for them, Postgres undoes one of them. Then too each
   write of the group is run again in a transaction of its own, and a write alone is run again as it is.
4. Any other error of the database (`LedgerUnavailable`) fails all writes of the group.
5. A leader that is interrupted, as Dagster does to cancel a run, hands over what it has not finished.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Generic, TypeVar, cast

from sqlalchemy.engine import Connection

from pique_assets.ledger.errors import LedgerContended, LedgerDeadlocked, LedgerUnavailable
from pique_assets.ledger.failpoints import failpoint

_Result = TypeVar("_Result")

MOST_IN_A_GROUP: Final = 64
"""A bound on how long a transaction keeps other processes waiting."""


MOST_TRIES: Final = 10
"""How often a transaction is run that Postgres undoes because of a deadlock. Each takes a second to be noticed."""


def despite_deadlocks(transaction: Callable[[], _Result], *, tries: int = MOST_TRIES) -> _Result:
    """Run a transaction again where the database undid it because of a deadlock.

    Args:
        transaction: Opens it, does its work and commits it; whatever it did is undone when it raises.
        tries: How often it is run at most.

    Raises:
        LedgerDeadlocked: Every time; nothing was written.
    """
    for _ in range(tries - 1):
        try:
            return transaction()
        except LedgerDeadlocked:
            # Of chance, so that two that were in each other's way do not meet again.
            time.sleep(random.uniform(0.001, 0.05))
    return transaction()


class GroupCommit:
    """Runs the writes of all threads of a process; thread-safe.

    Args:
        transaction: Opens a transaction, which is committed at the end of the block and rolled back by an exception. It
            translates errors of the database.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: deque[_PendingWrite[object]] = deque()
        self._has_leader = False

    def write(self, name: str, work: Callable[[Connection], _Result]) -> _Result:
        """Run a write together with those of other threads.

        Args:
            name: The write's name among the failpoints, which are hit just before and just after the commit.
            work: Does it; may be called more than once, from another thread.

        Raises:
            LedgerUnavailable: The database can't do its part; nothing of the group was written.
            Exception: Whatever `work` raises; nothing of it was written.
        """
        mine = _PendingWrite(name, work)
        try:
            with self._lock:
                self._waiting.append(cast("_PendingWrite[object]", mine))
                mine.leads = not self._has_leader
                self._has_leader = True
            if not mine.leads:
                mine.woken.wait()
            while mine.leads and not mine.is_settled:
                self._lead()
        finally:
            self._step_down(cast("_PendingWrite[object]", mine))
        return mine.outcome()

    def _lead(self) -> None:
        """Run one group. Whatever of it is not settled afterwards, because this thread was interrupted, waits again."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_A_GROUP))]
        try:
            self._run(group)
        finally:
            with self._lock:
                self._waiting.extendleft(reversed([write for write in group if not write.is_settled]))
            for write in group:
                if write.is_settled:
                    write.woken.set()

    def _run(self, group: Sequence[_PendingWrite[object]]) -> None:
        try:
            despite_deadlocks(lambda: self._commit(group), tries=1 if len(group) > 1 else MOST_TRIES)
        except Exception as error:
            if len(group) > 1 and (isinstance(error, LedgerContended) or not isinstance(error, LedgerUnavailable)):
                for write in group:
                    self._run([write])
            else:
                for write in group:
                    write.fail(error)
        else:
            for write in group:
                write.succeed()

    def _commit(self, group: Sequence[_PendingWrite[object]]) -> None:
        with self._transaction() as connection:
            for write in group:
                write.run(connection)

    def _step_down(self, mine: _PendingWrite[object]) -> None:
        """Let the next waiting write lead, if this one did; one that gives up waiting is not run any more."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            if not mine.leads:
                return
            mine.leads = False
            self._has_leader = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()


class _PendingWrite(Generic[_Result]):
    """One write, until its caller has its outcome.

    Attributes:
        leads: Whether its thread is to run the next group.
        woken: Set when it is settled, or is to lead.
        is_settled: Whether it was committed, or has failed.
    """

    def __init__(self, name: str, work: Callable[[Connection], _Result]) -> None:
        self.leads = False
        self.woken = threading.Event()
        self.is_settled = False
        self._name = name
        self._work = work
        self._result: _Result | None = None
        self._error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Do the work in a transaction that somebody else commits."""
        self._result = self._work(connection)
        failpoint(f"{self._name}.before_commit")

    def succeed(self) -> None:
        """Note that what was done is committed."""
        failpoint(f"{self._name}.after_commit")
        self.is_settled = True

    def fail(self, error: Exception) -> None:
        """Note why it was not done. Each caller raises an error of its own: a traceback belongs to one thread."""
        self._error = LedgerUnavailable(*error.args) if isinstance(error, LedgerUnavailable) else error
        self.is_settled = True

    def outcome(self) -> _Result:
        """What the work returned, or raise what it failed with."""
        if self._error is not None:
            raise self._error
        return cast("_Result", self._result)
