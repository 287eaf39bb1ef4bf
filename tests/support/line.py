"""A server in the way of requests: what it answers is said by a test, whether it makes that up or asks somebody else.

Belongs here: the socket, requests and answers as values, and the passing on of a request. Does not: what is answered
(`documented_pique`, `odd_pique`, `endless_pique`, `changeable_judge`), and faults of the line (`pique_assets.testing`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; names of headers are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is answered to ``asked``, such as ``POST /v1/evaluations/presigned-upload``."""

    asked: str = ""
    status: int
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    body: bytes = b""

    def saying(self, **fields: object) -> Told:
        """The same with other fields of its JSON."""
        return replace(self, body=json.dumps({**json.loads(self.body), **fields}).encode())

    def document(self) -> Any:
        return json.loads(self.body)


def passed_on(request: Request, *, to: str) -> Told:
    """What the server at this base URL answers."""
    connection = HTTPConnection(to.partition("://")[2])
    try:
        path = f"{request.path}?{request.query}" if request.query else request.path
        connection.request(request.method, path, body=request.body, headers=request.headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if "x-goog-hash" in headers:
            # A storage host names a checksum of each kind in a header of its own.
            headers["x-goog-hash"] = ",".join(answer.msg.get_all("x-goog-hash") or [])
        return Told(asked=request.route, status=answer.status, headers=headers, body=answer.read())
    finally:
        connection.close()


@contextmanager
def answering(tell: Callable[[Request], Told]) -> Iterator[str]:
    """Answer every request on a port of its own; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length") or 0))
            told = tell(Request(method=self.command, path=path, query=query, headers=headers, body=body))
            self.send_response_only(told.status)
            for name, value in {**told.headers, "content-length": str(len(told.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(told.body)
            except OSError:
                # Whoever asked has read enough of a long answer.
                self.close_connection = True

        do_GET = do_POST = do_PUT = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="line")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
