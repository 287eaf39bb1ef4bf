"""The receiver as an ASGI app: reads, checks, stores, answers.

Here: the order of these steps, their time limits, and which answer each of them ends in. Every refusal has an empty
body: whoever may not send learns nothing. Not here: sockets and signals (`server`).

Answers: 200 stored (also when the same came before); 400 not a webhook; 401 not signed by Pique just now; 404 and 405
another address or method; 408 the body did not come in time; 413 the body is too large; 503 the ledger could not store
it, so that Pique tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
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
    verify_older_signature,
    verify_signature,
)
from pique_assets.ledger import Ledger, LedgerError
from pique_assets.webhooks.body import UnreadableWebhook, webhook_subject

WEBHOOK_PATH = "/webhooks/pique"
HEALTH_PATH = "/health"

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Enough for results with tens of thousands of metrics."""

# Pique waits 10 seconds (direct-upload seed document); both limits together leave it two.
READ_WITHIN_S = 4.0
STORE_WITHIN_S = 4.0

log = logging.getLogger("pique_assets.webhooks")


class _Refused(Exception):
    """The request ends here, with this status; the reason is for the log alone."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


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
        self._max_body_bytes = max_body_bytes
        self._accept_without_time = accept_without_time

    async def receive(self, request: Request) -> Response:
        """Take one webhook."""
        received_at = datetime.now(UTC)
        try:
            body = await self._read(request)
            # In a thread: the ledger blocks, and reading megabytes of JSON would hold up everybody else.
            async with asyncio.timeout(STORE_WITHIN_S):
                await run_in_threadpool(self._take, body, headers=request.headers, received_at=received_at)
        except ClientDisconnect:
            return Response(status_code=400)
        except _Refused as refused:
            log.warning("a webhook was refused with %s: %s", refused.status, refused)
            headers = {"Connection": "close"} if refused.status == 408 else None
            return Response(status_code=refused.status, headers=headers)
        except (LedgerError, TimeoutError) as error:
            reason = str(error) or "the ledger took too long"
            log.error("a webhook could not be stored, so Pique is asked to send it again: %s", reason)
            return Response(status_code=503)
        return Response(status_code=200)

    async def health(self, request: Request) -> Response:
        """Whether webhooks could be stored now."""
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                await run_in_threadpool(self._ledger.has_due, now=datetime.now(UTC))
        except (LedgerError, TimeoutError):
            return Response(status_code=503)
        return PlainTextResponse("ok\n")

    async def _read(self, request: Request) -> bytes:
        """The body, refused at the first byte too many: what a sender announces is a promise, not a fact."""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._max_body_bytes:
            raise _Refused(413, "its body is announced to be too large")
        body = bytearray()
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_body_bytes:
                        raise _Refused(413, "its body is too large")
        except TimeoutError:
            raise _Refused(408, "its body did not come in time") from None
        return bytes(body)

    def _take(self, body: bytes, *, headers: Headers, received_at: datetime) -> None:
        """Check over the bytes as received, before anything reads them, and store."""
        try:
            self._verify(body, headers=headers)
            subject = webhook_subject(body)
        except SignatureError as error:
            raise _Refused(401, str(error)) from None
        except UnreadableWebhook as error:
            raise _Refused(400, str(error)) from None
        receipt = self._ledger.record_webhook(
            job_id=subject.job_id, url=subject.url, body=body, received_at=received_at
        )
        about = "of a job this ledger does not know yet" if not receipt.known else "stored"
        log.info("webhook for job %s: %s%s", subject.job_id, about, ", the same as before" if receipt.repeated else "")

    def _verify(self, body: bytes, *, headers: Headers) -> None:
        """Check the signature; the older header counts only where the newer one is missing."""
        newer, older = headers.getlist(SIGNATURE_HEADER), headers.getlist(OLDER_SIGNATURE_HEADER)
        given = newer or older
        if len(given) != 1:
            raise SignatureError("there are several signature headers" if given else "there is no signature header")
        # The older header has no documented format: one with a time in it, which has commas, is as good as the newer.
        if newer or "," in given[0]:
            verify_signature(body, given[0], self._keys, tolerance_s=self._tolerance_s)
        elif self._accept_without_time:
            verify_older_signature(body, given[0], self._keys)
        else:
            raise SignatureError("the signature has no time in it, and this receiver is not told to accept that")
