"""Webhooks of the last day: stored, counted once, and made to wake the jobs they name.

Belongs here: the statements on the table `webhooks`. Does not: signatures, nor what a body says; the polled result
stays the record.

A webhook may come before the answer that names its job, or before that answer is written down. Then it waits here until
the job is named, and wakes it in the transaction that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger import lookups, polling
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.model import StoredWebhook, WebhookReceipt
from pique_assets.ledger.tables import UNKNOWN, webhooks

KEPT_FOR = timedelta(days=1)
"""Longer than any answer to a POST is on its way."""


def record(
    connection: Connection, *, job_id: str, url: str | None, body: bytes, received_at: datetime, now: datetime
) -> WebhookReceipt:
    """Keep it; wake its job if that is waited for. What was kept for a day is erased in passing."""
    _erase_old(connection, now=now)
    _one_at_a_time(connection, job_id)
    sha256 = hashlib.sha256(body).hexdigest()
    same = sa.select(webhooks.c.webhook_id).where(webhooks.c.job_id == job_id, webhooks.c.sha256 == sha256)
    repeated = connection.execute(same).first() is not None
    known = connection.execute(lookups.of_job(job_id)).first() is not None
    if not repeated:
        row = {
            "job_id": job_id,
            "url": url,
            "received_at": received_at,
            "known": known,
            "body": body,
            "sha256": sha256,
        }
        insert_or_ignore(connection, webhooks, [row])
        polling.make_due(connection, [job_id], now=now)
    return WebhookReceipt(known=known, repeated=repeated)


def job_is_named(connection: Connection, job_id: str) -> bool:
    """Note that a submission is about to have this job; to be called before that is written.

    Returns:
        Whether a webhook of the job came before.
    """
    _one_at_a_time(connection, job_id)
    return jobs_are_named(connection, [job_id]) > 0


def jobs_are_named(connection: Connection, job_ids: Sequence[str]) -> int:
    """Note that submissions have these jobs; returns how many webhooks came before."""
    found = 0
    for chunk in chunks(job_ids):
        named = sa.update(webhooks).where(webhooks.c.job_id.in_(chunk), UNKNOWN)
        found += connection.execute(named.values(known=True)).rowcount
    return found


def first_unknown(*, limit: int) -> sa.Select[tuple[str, str | None, datetime, bytes]]:
    """Select the oldest webhooks of unknown jobs: a range of the index on them."""
    columns = (webhooks.c.job_id, webhooks.c.url, webhooks.c.received_at, webhooks.c.body)
    return sa.select(*columns).where(UNKNOWN).order_by(webhooks.c.webhook_id).limit(limit)


def unknown(connection: Connection, *, limit: int) -> list[StoredWebhook]:
    """Webhooks of unknown jobs, oldest first."""
    return [
        StoredWebhook(job_id=row.job_id, url=row.url, received_at=row.received_at, body=bytes(row.body))
        for row in connection.execute(first_unknown(limit=limit))
    ]


def _erase_old(connection: Connection, *, now: datetime) -> None:
    old = sa.select(webhooks.c.webhook_id).where(webhooks.c.received_at <= now - KEPT_FOR)
    connection.execute(sa.delete(webhooks).where(webhooks.c.webhook_id.in_(old.with_for_update(skip_locked=True))))


def _one_at_a_time(connection: Connection, job_id: str) -> None:
    """Let the webhook and the naming of a job wait for each other: else on Postgres neither might see the other."""
    if connection.dialect.name == "postgresql":
        # As the columns store it: what a job id may hold, a plain text of Postgres may not.
        stored = sa.literal(job_id, type_=webhooks.c.job_id.type)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(stored, 0))))
