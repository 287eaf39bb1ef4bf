"""What tests of social media submissions share: judges, URLs that need no download, a desk behind a fault script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from desk import LIMITS, said_nothing

from pique_assets.api.client import PiqueClient
from pique_assets.api.policy import RetryPolicy, Timeouts
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.reconciliation import give_up_waiting
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.social_posts import SocialPosts
from pique_assets.evaluation.submitting import SubmissionReport, submit_partition
from pique_assets.ledger import Ledger, SettledPartition, Submission, SubmissionState
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import JobRecord, read_record
from pique_assets.media import ContentItem, Entry
from pique_assets.media.social_urls import social_item
from pique_assets.testing import Fault, FaultScript, Route
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy

EVALUATION, PARTITION = "social_videos", "2026-03-02"
JUDGE, OTHER_JUDGE, IMAGE_JUDGE = "judge_social", "judge_social_other", "judge_social_images"
PATIENCE = Timeouts(connect_s=30, read_s=30, write_s=30, pool_s=60)
# Long, because a busy machine may well do nothing for a while.
PATIENT_LIMITS = LIMITS
RETRIES = RetryPolicy(attempts=2, base_s=0.02, cap_s=0.05, retry_after_cap_s=0.2)
HASHTAGS = {"detector_name": "title_and_description", "config": {"required_hashtags": ["#bunny"]}}
JUDGES = [
    {"id": JUDGE, "content_type": "video", "detectors": [HASHTAGS]},
    {"id": OTHER_JUDGE, "content_type": "video", "detectors": [HASHTAGS]},
    {"id": IMAGE_JUDGE, "content_type": "image", "detectors": [HASHTAGS]},
]


def urls(count: int, *, host: str = "127.0.0.1:1") -> list[str]:
    """URLs that nobody has used before. The local Pique refuses this host in its answer, so they cost no download."""
    campaign = uuid4().hex
    return [f"http://{host}/{campaign}/{number}.mp4" for number in range(count)]


def listed(addresses: Sequence[str]) -> list[ContentItem]:
    """The inventory of a list with these URLs."""
    return [social_item(Entry(content_uri=url, filename=url.partition("://")[2])) for url in addresses]


class _QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """A web host with these files; gives its ``address:port``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietFiles, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, name="web-host")
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_social_pique(folder: Path, *, allow: Sequence[str] = ()) -> Iterator[LocalPiqueProcess]:
    """A local Pique with the judges of these tests."""
    seeds = folder / "judges.json"
    judges = [{"name": judge["id"], "description": "For tests.", **judge} for judge in JUDGES]
    seeds.write_text(json.dumps({"judges": judges}))
    with running_local_pique(
        data_dir=folder / "pique", seed_judges=seeds, workers=1, social_allow_hosts=allow
    ) as process:
        yield process


@dataclass(frozen=True, kw_only=True)
class SocialDesk:
    """Submits lists of URLs the way the asset does, and asks the server what it made of them."""

    client: PiqueClient
    ledger: Ledger
    history: History
    base_url: str
    api_key: str = field(repr=False)
    ledger_url: str
    data_dir: Path
    limits: Limits = PATIENT_LIMITS

    @property
    def engine(self) -> Engine:
        return Engine(client=self.client, ledger=self.ledger, limits=self.limits, say=said_nothing)

    def submit(
        self,
        addresses: Sequence[str],
        *,
        judge: str = JUDGE,
        partition: str = PARTITION,
        **more: object,
    ) -> SubmissionReport:
        return submit_partition(
            replace(self.engine, **more),
            listed(addresses),
            partition=Partition(evaluation=EVALUATION, key=partition),
            judge=self.client.get_judge(judge),
            way=SocialPosts(),
        )

    def collect(self, *, partition: str = PARTITION) -> SettledPartition:
        return collect_partition(self.engine, partition=Partition(evaluation=EVALUATION, key=partition))

    def give_up(self) -> int:
        """End the waiting for answers; returns for how many URLs."""
        return give_up_waiting(ledger=self.ledger, limits=self.limits, evaluation=EVALUATION, say=said_nothing)

    def waiting(self, **changes: object) -> SocialDesk:
        """The same desk under other limits."""
        return replace(self, limits=replace(self.limits, **changes))

    @property
    def posts(self) -> int:
        """How many batches were sent through the proxy."""
        return sum(exchange.route is Route.SOCIAL_MEDIA for exchange in self.history.all())

    def jobs(self, addresses: Sequence[str]) -> dict[str, list[JobRecord]]:
        """The server's jobs of each URL."""
        found: dict[str, list[JobRecord]] = {url: [] for url in addresses}
        for job in read_record(self.data_dir):
            if job.url in found:
                found[job.url].append(job)
        return found

    def submission(self, url: str) -> Submission:
        (row,) = [
            row
            for row in self.ledger.partition_state(evaluation=EVALUATION, partition=PARTITION)
            if row.item.content_uri == url
        ]
        assert row.submission is not None, f"{url} was never ordered"
        return row.submission

    def states(self, addresses: Sequence[str]) -> set[SubmissionState]:
        return {self.submission(url).state for url in addresses}

    def hear_of(self, job: JobRecord, *, received_at: datetime | None = None) -> None:
        """The receiver stores the webhook of a job."""
        hear_of(job, ledger=self.ledger, received_at=received_at)


def submit_to(client: PiqueClient, addresses: Sequence[str], *, desk: SocialDesk, **more: object) -> SubmissionReport:
    """Submit to another Pique than the desk's, which is only asked for the judge."""
    return replace(desk, client=_Impostor(judges=desk.client, submits=client)).submit(addresses, **more)


@dataclass(frozen=True, kw_only=True)
class _Impostor:
    """Asks one Pique for the judge and submits to another."""

    judges: PiqueClient
    submits: PiqueClient
    pique: str = "local"

    def get_judge(self, judge_id: str):
        return self.judges.get_judge(judge_id)

    def submit_social_media(self, request):
        return self.submits.submit_social_media(request)


def hear_of(job: JobRecord, *, ledger: Ledger, received_at: datetime | None = None) -> None:
    """Store the webhook of a job, as the receiver does."""
    body = {"job_id": job.job_id, "batch_id": job.batch_id, "status": "completed", "url": job.url}
    ledger.record_webhook(
        job_id=job.job_id, url=job.url, body=json.dumps(body).encode(), received_at=received_at or datetime.now(UTC)
    )


@contextmanager
def desk_behind(*faults: Fault, pique: LocalPiqueProcess, ledger_url: str) -> Iterator[SocialDesk]:
    """A desk whose requests meet these faults, all of which have to show."""
    script, history = FaultScript(faults), History()
    with (
        FaultProxy(script=script, history=history) as proxy,
        proxy.serving(pique_url=pique.base_url, api_key=pique.api_key),
        Ledger.open(ledger_url) as ledger,
        PiqueClient(base_url=proxy.base_url, api_key=pique.api_key, timeouts=PATIENCE, retries=RETRIES) as client,
    ):
        yield SocialDesk(
            client=client,
            ledger=ledger,
            history=history,
            base_url=proxy.base_url,
            api_key=pique.api_key,
            ledger_url=ledger_url,
            data_dir=pique.data_dir,
        )
    script.require_consumed()
