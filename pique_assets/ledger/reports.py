"""What the ledger can tell about a partition, and which partitions are settled.

Belongs here: statements that only read. Does not: looking up submissions by anything but their partition
(`lookups.py`), nor tables for analysts; those are made by the room `lake`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.columns import UtcDateTime
from pique_assets.ledger.current import items, of_partition
from pique_assets.ledger.model import (
    OPEN_STATES,
    PartitionItem,
    PartitionStanding,
    Progress,
    SettledPartition,
    Source,
    StoredPayload,
    SubmissionState,
)
from pique_assets.ledger.rows import (
    INVENTORY_COLUMNS,
    STREAMED,
    SUBMISSION_COLUMNS,
    AnyRow,
    to_inventory_item,
    to_submission,
)
from pique_assets.ledger.tables import UNCOLLECTED, inventory, partitions, payloads, submissions

LOOKED_AT = 100
GOLDEN = 0.6180339887498949


def partition_state(connection: Connection, *, evaluation: str, partition: str) -> list[PartitionItem]:
    """Every inventory row with its current submission, sorted by content_uri."""
    columns = (*INVENTORY_COLUMNS, inventory.c.source.label("item_source"), inventory.c.present, *SUBMISSION_COLUMNS)
    rows = connection.execute(sa.select(*columns).select_from(items).where(of_partition(evaluation, partition)))
    found = [_partition_item(row) for row in rows]
    # Sorted here because databases sort text by rules of their own.
    return sorted(found, key=lambda entry: (entry.item.content_uri, entry.source))


def _partition_item(row: AnyRow) -> PartitionItem:
    last = len(INVENTORY_COLUMNS)
    return PartitionItem(
        item=to_inventory_item(row[:last]),
        source=row[last],
        present=row[last + 1],
        submission=None if row.submission_id is None else to_submission(row[last + 2 :]),
    )


def progress(connection: Connection, *, evaluation: str, partition: str) -> Progress:
    """Count a partition's items by where they stand."""
    return _progress(_standing(connection, evaluation, partition))


def partition_standing(connection: Connection, *, evaluation: str, partition: str) -> PartitionStanding | None:
    """How a partition stands; None where no inventory was taken."""
    if connection.execute(sa.select(partitions.c.partition).where(_named(evaluation, partition))).first() is None:
        return None
    digest = hashlib.sha256()
    counted = _progress(_hashed(_standing(connection, evaluation, partition), digest))
    return PartitionStanding(evaluation=evaluation, partition=partition, digest=digest.hexdigest(), progress=counted)


def settled_partition(connection: Connection, *, evaluation: str, partition: str) -> SettledPartition | None:
    """A partition of which nothing more is to come; None while something is, or where no inventory was taken."""
    found = partition_standing(connection, evaluation=evaluation, partition=partition)
    if found is None or not found.progress.is_settled:
        return None
    return SettledPartition(evaluation=evaluation, partition=partition, digest=found.digest, progress=found.progress)


def collecting_digest(connection: Connection, *, evaluation: str, partition: str, run: str) -> str | None:
    """What a run makes the partition's tables from; None if another run has begun to make them since."""
    wanted = sa.select(partitions.c.collecting_digest).where(
        _named(evaluation, partition), partitions.c.collecting_run == run
    )
    return connection.execute(wanted).scalar_one_or_none()


def open_partitions(evaluations: Sequence[str], *, now: datetime, at_most: int) -> sa.Select[str, str]:
    """Select uncollected partitions of these evaluations, those first that were not looked at for longest."""
    until = partitions.c.open_postponed_until
    return (
        sa.select(partitions.c.evaluation, partitions.c.partition)
        .where(UNCOLLECTED, partitions.c.evaluation.in_(evaluations), _is_due(until, now=now))
        .order_by(until.is_not(None), until, partitions.c.evaluation, partitions.c.partition)
        .limit(at_most)
    )


