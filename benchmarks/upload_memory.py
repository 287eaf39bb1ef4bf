"""How much memory an upload takes, from a file of 1 MB to one of 2 GB.

    python benchmarks/upload_memory.py [--sizes-mb 1 100 2048]

Belongs here: one measurement with one command, in about a minute. Each file is sparse (it takes no room on the disk)
and goes through a child process of its own the way a run takes it: inventory with fingerprint, then the checked
stream into the client's upload. The storage host is a process that counts bytes and forgets them, so that nothing but
the uploading side is measured. Ends with status 1 when the largest file takes over `TOLERATED_RATIO` times the memory
of the smallest.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.server
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

DATE = dt.date(2026, 3, 2)
MEGABYTE = 1024**2
MP4_SIGNATURE = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
TOLERATED_RATIO = 1.2
CHILD_PATIENCE_S = 300


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description="peak memory of an upload by file size")
    parser.add_argument("--sizes-mb", type=int, nargs="+", default=[1, 100, 2048], help="file sizes in MB")
    parser.add_argument("--upload", nargs=2, metavar=("ROOT", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.upload:
        root, url = arguments.upload
        print(json.dumps(upload(Path(root), url=url)))
        return 0
    peaks = [measure(size_mb) for size_mb in sorted(arguments.sizes_mb)]
    ratio = peaks[-1] / peaks[0]
    print(f"largest to smallest: {ratio:.2f} (at most {TOLERATED_RATIO} is tolerated)")
    return 0 if ratio <= TOLERATED_RATIO else 1


def measure(size_mb: int) -> float:
    """Upload one file of this size in a child process; its peak memory in MB."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    sink = multiprocessing.get_context("spawn").Process(target=serve_sink, args=(sending,), daemon=True)
    sink.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_sparse(Path(folder) / DATE.isoformat() / "clip.mp4", size_bytes=size_mb * MEGABYTE)
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, __file__, "--upload", folder, f"http://127.0.0.1:{receiving.recv()}/bucket/object"],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                timeout=CHILD_PATIENCE_S,
            )
            seconds = time.monotonic() - started
        received = receiving.recv()
    finally:
        sink.terminate()
        sink.join()
    if received != size_mb * MEGABYTE:
        raise SystemExit(f"{received} bytes arrived instead of {size_mb * MEGABYTE}")
    figures: dict[str, float] = json.loads(done.stdout)
    print(
        f"{size_mb:6} MB: peak {figures['peak_mb']:6.1f} MB, of which {figures['before_mb']:5.1f} MB before the first"
        f" byte; {seconds:5.1f} s for fingerprint and upload",
        flush=True,
    )
    return figures["peak_mb"]


def upload(root: Path, *, url: str) -> dict[str, float]:
    """In the child: take the inventory of the one file and upload it."""
    from pique_assets.api import PiqueClient
    from pique_assets.api.models import PresignedUpload
    from pique_assets.media import DatedFolder, inventory, open_content, open_source

    target = PresignedUpload(job_id="job_1", upload_url=url, expires_at="2030-01-01T00:00:00Z")
    before_mb = peak_mb()
    (item,) = inventory(open_source(DatedFolder(root)), date=DATE)
    if item.size_bytes is None or item.fingerprint is None:
        raise SystemExit(f"the inventory refuses the file: {item.error}")
    size_bytes, fingerprint = item.size_bytes, item.fingerprint
    with PiqueClient(base_url="http://127.0.0.1:1", api_key="unused") as client:
        client.upload(
            target,
            open_body=lambda: open_content(item.content_uri, size_bytes=size_bytes, fingerprint=fingerprint),
            size_bytes=size_bytes,
        )
    return {"before_mb": before_mb, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """This process's peak resident memory.

    Not `getrusage`: on Linux its peak is inherited from the parent that started the process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def make_sparse(path: Path, *, size_bytes: int) -> None:
    """A file that looks like an MP4 and is otherwise a hole."""
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(MP4_SIGNATURE)
        file.truncate(size_bytes)


def serve_sink(tell: Connection) -> None:
    """A storage host that takes one PUT and keeps nothing: tells its port, then the number of bytes."""

    class Sink(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            missing = int(self.headers["Content-Length"])
            received = 0
            buffer = memoryview(bytearray(MEGABYTE))
            while missing and (count := self.rfile.readinto(buffer[: min(missing, len(buffer))])):
                missing -= count
                received += count
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            tell.send(received)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the parent prints the figures."""

    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as server:
        tell.send(server.server_port)
        server.handle_request()


if __name__ == "__main__":
    sys.exit(main())
