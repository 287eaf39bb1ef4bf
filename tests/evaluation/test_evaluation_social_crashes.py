"""A process killed around the POST of a batch: no URL is ever in two batches, and none is lost."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from social_desk import EVALUATION, PARTITION, desk_behind, urls
from submit_urls import Submitters, running_submitters

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.testing import Fault, FaultKind, Route

URLS = 22
POINTS = {
    "claim_submissions.after_commit": 0,
    "record_submitting.before_commit": 0,
    "record_submitting.after_commit": 20,
    "submit_urls.before": 20,
    "submit_urls.after": 20,
    "record_accepted.before_commit:3": 18,
    "record_accepted.after_commit:20": 0,
    "submit_urls.before:2": 2,
}
"""Where the first process dies, and how many URLs are left without an answer."""


@pytest.fixture
def pique(social_pique: LocalPiqueProcess) -> LocalPiqueProcess:
    return social_pique


@pytest.fixture(scope="module")
def submitters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitters]:
    with running_submitters(tmp_path_factory.mktemp("submitters") / "errors.log") as running:
        yield running


@pytest.fixture
def ledger_url(tmp_path) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    # Its tables are made here, so that in the process that dies only what is tested happens.
    Ledger.open(url).close()
    return url


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_no_url_is_sent_twice_and_none_is_lost(point, pique, submitters, ledger_url):
    addresses = urls(URLS)
    ended = submitters.submit(
        addresses, failpoint=point, ledger_url=ledger_url, base_url=pique.base_url, api_key=pique.api_key
    )
    assert ended == -signal.SIGKILL
    end_leases(ledger_url)
    with desk_behind(pique=pique, ledger_url=ledger_url) as desk:
        desk.submit(addresses)
        waiting = [url for url in addresses if desk.submission(url).state is SubmissionState.SUBMITTING]
        assert len(waiting) == POINTS[point]
        jobs = desk.jobs(addresses)
        assert max(len(of_url) for of_url in jobs.values()) == 1
        # What Pique has, it announces; what it never got, it never will.
        for of_url in jobs.values():
            for job in of_url:
                desk.hear_of(job)
        settled = desk.waiting(in_doubt_wait_s=0).collect()
        had = sum(map(len, jobs.values()))
        assert (settled.progress.failed, settled.progress.in_doubt) == (had, URLS - had)


def test_a_kill_while_halves_of_a_refused_batch_are_tried_sends_none_twice(pique, submitters, ledger_url):
    addresses = urls(8)
    refused = [Fault(route=Route.SOCIAL_MEDIA, kind=FaultKind.STATUS, status=400, hit=hit) for hit in (1, 2)]
    with desk_behind(*refused, pique=pique, ledger_url=ledger_url) as desk:
        ended = submitters.submit(
            addresses,
            failpoint="submit_urls.after",
            ledger_url=ledger_url,
            base_url=desk.base_url,
            api_key=pique.api_key,
        )
        assert ended == -signal.SIGKILL
        end_leases(ledger_url)
        # Two were sent, and their answer died with the process.
        assert desk.ledger.progress(evaluation=EVALUATION, partition=PARTITION).open == 8
        assert desk.submit(addresses).sent == 6
    assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}


def end_leases(ledger_url: str) -> None:
    """Let the leases of the dead process have run out."""
    with closing(sqlite3.connect(ledger_url.removeprefix("sqlite:///"))) as ledger, ledger:
        ledger.execute("UPDATE submissions SET lease_token = NULL, lease_expires_at = NULL")
