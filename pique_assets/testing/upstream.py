"""The proxy's connection to the local Pique: kept between requests, renewed when it has become stale."""

from __future__ import annotations

import http.client
import select
import socket
import time

from pique_assets.testing.wire import RequestHead, WireAnswer, read_answer

# The local Pique drops an idle connection after 5 s.
_KEPT_S = 4.0
_PATIENCE_S = 120.0


class PiqueGone(Exception):
    """The local Pique did not take the request, or did not answer it."""


class Upstream:
    """One connection, for one request at a time."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Connect to ``address`` when there is something to send."""
        self._address = address
        self._connection: socket.socket | None = None
        self._used_at = 0.0

    @property
    def has_answered(self) -> bool:
        """Whether an answer, or the end of the connection, has come."""
        if self._connection is None:
            return False
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(0))

    def send_head(self, head: RequestHead) -> None:
        """Begin a request.

        Raises:
            PiqueGone: Nobody listens.
        """
        # Readable before anything was asked: the server has ended it.
        if self.has_answered or time.monotonic() - self._used_at > _KEPT_S:
            self.close()
        try:
            if self._connection is None:
                self._connection = socket.create_connection(self._address, timeout=_PATIENCE_S)
            self._connection.sendall(head.as_bytes())
        except OSError as error:
            raise PiqueGone(f"the local Pique does not listen ({type(error).__name__})") from error

    def send(self, piece: bytes) -> bool:
        """Send a piece of the body; false when the server has answered already, and the rest is of no use."""
        if self._connection is None or self.has_answered:
            return False
        try:
            self._connection.sendall(piece)
        except OSError:
            return False
        return True

    def read_answer(self, method: str) -> WireAnswer:
        """The answer to the request that was sent.

        Raises:
            PiqueGone: There was none.
        """
        if self._connection is None:
            raise PiqueGone("no request was sent")
        try:
            answer = read_answer(self._connection, method=method)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PiqueGone(f"the local Pique did not answer ({type(error).__name__})") from error
        self._used_at = time.monotonic()
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
