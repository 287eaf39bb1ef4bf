"""What a sensor tick costs the ledger: with 1,000 and 1,000,000 submissions and none due, and with 10,000 due.

    python benchmarks/sensor_tick.py [--large N] [--due N]

Belongs here: one measurement with one command, in some three minutes. A tick that finds nothing is timed as the
sensor does it: open the ledger, ask what is due, what is orphaned, which partitions are settled. The small and the
large ledger take turns, and the least of many rounds counts. Jobs that are due are asked about by whole ticks of the
real sensor against a child process that answers "processing" after some milliseconds; between two ticks the benchmark
does not wait, so waiting is counted in ticks. Ratios carry over to other machines; absolute numbers do not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.recovery import UNTOUCHED_FOR_S
from pique_assets.ledger import Ledger
from pique_assets.media import DatedFolder
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource
from pique_assets.sensors import ResultsSensor
from pique_assets.tick import RUN_REQUESTS_A_TICK

ROUNDS = 25
TICKS_AT_MOST = 30
ITEMS_A_DATE = 1000
BOUND = 1.5
ANSWER_AFTER_S = 0.02
NAMES = ("busy", "quiet_one", "quiet_two")
# One job in a hundred of the due ones belongs to an evaluation that has few.
QUIET_SHARE = 100
# Of a thousand submissions this many are not finished when a day's work is under way.
OPEN_OF_A_THOUSAND = 10

_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)"
_SUBMISSIONS = f"""
INSERT INTO submissions (work_key, attempt, live, state, source, judge_id, judge_configuration_hash, content_type,
    fingerprint, filename, size_bytes, job_id, next_poll_at, woken, poll_count, created_at, prepared_at,
    upload_started_at, uploaded_at, finished_at, settled_at, updated_at)
{_NUMBERS}
SELECT printf('%064x', n), 1, 1, CASE WHEN n < :open THEN 'UPLOADED' ELSE 'COMPLETED' END, 'direct', 'judge_benchmark',
    'c', 'video', printf('%064x', n), 'clip.mp4', 1000, 'job_' || n, CASE WHEN n < :open THEN :due_at END, 0, 0, :past,
    :past, :past, :past, CASE WHEN n >= :open THEN :past END, CASE WHEN n >= :open THEN :past END, :past
FROM numbers
"""
_INVENTORY = f"""
INSERT INTO inventory (evaluation, partition, content_key, content_uri, present, filename, size_bytes, fingerprint,
    content_type, work_key)
{_NUMBERS}
SELECT CASE WHEN n % :quiet_share = 1 THEN 'quiet_one' WHEN n % :quiet_share = 2 THEN 'quiet_two' ELSE 'busy' END,
    date('2020-01-01', '+' || (n / :a_date) || ' days'), printf('%064x', n), '/media/' || n, 1, 'clip.mp4', 1000,
    printf('%064x', n), 'video', printf('%064x', n)
FROM numbers
"""
_PARTITIONS = """
INSERT INTO partitions (evaluation, partition, collected)
SELECT evaluation, partition, max(CAST(substr(content_uri, 8) AS INTEGER)) >= :open
    AND min(CAST(substr(content_uri, 8) AS INTEGER)) >= :open
FROM inventory GROUP BY evaluation, partition
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what a sensor tick costs the ledger")
    parser.add_argument("--large", type=int, default=1_000_000, help="submissions in the large ledger")
    parser.add_argument("--due", type=int, default=10_000, help="jobs due at once")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sensor_tick_") as folder:
        compare(Path(folder), label="a day's work open", large=arguments.large, all_open=False)
        compare(Path(folder), label="everything open, a backfill", large=arguments.large, all_open=True)
        poll(Path(folder), due=arguments.due)


def compare(folder: Path, *, label: str, large: int, all_open: bool) -> None:
    """Ticks that find nothing to do, on a small and a large ledger in turn."""
    later = datetime.now(UTC) + timedelta(hours=1)
    urls = {}
    for count in (1000, large):
        still_open = count if all_open else OPEN_OF_A_THOUSAND
        urls[count] = filled(folder / f"{count}_{all_open}.db", count=count, open_jobs=still_open, due_at=later)
    times: dict[int, list[float]] = {count: [] for count in urls}
    for _ in range(ROUNDS):
        for count, url in urls.items():
            start = time.perf_counter()
            tick_that_finds_nothing(url)
            times[count].append(time.perf_counter() - start)
    least = {count: min(values) for count, values in times.items()}
    for count, seconds in least.items():
        print(f"none due, {label}: {count:>9,} submissions  {seconds * 1000:7.2f} ms a tick (least of {ROUNDS})")
    ratio = least[large] / least[1000]
    print(f"none due, {label}: ratio {ratio:.2f}, bound {BOUND}: {'holds' if ratio <= BOUND else 'BROKEN'}")


