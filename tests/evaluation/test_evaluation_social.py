"""Social media URLs go to Pique in batches, each URL once, and nothing that may have arrived is ever sent again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from social_desk import (
    EVALUATION,
    IMAGE_JUDGE,
    JUDGE,
    OTHER_JUDGE,
    PARTITION,
    RETRIES,
    SocialDesk,
    desk_behind,
    listed,
    submit_to,
    urls,
)

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import NotFound, Unauthorized
from pique_assets.evaluation.admission import BudgetExceeded
from pique_assets.evaluation.engine import Partition
from pique_assets.evaluation.errors import JudgeNotUsable, ResultsPending, SubmissionsUnfinished
from pique_assets.evaluation.limits import Budget
from pique_assets.evaluation.social_posts import SocialPosts
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.ledger import SubmissionState
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.media import ContentItem
from pique_assets.testing import Fault, FaultKind, Route

POST = Route.SOCIAL_MEDIA
_S = SubmissionState


@pytest.fixture
def pique(social_pique: LocalPiqueProcess) -> LocalPiqueProcess:
    return social_pique


@pytest.fixture
def ledger_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def desk(pique, ledger_url) -> Iterator[SocialDesk]:
    with desk_behind(pique=pique, ledger_url=ledger_url) as desk:
        yield desk


def test_a_list_goes_in_batches_of_twenty_and_each_url_has_one_job(desk):
    addresses = urls(45)
    report = desk.submit(addresses)
    assert (report.usable, report.sent, report.already_known, report.unanswered) == (45, 45, 0, 0)
    assert desk.posts == 3
    jobs = desk.jobs(addresses)
    assert {len(of_url) for of_url in jobs.values()} == {1}
    batches = [job.batch_id for of_url in jobs.values() for job in of_url]
    assert sorted(batches.count(batch) for batch in set(batches)) == [5, 20, 20]
    for url in addresses:
        submission = desk.submission(url)
        (job,) = jobs[url]
        assert (submission.state, submission.source) == (_S.UPLOADED, "social")
        assert (submission.job_id, submission.batch_id) == (job.job_id, job.batch_id)


def test_a_second_run_sends_nothing_and_only_new_urls_go(desk):
    addresses = urls(3)
    desk.submit(addresses)
    again = desk.submit(addresses)
    assert (again.sent, again.already_known, desk.posts) == (0, 3, 1)
    more = urls(2)
    grown = desk.submit([*addresses, *more])
    assert (grown.sent, grown.already_known, desk.posts) == (2, 3, 2)
    assert {len(of_url) for of_url in desk.jobs([*addresses, *more]).values()} == {1}


def test_a_url_on_two_dates_has_one_job_and_rows_on_both(desk):
    addresses = urls(1)
    desk.submit(addresses)
    report = desk.submit(addresses, partition="2026-03-03")
    assert (report.sent, report.already_known) == (0, 1)
    assert [desk.collect(partition=date).progress.failed for date in (PARTITION, "2026-03-03")] == [1, 1]
    assert len(desk.jobs(addresses)[addresses[0]]) == 1


def test_two_judges_evaluate_a_url_once_each(desk):
    addresses = urls(1)
    desk.submit(addresses)
    assert desk.submit(addresses, judge=OTHER_JUDGE, partition="2026-03-03").sent == 1
    assert {job.judge_id for job in desk.jobs(addresses)[addresses[0]]} == {JUDGE, OTHER_JUDGE}


def test_a_job_that_failed_within_the_answer_ends_as_a_failed_evaluation_with_its_record(desk):
    addresses = urls(2)
    desk.submit(addresses)
    settled = desk.collect()
    assert (settled.progress.failed, settled.progress.total) == (2, 2)
    payloads = {
        payload.job_id for payload in desk.ledger.partition_payloads(evaluation=EVALUATION, partition=PARTITION)
    }
    for url in addresses:
        submission = desk.submission(url)
        assert "not a public address" in submission.error
        assert submission.job_id in payloads


def test_wrong_lines_are_rows_and_cost_nothing(desk):
    wrong = ContentItem(content_uri="list#line=2", filename="list", error_code="bad_url", error="no URL")
    report = submit_partition(
        desk.engine,
        [*listed(urls(1)), wrong],
        partition=Partition(evaluation=EVALUATION, key=PARTITION),
        judge=desk.client.get_judge(JUDGE),
        way=SocialPosts(),
    )
    assert (report.usable, report.unusable, report.sent) == (1, 1, 1)
    assert desk.collect().progress.unreadable == 1


# Of each, nobody but Pique knows whether it took effect.
AMBIGUOUS = {
    "the answer was lost": Fault(route=POST, kind=FaultKind.LOST_ANSWER),
    "reset after the effect": Fault(route=POST, kind=FaultKind.RESET, after_effect=True),
    "reset in the middle of the body": Fault(route=POST, kind=FaultKind.RESET, after_bytes=40),
    "500 after the effect": Fault(route=POST, kind=FaultKind.STATUS, status=500, after_effect=True),
    "503 before the effect": Fault(route=POST, kind=FaultKind.STATUS, status=503, retry_after=0),
    **{
        f"{status} after the effect": Fault(route=POST, kind=FaultKind.STATUS, status=status, after_effect=True)
        for status in (408, 409, 410, 425, 499)
    },
    "the answer was cut": Fault(route=POST, kind=FaultKind.CUT_ANSWER),
    "half a JSON": Fault(route=POST, kind=FaultKind.TRUNCATED_JSON),
    "a page of HTML": Fault(route=POST, kind=FaultKind.INVALID_JSON),
    "silence": Fault(route=POST, kind=FaultKind.STALLED, seconds=0.5, after_effect=True),
}


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_may_have_arrived_is_never_sent_again(fault, pique, ledger_url):
    addresses = urls(21)
    with desk_behind(fault, pique=pique, ledger_url=ledger_url) as desk:
        report = desk.submit(addresses)
        assert (report.unanswered, report.sent, desk.posts) == (20, 1, 2)
        assert desk.states(addresses[:20]) == {_S.SUBMITTING}
        again = desk.submit(addresses)
        assert (again.already_known, desk.posts) == (21, 2)
        with pytest.raises(ResultsPending, match="20 social media URLs"):
            desk.waiting(results_wait_s=0).collect()
        # The default policy, and the waiting over.
        settled = desk.waiting(in_doubt_wait_s=0).collect()
        assert (settled.progress.in_doubt, settled.progress.failed) == (20, 1)
        assert "POST was begun" in desk.submission(addresses[0]).evidence
        assert desk.submit(addresses).already_known == 21
        assert desk.posts == 2
    assert max(len(of_url) for of_url in desk.jobs(addresses).values()) <= 1


def test_an_outage_leaves_the_rest_for_a_later_run_instead_of_in_doubt(pique, ledger_url):
    addresses = urls(60)
    with desk_behind(
        Fault(route=POST, kind=FaultKind.LOST_ANSWER, every=1), pique=pique, ledger_url=ledger_url
    ) as desk:
        with pytest.raises(SubmissionsUnfinished) as unfinished:
            desk.submit(addresses)
        assert desk.posts == 2
        assert set(unfinished.value.reasons) == set(addresses[40:])
    with desk_behind(pique=pique, ledger_url=ledger_url) as desk:
        report = desk.submit(addresses)
        assert (report.already_known, report.sent) == (40, 20)
    assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}


def test_too_many_requests_are_asked_again_because_nothing_was_taken(pique, ledger_url):
    addresses = urls(2)
    fault = Fault(route=POST, kind=FaultKind.STATUS, status=429, retry_after=0.1)
    with desk_behind(fault, pique=pique, ledger_url=ledger_url) as desk:
        assert desk.submit(addresses).sent == 2
        assert desk.posts == 2
    assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}


def test_what_was_certainly_not_taken_waits_for_a_later_run(pique, ledger_url):
    addresses = urls(41)
    faults = [Fault(route=POST, kind=FaultKind.STATUS, status=429, retry_after=0, hit=hit) for hit in (1, 2)]
    with desk_behind(*faults, pique=pique, ledger_url=ledger_url) as desk:
        with pytest.raises(SubmissionsUnfinished) as unfinished:
            desk.submit(addresses)
        assert set(unfinished.value.reasons) == set(addresses)
        # The other batches were not even tried.
        assert desk.posts == 2
        assert desk.states(addresses[:20]) == {_S.INTENDED}
        assert desk.submit(addresses).sent == 41
    assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}


def test_without_a_connection_nothing_was_sent(desk, pique):
    addresses = urls(2)
    with (
        PiqueClient(base_url="http://127.0.0.1:9", api_key="pk_nobody", retries=RETRIES) as nobody,
        pytest.raises(SubmissionsUnfinished),
    ):
        submit_to(nobody, addresses, desk=desk)
    assert desk.states(addresses) == {_S.INTENDED}
    assert desk.submit(addresses).sent == 2


def test_a_refused_key_stops_everything_and_loses_nothing(pique, ledger_url):
    addresses = urls(25)
    fault = Fault(route=POST, kind=FaultKind.STATUS, status=401)
    with desk_behind(fault, pique=pique, ledger_url=ledger_url) as desk:
        with pytest.raises(Unauthorized):
            desk.submit(addresses)
        assert desk.posts == 1
        assert desk.states(addresses[:20]) == {_S.INTENDED}
    with desk_behind(pique=pique, ledger_url=ledger_url) as desk:
        assert desk.submit(addresses).sent == 25


def test_a_judge_that_is_gone_stops_everything_and_loses_nothing(pique, ledger_url):
    addresses = urls(2)
    with desk_behind(Fault(route=POST, kind=FaultKind.STATUS, status=404), pique=pique, ledger_url=ledger_url) as desk:
        with pytest.raises(NotFound):
            desk.submit(addresses)
        assert desk.states(addresses) == {_S.INTENDED}


def test_one_bad_url_is_found_among_others_and_they_are_accepted(pique, ledger_url):
    addresses = urls(4)
    # All four, the first two, and the second alone.
    refused = [Fault(route=POST, kind=FaultKind.STATUS, status=400, hit=hit) for hit in (1, 2, 4)]
    with desk_behind(*refused, pique=pique, ledger_url=ledger_url) as desk:
        report = desk.submit(addresses)
        assert (report.sent, report.rejected, desk.posts) == (3, 1, 5)
        bad = desk.submission(addresses[1])
        assert (bad.state, bad.error_code) == (_S.REJECTED, "refused_by_pique")
        assert "400" in bad.error
        assert desk.collect().progress.rejected == 1
    jobs = desk.jobs(addresses)
    assert [len(jobs[url]) for url in addresses] == [1, 0, 1, 1]


def test_an_unprocessable_url_is_rejected_with_what_pique_says(pique, ledger_url):
    addresses = urls(1)
    with desk_behind(Fault(route=POST, kind=FaultKind.STATUS, status=422), pique=pique, ledger_url=ledger_url) as desk:
        assert desk.submit(addresses).rejected == 1
        assert desk.submission(addresses[0]).error_code == "refused_by_pique"


def test_a_judge_of_another_content_type_is_refused_before_anything_is_sent(desk):
    addresses = urls(1)
    with pytest.raises(JudgeNotUsable, match="image"):
        desk.submit(addresses, judge=IMAGE_JUDGE)
    assert desk.posts == 0
    assert desk.ledger.partition_state(evaluation=EVALUATION, partition=PARTITION) == []


def test_more_than_the_budget_is_refused_before_anything_is_sent(desk):
    with pytest.raises(BudgetExceeded, match="2 fit"):
        desk.submit(urls(3), budget=Budget(new_evaluations_per_run=2))
    assert desk.posts == 0


def test_two_runs_at_once_send_each_url_once(desk, ledger_url, pique):
    addresses = urls(50)
    with desk_behind(pique=pique, ledger_url=ledger_url) as other:
        threads = [threading.Thread(target=one.submit, args=(addresses,)) for one in (desk, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}
    assert desk.states(addresses) <= {_S.UPLOADED}
