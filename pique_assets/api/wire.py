"""Bytes to a host and back: connections, time-outs, and the limit on what is read.

This is the only module that knows the HTTP library, so that it can be exchanged here. Failures are returned, never
raised: an error raised in here would carry the library's, and with it the request and its secrets, as its context.
Which requests are sent, how many at once, how often, and what their answers mean is the transports' subject; which
proxies and certificates the environment names is ``environment``'s.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from weakref import WeakSet

import httpx

from pique_assets.api.address import is_loopback
from pique_assets.api.body import ContentFailed, UploadBody
from pique_assets.api.environment import Proxy, Trust, proxy_for, trusted_certificates
from pique_assets.api.errors import BrokenEnvironment
from pique_assets.api.policy import Timeouts
from pique_assets.api.redaction import Secret, install_redaction
from pique_assets.api.sending import Sending

# uvicorn and many proxies drop an idle connection after 5 s. Ours go first, because a request that meets
# such a connection is in doubt, which for a social submission means work for a human.
_KEEPALIVE_S: Final = 4.0

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
"""An exception is an interrupt, or what reading the content raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Road:
    """A way to hosts that share a proxy, or to those that are reached without one.

    Attributes:
        proxy: The proxy on it, if any.
        trusted_by: The variable that names the trusted certificates, if one does.
    """

    http: httpx.Client = field(repr=False)
    proxy: Proxy | None
    trusted_by: str | None


class Wire:
    """Connections to one kind of host. Thread-safe."""

    def __init__(
        self, *, timeouts: Timeouts, max_connections: int, asked_with: Mapping[str, Secret] | None = None
    ) -> None:
        """Open nothing yet; the first request does.

        Args:
            timeouts: For each step of a request.
            max_connections: Connections at a time.
            asked_with: Headers sent with whatever is asked, not with what is put.
        """
        self._timeouts = timeouts
        self._max_connections = max_connections
        self._asked_with = dict(asked_with or {})
        self._ends_at = math.inf
        self._lock = threading.Lock()
        self._is_cut = False
        self._connections: WeakSet[socket.socket] = WeakSet()
        self._roads: dict[tuple[Proxy | None, bool], _Road] = {}

    def find_road(self, url: str) -> None:
        """Look which way a host is reached, without going there.

        Raises:
            BrokenEnvironment: What the environment says of proxies or certificates can't be used.
        """
        self._road_to(httpx.URL(url))

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
        sending = Sending(watch=self._watch)
        road = None
        try:
            # Parsed once: that looks at each character of a long address.
            address = httpx.URL(url)
            road = self._road_to(address)
            request = road.http.build_request(
                method,
                address,
                params=dict(query),
                content=body,
                headers={**headers, **{name: secret.value for name, secret in self._asked_with.items()}},
                extensions=self._extensions(sending),
            )
            sending.request_is_built()
            response = road.http.send(request, stream=True)
            with closing(response):
                return _reply(response, body=_read_at_most(response, at_most))
        except Exception as error:
            return self._broken(error, sending=sending, road=road)
        except BaseException as error:
            return _without_frames(error)

    def put(self, url: str, body: UploadBody, *, headers: Mapping[str, str], at_most: int) -> Outcome:
        """Send content with exactly these headers besides ``Host`` and ``Content-Length``.

        The answer's status counts even when its body was cut short; what reading the content raised is returned as it
        was.
        """
        sending = Sending(watch=self._watch)
        road = None
        try:
            address = httpx.URL(url)
            road = self._road_to(address)
            request = _put_request(address, body, headers, self._extensions(sending))
            sending.request_is_built()
            response = road.http.send(request, stream=True)
            with closing(response):
                return _reply(response, body=_read_what_comes(response, at_most))
        except ContentFailed:
            return body.failure or RuntimeError("the content failed without a reason")
        except Exception as error:
            return self._broken(error, sending=sending, road=road)
        except BaseException as error:
            return _without_frames(error)

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
        with self._lock:
            for road in self._roads.values():
                road.http.close()

    def _road_to(self, url: httpx.URL) -> _Road:
        """The way to a host; hosts that are reached alike share it, and its connections are made when needed."""
        proxy = proxy_for(url.scheme, url.host, url.port)
        is_encrypted = url.scheme == "https"
        with self._lock:
            road = self._roads.get((proxy, is_encrypted))
            if road is None:
                road = self._roads[proxy, is_encrypted] = self._built(proxy, is_encrypted=is_encrypted)
        return road

    def _built(self, proxy: Proxy | None, *, is_encrypted: bool) -> _Road:
        # Where nothing is encrypted, certificates are of no use, and broken ones no hindrance.
        trust = trusted_certificates(_own_certificates) if is_encrypted else _NOBODY
        http = httpx.Client(
            verify=trust.context,
            proxy=_proxy(proxy, trust) if proxy else None,
            timeout=None,
            limits=httpx.Limits(max_connections=self._max_connections, keepalive_expiry=_KEEPALIVE_S),
            trust_env=False,
        )
        return _Road(http=http, proxy=proxy, trusted_by=trust.variable)

    def _extensions(self, sending: Sending) -> dict[str, Any]:
        left_s = max(_SHORTEST_TIMEOUT_S, self._ends_at - time.monotonic())
        given = self._timeouts
        # A connection that is being made can't be cut, and takes up to two steps: the network's and TLS's.
        connect_s = min(given.connect_s, left_s / 2)
        timeouts = httpx.Timeout(connect=connect_s, read=given.read_s, write=given.write_s, pool=given.pool_s)
        return {"timeout": timeouts.as_dict(), "trace": sending}

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Know each connection that is made: a thread that waits for an answer can only be woken by its end."""
        if not event.endswith(_CONNECTED):
            return
        connection = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._connections.add(connection)
            if self._is_cut:
                _end(connection)

    def _broken(self, error: Exception, *, sending: Sending, road: _Road | None) -> Broken:
        # These never meet a request on its way: there was no connection, or nobody to send through it.
        early = isinstance(
            error,
            httpx.ConnectError
            | httpx.ConnectTimeout
            | httpx.PoolTimeout
            | httpx.ProxyError
            | httpx.UnsupportedProtocol
            | httpx.InvalidURL
            | BrokenEnvironment,
        )
        invalid = isinstance(error, httpx.LocalProtocolError)
        unsent = sending.certainly_not_sent(early=early, invalid=invalid)
        reason = _why(error, self._timeouts)
        if unsent and road is not None:
            reason += _on_the_way(road, reason=reason)
        return Broken(reason=reason, request_sent=not unsent)


_NOBODY: Final = Trust(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), variable=None)


def _own_certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _proxy(proxy: Proxy, trust: Trust) -> httpx.Proxy:
    with suppress(Exception):
        is_encrypted = proxy.url.value.lower().startswith("https:")
        return httpx.Proxy(proxy.url.value, ssl_context=trust.context if is_encrypted else None)
    # Raised out here, where the library's error, which may quote a password, is neither context nor cause.
    raise BrokenEnvironment(proxy.variable, "names a proxy whose address is not valid")


def is_secure_url(url: str) -> bool:
    """Tell whether a URL is https, or http to this very machine."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return False
    if not parsed.host:
        return False
    return parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(parsed.host))


