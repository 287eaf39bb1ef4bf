"""A bait: an address on this machine that hostile files name, and that nobody may ever ask for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ports import NEVER_SERVED, port_for_later


@dataclass(frozen=True, kw_only=True)
class Bait:
    """A listener that answers nobody and counts everybody.

    Attributes:
        connections: What each said first, so that a test which fails tells who came.
    """

    port: int
    connections: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret.mp4"


def _first_words(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    try:
        return connection.recv(500)
    except OSError:
        return b""


@contextmanager
def listening() -> Iterator[Bait]:
    """Lay a bait for as long as the block lasts."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", port_for_later(NEVER_SERVED))) as listener:
        listener.settimeout(0.1)
        bait = Bait(port=listener.getsockname()[1])

        def count() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    bait.connections.append(_first_words(connection))

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield bait
        finally:
            stop.set()
            thread.join()
