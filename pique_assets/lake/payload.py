"""A payload: one answer of Pique about one job, exactly as it was received.

Belongs here: the value that every result table is computed from, and its way into the table `payloads` and back. Does
not: what its body says (`normalised`), and keeping it before there is a table (the ledger).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

import pyarrow as pa

from pique_assets.lake.tables import PAYLOADS

SOURCE_WEBHOOK: Final = "webhook"
"""A notification Pique sent us."""

# Bodies of so many bytes are a part of the table, but for those of a single job.
_PART_BYTES: Final = 1024**2

_ROWS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One raw answer about a job.

    Attributes:
        job_id: the job we know this answer belongs to; a `job_id` inside the body is not trusted over it.
        source: how it reached us: `polled`, `webhook`, or another word that names a webhook.
        received_at: when, as an aware datetime; kept as UTC.
        body: the bytes as received, readable or not.

    Raises:
        ValueError: an empty job id, one that UTF-8 cannot hold, or a naive `received_at`.
    """

    job_id: str
    source: str
    received_at: datetime
    body: bytes

    def __post_init__(self) -> None:
        if not self.job_id:
            raise ValueError("a payload needs the job_id it belongs to")
        try:
            (self.job_id + self.source).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"job_id {self.job_id!a} or source {self.source!a} is not valid text") from error
        if self.received_at.tzinfo is None:
            raise ValueError(f"received_at of job {self.job_id!r} has no time zone; use datetime.now(UTC)")
        object.__setattr__(self, "received_at", self.received_at.astimezone(UTC))

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the body; every row made from it carries it as `payload_sha256`."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def is_webhook(self) -> bool:
        """Whether Pique pushed it to us; where a job has a polled answer too, that one decides."""
        return SOURCE_WEBHOOK in self.source


def payloads_parts(payloads: Iterable[Payload]) -> Iterator[pa.Table]:
    """The table `payloads`, part by part: every payload as received, duplicates once; flat in memory.

    Args:
        payloads: Sorted by job.
    """
    part: list[Payload] = []
    size = 0
    for _, of_job in groupby(payloads, key=attrgetter("job_id")):
        for payload in sorted(set(of_job), key=_key):
            part.append(payload)
            size += len(payload.body)
        if size >= _PART_BYTES:
            yield _table(part)
            part, size = [], 0
    if part:
        yield _table(part)


def stored_payloads(table: pa.Table) -> Iterator[Payload]:
    """The payloads that a `payloads` table holds: tables can be rebuilt from it without asking Pique again."""
    for batch in table.select(["job_id", "source", "received_at", "body"]).to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from (Payload(**row) for row in batch.to_pylist())


def _table(payloads: Sequence[Payload]) -> pa.Table:
    return PAYLOADS.from_columns(
        {
            "job_id": [payload.job_id for payload in payloads],
            "source": [payload.source for payload in payloads],
            "received_at": [payload.received_at for payload in payloads],
            "payload_sha256": [payload.sha256 for payload in payloads],
            "body": [payload.body for payload in payloads],
        }
    )


def _key(payload: Payload) -> tuple[str, datetime, str, str, bytes]:
    return payload.job_id, payload.received_at, payload.source, payload.sha256, payload.body
