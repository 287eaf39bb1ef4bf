"""A scripted HTTP server on real sockets, and clients for it.

It answers by route and count, and misbehaves on command: what the tests of this room need and no HTTP library
would send.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google_crc32c
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pique_assets.api import PiqueClient, RetryPolicy, Timeouts

API_KEY = "pk_test_7Qm2XvNotToBeSeen"


@dataclass
class Received:
    """One request as it came: the head, and how much of its body was read."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    at: float
    body: bytes = b""
    body_bytes: int = 0
    crc32c: int = 0

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request on its connection; a step decides what becomes of both."""

    socket: socket.socket
    leftover: bytes
    request: Received
    server: ScriptedServer

    def read_body(self, *, at_most: int | None = None) -> None:
        """Read the announced body, keeping only its size, its checksum and its first MiB."""
        request = self.request
        wanted = int(request.header("content-length") or 0)
        wanted = wanted if at_most is None else min(wanted, at_most)
        while request.body_bytes < wanted:
            chunk = self.leftover or self.socket.recv(min(1 << 20, wanted - request.body_bytes))
            self.leftover = b""
            if not chunk:
                raise ConnectionError("the client went away")
            request.body_bytes += len(chunk)
            request.crc32c = google_crc32c.extend(request.crc32c, chunk)
            if len(request.body) < 1 << 20:
                request.body += chunk

    def take_effect(self) -> None:
        """Do what was asked for, as far as this server does anything."""
        self.read_body()
        self.server.effects[f"{self.request.method} {self.request.path}"] += 1

    def send_head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def reset(self) -> None:
        """Cut the connection so that the client sees a reset, not an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


# A step answers one request, and tells whether the connection can be used again.
Step = Callable[[Exchange], bool]


def reply(status: int = 200, document: object = None, *, raw: bytes | None = None, **headers: str) -> Step:
    """Read everything and answer, with JSON or with raw bytes; ``Retry_After="1"`` becomes a header."""
    body = json.dumps(document).encode() if raw is None else raw

    def step(exchange: Exchange) -> bool:
        exchange.take_effect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send_head(status, {"Content-Type": "application/json", "Content-Length": str(len(body)), **named})
        exchange.socket.sendall(body)
        return True

    return step


def store(*, hashed: bool = True, corrupt: bool = False) -> Step:
    """Take an upload as Google Cloud Storage does, naming the checksum of what arrived."""

    def step(exchange: Exchange) -> bool:
        exchange.take_effect()
        digest = (exchange.request.crc32c ^ int(corrupt)).to_bytes(4, "big")
        value = {"x-goog-hash": f"crc32c={_base64(digest)},md5={_base64(bytes(16))}"} if hashed else {}
        exchange.send_head(200, {"Content-Length": "0", **value})
        return True

    return step


