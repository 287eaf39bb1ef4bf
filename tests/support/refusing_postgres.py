"""A server on a socket that speaks enough of Postgres' protocol to refuse a login in a given way.

For states into which a real server cannot be brought at will, such as starting up. Does not: a server that works, which
is the fixture `postgres`.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


@contextmanager
def refusing_postgres(*, state: str, message: str) -> Iterator[int]:
    """The port of a server that answers every login with FATAL, this SQLSTATE and these words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_serve, args=(listener, _refusal(state, message)), daemon=True)
        server.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    server.join()


def _serve(listener: socket.socket, refusal: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            while (request := _request(stream.read(4), stream)) in (_SSL_REQUEST, _GSS_REQUEST):
                connection.sendall(b"N")
            if request is not None:
                connection.sendall(refusal)


def _request(length: bytes, stream) -> int | None:
    if len(length) < 4:
        return None
    body = stream.read(struct.unpack("!i", length)[0] - 4)
    return struct.unpack("!i", body[:4])[0]


def _refusal(state: str, message: str) -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": state, "M": message}
    body = b"".join(name.encode() + text.encode() + b"\0" for name, text in fields.items()) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body
