"""How soon a result is recorded after its evaluation ended: told by webhooks, and by polling alone.

    python benchmarks/webhook_delay.py [--items N]

Belongs here: one measurement with one command, in about a minute. The same pictures go to a local Pique twice, each
time as a date whose run waits for its results: once with the receiver (`pique-assets receive`, its own process) and
once with polling at the default pace. It prints the median and the longest delay, how often each result was asked for,
and the ratios; the server's own record says when an evaluation ended. With webhooks a
run asks for what is announced while it is still sending; without, when it has sent everything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem, DatedFolder, inventory, open_content, open_source
from pique_assets.testing import FaultyPique, Route, running_faulty_pique

DATE = "2026-03-02"
SECRET = "whsec_of-the-benchmark-only"
JUDGE = {
    "id": "judge_images",
    "name": "Images",
    "description": "Their size.",
    "content_type": "image",
    "detectors": [{"detector_name": "image_specs", "config": {"min_width": 8}}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Seconds from the end of an evaluation to its record, and result requests a job."""

    median_s: float
    longest_s: float
    gets_a_job: float


def main() -> None:
    """Measure both ways and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=40, help="pictures (default: 40)")
    items = parser.parse_args().items
    with_webhooks = measured(items, webhooks=True)
    polling = measured(items, webhooks=False)
    print(f"{'':14}{'median s':>10}{'longest s':>11}{'GETs a job':>12}")
    for name, found in (("webhooks", with_webhooks), ("polling alone", polling)):
        print(f"{name:14}{found.median_s:10.2f}{found.longest_s:11.2f}{found.gets_a_job:12.2f}")
    print(
        f"polling alone: {polling.median_s / with_webhooks.median_s:.1f} times the median delay, "
        f"{polling.gets_a_job / with_webhooks.gets_a_job:.1f} times the requests ({items} jobs each)"
    )


def measured(items: int, *, webhooks: bool) -> Delays:
    """One date, submitted and waited for."""
    os.environ["PIQUE_WEBHOOK_SECRET"] = SECRET
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures(folder / "media" / DATE, count=items)
        (folder / "judges.json").write_text(json.dumps({"judges": [JUDGE]}))
        with (
            running_faulty_pique(data_dir=folder / "pique", seed_judges=folder / "judges.json") as pique,
            PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
            Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger,
            receiver(folder / "ledger.db") as url,
        ):
            engine = Engine(client=client, ledger=ledger, say=print, webhook_url=url if webhooks else None)
            partition = Partition(evaluation="pictures", key=DATE)
            submit_partition(
                engine,
                list(inventory(open_source(DatedFolder(folder / "media")), date=date.fromisoformat(DATE))),
                partition=partition,
                judge=client.get_judge(JUDGE["id"]),
                way=Uploads(open_content=opened),
            )
            collect_partition(engine, partition=partition)
            return delays(pique, ledger=ledger)


def delays(pique: FaultyPique, *, ledger: Ledger) -> Delays:
    """What came of it."""
    ended_at = {job.job_id: job.finished_at for job in pique.records()}
    rows = ledger.partition_state(evaluation="pictures", partition=DATE)
    settled_at = {row.submission.job_id: row.submission.settled_at for row in rows}
    found = [(settled_at[job_id] - ended).total_seconds() for job_id, ended in ended_at.items()]
    gets = sum(exchange.route is Route.RESULT for exchange in pique.history)
    return Delays(median_s=statistics.median(found), longest_s=max(found), gets_a_job=gets / len(found))


@contextmanager
def receiver(ledger: Path) -> Iterator[str]:
    """The receiver as an operator starts it; yields its URL."""
    command = [sys.executable, "-m", "pique_assets.cli", "receive", "--port", "0", "--ledger", str(ledger)]
    environment = {**os.environ, "PIQUE_WEBHOOK_SECRETS": SECRET}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if address := re.search(r"http://\S+", line):
                break
        else:
            raise RuntimeError("the receiver did not start")
        yield address.group()
    finally:
        process.terminate()
        process.communicate()


def pictures(folder: Path, *, count: int) -> None:
    """Small pictures, each unlike every other."""
    folder.mkdir(parents=True)
    pixels = random.Random(count)
    for number in range(count):
        Image.frombytes("RGB", (16, 16), pixels.randbytes(3 * 16 * 16)).save(folder / f"{number}.png")


def opened(item: ContentItem):  # noqa: ANN201
    """A picture's bytes, checked against its inventory."""
    return open_content(item.content_uri, size_bytes=item.size_bytes, fingerprint=item.fingerprint)


if __name__ == "__main__":
    main()
