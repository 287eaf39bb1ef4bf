"""A local Pique whose answers come to the client otherwise than they were given: odd, and still legal HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

from pique_assets.local.process import LocalPiqueProcess, running_local_pique


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the client is told in answer to ``asked``, such as ``POST /v1/evaluations/presigned-upload``."""

    asked: str
    status: int
    headers: dict[str, str]
    body: bytes

    def saying(self, **fields: object) -> Told:
        """The same with other fields of its JSON."""
        return replace(self, body=json.dumps({**json.loads(self.body), **fields}).encode())

    def document(self) -> Any:
        return json.loads(self.body)


Oddity: TypeAlias = Callable[[Told], Told]


@dataclass(kw_only=True)
class OddPique:
    """Where the client goes, and what becomes of answers at present.

    Attributes:
        oddity: Changes what the client is told.
        instead: Answers in the place of Pique, which then hears nothing; None passes the request on.
    """

    base_url: str
    oddity: Oddity | None = None
    instead: Callable[[str], Told | None] | None = None
    told: list[Told] = field(default_factory=list)
    pique: LocalPiqueProcess | None = None

    def asked(self, what: str) -> int:
        return sum(told.asked == what for told in self.told)


@contextmanager
def running_odd_pique(folder: Path, *, seed_judges: Path) -> Iterator[OddPique]:
    """A local Pique behind a line that tells its answers as the oddity of the moment wants them."""

    class Line(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.pass_on()

        def do_POST(self) -> None:
            self.pass_on()

        def do_PUT(self) -> None:
            self.pass_on()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            asked = f"{self.command} {self.path.partition('?')[0]}"
            told = odd.instead(asked) if odd.instead else None
            told = told or self.answer_of_pique(asked, body)
            told = odd.oddity(told) if odd.oddity else told
            odd.told.append(told)
            self.send_response_only(told.status)
            for name, value in {**told.headers, "content-length": str(len(told.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def answer_of_pique(self, asked: str, body: bytes) -> Told:
            assert odd.pique is not None
            line = HTTPConnection(odd.pique.base_url.partition("://")[2])
            try:
                line.request(self.command, self.path, body=body, headers=dict(self.headers))
                answer = line.getresponse()
                headers = {name.lower(): value for name, value in answer.getheaders()}
                # A storage host names a checksum of each kind in a header of its own.
                headers["x-goog-hash"] = ",".join(answer.msg.get_all("x-goog-hash") or [])
                return Told(asked=asked, status=answer.status, headers=headers, body=answer.read())
            finally:
                line.close()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    odd = OddPique(base_url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with running_local_pique(
            data_dir=folder / "pique", seed_judges=seed_judges, workers=1, public_url=odd.base_url
        ) as pique:
            odd.pique = pique
            yield odd
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