def refuse_early(status: int, *, code: str, then: str, after_bytes: int = 0) -> Step:
    """Answer while the body is still being sent; then ``close`` with unread bytes, or ``drain`` them."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    def step(exchange: Exchange) -> bool:
        exchange.read_body(at_most=after_bytes)
        exchange.send_head(status, {"Content-Type": "application/xml", "Content-Length": str(len(body))})
        exchange.socket.sendall(body)
        if then == "drain":
            exchange.read_body()
            return True
        return False

    return step


def stall(seconds: float = 600.0) -> Step:
    """Do what was asked for, and never say so."""

    def step(exchange: Exchange) -> bool:
        exchange.take_effect()
        exchange.server.closing.wait(seconds)
        return False

    return step


def ignore_body(seconds: float = 600.0) -> Step:
    """Stop reading after the head."""

    def step(exchange: Exchange) -> bool:
        exchange.server.closing.wait(seconds)
        return False

    return step


def reset(*, after_effect: bool) -> Step:
    """Cut the connection, before or after doing what was asked for."""

    def step(exchange: Exchange) -> bool:
        if after_effect:
            exchange.take_effect()
        exchange.reset()
        return False

    return step


def truncate(document: object) -> Step:
    """Answer with half of what was announced."""
    body = json.dumps(document).encode()

    def step(exchange: Exchange) -> bool:
        exchange.take_effect()
        exchange.send_head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        exchange.socket.sendall(body[: len(body) // 2])
        return False

    return step


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


@dataclass
class ScriptedServer:
    """Answers each route with its steps in turn; the last one for ever."""

    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    closing: threading.Event = field(default_factory=threading.Event)
    _steps: defaultdict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connections: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def on(self, route: str, *steps: Step) -> None:
        """Script a route such as ``GET /v1/judges``."""
        self._steps[route] = list(steps)

    def seen(self, route: str) -> list[Received]:
        """All requests of a route, in order."""
        method, _, path = route.partition(" ")
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def close(self) -> None:
        self.closing.set()
        self.stop_listening()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=300)

    def stop_listening(self) -> None:
        """Refuse every connection from now on."""
        # Closing alone would not wake a thread that is blocked in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # An answer held back for company would be thrown away by a close with unread bytes.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # The client may leave at any moment; that is what is being tested.
        with contextlib.suppress(OSError, ConnectionError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self._connections.append(connection)
            with connection:
                while self._one(connection):
                    pass

    def _one(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = connection.recv(65536)
            if not chunk:
                return False
            head += chunk
        head, _, leftover = head.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        pairs = [line.split(": ", 1) for line in lines]
        headers = [(name, value) for name, value in pairs]
        request = Received(method, path, query, headers, time.monotonic())
        with self._lock:
            self.requests.append(request)
            steps = self._steps[f"{method} {path}"] or [reply(404, {"detail": "not scripted"})]
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        return step(Exchange(connection, leftover, request, self))


class Steps:
    """The steps by name, because a test cannot import from here."""

    reply = staticmethod(reply)
    store = staticmethod(store)
    refuse_early = staticmethod(refuse_early)
    stall = staticmethod(stall)
    ignore_body = staticmethod(ignore_body)
    reset = staticmethod(reset)
    truncate = staticmethod(truncate)


@pytest.fixture
def steps() -> type[Steps]:
    return Steps


@pytest.fixture
def new_server() -> Iterator[Callable[..., ScriptedServer]]:
    """Start servers; all are stopped at the end."""
    servers: list[ScriptedServer] = []

    def start(**options: object) -> ScriptedServer:
        servers.append(ScriptedServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(new_server: Callable[..., ScriptedServer]) -> ScriptedServer:
    """The API's host."""
    return new_server()


@pytest.fixture
def storage(new_server: Callable[..., ScriptedServer]) -> ScriptedServer:
    """The storage host."""
    return new_server()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine and for ``*.pique.test``, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pique.test")])
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("*.pique.test")]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "host.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return pem


@pytest.fixture
def trusted_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs to speak TLS with this process, which trusts it by ``SSL_CERT_FILE``."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def api_key() -> str:
    return API_KEY


@pytest.fixture
def new_client() -> Iterator[Callable[..., PiqueClient]]:
    """Make clients that lose no time between attempts; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(base_url: str, **options: object) -> PiqueClient:
            quick = RetryPolicy(attempts=4, base_s=0.001, cap_s=0.002, retry_after_cap_s=0.01)
            settings = {
                "api_key": API_KEY,
                "retries": quick,
                "timeouts": Timeouts(connect_s=60, read_s=60, write_s=60, pool_s=60),
                "upload_timeouts": Timeouts(connect_s=60, read_s=60, write_s=60, pool_s=60),
            }
            return stack.enter_context(PiqueClient(base_url=base_url, **{**settings, **options}))

        yield make


@pytest.fixture
def client(server: ScriptedServer, new_client: Callable[..., PiqueClient]) -> PiqueClient:
    return new_client(server.url)


@pytest.fixture
def documented() -> Callable[[str], dict[str, object]]:
    """Load one of the documented payloads."""
    folder = Path(__file__).parents[1] / "contract" / "payloads"

    def load(name: str) -> dict[str, object]:
        return json.loads((folder / f"{name}.json").read_text())

    return load
