"""A forward proxy on a real socket, which leads every tunnel to one place, or fails to as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

Manner: TypeAlias = "Callable[[ForwardProxy, socket.socket], None]"
"""What becomes of a connection once its request for a tunnel was read."""


def refusing(status: str) -> Manner:
    """Answer the request for a tunnel with a status such as ``503 Service Unavailable``."""
    return lambda proxy, client: client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


def saying(words: bytes) -> Manner:
    """Answer with these bytes, say no more, and wait for the other side to go: a close at once might be a reset."""

    def manner(proxy: ForwardProxy, client: socket.socket) -> None:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass

    return manner


def silent(proxy: ForwardProxy, client: socket.socket) -> None:
    """Never answer."""
    proxy.closing.wait(30)


def silent_in_the_tunnel(proxy: ForwardProxy, client: socket.socket) -> None:
    """Promise a tunnel, and let nothing through."""
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    proxy.closing.wait(30)


def leading(proxy: ForwardProxy, client: socket.socket) -> None:
    """Be a proxy that works."""
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with socket.create_connection(("127.0.0.1", proxy.leads_to)) as host:
        back = threading.Thread(target=_pump, args=(host, client), daemon=True)
        back.start()
        _pump(client, host)
        back.join(5)


@dataclass
class ForwardProxy:
    """Asked for tunnels, it deals out the manners in turn; the last one for ever.

    Attributes:
        asked: The head of each request that came.
        leads_to: The port on this machine that `leading` leads to, whatever was asked for.
    """

    manners: list[Manner]
    leads_to: int = 0
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while not self.closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def stop(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _one(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = client.recv(65536)
                if not chunk:
                    return
                head += chunk
            self.asked.append(head.decode("latin-1"))
            manner = self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]
            manner(self, client)


@contextmanager
def running_proxy(*manners: Manner, leads_to: int = 0) -> Iterator[ForwardProxy]:
    """A proxy of these manners for as long as the block lasts."""
    proxy = ForwardProxy(list(manners), leads_to=leads_to)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
