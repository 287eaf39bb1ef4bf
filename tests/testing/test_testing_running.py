"""The whole of it: started, used, checked at its end; webhooks through it once, twice, late and out of order."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from waiting import eventually

from pique_assets.testing import Exchange, Fault, FaultKind, FaultScript, FaultsUnconsumed, Route, running_faulty_pique

JUDGES = Path(__file__).parents[2] / "examples" / "demo" / "judges.json"


@dataclass
class Receiver:
    url: str
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    arrived_at: list[datetime] = field(default_factory=list)

    def jobs(self) -> list[str]:
        return [json.loads(body)["job_id"] for body in self.bodies]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A real receiver of webhooks that keeps what it gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.signatures.append(self.headers["X-Pique-Signature"])
            kept.arrived_at.append(datetime.now(UTC))
            kept.bodies.append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


def test_a_script_that_never_showed_fails_the_block(tmp_path):
    script = FaultScript([Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)])
    with (
        pytest.raises(FaultsUnconsumed, match="lost answer on PUT content"),
        running_faulty_pique(data_dir=tmp_path / "pique", script=script) as pique,
    ):
        assert pique.records() == []
        assert pique.api_key not in repr(pique) and pique.webhook_secret not in repr(pique)
        assert pique.base_url != pique.direct_url


def test_an_error_of_the_block_is_not_hidden_by_the_script(tmp_path):
    script = FaultScript([Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)])
    with (
        pytest.raises(KeyError, match="the test's own"),
        running_faulty_pique(data_dir=tmp_path / "pique", script=script),
    ):
        raise KeyError("the test's own")


@pytest.mark.slow
def test_webhooks_come_twice_late_and_out_of_order(tmp_path, visiting):
    script = FaultScript(
        [
            Fault(route=Route.WEBHOOK, kind=FaultKind.DUPLICATE, hit=1),
            Fault(route=Route.WEBHOOK, kind=FaultKind.OUT_OF_ORDER, hit=2),
            Fault(route=Route.WEBHOOK, kind=FaultKind.LATE, hit=4, seconds=1),
            Fault(route=Route.WEBHOOK, kind=FaultKind.STATUS, hit=5, status=503),
            Fault(route=Route.WEBHOOK, kind=FaultKind.OUT_OF_ORDER, hit=7),
        ]
    )
    with (
        receiver() as received,
        running_faulty_pique(
            data_dir=tmp_path / "pique",
            script=script,
            seed_judges=JUDGES,
            webhook_url=received.url,
            webhook_retry_base_s=0.1,
        ) as pique,
        visiting(
            base_url=pique.base_url, api_key=pique.api_key, data_dir=pique.data_dir, kept=pique.exchanges
        ) as visitor,
    ):

        def webhooks() -> list[Exchange]:
            return [one for one in pique.history if one.route is Route.WEBHOOK and one.ended_at is not None]

        def submit(*, webhooks_then: int) -> str:
            job_id = visitor.submit()
            eventually(lambda: len(webhooks()) == webhooks_then)
            return job_id

        twice, held, on_time = (submit(webhooks_then=number) for number in (1, 2, 3))
        assert received.jobs() == [twice, twice, on_time, held]
        late = submit(webhooks_then=4)
        eventually(lambda: late in received.jobs())
        # Pique had its answer before that, which is what was waited for above.
        assert received.arrived_at[-1] - webhooks()[-1].began_at >= timedelta(seconds=1)
        # Refused by the proxy, and sent again by Pique.
        refused = submit(webhooks_then=6)
        eventually(lambda: refused in received.jobs())
        last = submit(webhooks_then=7)
        assert last not in received.jobs()
    # What was still held back is delivered at the end, while the receiver lives.
    assert received.jobs() == [twice, twice, on_time, held, late, refused, last]
    for body, signature in zip(received.bodies, received.signatures, strict=True):
        stamp, digest = (part.partition("=")[2] for part in signature.split(",")[:2])
        signed = stamp.encode() + b"." + body
        assert digest == hmac.new(pique.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()
