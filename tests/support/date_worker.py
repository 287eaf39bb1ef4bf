"""What a worker does with one date: submit, hear a webhook, collect, note what was collected; or die on the way.

Belongs here: the engine's work as the assets have it done, without Dagster, and how a worker is told to die. Does not:
the process it runs in (`fork_server`).
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from desk import open_item_verified
from ledger_trouble import LedgerTrouble

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import NoAnswer, NotFound, PiqueApiError, Unauthorized
from pique_assets.api.models import Judge
from pique_assets.api.policy import RetryPolicy, Timeouts
from pique_assets.evaluation import recovery, results, uploads
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import ResultsPending, SubmissionsUnfinished
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import ResultPoller, collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import LeasedSubmission, Ledger, LedgerUnavailable, ledger as ledger_module
from pique_assets.ledger.failpoints import ENVIRONMENT_VARIABLE
from pique_assets.media import ContentItem

EVALUATION = "tiny_images"
MIDDLE_OF_THE_PUT = "upload.middle"
"""Besides the engine's own failpoints: the stream kills its process after its first bytes."""

WHOLE_DATE = ("submit", "webhook", "tick", "collect")
QUICK_LIMITS = {
    "lease_s": 2,
    # A dead worker's last PUT may still be on its way through the proxy of a busy machine.
    "notification_lag_s": 3,
    "expiry_margin_s": 1,
    "expiry_grace_s": 1,
    "creation_lag_s": 1,
    "first_poll_s": 0.05,
    "shortest_poll_s": 0.1,
    "results_wait_s": 20,
}

DONE, UNFINISHED, LEDGER_GONE = 0, 3, 4
"""How a worker ends if nobody kills it: with everything settled, with an error that says it is to be run again, or
because the ledger can't be had."""

PATIENCE = Timeouts(connect_s=5, read_s=2, write_s=5, pool_s=20)
RETRIES = RetryPolicy(attempts=3, base_s=0.05, cap_s=0.2, retry_after_cap_s=0.3)


def warm_up(folder: Path) -> None:
    """Import what an engine imports only when it works, so that no worker has to."""
    Ledger.open(f"sqlite:///{folder / 'ledger.db'}").close()


@cache
def client_of(base_url: str, api_key: str) -> PiqueClient:
    """A client without any connection; made before the fork, since to read the trusted certificates takes a while."""
    return PiqueClient(base_url=base_url, api_key=api_key, timeouts=PATIENCE, upload_timeouts=PATIENCE, retries=RETRIES)


def work(order: Mapping[str, Any]) -> int:
    """Do what the order says.

    Returns:
        `DONE` or `UNFINISHED`; anything else that is wrong is raised.
    """
    fatal = order.get("failpoint")
    if fatal is not None and fatal != MIDDLE_OF_THE_PUT:
        os.environ[ENVIRONMENT_VARIABLE] = fatal
    if order.get("skew_s"):
        _skew_clock(order["skew_s"])
    trouble = LedgerTrouble(order["ledger_url"], kind=order["ledger_trouble"]) if "ledger_trouble" in order else None
    try:
        return _work(order, fatal=fatal)
    except LedgerUnavailable as error:
        gone = f"{type(error).__name__}: {error}"
    finally:
        if trouble is not None:
            trouble.end()
    print(gone, file=sys.stderr)
    return LEDGER_GONE


def _work(order: Mapping[str, Any], *, fatal: str | None) -> int:
    patience_s = order.get("busy_timeout_s", 30.0)
    with (
        Ledger.open(order["ledger_url"], busy_timeout_s=patience_s) as ledger,
        client_of(order["base_url"], order["api_key"]) as client,
    ):
        worker = DateWorker(
            items=[ContentItem(**item) for item in order["items"]],
            partition=order["partition"],
            evaluation=order.get("evaluation", EVALUATION),
            judge=Judge.model_validate(order["judge"]),
            limits=Limits(**order["limits"]),
            ledger=ledger,
            client=client,
            dies_in_the_put=fatal == MIDDLE_OF_THE_PUT,
            slow_s=order.get("slow_s", 0.0),
        )
        try:
            for step in order["steps"]:
                getattr(worker, step)()
        except (SubmissionsUnfinished, ResultsPending, NoAnswer, NotFound, PiqueApiError, Unauthorized) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return UNFINISHED
    return DONE


@dataclass(frozen=True, kw_only=True)
class DateWorker:
    """One date in the hands of one process; `steps` of an order are names of its methods."""

    items: list[ContentItem]
    partition: str
    evaluation: str
    judge: Judge
    limits: Limits
    ledger: Ledger
    client: PiqueClient
    dies_in_the_put: bool
    slow_s: float

    def submit(self) -> None:
        way = Uploads(open_content=self._open)
        submit_partition(self._engine, self.items, partition=self._date, judge=self.judge, way=way)

    def webhook(self) -> None:
        """A webhook of each open job arrives."""
        progress = self.ledger.progress(evaluation=self.evaluation, partition=self.partition)
        self.ledger.make_due(progress.open_job_ids)

    def tick(self) -> None:
        """One look of the sensor at whatever is due."""
        ResultPoller(self._engine).poll_due(until=time.monotonic() + 5)

    def look_for_orphans(self) -> None:
        """Take up what dead workers left of content that is gone, and give it back."""
        time.sleep(self.limits.lease_s)
        self.ledger.record_inventory(evaluation=self.evaluation, partition=self.partition, items=[])
        self._give_back(
            self.ledger.claim_orphans(limit=10, lease_s=self.limits.lease_s, untouched_since=datetime.now(UTC))
        )

    def look_for_begun(self) -> None:
        """Take up uploads that dead workers began, and give them back."""
        time.sleep(self.limits.lease_s)
        self._give_back(
            self.ledger.claim_begun_long_ago(begun_before=datetime.now(UTC), limit=10, lease_s=self.limits.lease_s)
        )

    def _give_back(self, found: list[LeasedSubmission]) -> None:
        for held in found:
            self.ledger.release_lease(held.lease)

    def collect(self) -> None:
        settled = collect_partition(self._engine, partition=self._date)
        self.ledger.record_collected(evaluation=self.evaluation, partition=self.partition, digest=settled.digest)

    @property
    def _engine(self) -> Engine:
        return Engine(client=self.client, ledger=self.ledger, limits=self.limits, say=_ignore)

    @property
    def _date(self) -> Partition:
        return Partition(evaluation=self.evaluation, key=self.partition)

    def _open(self, item: ContentItem) -> BinaryIO:
        stream = open_item_verified(item)
        if self.slow_s:
            time.sleep(self.slow_s)
        return _DyingStream(stream) if self.dies_in_the_put else stream


class _DyingStream(io.BufferedReader):
    """Kills its process when it is asked for more after its first bytes, which by then are on the wire."""

    _asked = False

    def read(self, size: int | None = -1) -> bytes:
        if self._asked:
            os.kill(os.getpid(), signal.SIGKILL)
        self._asked = True
        return super().read(size)


def _skew_clock(seconds: float) -> None:
    """Let this process's clock be wrong, wherever the engine and the ledger look at it."""
    skew = timedelta(seconds=seconds)

    class SkewedDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + skew

    for module in (uploads, recovery, results, ledger_module):
        module.datetime = SkewedDatetime


def _ignore(sentence: str) -> None:
    pass
