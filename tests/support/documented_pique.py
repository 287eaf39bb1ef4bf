"""A Pique of documented answers: a small HTTP server on loopback that says what it is given to say.

Belongs here: the server, API and storage in one. Does not: any rule of Pique's; that is the local Pique.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

API_KEY = "pk_your_api_key_here"


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    document: object = None
    headers: dict[str, str] = field(default_factory=dict)


# What is answered to a route: one answer after the other, the last one for ever; or what a function makes of a request.
Answers = list[Answer] | Callable[[Request], Answer]


@dataclass
class DocumentedPique:
    """What to answer, and what was asked."""

    base_url: str
    api_key: str = API_KEY
    requests: list[Request] = field(default_factory=list)
    _answers: dict[str, Answers] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, route: str, *answers: Answer | dict[str, Any] | Callable[[Request], Answer]) -> None:
        """Answer a route such as ``GET /v1/judges/j``; a document alone is answered with 200."""
        (first, *_) = answers
        if callable(first):
            self._answers[route] = first
        else:
            self._answers[route] = [Answer(document=one) if isinstance(one, dict) else one for one in answers]

    def seen(self, route: str) -> list[Request]:
        return [request for request in self.requests if request.route == route]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            answers = self._answers.get(request.route, [Answer(status=404, document={"detail": "not documented"})])
            if callable(answers):
                return answers(request)
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def documented_pique() -> Iterator[DocumentedPique]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            answer = pique.answer(
                Request(method=self.command, path=path, query=query, headers=headers, body=body),
            )
            content = b"" if answer.document is None else json.dumps(answer.document).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pique = DocumentedPique(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield pique
        finally:
            server.shutdown()
            thread.join()
