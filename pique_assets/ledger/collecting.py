"""Which dates a sensor has collected next: those that are complete, and those of which nothing moves any more.

Belongs here: reads over all partitions that are not collected, and what a run and a sensor note about collecting them.
Does not: what a partition consists of and when it is complete (`partitions.py`), nor what is asked of Dagster.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.partitions import named_partition, settled
from pique_assets.ledger.rows import items, of_partition
from pique_assets.ledger.states import OPEN_STATES, SettledPartition, SubmissionState
from pique_assets.ledger.tables import UNCOLLECTED, UtcDateTime, inventory, partitions, submissions

LOOKED_AT_ONCE = 100
"""Of so many partitions `next_uncollected` asks whether anything is open: that looks at all their items."""

_KEY = (partitions.c.evaluation, partitions.c.partition)


_THIS_ONE = sa.and_(
    partitions.c.evaluation == sa.bindparam("of_evaluation"), partitions.c.partition == sa.bindparam("of_partition")
)
_LOOKED_AT = sa.update(partitions).where(_THIS_ONE).values(looked_at=sa.bindparam("looked_at"))

_of_this_partition = sa.and_(
    inventory.c.evaluation == partitions.c.evaluation, inventory.c.partition == partitions.c.partition
)
_more_to_come = sa.or_(
    submissions.c.state.is_(None),
    submissions.c.state.in_(sorted(OPEN_STATES | {SubmissionState.ABANDONED})),
)
_IS_SETTLED = sa.select(sa.literal(1)).where(
    _THIS_ONE,
    sa.not_(
        sa.exists()
        .select_from(items)
        .where(_of_this_partition, inventory.c.work_key.is_not(None), _more_to_come)
        .correlate(partitions)
    ),
)
"""Whether nothing of a partition is to come; of one that is not settled, only the first open item is looked at."""


class Collecting(LedgerPart):
    """Partitions whose tables are to be made, and what is noted about that."""

    def uncollected_partitions(self) -> list[SettledPartition]:
        """Settled partitions that nobody has noted as collected since their last inventory, sorted by name."""
        with self._database.read() as connection:
            return _settled(connection, _names(connection, _uncollected(None).order_by(*_KEY)))

    def next_uncollected(self, *, at_most: int, evaluations: Collection[str] | None = None) -> list[SettledPartition]:
        """Some of `uncollected_partitions`, those first that were not looked at for longest; sorted by name.

        What `postpone_collection` names waits for its time. A hundred partitions are looked at; which ones is noted
        where others have to wait for their turn, so a call that finds little to look at writes nothing.

        Args:
            at_most: How many.
            evaluations: Only theirs, if not everybody's.
        """
        wanted = _uncollected(evaluations).where(_is_due(partitions.c.postponed_until, now=self._clock()))
        order = (partitions.c.looked_at.is_not(None), partitions.c.looked_at, *_KEY)
        with self._database.read() as connection:
            names = _names(connection, wanted.order_by(*order).limit(LOOKED_AT_ONCE))
            found = _settled(connection, names, at_most=at_most)
        if len(found) == at_most:
            names = [(one.evaluation, one.partition) for one in found]
        if len(names) == LOOKED_AT_ONCE or len(found) == at_most:
            self.record_looked_at(names)
        return sorted(found, key=lambda one: (one.evaluation, one.partition))

    @ledger_write("collecting")
    def record_looked_at(self, connection: Connection, names: Sequence[tuple[str, str]]) -> None:
        """Note that these partitions had their turn, by evaluation and date."""
        now = self._clock()
        connection.execute(
            _LOOKED_AT,
            [
                {"of_evaluation": evaluation, "of_partition": date, "looked_at": now}
                for evaluation, date in sorted(names)
            ],
        )

    def open_partitions(self, *, evaluations: Sequence[str], at_most: int) -> list[tuple[str, str]]:
        """Evaluation and date of partitions that are not collected and not postponed while open.

        Whether anything of them is open has to be asked of each. Those that nobody looked at for longest come first.

        Args:
            evaluations: Only theirs.
            at_most: How many.
        """
        until = partitions.c.open_postponed_until
        wanted = _uncollected(evaluations).where(_is_due(until, now=self._clock()))
        with self._database.read() as connection:
            return _names(connection, wanted.order_by(until.is_not(None), until, *_KEY).limit(at_most))

    def last_move(self, *, evaluation: str, partition: str) -> datetime | None:
        """When open content of the partition was last sent or taken up by a run; None if nothing is open.

        To be asked for its result is no move of a job: it has been where it is since its content arrived.
        """
        arrived_at = sa.func.coalesce(submissions.c.uploaded_at, submissions.c.created_at)
        moved_at = sa.case(
            (submissions.c.state == SubmissionState.UPLOADED, arrived_at),
            (submissions.c.state.in_(sorted(OPEN_STATES)), submissions.c.updated_at),
        )
        latest = sa.select(sa.func.max(sa.type_coerce(moved_at, UtcDateTime))).select_from(items)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(latest.where(of_partition(evaluation, partition))).scalar_one()
            return found

    @ledger_write("collecting")
    def record_collecting(
        self, connection: Connection, *, evaluation: str, partition: str, run: str, digest: str
    ) -> None:
        """Note which run writes the partition's tables, and from what; its last step asks `collecting_digest`.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            run: the run's id.
            digest: `PartitionSummary.digest` of what the tables are made from.
        """
        named = named_partition(evaluation, partition)
        connection.execute(sa.update(partitions).where(named).values(collecting_run=run, collecting_digest=digest))

    def collecting_digest(self, *, evaluation: str, partition: str, run: str) -> str | None:
        """What `record_collecting` noted for a run; None if another run has begun to write the tables since."""
        wanted = sa.select(partitions.c.collecting_digest).where(
            named_partition(evaluation, partition), partitions.c.collecting_run == run
        )
        with self._database.read() as connection:
            found: str | None = connection.execute(wanted).scalar_one_or_none()
            return found

    @ledger_write("collecting")
    def postpone_collection(
        self, connection: Connection, *, evaluation: str, partition: str, until: datetime, while_open: bool
    ) -> None:
        """Note until when nobody need ask whether the partition wants a run; another inventory ends that.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            until: when to look at it again.
            while_open: whether that is so only as long as jobs of it are open.
        """
        column = partitions.c.open_postponed_until if while_open else partitions.c.postponed_until
        connection.execute(sa.update(partitions).where(named_partition(evaluation, partition)).values({column: until}))


def _uncollected(evaluations: Collection[str] | None) -> sa.Select[str, str]:
    wanted = sa.select(*_KEY).where(UNCOLLECTED)
    return wanted if evaluations is None else wanted.where(partitions.c.evaluation.in_(sorted(evaluations)))


def _is_due(until: sa.ColumnElement[datetime | None], *, now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(until.is_(None), until <= now)


def _names(connection: Connection, wanted: sa.Select[str, str]) -> list[tuple[str, str]]:
    return [(evaluation, partition) for evaluation, partition in connection.execute(wanted)]


def _settled(
    connection: Connection, names: Sequence[tuple[str, str]], *, at_most: int | None = None
) -> list[SettledPartition]:
    """Those of the partitions that are settled, in their order; no more are looked at than are wanted."""
    found: list[SettledPartition] = []
    for evaluation, partition in names:
        if len(found) == at_most:
            break
        of_this = {"of_evaluation": evaluation, "of_partition": partition}
        if connection.execute(_IS_SETTLED, of_this).first() is not None:
            one = settled(connection, evaluation=evaluation, partition=partition)
            if one is not None:
                found.append(one)
    return found
