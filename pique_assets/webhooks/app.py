"""The receiver as an ASGI app: reads, checks, stores, answers.

Belongs here: the order of these steps, and which answer each of them ends in. Every refusal has an empty body: whoever
may not send learns nothing. Does not: sockets and signals (`server`), the bounds of a body (`reading`), threads
(`calls`).

Answers: 200 stored (also when the same came before); 400 not a webhook, or its length is in doubt; 401 not signed by
Pique just now; 404 and 405 another address or method; 408 the body did not come in time; 413 the body is too large; 503
the ledger could not store it, or there was no room, so that Pique tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pique_assets.api.signatures import (
    OLDER_SIGNATURE_HEADER,
    SIGNATURE_HEADER,
    TOLERANCE_S,
    Secret,
    SignatureError,
    SigningKeys,
    read_older_signature,
    read_signature,
    verify_older_signature,
    verify_signature,
)
from pique_assets.ledger import Ledger, LedgerError
from pique_assets.webhooks.body import UnreadableWebhook, WebhookSubject, webhook_subject
from pique_assets.webhooks.calls import LedgerCalls
from pique_assets.webhooks.framing import Framing
from pique_assets.webhooks.log_limit import LogLimit
from pique_assets.webhooks.reading import MAX_BODY_BYTES, BodyReader, WebhookRefused

WEBHOOK_PATH = "/webhooks/pique"
HEALTH_PATH = "/health"

# Pique waits 10 seconds for the answer to a webhook; together with the limit of reading this leaves it two.
STORE_WITHIN_S = 4.0

log = logging.getLogger("pique_assets.webhooks")
log.addFilter(LogLimit())


def receiver_app(
    *,
    ledger: Ledger,
    secrets: Secret | Iterable[Secret],
    path: str = WEBHOOK_PATH,
    tolerance_s: float = TOLERANCE_S,
    max_body_bytes: int = MAX_BODY_BYTES,
    accept_without_time: bool = False,
) -> Starlette:
    """The receiver, to be served alone or mounted into another app.

    Args:
        ledger: Where webhooks are stored, and their jobs made due. Stays open while the app is served.
        secrets: The organisation's webhook secret; several while one is exchanged for another.
        path: Where webhooks are posted; mounted, below the mount's own path. Health is at `HEALTH_PATH`.
        tolerance_s: How far a signature's time may be from ours, in seconds, to either side.
        max_body_bytes: A larger body is refused as soon as it is seen to be larger.
        accept_without_time: Whether an `X-Webhook-Signature` without a time in it is enough: whoever has seen such a
            webhook can send it again for ever, which wakes a job and does nothing else.

    Raises:
        ValueError: No secret, or one that is too short.
    """
    receiver = _Receiver(
        ledger=ledger,
        keys=SigningKeys(secrets),
        tolerance_s=tolerance_s,
        max_body_bytes=max_body_bytes,
        accept_without_time=accept_without_time,
    )
    app = Starlette(
        routes=[
            Route(path, receiver.receive, methods=["POST"]),
            Route(HEALTH_PATH, receiver.health, methods=["GET"]),
        ],
        middleware=[Middleware(Framing)],
        exception_handlers={HTTPException: _refusal, Exception: _failure},
    )
    # A redirect would be built from the Host header that the sender wrote, and Pique follows none.
    app.router.redirect_slashes = False
    return app


async def _refusal(request: Request, error: Exception) -> Response:
    """The framework's own refusals, 404 and 405, without its words."""
    assert isinstance(error, HTTPException)
    return Response(status_code=error.status_code, headers=error.headers)


async def _failure(request: Request, error: Exception) -> Response:
    """A mistake of ours; the framework raises it again for the server's log."""
    return Response(status_code=500)


class _Receiver:
    """The two endpoints and what they share."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        keys: SigningKeys,
        tolerance_s: float,
        max_body_bytes: int,
        accept_without_time: bool,
    ) -> None:
        self._ledger = ledger
        self._keys = keys
        self._tolerance_s = tolerance_s
        self._bodies = BodyReader(max_bytes=max_body_bytes)
        self._calls = LedgerCalls()
        self._accept_without_time = accept_without_time

    async def receive(self, request: Request) -> Response:
        """Take one webhook."""
        received_at = datetime.now(UTC)
        try:
            self._bodies.check_announced(request)
            self._require_signature(request.headers)
            async with self._bodies.read(request) as body, asyncio.timeout(STORE_WITHIN_S):
                # In a thread: reading megabytes of JSON would hold up everybody else.
                subject = await run_in_threadpool(self._subject, body, headers=request.headers)
                await self._store(subject, body=body, received_at=received_at)
        except ClientDisconnect:
            return Response(status_code=400)
        except WebhookRefused as refused:
            log.warning("a webhook was refused with %s: %s", refused.status, refused)
            return Response(status_code=refused.status)
        except (LedgerError, TimeoutError) as error:
            reason = str(error) or "the ledger took too long"
            log.error("a webhook could not be stored, so Pique is asked to send it again: %s", reason)
            return Response(status_code=503)
        return Response(status_code=200)

    async def health(self, request: Request) -> Response:
        """Whether webhooks could be stored now."""
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                await self._calls.call("health", lambda: self._ledger.has_due(now=datetime.now(UTC)))
        except (LedgerError, TimeoutError):
            return Response(status_code=503)
        return PlainTextResponse("ok\n")

    def _require_signature(self, headers: Headers) -> None:
        """Refuse what can't be signed, whatever its body will be, before any of that body is taken."""
        try:
            header, has_time = self._signature(headers)
            if has_time:
                read_signature(header)
            else:
                read_older_signature(header)
        except SignatureError as error:
            raise WebhookRefused(401, str(error)) from None

    def _subject(self, body: bytes, *, headers: Headers) -> WebhookSubject:
        """Check the signature over the bytes as received, before anything reads them; then what they are about."""
        try:
            header, has_time = self._signature(headers)
            if has_time:
                verify_signature(body, header, self._keys, tolerance_s=self._tolerance_s)
            else:
                verify_older_signature(body, header, self._keys)
            return webhook_subject(body)
        except SignatureError as error:
            raise WebhookRefused(401, str(error)) from None
        except UnreadableWebhook as error:
            raise WebhookRefused(400, str(error)) from None

    def _signature(self, headers: Headers) -> tuple[str, bool]:
        """The signature header that counts, the older one only where the newer is missing; whether it has a time."""
        newer, older = headers.getlist(SIGNATURE_HEADER), headers.getlist(OLDER_SIGNATURE_HEADER)
        given = newer or older
        if len(given) != 1:
            raise SignatureError("there are several signature headers" if given else "there is no signature header")
        # The older header has no documented format: one with a time in it, which has commas, is as good as the newer.
        has_time = bool(newer) or "," in given[0]
        if not has_time and not self._accept_without_time:
            raise SignatureError("the signature has no time in it, and this receiver is not told to accept that")
        return given[0], has_time

    async def _store(self, subject: WebhookSubject, *, body: bytes, received_at: datetime) -> None:
        """Store the webhook; when Pique sends it again while that is still under way, wait for the same."""

        def store() -> None:
            receipt = self._ledger.record_webhook(
                job_id=subject.job_id, url=subject.url, body=body, received_at=received_at
            )
            about = "of a job this ledger does not know yet" if not receipt.known else "stored"
            again = ", the same as before" if receipt.repeated else ""
            log.info("webhook for job %s: %s%s", subject.job_id, about, again)

        # The same body is about the same job and URL.
        await self._calls.call(hashlib.sha256(body).digest(), store)
