"""From rows to the frozen records of `states.py`, and which row stands for a piece of work.

Belongs here: the shape of a selected row and its conversion; which of several attempts stands for a piece of work; the
join of the inventory with it. Does not: which rows are selected (the parts of the ledger).

Records are built by position: with 40,000 rows a look-up by column object costs more than the database does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import CHUNK, chunks
from pique_assets.ledger.states import FINISHED_STATES, InventoryItem, Lease, Submission, UploadTarget
from pique_assets.ledger.tables import inventory, submissions, upload_targets

AnyRow = sa.Row[Any]
"""A row of whatever columns; which ones is said by the select it comes from."""

_NOT_IN_SUBMISSION = {"lease_token", "lease_expires_at", "woken", "updated_at"}
_NOT_IN_ITEM = {"evaluation", "partition", "content_key", "source", "present"}

SUBMISSION_COLUMNS = [column for column in submissions.columns if column.name not in _NOT_IN_SUBMISSION]
INVENTORY_COLUMNS = [column for column in inventory.columns if column.name not in _NOT_IN_ITEM]
INVENTORY_FIELDS = tuple(column.name for column in INVENTORY_COLUMNS)

SUBMISSION_FIELDS = tuple(column.name for column in SUBMISSION_COLUMNS)
_TARGET_COLUMNS = (upload_targets.c.url, upload_targets.c.headers, upload_targets.c.expires_at)

for_lease_holder = sa.select(
    *SUBMISSION_COLUMNS, submissions.c.lease_token, submissions.c.lease_expires_at, *_TARGET_COLUMNS
).join_from(submissions, upload_targets, isouter=True)
"""Submissions with lease and upload target; everybody else selects `SUBMISSION_COLUMNS` alone."""


STREAMED = {"yield_per": CHUNK}
"""Execution options of a statement whose rows are looked at one after the other and not kept."""


def to_submission(values: Sequence[Any], *, upload_target: UploadTarget | None = None) -> Submission:
    """Build the record from the values of `SUBMISSION_COLUMNS`, in their order."""
    return Submission(upload_target=upload_target, **dict(zip(SUBMISSION_FIELDS, values, strict=True)))


def to_leased_submission(row: AnyRow) -> Submission:
    """Build the record from a row of `for_lease_holder`, with its upload target if there is one."""
    target = None
    if row.url is not None:
        target = UploadTarget(url=row.url, headers=json.loads(row.headers), expires_at=row.expires_at)
    return to_submission(row[: len(SUBMISSION_FIELDS)], upload_target=target)


def to_unleased_submission(row: AnyRow) -> Submission:
    """Build the record from a row of `for_lease_holder` for somebody who is none."""
    return to_submission(row[: len(SUBMISSION_FIELDS)])


def to_lease(row: AnyRow) -> Lease:
    """Build the lease that a row of `for_lease_holder` shows."""
    return Lease(submission_id=row.submission_id, token=row.lease_token, expires_at=row.lease_expires_at)


def to_inventory_item(values: Sequence[Any]) -> InventoryItem:
    """Build the record from the values of `INVENTORY_COLUMNS`, in their order."""
    return InventoryItem(**dict(zip(INVENTORY_FIELDS, values, strict=True)))


_BY_ID = for_lease_holder.where(submissions.c.submission_id.in_(sa.bindparam("ids", expanding=True)))


def load(connection: Connection, ids: Sequence[int]) -> list[AnyRow]:
    """Rows of `for_lease_holder` in the order of the ids."""
    found: dict[int, AnyRow] = {}
    for chunk in chunks(ids):
        rows = connection.execute(_BY_ID, {"ids": chunk})
        found.update({row.submission_id: row for row in rows})
    return [found[submission_id] for submission_id in ids]


def best_first(table: sa.FromClause) -> tuple[sa.ColumnElement[object], ...]:
    """Order the attempts of one work key: the live one, else one that finished after all, else the latest.

    A finished attempt that is not live is an abandoned job whose result came late. It counts before any
    further attempt would be made, so that the content is not evaluated twice.
    """
    finished = sa.case((table.c.state.in_(FINISHED_STATES), 1), else_=0)
    return table.c.live.desc(), finished.desc(), table.c.attempt.desc()


_candidate = submissions.alias("candidate")

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
