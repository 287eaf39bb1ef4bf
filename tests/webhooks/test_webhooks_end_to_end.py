"""From the local Pique through the receiver to a waiting run: noticed at once, asked about once, lost without harm."""

from __future__ import annotations

import signal
import statistics
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from desk import DEMO, LIMITS, open_item_verified
from ports import port_for_later
from receiver_process import PATIENCE_S, Receiver, running_receiver
from tiny_images import Studio
from waiting import eventually

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger, SettledPartition, Submission
from pique_assets.local.record import JobRecord
from pique_assets.media import ContentItem
from pique_assets.testing import Fault, FaultKind, FaultScript, FaultyPique, Route, running_faulty_pique

SECRET = "whsec_end-to-end-and-back-again"
JUDGE = "judge_demo_images"
DATE = Partition(evaluation="brand_images", key="2026-03-02")
NOBODY = "http://127.0.0.1:9/webhooks/pique"
# Longer than any test may take: what completes did so because webhooks came.
ONLY_WEBHOOKS = replace(LIMITS, webhook_patience_s=3000, results_wait_s=3000)

# Generous, for a machine that does much else.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True, kw_only=True)
class Office:
    """A Pique, and a ledger that a receiver may write into."""

    pique: FaultyPique
    client: PiqueClient
    ledger: Ledger
    studio: Studio

    @property
    def engine(self) -> Engine:
        return Engine(client=self.client, ledger=self.ledger, say=lambda sentence: None)

    def submit(
        self, items: list[ContentItem], *, limits: Limits, webhook_url: str, open_content=open_item_verified
    ) -> None:
        submit_partition(
            replace(self.engine, limits=limits, webhook_url=webhook_url),
            items,
            partition=DATE,
            judge=self.client.get_judge(JUDGE),
            way=Uploads(open_content=open_content),
        )

    def collect(self, *, limits: Limits) -> SettledPartition:
        return collect_partition(replace(self.engine, limits=limits, expects_webhooks=True), partition=DATE)

    def submissions(self) -> list[Submission]:
        return [row.submission for row in self.ledger.partition_state(**DATE.names) if row.submission]

    def jobs(self) -> dict[str, JobRecord]:
        """The server's own record of this ledger's jobs."""
        ours = {submission.job_id for submission in self.submissions()}
        return {job.job_id: job for job in self.pique.records() if job.job_id in ours}

    def gets(self) -> int:
        """Requests for results of this ledger's jobs."""
        jobs = self.jobs()
        return sum(exchange.route is Route.RESULT and exchange.job_id in jobs for exchange in self.pique.history)


@contextmanager
def running_pique(folder: Path, **options: object) -> Iterator[FaultyPique]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIQUE_WEBHOOK_SECRET", SECRET)
        with running_faulty_pique(
            data_dir=folder, seed_judges=DEMO / "judges.json", webhook_retry_base_s=0.1, **options
        ) as pique:
            yield pique


@contextmanager
def working_with(pique: FaultyPique, *, home: Path, seed: int) -> Iterator[Office]:
    (home / "media").mkdir()
    with (
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
        Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger,
    ):
        yield Office(pique=pique, client=client, ledger=ledger, studio=Studio(home / "media", seed=seed))


@pytest.fixture(scope="module")
def shared_pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPique]:
    with running_pique(tmp_path_factory.mktemp("pique")) as pique:
        yield pique


