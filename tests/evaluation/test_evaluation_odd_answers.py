"""Odd answers that are legal: a typed error or a row, nothing bought twice, and the date goes on when Pique does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from desk import DEMO, LIMITS, Desk, demo_items
from odd_pique import OddPique, Told, running_odd_pique

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.ledger import Ledger, PartitionItem, SubmissionState
from pique_assets.local.record import JobRecord

DATE = "2026-03-02"
PREPARE = "POST /v1/evaluations/presigned-upload"
RESULTS = "GET /v1/evaluations/results/"


@dataclass(kw_only=True)
class OddDesk:
    """A desk, and the line its answers come through; `jobs` are those that were made since the test began."""

    desk: Desk
    line: OddPique
    jobs_before: int

    def jobs(self) -> list[JobRecord]:
        return self.desk.record()[self.jobs_before :]

    def collect(self) -> None:
        self.desk.collect(partition=DATE)

    def rows(self) -> list[PartitionItem]:
        return list(self.desk.ledger.partition_state(evaluation="brand_videos", partition=DATE))

    def puts(self) -> int:
        return sum(job.complete_puts for job in self.jobs())

    def under(self, **limits: object) -> OddDesk:
        return replace(self, desk=replace(self.desk, limits=replace(LIMITS, **limits)))


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    with running_odd_pique(tmp_path_factory.mktemp("odd"), seed_judges=DEMO / "judges.json") as line:
        yield line


@pytest.fixture
def odd(line, tmp_path):
    line.oddity = None
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        PiqueClient(base_url=line.base_url, api_key=line.pique.api_key) as client,
    ):
        desk = Desk(pique=line.pique, client=client, ledger=ledger)
        yield OddDesk(desk=desk, line=line, jobs_before=len(desk.record()))


def preparing(**fields):
    """Prepared uploads that say this."""
    return lambda told: told.saying(**fields) if told.asked == PREPARE else told


def test_a_wrong_checksum_of_the_storage_buys_one_evaluation_and_stands_beside_its_result(odd):
    def other_checksum(told: Told) -> Told:
        if told.asked.startswith("PUT"):
            return replace(told, headers={**told.headers, "x-goog-hash": "crc32c=AAAAAA==,md5=AAAA"})
        return told

    odd.line.oddity = other_checksum
    items = demo_items(DATE)[:1]
    assert odd.desk.submit(items).sent == 1
    for _ in range(3):
        assert odd.desk.submit(items).already_known == 1
    odd.collect()
    assert odd.desk.submit(items).already_known == 1
    assert odd.puts() == len(odd.jobs()) == 1
    (row,) = odd.rows()
    assert (row.submission.state, row.submission.error_code) == (SubmissionState.COMPLETED, "upload_corrupted")
    assert "received other bytes than were sent" in row.submission.error


@pytest.mark.parametrize("expires_at", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "3000-01-01T00:00:00"])
def test_an_upload_url_that_never_expires_is_used(expires_at, odd):
    odd.line.oddity = preparing(expires_at=expires_at)
    assert odd.desk.submit(demo_items(DATE)[:1]).sent == 1
    (row,) = odd.rows()
    assert row.submission.upload_expires_at <= datetime.now(UTC) + timedelta(days=7)


@pytest.mark.parametrize(
    "expires_at", ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", 10**40, "soon", None]
)
def test_an_upload_url_of_the_past_is_not_used_and_the_date_goes_on_with_pique(expires_at, odd):
    odd.line.oddity = preparing(expires_at=expires_at)
    items = demo_items(DATE)[:1]
    with pytest.raises(SubmissionsUnfinished, match="expire"):
        odd.desk.submit(items)
    assert odd.puts() == 0
    odd.line.oddity = None
    assert odd.desk.submit(items).sent == 1
    assert odd.puts() == 1


def test_no_upload_is_begun_in_the_last_seconds_of_its_url(odd):
    """The margin is kept where the bytes are sent, also for a job that was prepared a moment ago."""
    items = demo_items(DATE)[:1]
    with pytest.raises(SubmissionsUnfinished, match="nothing was sent"):
        odd.under(expiry_margin_s=7 * 86_400).desk.submit(items)
    assert odd.puts() == 0
    assert odd.desk.submit(items).sent == 1


def test_one_job_for_two_contents_is_that_of_the_first_and_the_second_goes_on_with_pique(odd):
    first: dict[str, object] = {}

    def the_same_job(told: Told) -> Told:
        if told.asked != PREPARE:
            return told
        first.setdefault("job_id", told.document()["job_id"])
        return told.saying(**first)

    odd.line.oddity = the_same_job
    items = demo_items(DATE)[:2]
    one_at_a_time = odd.under(concurrent_uploads=1)
    with pytest.raises(SubmissionsUnfinished, match=r"1 content items.*which is the job of") as caught:
        one_at_a_time.desk.submit(items)
    assert len(caught.value.reasons) == odd.puts() == 1
    odd.line.oddity = None
    assert odd.desk.submit(items).sent == 1
    odd.collect()
    evaluated = [evaluation.content_sha256 for job in odd.jobs() for evaluation in job.evaluations]
    assert len(evaluated) == len(set(evaluated)) == 2


@pytest.mark.parametrize("job_id", ["x" * 100_000, "", None, 5, "\ud800"])
def test_a_job_id_that_is_none_sends_nothing_and_the_date_goes_on_with_pique(job_id, odd):
    odd.line.oddity = preparing(job_id=job_id)
    items = demo_items(DATE)[:1]
    with pytest.raises(SubmissionsUnfinished, match="job_id"):
        odd.desk.submit(items)
    assert odd.puts() == 0
    odd.line.oddity = None
    assert odd.desk.submit(items).sent == 1


def test_integers_of_thousands_of_digits_hold_no_date(odd):
    def endless(told: Told) -> Told:
        if not told.asked.startswith(RESULTS):
            return told
        result = told.saying(metrics=0, overall_score=0)
        return replace(result, body=re.sub(rb'("metrics"|"overall_score"): 0', rb"\1: " + b"9" * 5000, result.body))

    odd.line.oddity = endless
    odd.desk.submit(demo_items(DATE)[:1])
    odd.collect()
    (row,) = odd.rows()
    assert row.submission.state is SubmissionState.COMPLETED
    (payload,) = odd.desk.ledger.partition_payloads(evaluation="brand_videos", partition=DATE)
    assert payload.body.count(b"9" * 5000) == 2


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999Z"])
def test_a_result_of_another_century_is_of_when_it_came(timestamp, odd):
    odd.line.oddity = lambda told: told.saying(timestamp=timestamp) if told.asked.startswith(RESULTS) else told
    odd.desk.submit(demo_items(DATE)[:1])
    odd.collect()
    (row,) = odd.rows()
    assert abs(row.submission.finished_at - row.submission.settled_at) < timedelta(days=1)
