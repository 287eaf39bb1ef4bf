"""From rows to the frozen records of `model.py`.

Belongs here: the shape of a selected row and its conversion. Does not: which rows are selected.

Records are built by position: with 40,000 rows a look-up by column object costs more than the database does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import CHUNK, chunks
from pique_assets.ledger.model import InventoryItem, Lease, Submission, UploadTarget
from pique_assets.ledger.tables import inventory, submissions, upload_targets

AnyRow = sa.Row[Any]
"""A row of whatever columns; which ones is said by the select it comes from."""

_NOT_IN_SUBMISSION = {"lease_token", "lease_expires_at", "woken", "updated_at"}
_NOT_IN_ITEM = {"evaluation", "partition", "content_key", "source", "present"}

SUBMISSION_COLUMNS = [column for column in submissions.columns if column.name not in _NOT_IN_SUBMISSION]
INVENTORY_COLUMNS = [column for column in inventory.columns if column.name not in _NOT_IN_ITEM]
INVENTORY_FIELDS = tuple(column.name for column in INVENTORY_COLUMNS)

_SUBMISSION_FIELDS = tuple(column.name for column in SUBMISSION_COLUMNS)
_TARGET_COLUMNS = (upload_targets.c.url, upload_targets.c.headers, upload_targets.c.expires_at)

for_lease_holder = sa.select(
    *SUBMISSION_COLUMNS, submissions.c.lease_token, submissions.c.lease_expires_at, *_TARGET_COLUMNS
).join_from(submissions, upload_targets, isouter=True)
"""Submissions with lease and upload target; everybody else selects `SUBMISSION_COLUMNS` alone."""


STREAMED = {"yield_per": CHUNK}
"""Execution options of a statement whose rows are looked at one after the other and not kept."""


def to_submission(values: Sequence[Any], *, upload_target: UploadTarget | None = None) -> Submission:
    """Build the record from the values of `SUBMISSION_COLUMNS`, in their order."""
    return Submission(upload_target=upload_target, **dict(zip(_SUBMISSION_FIELDS, values, strict=True)))


def to_leased_submission(row: AnyRow) -> Submission:
    """Build the record from a row of `for_lease_holder`, with its upload target if there is one."""
    target = None
    if row.url is not None:
        target = UploadTarget(url=row.url, headers=json.loads(row.headers), expires_at=row.expires_at)
    return to_submission(row[: len(_SUBMISSION_FIELDS)], upload_target=target)


def to_unleased_submission(row: AnyRow) -> Submission:
    """Build the record from a row of `for_lease_holder` for somebody who is none."""
    return to_submission(row[: len(_SUBMISSION_FIELDS)])


def to_lease(row: AnyRow) -> Lease:
    """Build the lease that a row of `for_lease_holder` shows."""
    return Lease(submission_id=row.submission_id, token=row.lease_token, expires_at=row.lease_expires_at)


def to_inventory_item(values: Sequence[Any]) -> InventoryItem:
    """Build the record from the values of `INVENTORY_COLUMNS`, in their order."""
    return InventoryItem(**dict(zip(INVENTORY_FIELDS, values, strict=True)))


def load(connection: Connection, ids: Sequence[int]) -> list[AnyRow]:
    """Rows of `for_lease_holder` in the order of the ids."""
    found: dict[int, AnyRow] = {}
    for chunk in chunks(ids):
        rows = connection.execute(for_lease_holder.where(submissions.c.submission_id.in_(chunk)))
        found.update({row.submission_id: row for row in rows})
    return [found[submission_id] for submission_id in ids]