def tick_that_finds_nothing(url: str) -> None:
    """What the sensor asks of the ledger, which must have nothing for it."""
    now = datetime.now(UTC)
    with Ledger.open(url) as ledger:
        busy = ledger.has_due(now=now)
        busy |= ledger.has_orphans(now=now, untouched_since=now - timedelta(seconds=UNTOUCHED_FOR_S))
        busy |= bool(ledger.next_uncollected(at_most=RUN_REQUESTS_A_TICK))
    if busy:
        raise AssertionError("the benchmark's ledger should have nothing to do")


def poll(folder: Path, *, due: int) -> None:
    """Whole ticks of the sensor until every due job was asked about once."""
    url = filled(folder / "due.db", count=due, open_jobs=due, due_at=datetime.now(UTC) - timedelta(minutes=1))
    ticks: list[float] = []
    asked_after: list[int] = []
    first_asked: dict[str, int] = {}
    with answering_pique() as base_url, dg.instance_for_test() as instance:
        defs = definitions_over(folder, base_url=base_url, ledger_url=url)
        (sensor,) = defs.sensors
        while len(ticks) < TICKS_AT_MOST and sum(polled(url).values()) < due:
            context = dg.build_sensor_context(instance=instance, cursor=str(len(ticks)), resources=defs.resources)
            start = time.perf_counter()
            sensor(context)
            ticks.append(time.perf_counter() - start)
            asked = polled(url)
            asked_after.append(sum(asked.values()))
            first_asked = dict.fromkeys((name for name, count in asked.items() if count), len(ticks)) | first_asked
            print(f"{due:,} due: tick {len(ticks)} took {ticks[-1]:.1f} s, asked so far {asked}", flush=True)
    longest = max(ticks)
    print(
        f"{due:,} due: the longest tick took {longest:.1f} s of {ResultsSensor().tick_budget_s:.0f} s: "
        f"{'holds' if longest <= ResultsSensor().tick_budget_s else 'BROKEN'}"
    )
    enough = -(-due // asked_after[0])
    print(
        f"{due:,} due: each asked after {len(ticks)} ticks, {enough} at the pace of the first; "
        f"first of each evaluation in tick {first_asked}: {'holds' if len(ticks) <= enough + 1 else 'BROKEN'}"
    )


def definitions_over(folder: Path, *, base_url: str, ledger_url: str) -> dg.Definitions:
    """The definitions of three evaluations, one of which has nearly all the work; a polled job is not due again."""
    limits = Limits(first_poll_s=600, shortest_poll_s=600, longest_poll_s=600)
    return build_defs(
        evaluations=[
            Evaluation(
                name=name, judge_id="judge_benchmark", media=DatedFolder(folder), start_date="2020-01-01", limits=limits
            )
            for name in NAMES
        ],
        resources={
            "pique": PiqueResource(base_url=base_url, api_key="pk_benchmark"),
            "ledger": LedgerResource(url=ledger_url),
            "lake": LakeResource(root=str(folder)),
            "media_storage": MediaStorageResource(),
        },
    )


def polled(url: str) -> dict[str, int]:
    """Jobs of each evaluation that were asked about."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        rows = connection.execute(
            "SELECT evaluation, sum(poll_count > 0) FROM inventory JOIN submissions USING (work_key) GROUP BY 1"
        )
        return dict(rows.fetchall())


def filled(path: Path, *, count: int, open_jobs: int, due_at: datetime) -> str:
    """The address of a ledger with so many submissions, of which the first ones are open."""
    url = f"sqlite:///{path}"
    Ledger.open(url).close()
    moment = "%Y-%m-%d %H:%M:%S.%f"
    values = {
        "count": count,
        "open": open_jobs,
        "a_date": ITEMS_A_DATE,
        "quiet_share": QUIET_SHARE,
        "due_at": due_at.strftime(moment),
        "past": (datetime.now(UTC) - timedelta(days=1)).strftime(moment),
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for statement in (_SUBMISSIONS, _INVENTORY, _PARTITIONS):
            connection.execute(statement, values)
    return url


class _StillProcessing(BaseHTTPRequestHandler):
    """Answers every request for a result with "processing", as a distant server would: a little later."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        time.sleep(ANSWER_AFTER_S)
        job_id = self.path.rpartition("/")[2]
        body = f'{{"event": "evaluation.pending", "job_id": "{job_id}", "status": "processing"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: thousands of requests come."""


def _serve(said: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StillProcessing)
    said.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def answering_pique() -> Iterator[str]:
    """The address of a server in a process of its own, so that it takes no time from the ticks."""
    heard, said = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(said,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{heard.recv()}"
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
