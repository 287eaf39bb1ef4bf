"""A process that submits and collects dates of any size, again and again until all is settled, and weighs itself.

Belongs here: the engine's work as an operator's retries have it done, and the memory it takes, from `/proc`, because
what `getrusage` tells begins with the parent's. Argument: the order as JSON. It prints a line of JSON for each date.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path
from typing import Any

from desk import open_item_verified

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import PiqueError
from pique_assets.api.policy import RetryPolicy, Timeouts
from pique_assets.assets.content_rows import ContentRows, content_table
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import ResultsPending, SubmissionsUnfinished
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger
from pique_assets.media import DatedFolder, inventory, open_source

EVALUATION = "tiny_images"
RUNS_AT_MOST = 30
PATIENCE = Timeouts(connect_s=10, read_s=10, write_s=10, pool_s=60)
RETRIES = RetryPolicy(attempts=4, base_s=0.05, cap_s=0.2, retry_after_cap_s=0.2)


def main(order: dict[str, Any]) -> None:
    with (
        Ledger.open(order["ledger_url"]) as ledger,
        PiqueClient(
            base_url=order["base_url"],
            api_key=order["api_key"],
            timeouts=PATIENCE,
            upload_timeouts=PATIENCE,
            retries=RETRIES,
        ) as client,
    ):
        for date in order["dates"]:
            began = time.monotonic()
            runs = settle(date, order=order, client=client, ledger=ledger)
            said = {"date": date, "runs": runs, "seconds": round(time.monotonic() - began, 1), **memory_kib()}
            print(json.dumps(said), flush=True)


def settle(date: str, *, order: dict[str, Any], client: PiqueClient, ledger: Ledger) -> int:
    """Run until a run is through; returns how many that took."""
    for run in range(1, RUNS_AT_MOST + 1):
        try:
            submit_and_collect(date, order=order, client=client, ledger=ledger)
        except (SubmissionsUnfinished, ResultsPending, PiqueError) as error:
            print(f"{date}, run {run}: {type(error).__name__}: {error}"[:400], file=sys.stderr, flush=True)
            continue
        return run
    raise AssertionError(f"{date} is still unsettled after {RUNS_AT_MOST} runs")


def submit_and_collect(date: str, *, order: dict[str, Any], client: PiqueClient, ledger: Ledger) -> None:
    engine = Engine(client=client, ledger=ledger, limits=Limits(**order["limits"]), say=_ignore)
    partition = Partition(evaluation=EVALUATION, key=date)
    source = open_source(DatedFolder(Path(order["media"])))
    submit_partition(
        engine,
        ContentRows(content_table(inventory(source, date=dt.date.fromisoformat(date)))),
        partition=partition,
        judge=client.get_judge(order["judge_id"]),
        way=Uploads(open_content=open_item_verified),
    )
    settled = collect_partition(engine, partition=partition)
    ledger.record_collected(evaluation=EVALUATION, partition=date, digest=settled.digest)


def memory_kib() -> dict[str, int]:
    """What this process has in memory, and the most it ever had, since it was begun."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {"rss_kib": int(fields["VmRSS"].split()[0]), "peak_kib": int(fields["VmHWM"].split()[0])}


def _ignore(sentence: str) -> None:
    pass


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
