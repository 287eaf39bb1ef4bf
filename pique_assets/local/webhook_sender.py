"""Delivering webhooks: signed, retried with growing pauses, to the given address and to no other.

Belongs here: signing and sending, with the standard library's plain HTTP client on purpose: it follows no redirect,
knows no proxy setting and asks no other host. Does not: what is still to be delivered (`webhook_outbox`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import time
from urllib.parse import urlsplit

from pique_assets.local.settings import Settings
from pique_assets.local.webhook_outbox import Delivery, WebhookOutbox

AT_ONCE = 8
"""Deliveries under way at one time."""


def signature_header(body: bytes, *, secret: str, timestamp: int) -> str:
    """The value of ``X-Pique-Signature``: HMAC-SHA256 over ``<timestamp>.<body>`` (direct-upload seed)."""
    digest = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest},alg=sha256"


class WebhookSender:
    """Sends what the outbox holds."""

    def __init__(self, outbox: WebhookOutbox, *, settings: Settings, secret: str) -> None:
        """Send from ``outbox``, signed with ``secret``."""
        self._outbox = outbox
        self._settings = settings
        self._secret = secret
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: something was added."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            deliveries = self._outbox.due(limit=AT_ONCE)
            if deliveries:
                async with asyncio.TaskGroup() as group:
                    for delivery in deliveries:
                        group.create_task(self._deliver(delivery))
                continue
            await self._wait(self._outbox.seconds_until_due())

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _deliver(self, delivery: Delivery) -> None:
        signature = signature_header(delivery.body, secret=self._secret, timestamp=int(time.time()))
        answer = await asyncio.to_thread(_post, delivery, signature, self._settings.webhook_timeout_s)
        last = delivery.attempts + 1 >= self._settings.webhook_attempts
        self._outbox.settle(
            delivery,
            answer=answer,
            retry_in_s=None if last else self._settings.webhook_retry_base_s * 2**delivery.attempts,
            delivered=answer == "200",
        )


def _post(delivery: Delivery, signature: str, timeout_s: float) -> str:
    """Send once; the answer is the status, or the name of what went wrong."""
    parts = urlsplit(delivery.url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/json", "X-Pique-Signature": signature}
    if delivery.is_social:
        # The older name, which Pique's page about social-media URLs still gives.
        headers["X-Webhook-Signature"] = signature
    try:
        connection.request("POST", target, body=delivery.body, headers=headers)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return type(error).__name__
    finally:
        connection.close()
