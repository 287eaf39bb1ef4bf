"""One local Pique for all tests, a proxy with a script for each, and clients that speak plain HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from ports import port_for_later

from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import JobRecord, read_record
from pique_assets.testing import Exchange, Fault, FaultScript
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy

JUDGES = Path(__file__).parents[2] / "examples" / "demo" / "judges.json"
BODY = b"not really an image, and evaluated all the same" * 100


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """What a client without our client does, and what the proxy says of it."""

    base_url: str
    api: httpx.Client
    storage: httpx.Client
    data_dir: Path
    kept: History

    @property
    def history(self) -> tuple[Exchange, ...]:
        return self.kept.all()

    def prepare(self, **fields: object) -> httpx.Response:
        order = {
            "judge_id": "judge_demo_images",
            "content_type": "image",
            "filename": "picture.png",
            "file_size_bytes": len(BODY),
            **fields,
        }
        return self.api.post("/v1/evaluations/presigned-upload", json=order)

    def put(self, prepared: dict, *, body: bytes = BODY) -> httpx.Response:
        return self.storage.put(prepared["upload_url"], content=body, headers=prepared["upload_headers"])

    def submit(self) -> str:
        prepared = self.prepare().json()
        assert self.put(prepared).status_code == 200
        return prepared["job_id"]

    def result(self, job_id: str) -> httpx.Response:
        return self.api.get(f"/v1/evaluations/results/{job_id}")

    def record(self, job_id: str) -> JobRecord:
        (found,) = (record for record in read_record(self.data_dir) if record.job_id == job_id)
        return found

    def put_by_hand(self, prepared: dict, *, body: bytes = BODY, sent: int | None = None) -> socket.socket:
        """Begin a PUT with only ``sent`` bytes of its body, on a socket of the caller's."""
        parts = urlsplit(prepared["upload_url"])
        lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in prepared["upload_headers"].items()]
        connection = socket.create_connection((parts.hostname, parts.port), timeout=300)
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body[:sent])
        return connection


@contextmanager
def visiting(*, base_url: str, api_key: str, data_dir: Path, kept: History) -> Iterator[Visitor]:
    """A visitor that comes through the proxy."""
    with (
        httpx.Client(base_url=base_url, headers={"X-API-Key": api_key}, trust_env=False, timeout=300) as api,
        httpx.Client(trust_env=False, timeout=300) as storage,
    ):
        yield Visitor(base_url=base_url, api=api, storage=storage, data_dir=data_dir, kept=kept)


@pytest.fixture(name="visiting")
def visiting_fixture() -> Callable:
    return visiting


@pytest.fixture(scope="session")
def proxy_port() -> int:
    """Of one proxy after the other."""
    return port_for_later()


@pytest.fixture(scope="session")
def shared_pique(tmp_path_factory: pytest.TempPathFactory, proxy_port: int) -> Iterator[LocalPiqueProcess]:
    with running_local_pique(
        data_dir=tmp_path_factory.mktemp("pique"),
        seed_judges=JUDGES,
        workers=1,
        public_url=f"http://127.0.0.1:{proxy_port}",
    ) as process:
        yield process


@pytest.fixture
def struck(shared_pique: LocalPiqueProcess, proxy_port: int) -> Callable:
    """``with struck(fault, ...) as visitor``: the shared Pique behind these faults, which all have to show."""

    @contextmanager
    def start(*faults: Fault) -> Iterator[Visitor]:
        script, kept = FaultScript(faults), History()
        with (
            FaultProxy(script=script, history=kept, port=proxy_port) as proxy,
            proxy.serving(pique_url=shared_pique.base_url, api_key=shared_pique.api_key),
            visiting(
                base_url=proxy.base_url, api_key=shared_pique.api_key, data_dir=shared_pique.data_dir, kept=kept
            ) as visitor,
        ):
            yield visitor
        script.require_consumed()

    return start
