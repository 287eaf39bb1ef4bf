"""The part of the ledger that hears of jobs from elsewhere: webhooks, kept for a day and made to wake their jobs.

Belongs here: the public methods. Does not: their statements (`webhooks.py`, `polling.py`), and whether a webhook is
genuine, which is for the room `webhooks` to say before it calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pique_assets.ledger import polling, webhooks
from pique_assets.ledger.base import LedgerBase
from pique_assets.ledger.model import StoredWebhook, WebhookReceipt


class LedgerWebhooks(LedgerBase):
    """What was heard of jobs without asking."""

    def record_webhook(self, *, job_id: str, url: str | None, body: bytes, received_at: datetime) -> WebhookReceipt:
        """Keep a webhook for a day; if its job is waited for, let it be asked about now.

        The same body for the same job again changes nothing. A job that is not known yet is woken when
        `record_prepared` or `record_accepted` names it.

        Args:
            job_id: the job it names.
            url: the social media URL it names, if any.
            body: as received, byte for byte.
            received_at: when.
        """
        with self._database.write("record_webhook") as connection:
            return webhooks.record(
                connection, job_id=job_id, url=url, body=body, received_at=received_at, now=self._clock()
            )

    def unknown_webhooks(self, *, limit: int) -> list[StoredWebhook]:
        """Webhooks of jobs that no submission is known to have, oldest first."""
        with self._database.read() as connection:
            return webhooks.unknown(connection, limit=limit)

    def make_due(self, job_ids: Sequence[str]) -> int:
        """Let these jobs be asked about now; returns how many of them are waited for."""
        with self._database.write("make_due") as connection:
            return polling.make_due(connection, job_ids, now=self._clock())
