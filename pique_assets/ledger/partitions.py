"""What a date consists of, and when it is complete.

Belongs here: the inventory of a partition with its rules about content that vanished or changed, how the partition
stands, and the note that its tables show it. Does not: reading media, nor hashing it; which partitions a sensor looks
at (`collecting.py`).

A partition consists of the rows of `inventory` that the last `record_inventory` of each source left. It is complete,
settled, when each row that wants work has a submission from which nothing more comes by itself (`SETTLED_STATES`). Its
tables are collected when the last step of a run says so by the digest of what it read: whatever changes a row or the
outcome of a submission afterwards has the partition collected anew (`reopen`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.failpoints import register_write
from pique_assets.ledger.rows import (
    INVENTORY_COLUMNS,
    INVENTORY_FIELDS,
    STREAMED,
    SUBMISSION_COLUMNS,
    AnyRow,
    items,
    of_partition,
    to_inventory_item,
    to_submission,
)
from pique_assets.ledger.states import (
    OPEN_STATES,
    InventoryItem,
    PartitionItem,
    PartitionProgress,
    PartitionSummary,
    SettledPartition,
    Source,
    SubmissionState,
)
from pique_assets.ledger.tables import inventory, partitions, submissions

_Row = dict[str, object]

_UNCOLLECTED: _Row = {"collected": False, "postponed_until": None, "open_postponed_until": None}

register_write("record_inventory", road="upload")


class Partitions(LedgerPart):
    """What partitions consist of, and how they stand."""

    def record_inventory(
        self, *, evaluation: str, partition: str, items: Iterable[InventoryItem], source: Source = "direct"
    ) -> None:
        """Make the partition's content of one source consist of these items; the same items again change nothing.

        Content that is gone keeps its row if a submission was ever made for it (``present`` becomes false) and loses it
        otherwise, or if that was abandoned: then nothing was evaluated, nothing more can be, and the partition must be
        able to settle. Content that can no longer be read keeps it only while its submission is live. Content that
        changed asks for new work; what was submitted for the old bytes is still polled and recorded, but no longer part
        of the partition. The partition counts as not collected afterwards.

        Args:
            evaluation: the partition's evaluation.
            partition: its date.
            items: all its content of this source, looked at once; memory does not grow with it.
            source: how the content reaches Pique. Rows of the other source stay as they are.

        Raises:
            ValueError: two items have the same content_uri.
        """
        with self._database.long_write("record_inventory") as connection:
            write_inventory(connection, evaluation=evaluation, partition=partition, items=items, source=source)

    def partition_state(self, *, evaluation: str, partition: str) -> list[PartitionItem]:
        """Every item of the partition with its current submission, sorted by content_uri."""
        columns = (
            *INVENTORY_COLUMNS,
            inventory.c.source.label("item_source"),
            inventory.c.present,
            *SUBMISSION_COLUMNS,
        )
        wanted = sa.select(*columns).select_from(items).where(of_partition(evaluation, partition))
        with self._database.read() as connection:
            found = [_partition_item(row) for row in connection.execute(wanted)]
        # Sorted here because databases sort text by rules of their own.
        return sorted(found, key=lambda entry: (entry.item.content_uri, entry.source))

    def content_uris(
        self, *, evaluation: str, partition: str, source: Source, without: Collection[str] = ()
    ) -> set[str]:
        """The uris of all content of one source that the partition's last inventory found.

        Args:
            evaluation: Its name.
            partition: Its key.
            source: How the content reaches Pique.
            without: Error codes; content that has one of them is left out.
        """
        wanted = sa.select(inventory.c.content_uri).where(
            of_partition(evaluation, partition),
            inventory.c.source == source,
            inventory.c.present,
            sa.func.coalesce(inventory.c.error_code, "").not_in(without),
        )
        with self._database.read() as connection:
            return set(connection.execute(wanted).scalars())

    def rejected_sizes(
        self, *, evaluation: str, partition: str, source: Source, codes: Collection[str]
    ) -> dict[str, int | None]:
        """How large the content was that the partition's last inventory rejected for one of these reasons.

        Args:
            evaluation: Its name.
            partition: Its key.
            source: How the content reaches Pique.
            codes: The error codes.

        Returns:
            By uri, in bytes; None where the content could not be opened.
        """
        wanted = sa.select(inventory.c.content_uri, inventory.c.size_bytes).where(
            of_partition(evaluation, partition),
            inventory.c.source == source,
            inventory.c.present,
            inventory.c.error_code.in_(codes),
        )
        with self._database.read() as connection:
            return {row.content_uri: row.size_bytes for row in connection.execute(wanted)}

    def progress(self, *, evaluation: str, partition: str) -> PartitionProgress:
        """Count the partition's items by where they stand."""
        with self._database.read() as connection:
            return _counted(_outcomes(connection, evaluation, partition))

    def partition_summary(self, *, evaluation: str, partition: str) -> PartitionSummary | None:
        """How the partition stands, settled or not; None where no inventory was taken."""
        with self._database.read() as connection:
            return summary_of(connection, evaluation=evaluation, partition=partition)

    def settled_partition(self, *, evaluation: str, partition: str) -> SettledPartition | None:
        """The partition if nothing more of it is to come, an empty day included; else None."""
        with self._database.read() as connection:
            return settled(connection, evaluation=evaluation, partition=partition)

    @ledger_write("upload")
    def record_collected(self, connection: Connection, *, evaluation: str, partition: str, digest: str) -> bool:
        """Note that the partition's tables were made from what `SettledPartition.digest` names.

        Returns:
            Whether it still stands like that; if not, nothing was noted and its tables are out of date.
        """
        named = named_partition(evaluation, partition)
        connection.execute(sa.select(partitions.c.partition).where(named).with_for_update())
        found = settled(connection, evaluation=evaluation, partition=partition)
        is_current = found is not None and found.digest == digest
        if is_current:
            connection.execute(sa.update(partitions).where(named).values(collected=True))
        return is_current