def last_move(connection: Connection, *, evaluation: str, partition: str) -> datetime | None:
    """When something of a partition that is open was last sent or in a worker's hands; None if nothing is open.

    To be asked for its result is no move of a job: it has been where it is since its content arrived.
    """
    arrived_at = sa.func.coalesce(submissions.c.uploaded_at, submissions.c.created_at)
    moved_at = sa.case(
        (submissions.c.state == SubmissionState.UPLOADED, arrived_at),
        (submissions.c.state.in_(sorted(OPEN_STATES)), submissions.c.updated_at),
    )
    latest = sa.select(sa.func.max(sa.type_coerce(moved_at, UtcDateTime))).select_from(items)
    found: datetime | None = connection.execute(latest.where(of_partition(evaluation, partition))).scalar_one()
    return found


def content_uris(evaluation: str, partition: str, *, source: Source) -> sa.Select[str]:
    """Select the uris of a partition's present content of one source."""
    return sa.select(inventory.c.content_uri).where(
        of_partition(evaluation, partition), inventory.c.source == source, inventory.c.present
    )


def _named(evaluation: str, partition: str) -> sa.ColumnElement[bool]:
    return sa.and_(partitions.c.evaluation == evaluation, partitions.c.partition == partition)


def _is_due(until: sa.ColumnElement[datetime | None], *, now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(until.is_(None), until <= now)


_of_this_partition = sa.and_(
    inventory.c.evaluation == partitions.c.evaluation, inventory.c.partition == partitions.c.partition
)
_more_to_come = sa.or_(
    submissions.c.state.is_(None),
    submissions.c.state.in_(sorted(OPEN_STATES | {SubmissionState.ABANDONED})),
)

_is_settled = sa.not_(
    sa.exists()
    .select_from(items)
    .where(_of_this_partition, inventory.c.work_key.is_not(None), _more_to_come)
    .correlate(partitions)
)
"""Whether nothing of a partition is to come; of one that is not settled, only the first open item is looked at."""


_KEY = (partitions.c.evaluation, partitions.c.partition)


def uncollected_partitions(
    connection: Connection, *, at_most: int | None, turn: int, now: datetime, evaluations: Collection[str] | None
) -> list[SettledPartition]:
    """Settled partitions whose tables do not show it yet, sorted; costs what is not collected, not what exists.

    To see that a partition is settled means to look at all its items: with `at_most` that is done for so many. Whether
    any of its items is open is then asked of a hundred partitions, others at each `turn`, so that the cost has a bound;
    and those that are postponed wait for their time.
    """
    uncollected = sa.select(partitions.c.evaluation, partitions.c.partition).where(UNCOLLECTED)
    if evaluations is not None:
        uncollected = uncollected.where(partitions.c.evaluation.in_(sorted(evaluations)))
    if at_most is None:
        names = _names(connection, uncollected.where(_is_settled))
    else:
        due = uncollected.where(_is_due(partitions.c.postponed_until, now=now))
        names = _some_settled(connection, due, at_most=at_most, turn=turn)
    looked_at = (
        settled_partition(connection, evaluation=name, partition=partition) for name, partition in sorted(names)
    )
    return [found for found in looked_at if found is not None]


def _some_settled(
    connection: Connection, due: sa.Select[str, str], *, at_most: int, turn: int
) -> list[tuple[str, str]]:
    waiting = connection.execute(due.with_only_columns(sa.func.count(), maintain_column_froms=True)).scalar_one()
    if not waiting:
        return []
    start = _first_looked_at(turn, waiting=waiting, at_most=at_most)
    found: list[tuple[str, str]] = []
    # From there on, and where that is beyond the last one, on from the first.
    for offset, length in ((start, LOOKED_AT), (0, min(start, LOOKED_AT - (waiting - start)))):
        if length > 0 and len(found) < at_most:
            stretch = due.order_by(*_KEY).offset(offset).limit(length)
            found += _settled_of(connection, due, stretch=stretch, at_most=at_most - len(found))
    return found


def _first_looked_at(turn: int, *, waiting: int, at_most: int) -> int:
    """Where to begin: another place at each turn, so that partitions that come to nothing hold up no others."""
    if waiting <= LOOKED_AT:
        return turn * at_most % waiting
    # Multiples of the golden ratio are evenly spread however many there are, and never come round.
    return int(turn * GOLDEN % 1.0 * waiting)


def _settled_of(
    connection: Connection, due: sa.Select[str, str], *, stretch: sa.Select[str, str], at_most: int
) -> list[tuple[str, str]]:
    """The first settled ones of a stretch of the partitions that are due."""
    names = _names(connection, stretch)
    if not names:
        return []
    first, last = (sa.tuple_(*map(sa.literal, name)) for name in (names[0], names[-1]))
    within = sa.and_(sa.tuple_(*_KEY) >= first, sa.tuple_(*_KEY) <= last)
    return _names(connection, due.where(within, _is_settled).order_by(*_KEY).limit(at_most))


def _names(connection: Connection, query: sa.Select[str, str]) -> list[tuple[str, str]]:
    return [(evaluation, partition) for evaluation, partition in connection.execute(query)]


def job_ids(connection: Connection, *, evaluation: str, partition: str) -> list[str]:
    """The distinct jobs that finished for a partition, sorted."""
    rows = connection.execute(
        sa.select(submissions.c.job_id).select_from(items).where(of_partition(evaluation, partition)).distinct()
    )
    return sorted(job_id for job_id in rows.scalars() if job_id is not None)


def payloads_of(connection: Connection, wanted: Sequence[str]) -> list[StoredPayload]:
    """The payloads of these jobs, sorted by job, time and content."""
    rows = connection.execute(sa.select(payloads).where(payloads.c.job_id.in_(wanted))).mappings()
    found = [
        StoredPayload(
            job_id=row["job_id"],
            source=row["source"],
            received_at=row["received_at"],
            body=bytes(row["body"]),
            sha256=row["sha256"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda payload: (payload.job_id, payload.received_at, payload.sha256))


def configurations_begun(
    connection: Connection, *, evaluation: str, partition: str, judge_id: str
) -> dict[str, frozenset[str]]:
    """Hashes of a judge's configuration by fingerprint of what a partition has sent to it."""
    pairs = (
        sa.select(submissions.c.fingerprint, submissions.c.judge_configuration_hash)
        .select_from(items)
        .where(
            of_partition(evaluation, partition),
            submissions.c.judge_id == judge_id,
            submissions.c.upload_started_at.is_not(None),
        )
        .distinct()
    )
    # Most content has been sent with one configuration, and nearly all content with the same.
    sets: dict[frozenset[str], frozenset[str]] = {}
    found: dict[str, frozenset[str]] = {}
    for fingerprint, configuration in connection.execute(pairs, execution_options=STREAMED):
        hashes = found.get(fingerprint, frozenset()) | {configuration}
        found[fingerprint] = sets.setdefault(hashes, hashes)
    return found


class _Standing(NamedTuple):
    content_uri: str
    work_key: str | None
    error_code: str | None
    state: SubmissionState | None
    attempt: int | None
    job_id: str | None


def _standing(connection: Connection, evaluation: str, partition: str) -> Iterator[_Standing]:
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
    return (_Standing(*row) for row in rows)


def _progress(standing: Iterable[_Standing]) -> Progress:
    states: Counter[SubmissionState] = Counter()
    unreadable = unsubmitted = 0
    waited_for: set[str] = set()
    for row in standing:
        if row.work_key is None:
            unreadable += 1
        elif row.state is None:
            unsubmitted += 1
        else:
            states[row.state] += 1
            if row.state in OPEN_STATES and row.job_id is not None:
                waited_for.add(row.job_id)
    return Progress(
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


def _hashed(standing: Iterable[_Standing], digest: hashlib._Hash) -> Iterator[_Standing]:
    """The same, told to the digest on the way: counted and hashed from one look, they agree."""
    for row in standing:
        digest.update(json.dumps(row).encode("ascii") + b"\n")
        yield row
