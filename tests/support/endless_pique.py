"""A Pique of which some jobs have odd answers: a proxy before the local one, which says otherwise of files it is told.

Belongs here: the proxy and the odd answers. Does not: faults of the line (`pique_assets.testing`), and any rule of
Pique's.
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

from pique_assets.local.process import LocalPiqueProcess

Answer = tuple[int, bytes]
OddAnswer = Callable[[str], Answer]
"""What is answered about a job, by its id."""

PASSED_ON = ("x-api-key", "content-type", "accept")


def status(word: str, **more: object) -> OddAnswer:
    """The job is in this state, for ever."""
    return lambda job_id: (200, json.dumps({"job_id": job_id, "status": word, **more}).encode())


def refused(code: int) -> OddAnswer:
    return lambda job_id: (code, json.dumps({"detail": "not found"}).encode())


def body(content: bytes) -> OddAnswer:
    return lambda job_id: (200, content)


@dataclass(kw_only=True)
class OddPique:
    """Its address and key, and what it answers about the job of a file, by the file's name."""

    base_url: str
    api_key: str
    answers: dict[str, OddAnswer] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def job_of(self, filename: str) -> str:
        (job_id,) = (job_id for job_id, name in self.files.items() if name == filename)
        return job_id


@contextmanager
def odd_pique(pique: LocalPiqueProcess) -> Iterator[OddPique]:
    """The proxy, on a port of its own."""
    odd = OddPique(base_url="", api_key=pique.api_key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            sent = self.rfile.read(length) if length else None
            code, answer = self._passed_on(sent)
            job_id = self.path.rpartition("/")[2]
            if self.path.endswith("/presigned-upload") and sent is not None and code == 200:
                odd.files[json.loads(answer)["job_id"]] = json.loads(sent)["filename"]
            if "/results/" in self.path and (own := odd.answers.get(odd.files.get(job_id, ""))):
                code, answer = own(job_id)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            try:
                self.wfile.write(answer)
            except OSError:
                # Whoever asked has read enough of a long answer.
                self.close_connection = True

        def _passed_on(self, sent: bytes | None) -> Answer:
            headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
            request = urllib.request.Request(
                pique.base_url + self.path, data=sent, method=self.command, headers=headers
            )
            try:
                with urllib.request.urlopen(request) as response:
                    return response.status, response.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        do_GET = do_POST = _answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    odd.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield odd
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
