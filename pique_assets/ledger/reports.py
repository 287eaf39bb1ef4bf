"""What the ledger can tell about a partition, and which partitions are settled.

Belongs here: statements that only read. Does not: tables for analysts; those are made by the room `lake`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.ledger.current import items, of_partition
from pique_assets.ledger.model import (
    OPEN_STATES,
    PartitionItem,
    Progress,
    SettledPartition,
    StoredPayload,
    Submission,
    SubmissionState,
)
from pique_assets.ledger.rows import (
    INVENTORY_COLUMNS,
    SUBMISSION_COLUMNS,
    AnyRow,
    to_inventory_item,
    to_submission,
)
from pique_assets.ledger.tables import inventory, partitions, payloads, submissions


def partition_state(connection: Connection, *, evaluation: str, partition: str) -> list[PartitionItem]:
    """Every inventory row with its current submission, sorted by content_uri."""
    columns = (*INVENTORY_COLUMNS, inventory.c.present, *SUBMISSION_COLUMNS)
    rows = connection.execute(sa.select(*columns).select_from(items).where(of_partition(evaluation, partition)))
    found = [_partition_item(row) for row in rows]
    # Sorted here because databases sort text by rules of their own.
    return sorted(found, key=lambda entry: entry.item.content_uri)


def _partition_item(row: AnyRow) -> PartitionItem:
    last = len(INVENTORY_COLUMNS)
    return PartitionItem(
        item=to_inventory_item(row[:last]),
        present=row[last],
        submission=None if row.submission_id is None else to_submission(row[last + 1 :]),
    )


def progress(connection: Connection, *, evaluation: str, partition: str) -> Progress:
    """Count a partition's items by where they stand."""
    return _progress(_standing(connection, evaluation, partition))


def settled_partitions(
    connection: Connection, *, evaluation: str | None, changed_since: datetime | None
) -> list[SettledPartition]:
    """Partitions of which nothing more is to come, sorted; if a time is given, of those changed since."""
    found: list[SettledPartition] = []
    for name, partition in _candidates(connection, evaluation, changed_since):
        standing = _standing(connection, name, partition)
        counted = _progress(standing)
        if counted.is_settled:
            found.append(
                SettledPartition(evaluation=name, partition=partition, digest=_digest(standing), progress=counted)
            )
    return found


def _candidates(
    connection: Connection, evaluation: str | None, changed_since: datetime | None
) -> list[tuple[str, str]]:
    of_evaluation = sa.true() if evaluation is None else partitions.c.evaluation == evaluation
    recorded = sa.select(partitions.c.evaluation, partitions.c.partition).where(of_evaluation)
    if changed_since is None:
        return sorted((row.evaluation, row.partition) for row in connection.execute(recorded))
    recorded = recorded.where(partitions.c.changed_at >= changed_since)
    settled = (
        sa.select(inventory.c.evaluation, inventory.c.partition)
        .join_from(submissions, inventory, inventory.c.work_key == submissions.c.work_key)
        .where(submissions.c.settled_at >= changed_since)
        .distinct()
    )
    if evaluation is not None:
        settled = settled.where(inventory.c.evaluation == evaluation)
    both = {(row.evaluation, row.partition) for query in (recorded, settled) for row in connection.execute(query)}
    return sorted(both)


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


def submissions_where(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Submission]:
    """Submissions that fulfil a condition, oldest first."""
    wanted = sa.select(*SUBMISSION_COLUMNS).where(condition).order_by(submissions.c.submission_id)
    return [to_submission(row) for row in connection.execute(wanted)]


class _Standing(NamedTuple):
    content_uri: str
    work_key: str | None
    error_code: str | None
    state: SubmissionState | None
    attempt: int | None
    job_id: str | None


def _standing(connection: Connection, evaluation: str, partition: str) -> list[_Standing]:
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
    )
    return [_Standing(*row) for row in rows]


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
        open_job_ids=tuple(sorted(waited_for)),
    )


def _digest(standing: Iterable[_Standing]) -> str:
    lines = sorted(json.dumps(row) for row in standing)
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()
