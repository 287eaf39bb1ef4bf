"""The webhooks table: what is to be delivered where, and how often it was tried.

Belongs here: the rows. Does not: sending (`webhook_sender`).
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field

from pique_assets.local.database import LocalDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook on its way; ``attempts`` counts those made before, ``is_social`` says whose end it tells."""

    id: int
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    attempts: int
    is_social: bool


def add(connection: sqlite3.Connection, *, job_id: str, url: str, body: bytes) -> None:
    """Put a webhook into the outbox, inside the transaction that ends its job."""
    connection.execute(
        "INSERT INTO webhooks (job_id, url, body, state, next_attempt_at) VALUES (?, ?, ?, 'waiting', ?)",
        (job_id, url, body, time.time()),
    )


class WebhookOutbox:
    """Reading and settling what `add` put there."""

    def __init__(self, database: LocalDatabase) -> None:
        """Read the outbox of ``database``."""
        self._database = database

    def due(self, *, limit: int) -> list[Delivery]:
        """Up to ``limit`` deliveries whose time has come, the longest overdue first."""
        rows = self._database.rows(
            "SELECT webhooks.id, webhooks.url, body, attempts, batch_id FROM webhooks JOIN jobs USING (job_id)"
            " WHERE state = 'waiting' AND next_attempt_at <= ? ORDER BY next_attempt_at, id LIMIT ?",
            time.time(),
            limit,
        )
        return [
            Delivery(
                id=row["id"],
                url=row["url"],
                body=row["body"],
                attempts=row["attempts"],
                is_social=row["batch_id"] is not None,
            )
            for row in rows
        ]

    def seconds_until_due(self) -> float | None:
        """Seconds until the next delivery is due, or None when nothing waits."""
        row = self._database.row("SELECT min(next_attempt_at) FROM webhooks WHERE state = 'waiting'")
        return None if row is None or row[0] is None else max(0.0, float(row[0]) - time.time())

    def settle(self, delivery: Delivery, *, answer: str, retry_in_s: float | None, delivered: bool) -> None:
        """Note one attempt: delivered, to be tried again in ``retry_in_s`` seconds, or (None) given up."""
        state = "delivered" if delivered else "given_up" if retry_in_s is None else "waiting"
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE webhooks SET state = ?, attempts = attempts + 1, next_attempt_at = ?, last_answer = ?"
                " WHERE id = ?",
                (state, time.time() + (retry_in_s or 0.0), answer, delivery.id),
            )
