"""Where a request ends on its connection: what leaves that in doubt, or is never read to its end, closes it.

Belongs here: an ASGI middleware, so that the rules hold in any server the receiver is mounted into. Does not: the
reading of a body (`reading`), and time limits of a connection (`connections`).
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Framing:
    """Refuses two lengths, and closes the connection behind a body that was refused before its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        chunked = "transfer-encoding" in headers
        if chunked and "content-length" in headers:
            # A proxy before us may have believed the other length, and take the rest for a request of its own.
            await Response(status_code=400, headers={"Connection": "close"})(scope, receive, send)
            return
        is_unread = chunked or headers.get("content-length", "0") != "0"

        async def watched_receive() -> Message:
            nonlocal is_unread
            message = await receive()
            is_unread = is_unread and message.get("more_body", False)
            return message

        async def closing_send(message: Message) -> None:
            # HTTP/2 has no such header, and no need of it.
            if message["type"] == "http.response.start" and is_unread and scope.get("http_version", "1.1")[0] == "1":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, watched_receive, closing_send)
