"""A request's body, read within bounds: of size, of time, and of what all bodies together take.

Belongs here: the bounds, and `WebhookRefused`, which ends a request. Does not: what a body says (`body`), nor whether
Pique signed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.requests import Request

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Enough for results with tens of thousands of metrics."""

# Pique waits 10 seconds for the answer to a webhook; together with the limit of storing this leaves it two.
READ_WITHIN_S = 4.0

# Nearly every webhook is smaller. A larger body needs one of few places, so that senders without a secret can fill
# neither the memory, nor the way of the webhooks of ordinary size.
SMALL_BODY_BYTES = 64 * 1024
LARGE_BODIES = 4


class WebhookRefused(Exception):
    """The request ends here, with this status; the reason is for the log alone."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class BodyReader:
    """Reads the bodies of one receiver."""

    def __init__(self, *, max_bytes: int) -> None:
        """Refuse every body of more bytes than these."""
        self._max_bytes = max_bytes
        self._large = asyncio.Semaphore(LARGE_BODIES)

    def check_announced(self, request: Request) -> None:
        """Refuse a body that is announced to be too large, before any of it has come.

        Raises:
            WebhookRefused: With 413.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._max_bytes:
            raise WebhookRefused(413, "its body is announced to be too large")

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a body, and keep a large body's place until the end of the block.

        Raises:
            WebhookRefused: With 413 at the first byte too many (what a sender announces is a promise and no fact), 408
                when the body did not come in time, with 503 when there was no place for it.
            ClientDisconnect: The sender went away.
        """
        async with AsyncExitStack() as place:
            yield await self._whole(request, place=place)

    async def _whole(self, request: Request, *, place: AsyncExitStack) -> bytes:
        body = bytearray()
        has_place = False
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_bytes:
                        raise WebhookRefused(413, "its body is too large")
                    if len(body) > SMALL_BODY_BYTES and not has_place:
                        # Meanwhile nothing is taken from the connection, so its sender has to wait.
                        await place.enter_async_context(self._large)
                        has_place = True
        except TimeoutError:
            if len(body) > SMALL_BODY_BYTES and not has_place:
                raise WebhookRefused(503, "too many large bodies came at once") from None
            raise WebhookRefused(408, "its body did not come in time") from None
        return bytes(body)
