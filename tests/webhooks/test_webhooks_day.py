"""The day of the issue: 45 social media URLs and 30 files, two judges, with webhooks and without. Minutes long."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest
from desk import LIMITS
from graph import Graph, video_evaluation
from receiver_process import running_receiver
from video_site import WING_BEAT, VideoSite, serving

from pique_assets.evaluation.limits import Limits
from pique_assets.ledger import Ledger
from pique_assets.local.record import evaluations_by_content
from pique_assets.media import DatedFolder, SocialUrls
from pique_assets.testing import FaultyPique, Route, running_faulty_pique

DATE = "2026-03-02"
URLS, FILES = 45, 30
JUDGES = ("judge_shape", "judge_tags")
SECRET = "whsec_of-a-whole-long-day"
NOBODY = "http://127.0.0.1:9/webhooks/pique"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.long,
]


@pytest.fixture
def site() -> Iterator[VideoSite]:
    with serving() as site:
        yield site


@pytest.fixture
def day(tmp_path: Path, site: VideoSite) -> dict[str, object]:
    """Where the content of the date is: each file and each URL an item of its own."""
    clip = WING_BEAT.read_bytes()
    folder = tmp_path / "media" / DATE
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"clip_{number}.mp4").write_bytes(clip)
        (folder / f"clip_{number}.mp4.json").write_text(json.dumps({"title": f"Clip {number} #bunny"}))
    lists = tmp_path / "lists"
    lists.mkdir()
    addresses = [site.file(f"/video/{number}.mp4", clip) for number in range(URLS)]
    (lists / f"{DATE}.txt").write_text("\n".join(addresses))
    return {"media": DatedFolder(tmp_path / "media"), "social": SocialUrls(lists / "{date}.txt")}


@pytest.fixture
def pique(tmp_path: Path, site: VideoSite, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyPique]:
    monkeypatch.setenv("PIQUE_WEBHOOK_SECRET", SECRET)
    detectors = (
        {"detector_name": "video_specs", "config": {"min_duration_sec": 1}},
        {"detector_name": "title_and_description", "config": {"required_hashtags": ["#bunny"]}},
    )
    judges = [
        {"id": judge, "name": judge, "description": "One of two.", "content_type": "video", "detectors": [detector]}
        for judge, detector in zip(JUDGES, detectors, strict=True)
    ]
    seeds = tmp_path / "judges.json"
    seeds.write_text(json.dumps({"judges": judges}))
    with running_faulty_pique(
        data_dir=tmp_path / "pique", seed_judges=seeds, social_allow_hosts=[site.endpoint]
    ) as pique:
        yield pique


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How the day went."""

    jobs: int
    median_delay_s: float
    gets_a_job: float

    def __str__(self) -> str:
        return (
            f"{self.jobs} jobs: median {self.median_delay_s:.2f} s from evaluation end to recorded, "
            f"{self.gets_a_job:.2f} result GETs a job"
        )


def completed(
    tmp_path: Path, *, day: dict[str, object], pique: FaultyPique, limits: Limits, webhook_url: str
) -> Figures:
    """Take the date through the graph for both judges, each item evaluated once by each."""
    delays: list[float] = []
    with ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.ephemeral())
        ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))
        for judge in JUDGES:
            evaluation = video_evaluation(name=judge, judge_id=judge, limits=limits, webhook_url=webhook_url, **day)
            graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
            assert graph.run(DATE).success
            assert graph.table("submissions", DATE)["state"].to_pylist() == ["completed"] * (URLS + FILES)
            ended_at = {job.job_id: job.finished_at for job in pique.records()}
            submissions = [row.submission for row in ledger.partition_state(evaluation=judge, partition=DATE)]
            delays += [(one.settled_at - ended_at[one.job_id]).total_seconds() for one in submissions]
    jobs = pique.records()
    assert len(jobs) == len(delays) == len(JUDGES) * (URLS + FILES)
    assert all(job.evaluations_started == 1 for job in jobs), evaluations_by_content(jobs)
    gets = sum(exchange.route is Route.RESULT for exchange in pique.history)
    return Figures(jobs=len(jobs), median_delay_s=statistics.median(delays), gets_a_job=gets / len(jobs))


def test_with_webhooks_the_day_is_noticed_at_once(tmp_path, day, pique):
    limits = replace(LIMITS, webhook_patience_s=300, results_wait_s=600, lease_s=30)
    with running_receiver(ledger=tmp_path / "ledger.db", log=tmp_path / "log", secrets=[SECRET]) as receiver:
        figures = completed(tmp_path, day=day, pique=pique, limits=limits, webhook_url=receiver.url)
    print(f"\nwith webhooks, {figures}")
    # How soon is the benchmark's to say (`benchmarks/webhook_delay.py`); here, that no poll did it.
    assert figures.median_delay_s < limits.webhook_patience_s / 10
    assert figures.gets_a_job < 1.3


def test_with_the_receiver_down_the_day_completes_by_polling_alone(tmp_path, day, pique):
    limits = replace(LIMITS, webhook_patience_s=20, results_wait_s=600, lease_s=30)
    print(f"\nreceiver down, {completed(tmp_path, day=day, pique=pique, limits=limits, webhook_url=NOBODY)}")
