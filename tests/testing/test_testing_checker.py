"""Each rule of the checker fires on a run that breaks it, says to what, and is silent about a good one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pique_assets.local.record import EvaluationRecord, JobRecord
from pique_assets.testing import Exchange, Route, Rule, StateChange, SubmissionRecord, check_history

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVALUATION = EvaluationRecord(
    content_sha256="c" * 64, state="completed", queued_at=NOW, started_at=NOW, finished_at=NOW
)
JOB = JobRecord(
    job_id="job_1",
    judge_id="judge_1",
    filename="clip.mp4",
    title="a title",
    description=None,
    content_sha256="c" * 64,
    complete_puts=1,
    evaluations=(EVALUATION,),
    status="completed",
    created_at=NOW,
    uploaded_at=NOW,
    finished_at=NOW,
)
EMPTY_JOB = replace(
    JOB, job_id="job_empty", content_sha256=None, complete_puts=0, evaluations=(), status="awaiting_upload"
)
VIDEO = replace(
    JOB,
    job_id="job_3",
    batch_id="batch_1",
    url="https://v.test/1",
    filename=None,
    complete_puts=0,
    finished_at=NOW + timedelta(seconds=5),
)
DONE = SubmissionRecord(work="w1", state="COMPLETED", job_id="job_1")
PREPARE = Exchange(
    number=1,
    route=Route.PREPARE,
    method="POST",
    path="/v1/evaluations/presigned-upload",
    job_id="job_1",
    began_at=NOW,
    carried_api_key=True,
    expires_at=NOW + timedelta(minutes=15),
)
PUT = Exchange(
    number=2, route=Route.UPLOAD, method="PUT", path="/bucket/org/pending/job_1/clip", job_id="job_1", began_at=NOW
)
RESULT = Exchange(
    number=3,
    route=Route.RESULT,
    method="GET",
    path="/v1/evaluations/results/job_1",
    job_id="job_1",
    began_at=NOW,
    told_status="completed",
    result_digest="d1",
)


def broken(**given: object) -> list[tuple[Rule, str]]:
    run = {"records": [JOB], "history": [PREPARE, PUT, RESULT], "submissions": [DONE], **given}
    return [(violation.rule, violation.sentence) for violation in check_history(**run)]


def rules(**given: object) -> list[Rule]:
    return [rule for rule, _ in broken(**given)]


def test_a_good_run_breaks_nothing():
    assert broken() == []
    assert broken(records=[JOB, EMPTY_JOB]) == []


def test_two_puts_to_one_job():
    assert broken(records=[replace(JOB, complete_puts=2)]) == [
        (Rule.ONE_PUT, "content cccccccccccc (clip.mp4, title 'a title') for judge judge_1 was put 2 times, to job_1")
    ]


def test_the_same_work_in_two_jobs():
    found = broken(records=[JOB, replace(JOB, job_id="job_2")], submissions=None)
    assert [rule for rule, _ in found] == [Rule.ONE_PUT, Rule.ONE_EVALUATION]
    assert all("job_1, job_2" in sentence for _, sentence in found)


@pytest.mark.parametrize("other", [{"title": "another"}, {"description": "words"}, {"judge_id": "judge_2"}])
def test_other_words_or_another_judge_are_other_work(other):
    assert rules(records=[JOB, replace(JOB, job_id="job_2", **other)], submissions=None) == []


def test_another_filename_is_the_same_work():
    renamed = replace(JOB, job_id="job_2", filename="copy.mp4")
    assert Rule.ONE_PUT in rules(records=[JOB, renamed], submissions=None)


def test_one_job_evaluated_twice():
    assert rules(records=[replace(JOB, evaluations=(EVALUATION, EVALUATION))]) == [Rule.ONE_EVALUATION]


@pytest.mark.parametrize("state", ["INTENDED", "PREPARED", "UPLOADING", "UPLOADED"])
def test_a_submission_left_in_the_middle(state):
    assert broken(submissions=[replace(DONE, state=state)]) == [
        (Rule.EVERY_END, f"the submission of w1 (job job_1) was left {state}")
    ]


@pytest.mark.parametrize("state", ["REJECTED", "IN_DOUBT"])
def test_an_end_needs_its_reason(state):
    end = SubmissionRecord(work="w2", state=state)
    assert rules(submissions=[DONE, end]) == [Rule.EVERY_END]
    assert rules(submissions=[DONE, replace(end, reason="says why")]) == []


def test_work_that_was_given_up_must_end_in_another_attempt():
    given_up = SubmissionRecord(work="w2", state="ABANDONED", job_id="job_empty", reason="expired")
    assert rules(submissions=[DONE, given_up]) == [Rule.EVERY_END]
    assert rules(submissions=[DONE, replace(given_up, work="w1")]) == []
    assert rules(submissions=[DONE, replace(given_up, work="w1", reason=None)]) == [Rule.EVERY_END]


def test_work_that_nobody_wants_may_be_given_up_for_good():
    orphan = SubmissionRecord(work="w2", state="ABANDONED", job_id="job_empty", reason="expired", wanted=False)
    assert broken(submissions=[DONE, orphan]) == []
    assert rules(submissions=[DONE, replace(orphan, reason=None)]) == [Rule.EVERY_END]
    assert rules(submissions=[DONE, replace(orphan, state="UPLOADING")]) == [Rule.EVERY_END]


def test_a_video_that_was_posted_twice():
    again = replace(VIDEO, job_id="job_4", batch_id="batch_2", evaluations=(), content_sha256=None)
    done = [replace(DONE, job_id=VIDEO.job_id, url=VIDEO.url), replace(DONE, work="w4", job_id="job_4")]
    assert broken(records=[VIDEO], submissions=done[:1]) == []
    assert broken(records=[VIDEO, again], submissions=done) == [
        (Rule.ONE_POST, "https://v.test/1 for judge judge_1 was accepted 2 times, in batch_1, batch_2")
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"url": "https://v.test/2"},
        {"judge_id": "judge_2"},
        {"status": "failed", "finished_at": NOW, "evaluations": (), "content_sha256": None},
    ],
    ids=["another video", "another judge", "refused at once"],
)
def test_a_video_that_may_be_posted_again(other):
    again = replace(VIDEO, job_id="job_4", batch_id="batch_2", **other)
    done = [replace(DONE, job_id=VIDEO.job_id), SubmissionRecord(work="w4", state="FAILED", job_id="job_4")]
    assert rules(records=[VIDEO, replace(again, status="failed")], submissions=done) == []


def test_a_video_that_was_evaluated_twice():
    again = replace(VIDEO, job_id="job_4")
    done = [replace(DONE, job_id=VIDEO.job_id), replace(DONE, work="w4", job_id="job_4")]
    assert rules(records=[VIDEO, again], submissions=done) == [Rule.ONE_EVALUATION]


def test_two_addresses_of_the_same_bytes_are_two_works():
    other = replace(VIDEO, job_id="job_4", url="https://v.test/2")
    done = [replace(DONE, job_id=VIDEO.job_id), replace(DONE, work="w4", job_id="job_4")]
    assert broken(records=[VIDEO, other], submissions=done) == []


def test_a_video_whose_answer_was_lost_is_in_doubt_or_lost():
    doubt = SubmissionRecord(work="w3", state="IN_DOUBT", reason="the answer was lost", url=VIDEO.url)
    assert broken(records=[VIDEO], submissions=[doubt]) == []
    assert rules(records=[VIDEO], submissions=[replace(doubt, url="https://v.test/2")]) == [Rule.NOTHING_LOST]
    assert rules(records=[VIDEO], submissions=[replace(doubt, state="REJECTED")]) == [Rule.NOTHING_LOST]


def test_a_job_with_content_that_nobody_knows():
    assert broken(submissions=[]) == [
        (Rule.NOTHING_LOST, "job job_1 (clip.mp4) is completed, and no submission names it")
    ]


def test_two_results_for_one_work():
    second = replace(JOB, job_id="job_2", content_sha256="e" * 64, evaluations=())
    found = broken(records=[JOB, second], submissions=[DONE, replace(DONE, job_id="job_2")])
    assert found == [(Rule.ONE_RESULT, "2 results are reported for w1: jobs job_1, job_2")]


def test_a_result_that_pique_never_gave():
    assert broken(submissions=[replace(DONE, state="FAILED")])[0] == (
        Rule.ONE_RESULT,
        "job job_1 is reported FAILED, and Pique has it as completed",
    )
    stranger = SubmissionRecord(work="w2", state="COMPLETED", job_id="job_x")
    assert broken(submissions=[DONE, stranger])[0][1].endswith("Pique does not know it")


def test_a_result_that_changed():
    later = replace(RESULT, number=4, result_digest="d2")
    assert rules(history=[PREPARE, PUT, RESULT, later]) == [Rule.ONE_RESULT]
    assert rules(history=[PREPARE, PUT, RESULT, replace(later, result_digest="d1")]) == []


def test_a_put_after_its_url_has_expired():
    late = replace(PUT, began_at=NOW + timedelta(minutes=16))
    assert broken(history=[PREPARE, late]) == [
        (Rule.NO_PUT_AFTER_EXPIRY, "a PUT to job job_1 began 60.0 s after its URL had expired")
    ]
    assert rules(history=[PREPARE, replace(PUT, began_at=NOW + timedelta(minutes=14))]) == []


@pytest.mark.parametrize("route", [Route.UPLOAD, Route.UPLOAD_REFERENCE])
def test_a_key_at_the_storage(route):
    assert rules(history=[replace(PUT, route=route, carried_api_key=True)]) == [Rule.NO_KEY_AT_STORAGE]


@pytest.mark.parametrize("text", ["key=pk_secret/1!", b"key=pk_secret/1!\xff", "key=pk_secret%2F1%21"])
def test_a_secret_is_found_and_not_repeated(text):
    ((rule, sentence),) = broken(texts={"worker.log": text, "other.log": "clean"}, secrets=["unseen", "pk_secret/1!"])
    assert rule is Rule.NO_SECRET
    assert sentence == "worker.log holds the secret given as number 2"


def test_a_signature_is_found_without_being_told():
    url = "https://storage/bucket/clip?X-Goog-Date=1&X-Goog-Signature=0123456789abcdef0123456789abcdef"
    assert rules(texts={"event log": url}) == [Rule.NO_SECRET]
    assert rules(texts={"event log": "X-Goog-Signature=[hidden]"}) == []


def test_a_transition_outside_the_table():
    table = {"PREPARED": frozenset({"UPLOADING"}), "UPLOADING": frozenset({"UPLOADED"})}
    good = StateChange(submission="1", before="PREPARED", after="UPLOADING")
    bad = StateChange(submission="2", before="UPLOADED", after="PREPARED")
    assert broken(changes=[good, bad], transitions=table) == [
        (Rule.TRANSITIONS, "submission 2 went from UPLOADED to PREPARED")
    ]
    with pytest.raises(ValueError, match="table"):
        broken(changes=[good])
