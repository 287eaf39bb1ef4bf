"""Bytes to a host and back: connections, time-outs, and the limit on what is read.

This is the only module that knows the HTTP library, so that it can be exchanged here. Failures are returned, never
raised: an error raised in here would carry the library's, and with it the request and its secrets, as its context.
Which requests are sent, how many at once, how often, and what their answers mean is the transports' subject.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from weakref import WeakSet

import httpx

from pique_assets.api.body import ContentFailed, UploadBody
from pique_assets.api.policy import Timeouts
from pique_assets.api.redaction import install_redaction

# uvicorn and many proxies drop an idle connection after 5 s. Ours go first, because a request that meets
# such a connection is in doubt, which for a social submission means work for a human.
_KEEPALIVE_S: Final = 4.0

_LOOPBACK_MOUNTS: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_CONNECTED: Final = (".connect_tcp.complete", ".start_tls.complete")
_SHORTEST_TIMEOUT_S: Final = 0.001

_E = TypeVar("_E", bound=BaseException)

# The library logs each URL, signed or not, and its lower half logs headers.
install_redaction("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a host answered.

    Attributes:
        headers: By their names in lower case.
        body: At most as many bytes as were asked for.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """No answer, or none that could be read.

    Attributes:
        reason: In words that may quote the host, so they are still to be redacted.
        request_sent: Whether anything of the request may have arrived.
    """

    reason: str
    request_sent: bool


Outcome = Reply | Broken | BaseException
"""An exception is an interrupt, a fault of the library, or what reading the content raised."""


class Wire:
    """Connections to one kind of host. Thread-safe."""

    def __init__(self, *, timeouts: Timeouts, max_connections: int, headers: Mapping[str, str]) -> None:
        """Open nothing yet; the first request does.

        Args:
            timeouts: For each step of a request.
            max_connections: Connections at a time.
            headers: Sent with whatever is asked, not with what is put.
        """
        self._timeouts = timeouts
        self._ends_at = math.inf
        self._lock = threading.Lock()
        self._is_cut = False
        self._connections: WeakSet[socket.socket] = WeakSet()
        self._http = httpx.Client(
            headers=headers,
            timeout=None,
            limits=httpx.Limits(max_connections=max_connections, keepalive_expiry=_KEEPALIVE_S),
            # A proxy of the environment is for the world outside, never for this machine.
            mounts=dict.fromkeys(_LOOPBACK_MOUNTS),
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
        body: bytes | None,
        at_most: int,
    ) -> Outcome:
        """Send a request and read its answer, which counts only when it came to its end or to ``at_most`` bytes."""
        try:
            with self._http.stream(
                method, url, params=dict(query), content=body, headers=headers, extensions=self._extensions()
            ) as response:
                return _reply(response, body=_read_at_most(response, at_most))
        except httpx.RequestError as error:
            return self._broken(error)
        except BaseException as error:
            return _without_frames(error)

    def put(self, url: str, body: UploadBody, *, headers: Mapping[str, str], at_most: int) -> Outcome:
        """Send content with exactly these headers besides ``Host`` and ``Content-Length``.

        The answer's status counts even when its body was cut short; what reading the content raised is returned as it
        was.
        """
        try:
            response = self._http.send(_put_request(url, body, headers, self._extensions()), stream=True)
        except httpx.RequestError as error:
            return self._broken(error)
        except ContentFailed:
            return body.failure or RuntimeError("the content failed without a reason")
        except BaseException as error:
            return _without_frames(error)
        try:
            return _reply(response, body=_read_what_comes(response, at_most))
        finally:
            response.close()

    def end_at(self, moment: float) -> None:
        """Wait for no connection beyond this `time.monotonic()`, at which `cut` is going to be called."""
        self._ends_at = moment

    def cut(self) -> None:
        """End every connection, whatever is under way on it; whoever waits for an answer gets none.

        Only the system's search for an address can't be cut short.
        """
        with self._lock:
            self._is_cut = True
            for connection in self._connections:
                _end(connection)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _extensions(self) -> dict[str, Any]:
        left_s = max(_SHORTEST_TIMEOUT_S, self._ends_at - time.monotonic())
        given = self._timeouts
        # A connection that is being made can't be cut, and takes up to two steps: the network's and TLS's.
        connect_s = min(given.connect_s, left_s / 2)
        timeouts = httpx.Timeout(connect=connect_s, read=given.read_s, write=given.write_s, pool=given.pool_s)
        return {"timeout": timeouts.as_dict(), "trace": self._watch}

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Know each connection that is made: a thread that waits for an answer can only be woken by its end."""
        if not event.endswith(_CONNECTED):
            return
        connection = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._connections.add(connection)
            if self._is_cut:
                _end(connection)

    def _broken(self, error: httpx.RequestError) -> Broken:
        # Only these three happen before the first byte of a request; of any other, some may have arrived.
        unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        return Broken(reason=_why(error, self._timeouts), request_sent=not unsent)


def is_secure_url(url: str) -> bool:
    """Tell whether a URL is https, or http to this very machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if not parsed.host:
        return False
    return parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def no_free_connection(timeouts: Timeouts) -> str:
    """Say that a request had no turn."""
    return f"no free connection within {timeouts.pool_s:g} s"


def _put_request(url: str, body: UploadBody, headers: Mapping[str, str], extensions: dict[str, Any]) -> httpx.Request:
    # Built by hand: a client adds Accept, User-Agent and more, and what is signed must go as it was given.
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    if not any(name.lower() == b"content-length" for name, _ in given):
        given.append((b"Content-Length", str(body.size_bytes).encode()))
    # An empty body would be read after the request is complete, too late to find that it is not empty.
    content = body if body.size_bytes else b"".join(body)
    return httpx.Request("PUT", url, headers=given, content=content, extensions=extensions)


def _reply(response: httpx.Response, *, body: bytes) -> Reply:
    return Reply(status=response.status_code, headers=dict(response.headers), body=body)


def _read_at_most(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body)


def _read_what_comes(response: httpx.Response, limit: int) -> bytes:
    try:
        return _read_at_most(response, limit)
    except httpx.RequestError:
        # The status has said it all; a host that refuses early often cuts the explanation short.
        return b""


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        # The plain socket's: a TLS socket would forget its keys, and the thread that reads would stumble.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _without_frames(error: _E) -> _E:
    """Cut off an error's traceback: the library's variables hold the key and signed URLs."""
    frames = traceback.extract_tb(error.__traceback__)
    error.add_note(f"raised in {frames[-1].filename}, line {frames[-1].lineno}, while talking to Pique")
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _why(error: httpx.RequestError, timeouts: Timeouts) -> str:
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {timeouts.connect_s:g} s"
        case httpx.ReadTimeout():
            return f"silence for {timeouts.read_s:g} s"
        case httpx.WriteTimeout():
            return f"no byte was taken for {timeouts.write_s:g} s"
        case httpx.PoolTimeout():
            return no_free_connection(timeouts)
        case httpx.LocalProtocolError():
            # Its text may quote a header.
            return "the request is not valid HTTP"
        case _:
            return str(error) or type(error).__name__
