"""The proxy between clients and the local Pique: a listening socket on loopback, and a thread for each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pique_assets.local.settings import HOST
from pique_assets.testing.conversation import Conversation, Setting
from pique_assets.testing.faults import FaultScript
from pique_assets.testing.history import History
from pique_assets.testing.routes import WEBHOOK_PATH
from pique_assets.testing.shaping import Shaper
from pique_assets.testing.webhook_relay import WebhookRelay

_BACKLOG = 256


class FaultProxy:
    """Listens from the start, so that its address can be told, and serves once it knows where Pique is."""

    def __init__(self, *, script: FaultScript, history: History, webhook_url: str | None = None, port: int = 0) -> None:
        """Follow ``script``, write ``history``, and pass the organisation's webhooks on to ``webhook_url``."""
        self._script = script
        self._history = history
        self._webhook_url = webhook_url
        self._listener = socket.create_server((HOST, port), backlog=_BACKLOG)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}

    @property
    def base_url(self) -> str:
        """Where clients go."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    @property
    def webhook_url(self) -> str | None:
        """Where the local Pique sends the organisation's webhooks, if they have a receiver."""
        return None if self._webhook_url is None else self._relay_url

    @property
    def _relay_url(self) -> str:
        return self.base_url + WEBHOOK_PATH

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    @contextmanager
    def serving(self, *, pique_url: str, api_key: str) -> Iterator[None]:
        """Serve inside the block; nothing of it runs afterwards."""
        parts = urlsplit(pique_url)
        setting = Setting(
            script=self._script,
            history=self._history,
            shaper=Shaper(self._script),
            webhooks=WebhookRelay(self._webhook_url),
            relay_url=self._relay_url,
            pique=(parts.hostname or HOST, parts.port or 80),
            stopping=self._stopping,
            api_key=api_key,
        )
        acceptor = threading.Thread(target=self._accept, args=(setting,), name="fault-proxy")
        acceptor.start()
        try:
            yield
        finally:
            self._stopping.set()
            # Wakes the acceptor, which sees that it is over.
            with suppress(OSError):
                socket.create_connection(self._listener.getsockname(), timeout=1.0).close()
            acceptor.join()
            self._end_connections()
            setting.webhooks.close()

    def _accept(self, setting: Setting) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._converse, args=(connection, setting), name="fault-proxy-connection")
            with self._lock:
                self._connections[thread] = connection
            thread.start()

    def _converse(self, connection: socket.socket, setting: Setting) -> None:
        try:
            # A client that goes away in the middle of anything is nothing to report.
            with suppress(OSError), connection:
                Conversation(connection, setting=setting).run()
        finally:
            with self._lock:
                self._connections.pop(threading.current_thread(), None)

    def _end_connections(self) -> None:
        with self._lock:
            open_now = dict(self._connections)
        for thread, connection in open_now.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
