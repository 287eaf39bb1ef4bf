"""What belongs to a partition, as the media room saw it last.

Belongs here: the upsert of an inventory and its rules about content that vanished or changed. Does not:
reading media, nor hashing it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.current import of_partition
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.model import InventoryItem
from pique_assets.ledger.rows import INVENTORY_FIELDS, chunks
from pique_assets.ledger.tables import inventory, partitions, submissions

_Row = dict[str, object]


def record_inventory(
    connection: Connection, *, evaluation: str, partition: str, items: Sequence[InventoryItem], now: datetime
) -> None:
    """Make the partition consist of these items, writing only what differs.

    Content that can no longer be read, or is gone, keeps its row if a submission was made for it
    (``present`` becomes false) and loses it otherwise. Content that changed asks for new work; what was
    submitted for the old bytes is still polled and recorded, but no longer part of the partition.

    Raises:
        ValueError: two items have the same content_uri.
    """
    wanted = {_content_key(item.content_uri): item for item in items}
    if len(wanted) != len(items):
        raise ValueError(f"{evaluation} {partition}: the inventory names the same content_uri twice")
    is_new = _lock_partition(connection, evaluation, partition, now)
    stored = _stored(connection, evaluation, partition)
    submitted = _submitted(connection, (row["work_key"] for row in stored.values()))
    keep = {key for key, row in stored.items() if row["work_key"] in submitted}

    after: dict[str, _Row] = {}
    for key, item in wanted.items():
        after[key] = {**stored[key], "present": False} if item.work_key is None and key in keep else _row(item)
    for key in keep - after.keys():
        after[key] = {**stored[key], "present": False}

    changed = _apply(connection, evaluation, partition, stored=stored, after=after)
    if changed and not is_new:
        connection.execute(sa.update(partitions).where(_named(evaluation, partition)).values(changed_at=now))


def _lock_partition(connection: Connection, evaluation: str, partition: str, now: datetime) -> bool:
    """Let one inventory of a partition be recorded at a time; tell whether it is the first."""
    named = sa.select(partitions.c.partition).where(_named(evaluation, partition))
    is_new = connection.execute(named).first() is None
    row = {"evaluation": evaluation, "partition": partition, "changed_at": now}
    insert_or_ignore(connection, partitions, [row])
    connection.execute(named.with_for_update())
    return is_new


def _named(evaluation: str, partition: str) -> sa.ColumnElement[bool]:
    return sa.and_(partitions.c.evaluation == evaluation, partitions.c.partition == partition)


def _stored(connection: Connection, evaluation: str, partition: str) -> dict[str, _Row]:
    columns = [
        inventory.c.content_key,
        inventory.c.present,
        *(inventory.c[name] for name in INVENTORY_FIELDS),
    ]
    rows = connection.execute(sa.select(*columns).where(of_partition(evaluation, partition))).mappings()
    return {row["content_key"]: dict(row) for row in rows}


def _submitted(connection: Connection, work_keys: Iterable[object]) -> set[object]:
    """Those of the work keys for which a submission was ever made."""
    wanted = sorted({str(key) for key in work_keys if key is not None})
    return {
        key
        for chunk in chunks(wanted)
        for key in connection.execute(
            sa.select(submissions.c.work_key).where(submissions.c.work_key.in_(chunk))
        ).scalars()
    }


def _apply(
    connection: Connection,
    evaluation: str,
    partition: str,
    *,
    stored: dict[str, _Row],
    after: dict[str, _Row],
) -> bool:
    differing = [row for key, row in sorted(after.items()) if stored.get(key) != row]
    outdated = sorted({key for key in stored if key not in after} | {str(row["content_key"]) for row in differing})
    for chunk in chunks(outdated):
        connection.execute(
            sa.delete(inventory).where(of_partition(evaluation, partition), inventory.c.content_key.in_(chunk))
        )
    for rows in chunks(differing):
        connection.execute(
            sa.insert(inventory), [{"evaluation": evaluation, "partition": partition, **row} for row in rows]
        )
    return bool(differing or outdated)


def _row(item: InventoryItem) -> _Row:
    return {
        "content_key": _content_key(item.content_uri),
        "present": True,
        **{name: getattr(item, name) for name in INVENTORY_FIELDS},
    }


def _content_key(content_uri: str) -> str:
    return hashlib.sha256(content_uri.encode("utf-8", "surrogatepass")).hexdigest()
