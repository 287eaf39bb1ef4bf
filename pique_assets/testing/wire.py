"""HTTP/1.1 as bytes on a socket: reading a request's head and body, writing an answer, ending a connection badly.

Belongs here: what a library for HTTP would not let a test do. Does not: what is answered, and why.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPResponse
from typing import BinaryIO

MAX_HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
DRAIN_S = 2.0
SLOW_PIECES = 8

_LOOK_INTERVAL_S = 0.05

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"})


class BadRequest(Exception):
    """What came is not HTTP as this proxy understands it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """A request without its body; the target is kept as it was on the wire, because it may be signed."""

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def body_bytes(self) -> int:
        """How long the body is announced to be."""
        return int(self.header("content-length") or 0)

    @property
    def ends_connection(self) -> bool:
        """Whether the client asks for the connection's end."""
        return (self.header("connection") or "").lower() == "close"

    def header(self, name: str) -> str | None:
        """The value of a header, by its name in lower case."""
        return next((value for given, value in self.headers if given.lower() == name), None)

    def with_body_bytes(self, size: int) -> RequestHead:
        """The same, announcing a body of another length."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != "content-length")
        return replace(self, headers=(*kept, ("Content-Length", str(size))))

    def as_bytes(self) -> bytes:
        """The head for the next server: everything but what concerns this connection alone."""
        kept = [f"{name}: {value}\r\n" for name, value in self.headers if name.lower() not in _HOP_BY_HOP]
        return f"{self.method} {self.target} HTTP/1.1\r\n{''.join(kept)}\r\n".encode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class WireAnswer:
    """A complete answer; its headers never name its length, which is that of the body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def with_header(self, name: str, value: str) -> WireAnswer:
        """The same, with this header instead of any of its name."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def as_bytes(self, *, announced: int | None = None) -> bytes:
        """On the wire; ``announced`` is another length than the body's own, for an answer that will be cut."""
        length = len(self.body) if announced is None else announced
        lines = [f"{name}: {value}\r\n" for name, value in (*self.headers, ("Content-Length", str(length)))]
        return f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n{''.join(lines)}\r\n".encode("latin-1") + self.body


def read_head(reader: BinaryIO) -> RequestHead | None:
    """The next request's head, or None when the client has ended the connection.

    Raises:
        BadRequest: It cannot be read, or its body has no announced length.
    """
    lines: list[str] = []
    size = 0
    while True:
        line = reader.readline(MAX_HEAD_BYTES)
        size += len(line)
        if not line:
            return None
        if not line.endswith(b"\n") or size > MAX_HEAD_BYTES:
            raise BadRequest("the request's head is too long")
        if not line.strip():
            if lines:
                break
            continue
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    words = lines[0].split(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:]))
    if len(words) != 3 or any(name.lower() == "transfer-encoding" for name, _ in headers):
        raise BadRequest("the request has no HTTP/1.1 request line, or a body without Content-Length")
    head = RequestHead(method=words[0], target=words[1], headers=headers)
    if not (head.header("content-length") or "0").isdecimal():
        raise BadRequest("Content-Length is not a number")
    return head


def read_body(reader: BinaryIO, *, size: int) -> Iterator[bytes]:
    """Pieces of a body; fewer bytes than ``size`` when the client goes away."""
    left = size
    while left:
        # One read at most waits: what has come goes on at once.
        piece = reader.read1(min(left, CHUNK_BYTES))  # type: ignore[attr-defined]
        if not piece:
            return
        left -= len(piece)
        yield piece


def read_answer(connection: socket.socket, *, method: str) -> WireAnswer:
    """The server's answer to the request just sent.

    Raises:
        OSError, http.client.HTTPException: There was none.
    """
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
        headers = tuple(
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in _HOP_BY_HOP | {"content-length", "transfer-encoding"}
        )
        return WireAnswer(status=response.status, headers=headers, body=body)
    finally:
        response.close()


def send_slowly(connection: socket.socket, answer: WireAnswer, *, seconds: float) -> None:
    """Send the answer in pieces, the last one ``seconds`` after now."""
    data = answer.as_bytes()
    size = max(1, -(-len(data) // SLOW_PIECES))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    for piece in pieces:
        time.sleep(seconds / len(pieces))
        connection.sendall(piece)


def drain(connection: socket.socket) -> None:
    """End our side, and swallow what still comes, so that the client can read what it was answered."""
    connection.shutdown(socket.SHUT_WR)
    give_up = time.monotonic() + DRAIN_S
    connection.settimeout(DRAIN_S)
    while time.monotonic() < give_up and connection.recv(CHUNK_BYTES):
        pass


def wait_for_its_end(client: socket.socket, *, seconds: float, stopping: threading.Event) -> None:
    """Be silent until the time is over, the client has gone or the proxy ends."""
    poll = select.poll()
    # POLLRDHUP, where there is one, sees a client leave although bytes of it are still unread.
    poll.register(client, getattr(select, "POLLRDHUP", select.POLLHUP))
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up and not stopping.is_set():
        if poll.poll(_LOOK_INTERVAL_S * 1000):
            return


def arm_reset(connection: socket.socket) -> None:
    """Have the connection's close be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def json_object(body: bytes) -> dict[str, object] | None:
    """The body as a JSON object, or None when it is none."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
