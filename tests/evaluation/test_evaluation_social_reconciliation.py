"""Jobs of a POST whose answer was lost are found by their webhooks, and only those that are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from social_desk import (
    EVALUATION,
    JUDGE,
    OTHER_JUDGE,
    PARTITION,
    SocialDesk,
    desk_behind,
    said_nothing,
    urls,
)

from pique_assets.api.models import SocialMediaRequest
from pique_assets.cli import main
from pique_assets.evaluation.errors import ResultsPending
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.reconciliation import find_jobs, give_up_waiting
from pique_assets.ledger import SubmissionState
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.testing import Fault, FaultKind, Route

_S = SubmissionState
LOST = Fault(route=Route.SOCIAL_MEDIA, kind=FaultKind.LOST_ANSWER)


@pytest.fixture
def pique(social_pique: LocalPiqueProcess) -> LocalPiqueProcess:
    return social_pique


@pytest.fixture
def unanswered(pique, tmp_path):
    """``with unanswered(urls) as desk``: Pique evaluates them, and its answer was lost."""

    @contextmanager
    def start(addresses: list[str], *more: Fault) -> Iterator[SocialDesk]:
        with desk_behind(LOST, *more, pique=pique, ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}") as desk:
            assert desk.submit(addresses).unanswered == len(addresses)
            yield desk

    return start


def find(desk: SocialDesk):
    return find_jobs(desk.engine)


def give_up(desk: SocialDesk) -> int:
    return give_up_waiting(ledger=desk.ledger, limits=desk.limits, evaluation=EVALUATION, say=said_nothing)


def test_webhooks_give_every_url_its_job_and_the_partition_completes(unanswered):
    addresses = urls(20)
    with unanswered(addresses) as desk:
        assert find(desk).found == 0
        jobs = {url: of_url[0] for url, of_url in desk.jobs(addresses).items()}
        for job in jobs.values():
            desk.hear_of(job)
        # The asset's way: collecting looks for them by itself.
        assert desk.collect().progress.failed == 20
        for url, job in jobs.items():
            submission = desk.submission(url)
            assert (submission.job_id, submission.batch_id) == (job.job_id, job.batch_id)
        assert desk.posts == 1


def test_a_url_in_doubt_is_found_all_the_same_and_its_date_is_collected_anew(unanswered):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        settled = desk.waiting(in_doubt_wait_s=0).collect()
        assert settled.progress.in_doubt == 1
        desk.ledger.record_collected(evaluation=EVALUATION, partition=PARTITION, digest=settled.digest)
        assert desk.ledger.uncollected_partitions() == []
        (job,) = desk.jobs(addresses)[url]
        desk.hear_of(job)
        assert find(desk).found == 1
        assert desk.collect().progress.failed == 1
        (anew,) = desk.ledger.uncollected_partitions()
        assert (anew.partition, anew.digest == settled.digest) == (PARTITION, False)


def test_a_second_job_for_the_same_url_is_left_alone_and_said(unanswered):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        # Somebody else's, sent without this ledger.
        desk.client.submit_social_media(SocialMediaRequest(judge_id=JUDGE, video_urls=(url,)))
        ours, theirs = desk.jobs(addresses)[url]
        desk.hear_of(ours)
        desk.hear_of(theirs)
        said = []
        report = find_jobs(replace(desk.engine, say=said.append))
        assert (report.found, report.foreign) == (1, (theirs.job_id,))
        assert desk.submission(url).job_id == ours.job_id
        assert any(theirs.job_id in sentence for sentence in said)


def test_another_judges_job_for_the_url_is_not_ours(unanswered):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        desk.client.submit_social_media(SocialMediaRequest(judge_id=OTHER_JUDGE, video_urls=(url,)))
        theirs = next(job for job in desk.jobs(addresses)[url] if job.judge_id == OTHER_JUDGE)
        desk.hear_of(theirs)
        assert (find(desk).found, desk.states(addresses)) == (0, {_S.SUBMITTING})


def test_a_job_that_was_announced_before_ours_was_sent_is_not_ours(unanswered):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        (job,) = desk.jobs(addresses)[url]
        desk.hear_of(job, received_at=datetime.now(UTC) - timedelta(hours=1))
        assert (find(desk).found, desk.states(addresses)) == (0, {_S.SUBMITTING})


def test_a_webhook_that_spells_the_url_otherwise_is_understood(unanswered):
    one, other = addresses = [url.replace("http://", "http://www.") for url in urls(2, host="127.0.0.1.nip.test:1")]
    twin = one.replace("http://", "https://")
    with unanswered([*addresses, twin]) as desk:
        jobs = {url: of_url[0] for url, of_url in desk.jobs([*addresses, twin]).items()}
        respelt = other.replace("http://www.", "https://") + "/"
        desk.hear_of(replace(jobs[other], url=respelt))
        # Of two URLs that differ in their scheme alone, nobody can tell which this one is.
        desk.hear_of(replace(jobs[one], url=one.replace("www.", "")))
        assert find(desk).found == 1
        assert desk.submission(other).job_id == jobs[other].job_id
        assert desk.states([one, twin]) == {_S.SUBMITTING}


def test_a_webhook_without_a_url_or_with_nonsense_for_one_decides_nothing(unanswered):
    addresses = urls(1)
    with unanswered(addresses) as desk:
        for number, url in enumerate([None, "", "nonsense", "http://\x00"]):
            desk.ledger.record_webhook(job_id=f"job_{number}", url=url, body=b"{", received_at=datetime.now(UTC))
        # Ours by its url, but Pique does not know it.
        desk.ledger.record_webhook(job_id="job_x", url=addresses[0], body=b"{", received_at=datetime.now(UTC))
        assert (find(desk).found, desk.states(addresses)) == (0, {_S.SUBMITTING})


def test_a_job_that_cannot_be_asked_for_now_is_asked_for_later(unanswered):
    (url,) = addresses = urls(1)
    trouble = Fault(route=Route.RESULT, kind=FaultKind.INVALID_JSON)
    with unanswered(addresses, trouble) as desk:
        desk.hear_of(desk.jobs(addresses)[url][0])
        assert [find(desk).found, find(desk).found] == [0, 1]


def test_what_a_living_run_still_waits_for_is_neither_taken_nor_given_up(unanswered):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        desk.hear_of(desk.jobs(addresses)[url][0])
        submission = desk.submission(url)
        held = desk.ledger.claim_for_reconciliation(submission.submission_id, lease_s=60)
        assert held is not None
        assert find(desk).found == 0
        assert give_up(desk.waiting(in_doubt_wait_s=0)) == 0
        assert desk.states(addresses) == {_S.SUBMITTING}


def test_nothing_is_given_up_before_its_time(unanswered):
    addresses = urls(2)
    with unanswered(addresses) as desk:
        assert give_up(desk) == 0
        assert give_up(desk.waiting(in_doubt_wait_s=0)) == 2
        assert give_up(desk.waiting(in_doubt_wait_s=0)) == 0
        assert desk.states(addresses) == {_S.IN_DOUBT}


def test_the_policy_wait_gives_nothing_up(unanswered):
    addresses = urls(1)
    with unanswered(addresses) as desk:
        patient = desk.waiting(social_in_doubt="wait", in_doubt_wait_s=0, results_wait_s=0)
        assert give_up(patient) == 0
        with pytest.raises(ResultsPending) as pending:
            patient.collect()
        assert pending.value.unanswered == 1
        assert desk.states(addresses) == {_S.SUBMITTING}


def test_another_evaluations_policy_does_not_touch_ours(unanswered):
    addresses = urls(1)
    with unanswered(addresses) as desk:
        limits = desk.waiting(in_doubt_wait_s=0).limits
        assert give_up_waiting(ledger=desk.ledger, limits=limits, evaluation="another", say=said_nothing) == 0


def test_a_person_who_knows_the_job_ends_the_doubt(unanswered, capsys, monkeypatch):
    (url,) = addresses = urls(1)
    with unanswered(addresses) as desk:
        assert give_up(desk.waiting(in_doubt_wait_s=0)) == 1
        desk.client.submit_social_media(SocialMediaRequest(judge_id=OTHER_JUDGE, video_urls=(url,)))
        ours, theirs = desk.jobs(addresses)[url]
        number = str(desk.submission(url).submission_id)
        monkeypatch.setenv("PIQUE_BASE_URL", desk.base_url)
        monkeypatch.setenv("PIQUE_API_KEY", desk.api_key)
        # Wide enough for a whole URL.
        monkeypatch.setenv("COLUMNS", "200")
        assert command(desk) == 0
        assert url.partition("://")[2][:40] in capsys.readouterr().out
        # What can be checked is: the judge, and that Pique knows the job at all.
        assert command(desk, "--found", number, theirs.job_id) == 1
        assert OTHER_JUDGE in capsys.readouterr().err
        assert command(desk, "--found", number, "job_nobody_knows") == 1
        assert desk.states(addresses) == {_S.IN_DOUBT}
        assert command(desk, "--found", number, ours.job_id) == 0
        assert desk.collect().progress.failed == 1
        assert command(desk, "--found", number, ours.job_id) == 1
        assert "is not one whose answer is missing" in capsys.readouterr().err


def test_a_person_who_knows_that_it_never_arrived_has_it_sent_again(unanswered, capsys):
    addresses = urls(2)
    with unanswered(addresses) as desk:
        assert give_up(desk.waiting(in_doubt_wait_s=0)) == 2
        number = str(desk.submission(addresses[0]).submission_id)
        assert command(desk, "--never-sent", number) == 0
        assert desk.submission(addresses[0]).state is _S.INTENDED
        report = desk.submit(addresses)
        assert (report.sent, report.already_known) == (1, 1)
        # It was a lie, and this is its price; the other one was not touched.
        assert [len(of_url) for of_url in desk.jobs(addresses).values()] == [2, 1]
        assert command(desk, "--never-sent", "999") == 1
        assert "999" in capsys.readouterr().err


def command(desk: SocialDesk, *arguments: str) -> int:
    return main(["in-doubt", "--ledger", desk.ledger_url, *arguments])


def test_a_policy_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="social_in_doubt is 'hope': give one of 'wait_then_fail', 'wait'"):
        Limits(social_in_doubt="hope")
