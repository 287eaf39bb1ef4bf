"""`pique-assets receive` as a real process, and webhooks sent to it byte by byte.

Belongs here: starting, stopping, and plain HTTP on a socket, so that a request can be as wrong as a test wants it.
Does not: what is expected of the receiver.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from pique_assets.testing.signing import sign_webhook

SECRET = "whsec_that-nobody-else-knows"
PATIENCE_S = 300.0
PATH = "/webhooks/pique"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the receiver answered; status 0 when it said nothing at all."""

    status: int
    body: bytes = b""


@dataclass(kw_only=True)
class Receiver:
    """A running receiver; without a process of its own where a test serves it itself."""

    address: tuple[str, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}{PATH}"

    def deliver(self, body: bytes, *, secret: str = SECRET, **options: object) -> Answer:
        """Send a body as Pique would."""
        return self.post(body, {"X-Pique-Signature": sign_webhook(body, secret)}, **options)

    def post(self, body: bytes, headers: dict[str, str], *, path: str = PATH) -> Answer:
        """Send a body with these headers and its length."""
        return self.send(request(body, headers, path=path))

    def send(self, raw: bytes, *, method: str = "POST") -> Answer:
        """Send bytes on a connection of their own, and read the answer."""
        with socket.create_connection(self.address, timeout=PATIENCE_S) as connection:
            # It may refuse before it has read everything.
            with suppress(OSError):
                connection.sendall(raw)
            return read_answer(connection, method=method)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as an operator would; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def request(body: bytes, headers: dict[str, str], *, path: str = PATH, method: str = "POST") -> bytes:
    """A request with its length, on a connection that stays open; headers in latin-1, as they are on the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: receiver", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(pieces: Sequence[bytes], headers: dict[str, str], *, end: bytes = b"0\r\n\r\n") -> bytes:
    """A request whose body has no announced length."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: receiver", "Transfer-Encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def read_answer(connection: socket.socket, *, method: str = "POST") -> Answer:
    """The next answer on a connection."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(status=response.status, body=response.read())
    except (OSError, ValueError):
        return Answer(status=0)
    except Exception as error:
        # http.client's own errors share no useful base: whatever came was no answer.
        assert type(error).__module__ == "http.client", error
        return Answer(status=0)
    finally:
        response.close()


def command(*options: object) -> list[str]:
    """The command line of `pique-assets receive`."""
    return [sys.executable, "-m", "pique_assets.cli", "receive", *map(str, options)]


def environment(**changes: str) -> dict[str, str]:
    """The environment without anything of Pique, and with these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PIQUE_")} | changes


@contextmanager
def running_receiver(
    *options: object,
    ledger: Path | None,
    log: Path,
    secrets: Sequence[str] = (SECRET,),
    cwd: Path | None = None,
    descriptors: int | None = None,
    **variables: str,
) -> Iterator[Receiver]:
    """A receiver on a free loopback port, stopped at the end of the block.

    Without a ledger it finds one itself, from its working directory; it has so many descriptors, if given.
    """
    named = () if ledger is None else ("--ledger", ledger)
    variables = {"PIQUE_WEBHOOK_SECRETS": ",".join(secrets), **variables}
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            command("--port", 0, *named, *options),
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=None if descriptors is None else partial(_limit_descriptors, descriptors),
        )
    try:
        port = _port(process, log=log, began=began)
        yield Receiver(address=("127.0.0.1", port), process=process)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(app: Starlette, *, http: str | type[asyncio.BufferedProtocol] = "h11") -> Iterator[Receiver]:
    """An app with a receiver in it, served by a thread of this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", http=http, ws="none", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Receiver(address=listener.getsockname())
        finally:
            server.should_exit = True
            thread.join()


def _limit_descriptors(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _port(process: subprocess.Popen[bytes], *, log: Path, began: int) -> int:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        said = log.read_bytes()[began:].decode()
        if ready := re.search(r"receiving webhooks at http://127\.0\.0\.1:(\d+)/", said):
            return int(ready.group(1))
        assert process.poll() is None, f"the receiver did not start: {said}"
        assert time.monotonic() < give_up, f"the receiver is not ready: {said}"
        time.sleep(0.05)
