"""What tests of the engine share: the demo's media, limits that suit the local Pique, and a desk that submits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from waiting import eventually

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import ResultPoller, collect_partition
from pique_assets.evaluation.submitting import SubmissionReport, submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger, SettledPartition
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import JobRecord, read_record
from pique_assets.media import ContentItem, DatedFolder, inventory, open_content, open_source

DEMO = Path(__file__).parents[2] / "examples" / "demo"
EVALUATION, JUDGE = "brand_videos", "judge_demo_videos"
# Quick, because the local Pique is: it notices an upload at once. Only what nothing should wait for is long, because a
# busy machine is slow.
LIMITS = Limits(
    lease_s=30,
    notification_lag_s=1,
    expiry_margin_s=1,
    expiry_grace_s=1,
    creation_lag_s=1,
    first_poll_s=0.1,
    shortest_poll_s=0.1,
    results_wait_s=240,
)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Submits partitions the way the assets do.

    Attributes:
        earlier: Jobs that Pique had before this desk, from other tests: no concern of it.
    """

    pique: LocalPiqueProcess
    client: PiqueClient
    ledger: Ledger
    limits: Limits = LIMITS
    earlier: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.earlier is None:
            before = frozenset(job.job_id for job in read_record(self.pique.data_dir))
            object.__setattr__(self, "earlier", before)

    @property
    def engine(self) -> Engine:
        return Engine(client=self.client, ledger=self.ledger, limits=self.limits, say=said_nothing)

    def submit(
        self,
        items: list[ContentItem],
        *,
        partition: str = "2026-03-02",
        judge: str = JUDGE,
        open_item: Callable[[ContentItem], BinaryIO] | None = None,
    ) -> SubmissionReport:
        return submit_partition(
            self.engine,
            items,
            partition=Partition(evaluation=EVALUATION, key=partition),
            judge=self.client.get_judge(judge),
            way=Uploads(open_content=open_item or open_item_verified),
        )

    def collect(self, *, partition: str = "2026-03-02") -> SettledPartition:
        return collect_partition(self.engine, partition=Partition(evaluation=EVALUATION, key=partition))

    def record(self) -> list[JobRecord]:
        return [job for job in read_record(self.pique.data_dir) if job.job_id not in (self.earlier or ())]

    def evaluations(self) -> dict[str, int]:
        """How often the server began to evaluate each content, by its hash."""
        counts: dict[str, int] = {}
        for job in self.record():
            for evaluation in job.evaluations:
                counts[evaluation.content_sha256] = counts.get(evaluation.content_sha256, 0) + 1
        return counts


def said_nothing(sentence: str) -> None:
    """Where what an engine says is of no interest."""


def poll_until(
    done: Callable[[Any], object],
    *,
    ledger: Ledger,
    client: PiqueClient,
    evaluation: str,
    partition: str,
    limits: Limits = LIMITS,
) -> None:
    """Ask about the open jobs of a partition, as the sensor does, until what is recorded of it is enough."""
    poller = ResultPoller(Engine(client=client, ledger=ledger, limits=limits, say=said_nothing))

    def progress_after_a_poll() -> Any:
        ledger.make_due(ledger.progress(evaluation=evaluation, partition=partition).open_job_ids)
        poller.poll_due()
        return ledger.progress(evaluation=evaluation, partition=partition)

    eventually(progress_after_a_poll, done, every_s=0.1)


def demo_items(date: str, *, folder: Path = DEMO / "media" / "brand_videos") -> list[ContentItem]:
    return list(inventory(open_source(DatedFolder(folder)), date=dt.date.fromisoformat(date)))


def open_item_verified(item: ContentItem):
    return open_content(item.content_uri, size_bytes=item.size_bytes, fingerprint=item.fingerprint)


def renamed(item: ContentItem, uri: str) -> ContentItem:
    """The same content under another address."""
    return replace(item, content_uri=uri)