@pytest.fixture
def office(shared_pique: FaultyPique, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    # Each test has pictures of its own.
    with working_with(shared_pique, home=tmp_path, seed=zlib.crc32(request.node.nodeid.encode())) as office:
        yield office


@contextmanager
def receiving(folder: Path, *options: object, **variables: str) -> Iterator[Receiver]:
    files = {"ledger": folder / "ledger.db", "log": folder / "receiver.log"}
    with running_receiver(*options, **files, secrets=[SECRET], **variables) as receiver:
        yield receiver


def test_with_webhooks_a_waiting_run_asks_for_each_result_once(tmp_path, office):
    with receiving(tmp_path) as receiver:
        office.submit(office.studio.images(20), limits=ONLY_WEBHOOKS, webhook_url=receiver.url)
        settled = office.collect(limits=ONLY_WEBHOOKS)
    assert settled.progress.completed == 20
    jobs = office.jobs()
    delays = [
        (submission.settled_at - jobs[submission.job_id].finished_at).total_seconds()
        for submission in office.submissions()
    ]
    print(
        f"\n20 jobs in a waiting run: evaluation end to recorded, median {statistics.median(delays):.2f} s, "
        f"longest {max(delays):.2f} s; {office.gets() / len(jobs):.2f} result GETs per job"
    )
    # How soon is the benchmark's to say; here, that no poll did it.
    assert max(delays) < ONLY_WEBHOOKS.webhook_patience_s
    assert office.gets() < 1.3 * len(jobs)


def test_what_is_announced_while_content_is_sent_is_recorded_meanwhile(tmp_path, office):
    *others, last = office.studio.images(5)

    def open_last_when_the_others_are_recorded(item: ContentItem):
        if item.content_uri == last.content_uri:
            eventually(lambda: office.ledger.progress(**DATE.names).completed == len(others))
        return open_item_verified(item)

    with receiving(tmp_path) as receiver:
        office.submit(
            [*others, last],
            limits=ONLY_WEBHOOKS,
            webhook_url=receiver.url,
            open_content=open_last_when_the_others_are_recorded,
        )
        assert office.collect(limits=ONLY_WEBHOOKS).progress.completed == 5
    assert office.gets() == 5


def test_with_the_receiver_down_all_day_polling_alone_completes_it(office):
    limits = replace(LIMITS, webhook_patience_s=1)
    office.submit(office.studio.images(12), limits=limits, webhook_url=NOBODY)
    assert office.collect(limits=limits).progress.completed == 12
    print(f"\n12 jobs without webhooks: {office.gets() / 12:.2f} result GETs per job")


def test_a_waiting_run_asks_about_everything_once_before_it_gives_up(office):
    office.submit(office.studio.images(3), limits=ONLY_WEBHOOKS, webhook_url=NOBODY)
    eventually(lambda: all(job.evaluations_finished for job in office.jobs().values()))
    assert office.collect(limits=replace(ONLY_WEBHOOKS, results_wait_s=1)).progress.completed == 3
    assert office.gets() == 3


def test_duplicate_late_and_disordered_webhooks_of_the_organisation_change_nothing(tmp_path):
    script = FaultScript(
        [
            Fault(route=Route.WEBHOOK, kind=FaultKind.OUT_OF_ORDER, hit=1),
            Fault(route=Route.WEBHOOK, kind=FaultKind.LATE, hit=2, seconds=1.5),
            Fault(route=Route.WEBHOOK, kind=FaultKind.DUPLICATE, hit=3),
            Fault(route=Route.WEBHOOK, kind=FaultKind.LOST_ANSWER, hit=4),
            Fault(route=Route.WEBHOOK, kind=FaultKind.STATUS, hit=5, status=503),
            # The webhook came, and its result is not to be had yet: it is asked for again soon.
            Fault(route=Route.RESULT, kind=FaultKind.STATUS, hit=2, status=404),
            # The webhooks come, and for a moment Pique does not know yet that the jobs have ended.
            Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, hit=9, seconds=1.5, required=False),
        ]
    )
    with (
        receiving(tmp_path) as receiver,
        running_pique(tmp_path / "pique", script=script, webhook_url=receiver.url) as pique,
        working_with(pique, home=tmp_path, seed=1) as office,
    ):
        # Pique knows where the organisation's webhooks go; the request names no other place.
        submit_by_the_organisation(office, office.studio.images(10))
        settled = office.collect(limits=replace(ONLY_WEBHOOKS, first_poll_s=1, shortest_poll_s=1))
        assert settled.progress.completed == 10
        assert {state(submission) for submission in office.submissions()} == {("COMPLETED", 1)}
        assert office.gets() <= 10 + 1 + 3
        assert all(job.complete_puts == job.evaluations_started == 1 for job in office.jobs().values())
    assert "Traceback" not in (tmp_path / "receiver.log").read_text()


def state(submission: Submission) -> tuple[str, int]:
    return str(submission.state), submission.attempt


def submit_by_the_organisation(office: Office, items: list[ContentItem]) -> None:
    """Submit without naming an address, and wait as patiently as if one were named."""
    limits = replace(ONLY_WEBHOOKS, first_poll_s=ONLY_WEBHOOKS.webhook_patience_s)
    submit_partition(
        replace(office.engine, limits=limits),
        items,
        partition=DATE,
        judge=office.client.get_judge(JUDGE),
        way=Uploads(open_content=open_item_verified),
    )


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_receiver_killed_while_it_stores_is_told_again_and_stores_it_once(tmp_path, office, moment):
    (item,) = office.studio.images(1)
    port = port_for_later()
    with receiving(tmp_path, "--port", port, PIQUE_FAILPOINT=f"record_webhook.{moment}") as doomed:
        office.submit([item], limits=ONLY_WEBHOOKS, webhook_url=doomed.url)
        assert doomed.process.wait(PATIENCE_S) == -signal.SIGKILL
    with receiving(tmp_path, "--port", port):
        assert office.collect(limits=ONLY_WEBHOOKS).progress.completed == 1
        # Pique tries again in any case, because nothing was answered.
        (job_id,) = office.jobs()
        said = eventually(lambda: heard_of(job_id, folder=tmp_path))
    assert ("the same as before" in said) == (moment == "after_commit")
    assert office.gets() == 1


def heard_of(job_id: str, *, folder: Path) -> str:
    """What the receiver has said, once it has heard of this job."""
    said = (folder / "receiver.log").read_text()
    return said if f"webhook for job {job_id}" in said else ""
