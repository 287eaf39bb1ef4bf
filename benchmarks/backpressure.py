"""What a throttling server gets to see: the client's adaptive concurrency beside a plain loop over `requests`.

    python benchmarks/backpressure.py [--jobs N]

Belongs here: one measurement with one command, in well under a minute. Both sides ask the same server of our own, a
child process on loopback, for the same results with the same number of threads and the same patience. The plain side
is what one writes first: a thread pool, and a session for each thread with urllib3's retries, which wait ever longer
or as long as `Retry-After` says. Ratios carry over to other machines; absolute numbers do not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pique_assets.api import PiqueClient, RetryPolicy
from pique_assets.api.errors import TryLater

THREADS = 32
ATTEMPTS = 12
LONGEST_WAIT_S = 2.0
WORK_S = 0.05
TOKENS_A_S = 60.0
TOKENS = 10.0
AT_ONCE = 4

# How the server throttles: the status, what it allows, and the Retry-After it sends.
SERVERS = {
    f"429 beyond {TOKENS_A_S:.0f} a second, Retry-After: 1": ("rate", "1"),
    f"429 beyond {TOKENS_A_S:.0f} a second, no Retry-After": ("rate", ""),
    f"503 beyond {AT_ONCE} at once, no Retry-After": ("at once", ""),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one side did to one server.

    Attributes:
        seconds: From the first request to the last answer.
        answered: Requests that got their result.
        refused: Requests that were answered 429 or 503.
        given_up: Jobs whose attempts were used up.
    """

    seconds: float
    answered: int
    refused: int
    given_up: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="adaptive concurrency beside a plain loop")
    parser.add_argument("--jobs", type=int, default=240, help="results to ask for (default 240)")
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "RETRY_AFTER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    print(
        f"{options.jobs} results, {THREADS} threads, {ATTEMPTS} attempts each, {WORK_S * 1000:.0f} ms of work a request"
    )
    for name, throttle in SERVERS.items():
        plain = measure(ask_plainly, throttle=throttle, jobs=options.jobs)
        ours = measure(ask_adaptively, throttle=throttle, jobs=options.jobs)
        print(f"\n{name}")
        for label, run in (("requests, fixed concurrency", plain), ("PiqueClient", ours)):
            print(
                f"  {label:28} {run.seconds:6.1f} s  {run.refused:5} refused, "
                f"{run.refused / run.answered:5.2f} for each answer  {run.given_up:3} jobs given up"
            )
        refused = f"{plain.refused / ours.refused:.1f}" if ours.refused else "no refusal against any number of"
        print(f"  plain / ours: {refused} x refused, {plain.seconds / ours.seconds:.2f} x time")


def measure(ask: Callable[[str, list[str]], int], *, throttle: tuple[str, str], jobs: int) -> Run:
    """Let one side ask a fresh server for all results."""
    with throttling_server(throttle) as url:
        started = time.perf_counter()
        given_up = ask(url, [f"job_{number}" for number in range(jobs)])
        seconds = time.perf_counter() - started
        counts = requests.get(f"{url}/counts", timeout=5).json()
    return Run(seconds=seconds, given_up=given_up, answered=counts["answered"], refused=counts["refused"])


def ask_adaptively(url: str, jobs: list[str]) -> int:
    """Ask as the engine does. Returns how many jobs were given up."""
    with (
        PiqueClient(
            base_url=url,
            api_key="pk_benchmark",
            retries=RetryPolicy(attempts=ATTEMPTS, cap_s=LONGEST_WAIT_S),
            max_connections=THREADS,
        ) as client,
        ThreadPoolExecutor(THREADS) as pool,
    ):

        def ask(job_id: str) -> bool:
            try:
                return client.get_result(job_id).result.job_id == job_id
            except TryLater:
                return False

        return list(pool.map(ask, jobs)).count(False)


def ask_plainly(url: str, jobs: list[str]) -> int:
    """Ask as one writes it first. Returns how many jobs were given up."""
    own = threading.local()

    def ask(job_id: str) -> bool:
        if not hasattr(own, "session"):
            own.session = plain_session()
        answer = own.session.get(f"{url}/v1/evaluations/results/{job_id}", timeout=30)
        return bool(answer.status_code == 200 and answer.json()["job_id"] == job_id)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, jobs)).count(False)


def plain_session() -> requests.Session:
    """A session that repeats what was refused."""
    repeats = Retry(
        total=ATTEMPTS - 1,
        status_forcelist=[429, 503],
        backoff_factor=0.5,
        backoff_max=LONGEST_WAIT_S,
        raise_on_status=False,
    )
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=repeats))
    return session


@contextlib.contextmanager
def throttling_server(throttle: tuple[str, str]) -> Iterator[str]:
    """A server in a process of its own, so that it does not share our interpreter's lock."""
    command = [sys.executable, __file__, "--serve", *throttle]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server has no output to read its address from")
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Throttle:
    """Decides which requests are too much; counts both kinds."""

    def __init__(self, kind: str) -> None:
        self._by_rate = kind == "rate"
        self._lock = threading.Lock()
        self._tokens = TOKENS
        self._filled_at = time.monotonic()
        self._under_way = 0
        self.answered = 0
        self.refused = 0

    def admit(self) -> bool:
        """Take a request, or refuse it."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(TOKENS, self._tokens + (now - self._filled_at) * TOKENS_A_S)
            self._filled_at = now
            admitted = self._tokens >= 1 if self._by_rate else self._under_way < AT_ONCE
            if admitted:
                self._tokens -= 1
                self._under_way += 1
                self.answered += 1
            else:
                self.refused += 1
            return admitted

    def done(self) -> None:
        """An admitted request is answered."""
        with self._lock:
            self._under_way -= 1


def serve(kind: str, retry_after: str) -> None:
    """Answer results until terminated; says its address on its first line."""
    throttle = Throttle(kind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Small answers must not wait for company.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            if self.path == "/counts":
                self._answer(200, {"answered": throttle.answered, "refused": throttle.refused})
            elif throttle.admit():
                time.sleep(WORK_S)
                throttle.done()
                job_id = self.path.rpartition("/")[2]
                self._answer(200, {"event": "evaluation.pending", "job_id": job_id, "status": "processing"})
            else:
                self._answer(429 if kind == "rate" else 503, {"detail": "too much"})

        def _answer(self, status: int, document: dict[str, object]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            if status != 200 and retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
