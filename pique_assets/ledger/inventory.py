"""What belongs to a partition, as the media room saw it last.

Belongs here: the upsert of an inventory and its rules about content that vanished or changed. Does not:
reading media, nor hashing it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger import reports
from pique_assets.ledger.current import of_partition
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.model import InventoryItem, Source, SubmissionState
from pique_assets.ledger.rows import INVENTORY_FIELDS, STREAMED
from pique_assets.ledger.tables import inventory, partitions, submissions

_Row = dict[str, object]

_UNCOLLECTED: _Row = {"collected": False, "postponed_until": None, "open_postponed_until": None}


def record_inventory(
    connection: Connection,
    *,
    evaluation: str,
    partition: str,
    items: Iterable[InventoryItem],
    source: Source,
) -> None:
    """Make the partition's content of one source consist of these items, writing only what differs.

    Content that is gone keeps its row if a submission was ever made for it (``present`` becomes false) and loses it
    otherwise, or if that was abandoned: then nothing was evaluated, nothing more can be, and the partition must be able
    to settle. Content that can no longer be read keeps it only while its submission is live. Content that changed asks
    for new work; what was submitted for the old bytes is still polled and recorded, but no longer part of the
    partition. The partition counts as not collected afterwards.

    Raises:
        ValueError: two items have the same content_uri.
    """
    _lock_partition(connection, evaluation, partition)
    # As bytes, which take half of what the text does: these are all that is held of the whole partition.
    named: set[bytes] = set()
    for some in chunks(items):
        wanted = {_content_key(item.content_uri, source): item for item in some}
        unseen = {bytes.fromhex(key) for key in wanted} - named
        if len(unseen) != len(some):
            raise ValueError(f"{evaluation} {partition}: the inventory names the same content_uri twice")
        named |= unseen
        _record_some(connection, evaluation, partition, keys=list(wanted), wanted=wanted, source=source)
    for keys in chunks(_not_named(connection, evaluation, partition, source=source, named=named)):
        _record_some(connection, evaluation, partition, keys=keys, wanted={}, source=source)


def _record_some(
    connection: Connection,
    evaluation: str,
    partition: str,
    *,
    keys: list[str],
    wanted: Mapping[str, InventoryItem],
    source: Source,
) -> None:
    """Do it for the content with these keys; what is not wanted is gone."""
    stored = _stored(connection, evaluation, partition, keys)
    is_live = _submitted(connection, (row["work_key"] for row in stored.values()))
    after: dict[str, _Row] = {}
    for key in keys:
        item, row = wanted.get(key), stored.get(key)
        live = None if row is None else is_live.get(row["work_key"])
        keeps = live is not None if item is None else item.work_key is None and bool(live)
        if keeps and row is not None:
            after[key] = {**row, "present": False}
        elif item is not None:
            after[key] = _row(item, source=source)
    _apply(connection, evaluation, partition, stored=stored, after=after)


def _lock_partition(connection: Connection, evaluation: str, partition: str) -> None:
    """Let one inventory of a partition be recorded at a time, and have its tables made anew."""
    row = {"evaluation": evaluation, "partition": partition, "collected": False}
    insert_or_ignore(connection, partitions, [row])
    connection.execute(sa.update(partitions).where(_named(evaluation, partition)).values(**_UNCOLLECTED))


def record_collecting(connection: Connection, *, evaluation: str, partition: str, run: str, digest: str) -> None:
    """Note that a run writes the partition's tables, from what `digest` names."""
    named = _named(evaluation, partition)
    connection.execute(sa.update(partitions).where(named).values(collecting_run=run, collecting_digest=digest))


def postpone(connection: Connection, *, evaluation: str, partition: str, until: datetime, while_open: bool) -> None:
    """Note until when no run is to be asked for."""
    column = partitions.c.open_postponed_until if while_open else partitions.c.postponed_until
    connection.execute(sa.update(partitions).where(_named(evaluation, partition)).values({column: until}))


def record_collected(connection: Connection, *, evaluation: str, partition: str, digest: str) -> bool:
    """Note that the partition's tables show what `digest` names, if that is still how it stands."""
    named = _named(evaluation, partition)
    connection.execute(sa.select(partitions.c.partition).where(named).with_for_update())
    found = reports.settled_partition(connection, evaluation=evaluation, partition=partition)
    is_current = found is not None and found.digest == digest
    if is_current:
        connection.execute(sa.update(partitions).where(named).values(collected=True))
    return is_current


def reopen(connection: Connection, work_key: str) -> None:
    """Have the partitions of this work collected anew: their tables may say otherwise how it stands."""
    asking = sa.select(inventory.c.evaluation, inventory.c.partition).where(inventory.c.work_key == work_key)
    # In one order, so that two of these cannot wait for each other; and those that are not collected too, because
    # somebody may be about to note that they are.
    for evaluation, partition in sorted({(row.evaluation, row.partition) for row in connection.execute(asking)}):
        connection.execute(sa.update(partitions).where(_named(evaluation, partition)).values(**_UNCOLLECTED))


def _named(evaluation: str, partition: str) -> sa.ColumnElement[bool]:
    return sa.and_(partitions.c.evaluation == evaluation, partitions.c.partition == partition)


def _not_named(
    connection: Connection, evaluation: str, partition: str, *, source: Source, named: set[bytes]
) -> list[str]:
    """Keys of the stored content that is not in the inventory any more."""
    wanted = sa.select(inventory.c.content_key).where(of_partition(evaluation, partition), inventory.c.source == source)
    keys = connection.execute(wanted, execution_options=STREAMED).scalars()
    return [key for key in keys if bytes.fromhex(key) not in named]


def _stored(connection: Connection, evaluation: str, partition: str, keys: list[str]) -> dict[str, _Row]:
    columns = [
        inventory.c.content_key,
        inventory.c.source,
        inventory.c.present,
        *(inventory.c[name] for name in INVENTORY_FIELDS),
    ]
    wanted = sa.select(*columns).where(of_partition(evaluation, partition), inventory.c.content_key.in_(keys))
    rows = connection.execute(wanted).mappings()
    return {row["content_key"]: dict(row) for row in rows}


def _submitted(connection: Connection, work_keys: Iterable[object]) -> dict[object, bool]:
    """Those of the work keys for which a submission was made that is not abandoned; True where one is live."""
    wanted = sorted({str(key) for key in work_keys if key is not None})
    found: dict[object, bool] = {}
    for chunk in chunks(wanted):
        rows = connection.execute(
            sa.select(submissions.c.work_key, submissions.c.live).where(
                submissions.c.work_key.in_(chunk), submissions.c.state != SubmissionState.ABANDONED
            )
        )
        for row in rows:
            found[row.work_key] = found.get(row.work_key, False) or row.live
    return found


def _apply(
    connection: Connection,
    evaluation: str,
    partition: str,
    *,
    stored: dict[str, _Row],
    after: dict[str, _Row],
) -> None:
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


def _row(item: InventoryItem, *, source: Source) -> _Row:
    return {
        "content_key": _content_key(item.content_uri, source),
        "source": source,
        "present": True,
        **{name: getattr(item, name) for name in INVENTORY_FIELDS},
    }


def _content_key(content_uri: str, source: Source) -> str:
    # A URL may be uploaded content in one list and social media in another; a NUL is in neither.
    name = content_uri if source == "direct" else f"{source}\0{content_uri}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
