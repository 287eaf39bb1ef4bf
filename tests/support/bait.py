"""A bait: an address on this machine that hostile files name, and that nobody may ever ask for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Bait:
    """A listener that answers nobody and counts everybody."""

    port: int
    connections: list[tuple[str, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret.mp4"


@contextmanager
def listening() -> Iterator[Bait]:
    """Lay a bait for as long as the block lasts."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        bait = Bait(port=listener.getsockname()[1])

        def count() -> None:
            while not stop.is_set():
                try:
                    connection, address = listener.accept()
                except TimeoutError:
                    continue
                bait.connections.append(address)
                connection.close()

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield bait
        finally:
            stop.set()
            thread.join()
