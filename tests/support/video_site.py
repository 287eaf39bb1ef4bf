"""A video site on this machine: a real HTTP server whose paths answer as a test wants, and that counts who came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MEDIA = Path(__file__).parents[2] / "examples" / "demo" / "media" / "brand_videos"
WING_BEAT = MEDIA / "2026-03-05" / "wing_beat.mp4"
"""The smallest good video of the demo."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request on its way to being answered."""

    handler: BaseHTTPRequestHandler
    ending: threading.Event

    def send(self, body: bytes, *, status: int = 200, announced: int | None = None, **headers: str) -> None:
        """Answer; ``announced`` is another length than the body's own, names of headers have ``_`` for ``-``."""
        self.begin(status=status, length=len(body) if announced is None else announced, **headers)
        self.handler.wfile.write(body)

    def begin(self, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        """Answer the head alone; without a length the body goes on until the connection ends."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.handler.send_header("Content-Length", str(length))
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()

    def write(self, piece: bytes) -> None:
        self.handler.wfile.write(piece)
        self.handler.wfile.flush()


Responder = Callable[[Visit], None]


@dataclass(kw_only=True)
class VideoSite:
    """Paths are added while it serves; each adding method gives the URL."""

    port: int
    responders: dict[str, Responder] = field(default_factory=dict)
    visits: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.endpoint}{path}"

    def on(self, path: str, responder: Responder) -> str:
        self.responders[path] = responder
        return self.url(path)

    def file(self, path: str, body: bytes, *, media_type: str = "video/mp4") -> str:
        return self.on(path, lambda visit: visit.send(body, Content_Type=media_type))

    def page(self, path: str, body: str, *, status: int = 200) -> str:
        return self.on(path, lambda visit: visit.send(body.encode(), status=status, Content_Type="text/html"))

    def redirect(self, path: str, to: str) -> str:
        return self.on(path, lambda visit: visit.send(b"", status=302, Location=to))

    def held(self, path: str, body: bytes, *, until: threading.Event) -> str:
        """The first bytes at once, the rest when the event is set."""

        def respond(visit: Visit) -> None:
            visit.begin(length=len(body), Content_Type="video/mp4")
            visit.write(body[:1000])
            while not until.wait(0.05) and not visit.ending.is_set():
                pass
            visit.write(body[1000:])

        return self.on(path, respond)

    def count(self, path: str) -> int:
        return self.visits.count(path)


@contextmanager
def serving(responders: Mapping[str, Responder] | None = None) -> Iterator[VideoSite]:
    """Serve for as long as the block lasts."""
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.visits.append(self.path)
            responder = site.responders.get(self.path)
            visit = Visit(handler=self, ending=ending)
            # Who downloads may leave when it has seen enough.
            with suppress(OSError):
                if responder is None:
                    visit.send(b"", status=404)
                else:
                    responder(visit)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = VideoSite(port=server.server_port, responders=dict(responders or {}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            ending.set()
            server.shutdown()
            thread.join()
