"""The receiver as a server of its own: a socket, signals, and one line when it is ready.

Belongs here: what `pique-assets receive` runs once it knows its ledger and secrets. Does not: what is done with a
request (`app`), nor how many connections there may be (`connections`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from pique_assets.webhooks.connections import (
    BACKLOG,
    HEADERS_WITHIN_S,
    accepted_at_once,
    guarded_protocol,
    most_connections,
)
from pique_assets.webhooks.log_limit import LogLimit

STOP_PATIENCE_S = 6
"""What is being stored when the server stops may end: longer than a store may take."""


def listening_socket(*, host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one.

    Raises:
        OSError: The address is not ours, or taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve(app: Starlette, *, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was begun.

    Args:
        app: The receiver.
        listener: Where requests come; closed at the end.
        on_ready: Called once requests are answered.
    """
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(LogLimit())
    with listener:
        asyncio.run(_Server(app, on_ready=on_ready).serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready, and takes a signal to stop as the order it is, not as an error."""

    def __init__(self, app: Starlette, *, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # Named, so that the server is the same wherever faster alternatives happen to be installed.
                http=guarded_protocol(most=most_connections()),
                # As many are accepted in one go.
                backlog=accepted_at_once(),
                timeout_keep_alive=int(HEADERS_WITHIN_S),
                loop="asyncio",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                # Who sent it decides nothing here, so no header is believed about it.
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_PATIENCE_S,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            # Uvicorn made the queue as short as the number above.
            listener.listen(BACKLOG)
        self._on_ready()

    def _stop(self) -> None:
        self.should_exit = True
