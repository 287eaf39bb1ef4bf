"""The connections of the receiver's own server: how many there are, how long each may take, what each may hold.

Belongs here: what uvicorn has no setting for. Does not: requests, once their headers are complete (`app`).

A connection that has not sent its headers costs a descriptor and nothing to whoever opened it. So it has a few seconds,
and when there are too many connections the one that has kept us waiting longest goes first. A connection whose webhook
came whole is never dropped.
"""

from __future__ import annotations

import asyncio
import resource
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN_S = 5.0
"""Also how long a connection may rest between two requests."""

MOST_CONNECTIONS = 512
MOST_ACCEPTED_AT_ONCE = 128
# Connections that wait in the kernel cost this process nothing; one that finds no room there tries again seconds later.
BACKLOG = 2048
_READ_BYTES = 16 * 1024


def most_connections() -> int:
    """How many connections may be open: half of the descriptors this process may have, or fewer."""
    return min(MOST_CONNECTIONS, _descriptors() // 2)


def accepted_at_once() -> int:
    """How many connections may be accepted before one of them can be dropped."""
    return min(MOST_ACCEPTED_AT_ONCE, _descriptors() // 8)


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 8 * MOST_ACCEPTED_AT_ONCE if soft == resource.RLIM_INFINITY else soft


class Crowd:
    """All connections, those that keep us waiting by how long they do."""

    def __init__(self, *, most: int) -> None:
        """Let at most so many stay."""
        self._most = most
        self._count = 0
        # Dictionaries, for they keep the order in which connections came.
        self._without_headers: dict[GuardedProtocol, None] = {}
        self._without_body: dict[GuardedProtocol, None] = {}

    def enter(self, connection: GuardedProtocol) -> None:
        """Take in a new connection; another goes if there are too many, or itself where all others are at work."""
        self._count += 1
        self._without_headers[connection] = None
        if self._count > self._most:
            waited_for = next(iter(self._without_headers))
            if waited_for is connection:
                waited_for = next(iter(self._without_body), connection)
            self.leave(waited_for)
            waited_for.drop()

    def waits_for_headers(self, connection: GuardedProtocol) -> None:
        """The connection answered its request: it is again the one that came last."""
        if connection.has_left:
            return
        self._without_body.pop(connection, None)
        self._without_headers.pop(connection, None)
        self._without_headers[connection] = None

    def waits_for_body(self, connection: GuardedProtocol) -> None:
        """The headers are complete."""
        if connection in self._without_headers:
            del self._without_headers[connection]
            self._without_body[connection] = None

    def waits_for_us(self, connection: GuardedProtocol) -> None:
        """The request is complete."""
        self._without_headers.pop(connection, None)
        self._without_body.pop(connection, None)

    def leave(self, connection: GuardedProtocol) -> None:
        """The connection is closed, or about to be."""
        if not connection.has_left:
            connection.has_left = True
            self._count -= 1
            self.waits_for_us(connection)


class GuardedProtocol(H11Protocol, asyncio.BufferedProtocol):
    """HTTP in Python alone, within bounds; its refusal of what is no HTTP is as empty as all others.

    A buffered protocol, for it says itself how much is read at once: otherwise asyncio reads 256 KiB from each
    connection, wanted or not.
    """

    crowd: ClassVar[Crowd]
    # One for all: what was read is copied out before anything else is read.
    _buffer: ClassVar[bytearray] = bytearray(_READ_BYTES)

    has_left = False
    _headers_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take in the connection."""
        super().connection_made(transport)
        self._wait_for_headers()
        self.crowd.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_waiting()
        self.crowd.leave(self)
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where asyncio puts what it reads."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def handle_events(self) -> None:
        """Take what the connection's bytes mean, and note what is waited for."""
        super().handle_events()
        if self.cycle is None or self.cycle.response_complete:
            return
        self._end_waiting()
        if self.cycle.more_body:
            self.crowd.waits_for_body(self)
        else:
            self.crowd.waits_for_us(self)

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn may find that it has come already."""
        self._wait_for_headers()
        self.crowd.waits_for_headers(self)
        super().on_response_complete()

    def drop(self) -> None:
        """Close the connection for one that came later."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, without uvicorn's words."""
        super().send_400_response("")

    def _wait_for_headers(self) -> None:
        self._end_waiting()
        self._headers_deadline = self.loop.call_later(HEADERS_WITHIN_S, self._headers_are_late)

    def _end_waiting(self) -> None:
        if self._headers_deadline is not None:
            self._headers_deadline.cancel()
            self._headers_deadline = None

    def _headers_are_late(self) -> None:
        if self.transport.is_closing():
            return
        began, _ = self.conn.trailing_data
        if began and self.conn.our_state is h11.IDLE:
            late = h11.Response(status_code=408, headers=[("Content-Length", "0"), ("Connection", "close")])
            for event in (late, h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def guarded_protocol(*, most: int) -> type[GuardedProtocol]:
    """The protocol of a server that lets at most so many connections stay."""

    class Protocol(GuardedProtocol):
        crowd = Crowd(most=most)

    return Protocol
