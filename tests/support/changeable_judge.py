"""A local Pique whose answers about a judge are changed on their way, one by one.

Belongs here: the server in front of the local Pique. Does not: what is expected of those who ask it.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pique_assets.local.process import LocalPiqueProcess

Change = Callable[[dict[str, Any]], dict[str, Any]]


def as_it_is(judge: dict[str, Any]) -> dict[str, Any]:
    return judge


def with_fewer_detectors(judge: dict[str, Any]) -> dict[str, Any]:
    return judge | {"detector_configs": judge["detector_configs"][:1]}


def with_detectors(value: object) -> Change:
    return lambda judge: judge | {"detector_configs": value}


@dataclass
class ChangeableJudge:
    """Where Pique seems to be, and how its next answers about a judge are changed; the last change goes on for ever."""

    base_url: str
    api_key: str
    asked: int = 0
    _changes: list[Change] = field(default_factory=lambda: [as_it_is])

    def answers(self, *changes: Change) -> None:
        """Begin anew: the next answers are changed like this."""
        self.asked = 0
        self._changes = list(changes)

    def changed(self, judge: dict[str, Any]) -> dict[str, Any]:
        change = self._changes[min(self.asked, len(self._changes) - 1)]
        self.asked += 1
        return change(judge)


@contextmanager
def changeable_judge(pique: LocalPiqueProcess) -> Iterator[ChangeableJudge]:
    """Everything but answers about judges passes through as it is; content goes to the local Pique directly."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            request = urllib.request.Request(
                f"{pique.base_url}{self.path}", data=body, headers=dict(self.headers), method=self.command
            )
            try:
                with urllib.request.urlopen(request) as answer:
                    status, content = answer.status, answer.read()
            except urllib.error.HTTPError as refused:
                with refused:
                    status, content = refused.code, refused.read()
            if self.path.startswith("/v1/judges/") and status == 200:
                content = json.dumps(front.changed(json.loads(content))).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front = ChangeableJudge(f"http://127.0.0.1:{server.server_port}", pique.api_key)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()
