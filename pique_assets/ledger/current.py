"""Which of several attempts stands for a piece of work, and what a partition consists of.

Belongs here: the rule, in SQL, and the join of the inventory with it. Does not: what is reported about it
(`reports.py`).
"""

from __future__ import annotations

import sqlalchemy as sa

from pique_assets.ledger.model import FINISHED_STATES
from pique_assets.ledger.tables import inventory, submissions

_candidate = submissions.alias("candidate")


def best_first(table: sa.FromClause) -> tuple[sa.ColumnElement[object], ...]:
    """Order the attempts of one work key: the live one, else one that finished after all, else the latest.

    A finished attempt that is not live is an abandoned job whose result came late. It counts before any
    further attempt would be made, so that the content is not evaluated twice.
    """
    finished = sa.case((table.c.state.in_(FINISHED_STATES), 1), else_=0)
    return table.c.live.desc(), finished.desc(), table.c.attempt.desc()


_current_id = (
    sa.select(_candidate.c.submission_id)
    .where(_candidate.c.work_key == inventory.c.work_key)
    .order_by(*best_first(_candidate))
    .limit(1)
    .correlate(inventory)
    .scalar_subquery()
)

items = inventory.join(submissions, submissions.c.submission_id == _current_id, isouter=True)
"""Every inventory row with its current submission, if it has one."""


def of_partition(evaluation: str, partition: str) -> sa.ColumnElement[bool]:
    """The rows of `items` that belong to one partition."""
    return sa.and_(inventory.c.evaluation == evaluation, inventory.c.partition == partition)