def named_partition(evaluation: str, partition: str) -> sa.ColumnElement[bool]:
    """The row of `partitions` with these names."""
    return sa.and_(partitions.c.evaluation == evaluation, partitions.c.partition == partition)


def summary_of(connection: Connection, *, evaluation: str, partition: str) -> PartitionSummary | None:
    """How a partition stands; None where no inventory was taken."""
    taken = sa.select(partitions.c.partition).where(named_partition(evaluation, partition))
    if connection.execute(taken).first() is None:
        return None
    digest = hashlib.sha256()
    counted = _counted(_hashed(_outcomes(connection, evaluation, partition), digest))
    return PartitionSummary(evaluation=evaluation, partition=partition, digest=digest.hexdigest(), progress=counted)


def settled(connection: Connection, *, evaluation: str, partition: str) -> SettledPartition | None:
    """A partition of which nothing more is to come; None while something is, or where no inventory was taken."""
    found = summary_of(connection, evaluation=evaluation, partition=partition)
    if found is None or not found.progress.is_settled:
        return None
    return SettledPartition(evaluation=evaluation, partition=partition, digest=found.digest, progress=found.progress)


def reopen(connection: Connection, work_key: str) -> None:
    """Have the partitions of this work collected anew: their tables may say otherwise how it stands."""
    asking = sa.select(inventory.c.evaluation, inventory.c.partition).where(inventory.c.work_key == work_key)
    # In one order, so that two of these cannot wait for each other; and those that are not collected too, because
    # somebody may be about to note that they are.
    for evaluation, partition in sorted({(row.evaluation, row.partition) for row in connection.execute(asking)}):
        connection.execute(sa.update(partitions).where(named_partition(evaluation, partition)).values(**_UNCOLLECTED))


def write_inventory(
    connection: Connection, *, evaluation: str, partition: str, items: Iterable[InventoryItem], source: Source
) -> None:
    """Do what `Partitions.record_inventory` says, writing only what differs.

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
    """Compare what is stored under these keys with what is wanted, and write what differs; the rest is gone."""
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
    connection.execute(sa.update(partitions).where(named_partition(evaluation, partition)).values(**_UNCOLLECTED))


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


def _partition_item(row: AnyRow) -> PartitionItem:
    last = len(INVENTORY_COLUMNS)
    return PartitionItem(
        item=to_inventory_item(row[:last]),
        source=row[last],
        present=row[last + 1],
        submission=None if row.submission_id is None else to_submission(row[last + 2 :]),
    )


class _Outcome(NamedTuple):
    content_uri: str
    work_key: str | None
    error_code: str | None
    state: SubmissionState | None
    attempt: int | None
    job_id: str | None


def _outcomes(connection: Connection, evaluation: str, partition: str) -> Iterator[_Outcome]:
    """How each item stands, one after the other: a partition may have any number."""
    rows = connection.execute(
        sa.select(
            inventory.c.content_uri,
            inventory.c.work_key,
            inventory.c.error_code,
            submissions.c.state,
            submissions.c.attempt,
            submissions.c.job_id,
        )
        .select_from(items)
        .where(of_partition(evaluation, partition))
        # Hex digits, which both databases sort alike.
        .order_by(inventory.c.content_key),
        execution_options=STREAMED,
    )
    return (_Outcome(*row) for row in rows)


def _counted(outcomes: Iterable[_Outcome]) -> PartitionProgress:
    states: Counter[SubmissionState] = Counter()
    unreadable = unsubmitted = 0
    waited_for: set[str] = set()
    for row in outcomes:
        if row.work_key is None:
            unreadable += 1
        elif row.state is None:
            unsubmitted += 1
        else:
            states[row.state] += 1
            if row.state in OPEN_STATES and row.job_id is not None:
                waited_for.add(row.job_id)
    return PartitionProgress(
        total=unreadable + unsubmitted + states.total(),
        unreadable=unreadable,
        unsubmitted=unsubmitted,
        open=sum(states[state] for state in OPEN_STATES),
        completed=states[SubmissionState.COMPLETED],
        failed=states[SubmissionState.FAILED],
        rejected=states[SubmissionState.REJECTED],
        abandoned=states[SubmissionState.ABANDONED],
        in_doubt=states[SubmissionState.IN_DOUBT],
        given_up=states[SubmissionState.GIVEN_UP],
        open_job_ids=tuple(sorted(waited_for)),
    )


def _hashed(outcomes: Iterable[_Outcome], digest: hashlib._Hash) -> Iterator[_Outcome]:
    """The same, told to the digest on the way: counted and hashed from one look, they agree."""
    for row in outcomes:
        digest.update(json.dumps(row).encode("ascii") + b"\n")
        yield row
