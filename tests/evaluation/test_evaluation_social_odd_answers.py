"""A commit with an odd answer: what it names is kept, what it leaves open is in doubt, what never left goes again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from odd_pique import OddPique, Told, running_odd_pique
from social_desk import EVALUATION, JUDGE, JUDGES, PARTITION, PATIENT_LIMITS, listed, said_nothing, urls

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.evaluation.social_posts import SocialPosts
from pique_assets.evaluation.submitting import SubmissionReport, submit_partition
from pique_assets.ledger import Ledger, Submission, SubmissionState
from pique_assets.local.record import read_record
from pique_assets.media import ContentItem

POST = "POST /v1/evaluations/social-media"


@dataclass(kw_only=True)
class OddDesk:
    line: OddPique
    client: PiqueClient
    ledger: Ledger

    def submit(self, items: list[ContentItem]) -> SubmissionReport:
        return submit_partition(
            Engine(client=self.client, ledger=self.ledger, limits=PATIENT_LIMITS, say=said_nothing),
            items,
            partition=Partition(evaluation=EVALUATION, key=PARTITION),
            judge=self.client.get_judge(JUDGE),
            way=SocialPosts(),
        )

    def submissions(self) -> list[Submission]:
        rows = self.ledger.partition_state(evaluation=EVALUATION, partition=PARTITION)
        return [row.submission for row in rows if row.submission is not None]

    def states(self) -> Counter[SubmissionState]:
        return Counter(submission.state for submission in self.submissions())

    def posts(self) -> int:
        return self.line.asked(POST)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    seeds = folder / "judges.json"
    seeds.write_text(
        json.dumps({"judges": [{"name": judge["id"], "description": "Odd.", **judge} for judge in JUDGES]})
    )
    with running_odd_pique(folder, seed_judges=seeds) as line:
        yield line


@pytest.fixture
def desk(line, tmp_path):
    line.oddity = line.instead = None
    line.told.clear()
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        PiqueClient(base_url=line.base_url, api_key=line.pique.api_key) as client,
    ):
        yield OddDesk(line=line, client=client, ledger=ledger)


def accepting(change):
    """Accepted batches with their jobs changed."""

    def oddity(told: Told) -> Told:
        return told.saying(jobs=change(told.document()["jobs"])) if told.asked == POST else told

    return oddity


def test_one_job_for_two_urls_is_that_of_the_first_and_the_others_are_unanswered(desk):
    desk.line.oddity = accepting(lambda jobs: [job | {"job_id": jobs[0]["job_id"]} for job in jobs])
    items = listed(urls(3))
    report = desk.submit(items)
    assert (report.sent, report.unanswered) == (1, 2)
    assert desk.states() == {SubmissionState.UPLOADED: 1, SubmissionState.SUBMITTING: 2}
    job_id = next(one.job_id for one in desk.submissions() if one.state is SubmissionState.UPLOADED)
    unanswered = [one.evidence for one in desk.submissions() if one.state is SubmissionState.SUBMITTING]
    assert all(job_id in evidence for evidence in unanswered)
    # Never sent again: Pique has answered for them.
    assert desk.submit(items).already_known == 3
    assert desk.posts() == 1


@pytest.mark.parametrize(
    "odd", [None, "job", [], {"job_id": 5}, {"job_id": "x" * 100_000}, {"job_id": "\ud800"}, {"status": 10**300}]
)
def test_what_is_odd_about_one_job_does_not_lose_the_others(odd, desk):
    def change(jobs):
        return [jobs[0], jobs[1] | odd if isinstance(odd, dict) and "status" in odd else odd, *jobs[2:]]

    desk.line.oddity = accepting(change)
    items = listed(urls(4))
    # Of a job that is named without its URL, its place tells which URL is meant.
    named = 4 if odd == "job" or (isinstance(odd, dict) and odd.keys() & {"status"}) or odd == {"job_id": 5} else 3
    assert desk.submit(items).sent == named
    assert desk.states()[SubmissionState.UPLOADED] == named
    assert desk.posts() == 1


@pytest.mark.parametrize("field", ["batch_id", "total_videos", "webhook_id"])
@pytest.mark.parametrize("value", [None, [], 10**300])
def test_what_is_odd_about_a_batch_does_not_lose_its_jobs(field, value, desk):
    desk.line.oddity = lambda told: told.saying(**{field: value}) if told.asked == POST else told
    assert desk.submit(listed(urls(2))).sent == 2


def test_an_answer_that_names_nothing_leaves_all_in_doubt(desk):
    desk.line.oddity = lambda told: replace(told, body=b"{}") if told.asked == POST else told
    assert desk.submit(listed(urls(2))).unanswered == 2
    assert desk.states() == {SubmissionState.SUBMITTING: 2}


@pytest.mark.parametrize("status", [302, 307, 511])
def test_a_network_that_wants_a_sign_in_got_nothing_and_the_next_run_sends(status, desk):
    def portal(asked: str) -> Told | None:
        headers = {"location": "http://login.hotel.example/", "content-type": "text/html"}
        return Told(asked=asked, status=status, headers=headers, body=b"<html>") if asked == POST else None

    desk.line.instead = portal
    items = listed(urls(41))
    with pytest.raises(SubmissionsUnfinished, match=f"{status}.*Pique never got the request"):
        desk.submit(items)
    assert desk.posts() == 1
    assert set(desk.states()) == {SubmissionState.INTENDED}
    desk.line.instead = None
    assert desk.submit(items).sent == 41
    jobs = Counter(job.url for job in read_record(desk.line.pique.data_dir))
    assert {jobs[item.content_uri] for item in items} == {1}