def no_free_connection(timeouts: Timeouts) -> str:
    """Say that a request had no turn."""
    return f"no free connection within {timeouts.pool_s:g} s"


def _put_request(
    address: httpx.URL, body: UploadBody, headers: Mapping[str, str], extensions: dict[str, Any]
) -> httpx.Request:
    # Built by hand: a client adds Accept, User-Agent and more, and what is signed must go as it was given.
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    if not any(name.lower() == b"content-length" for name, _ in given):
        given.append((b"Content-Length", str(body.size_bytes).encode()))
    # An empty body would be read after the request is complete, too late to find that it is not empty.
    content = body if body.size_bytes else b"".join(body)
    return httpx.Request("PUT", address, headers=given, content=content, extensions=extensions)


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


def _why(error: Exception, timeouts: Timeouts) -> str:
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
        case httpx.InvalidURL():
            # Its text may quote a signature.
            return "the address is not a valid URL"
        case httpx.ProxyError():
            return f"the proxy made no connection ({error})"
        case httpx.RequestError() | BrokenEnvironment():
            return str(error).rstrip(".") or type(error).__name__
        case _:
            # What neither the library nor we foresaw; where it happened helps whoever looks for the reason.
            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} in {last.filename}, line {last.lineno}"


def _on_the_way(road: _Road, *, reason: str) -> str:
    """Which variables may be to blame for a connection that was not made."""
    to_check = [road.proxy.variable] if road.proxy else []
    if road.trusted_by and "CERTIFICATE_VERIFY_FAILED" in reason:
        to_check.append(road.trusted_by)
    return f"; check the environment variable {' and '.join(to_check)}" if to_check else ""
