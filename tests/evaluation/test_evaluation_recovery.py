"""The rule for jobs of unknown fate: never a second evaluation, never stuck for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.recovery import Step, next_step
from pique_assets.ledger import Submission, SubmissionState

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = Limits(notification_lag_s=30, expiry_margin_s=30, expiry_grace_s=60, creation_lag_s=30)


def submission(state: SubmissionState = SubmissionState.PREPARED, *, life_s: float = 900) -> Submission:
    return Submission(
        submission_id=1,
        work_key="k",
        attempt=1,
        live=True,
        state=state,
        source="direct",
        judge_id="j",
        judge_configuration_hash="h",
        content_type="video",
        fingerprint="f",
        filename="a.mp4",
        size_bytes=1,
        title=None,
        description=None,
        job_id="job_1",
        batch_id=None,
        upload_target=None,
        upload_expires_at=START + timedelta(seconds=life_s),
        next_poll_at=None,
        poll_count=0,
        pique_status=None,
        evidence=None,
        error_code=None,
        error=None,
        created_at=START,
        prepared_at=START,
        upload_started_at=None,
        uploaded_at=None,
        finished_at=None,
        settled_at=None,
    )


def step(
    status: str | None,
    *,
    after_s: float,
    state: str = "PREPARED",
    quiet_after_s: float | None = None,
    unknown_after_s: float | None = None,
) -> Step:
    return next_step(
        submission(SubmissionState(state)),
        status=status,
        quiet_since=None if quiet_after_s is None else START + timedelta(seconds=quiet_after_s),
        now=START + timedelta(seconds=after_s),
        limits=LIMITS,
        unknown_since=None if unknown_after_s is None else START + timedelta(seconds=unknown_after_s),
    ).step


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "a_word_of_tomorrow"])
@pytest.mark.parametrize("after_s", [1, 10_000])
def test_a_job_that_has_its_bytes_is_adopted_however_late(status, after_s):
    assert step(status, after_s=after_s, state="UPLOADING", quiet_after_s=0) is Step.ADOPT


def test_a_job_nobody_sent_anything_to_is_sent_its_bytes_at_once():
    assert step("awaiting_upload", after_s=5) is Step.SEND


def test_after_a_lost_put_the_notification_lag_is_waited_for():
    assert step("awaiting_upload", after_s=29, state="UPLOADING", quiet_after_s=0) is Step.WAIT
    assert step("awaiting_upload", after_s=31, state="UPLOADING", quiet_after_s=0) is Step.SEND


def test_an_expired_job_is_given_up_only_after_the_grace():
    assert step("awaiting_upload", after_s=901, state="UPLOADING", quiet_after_s=0) is Step.WAIT
    assert step("awaiting_upload", after_s=961, state="UPLOADING", quiet_after_s=0) is Step.ABANDON


def test_an_unknown_job_is_waited_for_before_it_is_given_up():
    assert step(None, after_s=29) is Step.WAIT
    assert step(None, after_s=31) is Step.ABANDON


def test_an_unknown_job_that_may_have_bytes_is_given_up_only_when_its_url_is_dead():
    sent = {"state": "UPLOADING", "quiet_after_s": 0}
    assert step(None, after_s=31, **sent, unknown_after_s=1) is Step.WAIT
    assert step(None, after_s=961, **sent, unknown_after_s=1) is Step.ABANDON


def test_a_single_404_is_no_proof_however_late_it_comes():
    sent = {"state": "UPLOADING", "quiet_after_s": 0}
    assert step(None, after_s=100_000, **sent) is Step.WAIT
    assert step(None, after_s=100_000, **sent, unknown_after_s=99_971) is Step.WAIT
    assert step(None, after_s=100_000, **sent, unknown_after_s=99_969) is Step.ABANDON


def test_a_job_that_is_not_visible_yet_is_asked_for_again_as_soon_as_it_should_be():
    decided = next_step(
        submission(SubmissionState.UPLOADING),
        status=None,
        quiet_since=START,
        now=START + timedelta(seconds=1),
        limits=LIMITS,
    )
    assert (decided.step, decided.at) == (Step.WAIT, START + timedelta(seconds=30))


STATES = st.sampled_from(["PREPARED", "UPLOADING"])
# The URL lives 900 s; the grace is 60 s, the margin before its end 30 s.
DEAD_AFTER_S, SENT_BEFORE_S = 960, 870
# Whole milliseconds, so that no moment is lost in rounding; half of the moments are about the end of the URL.
MOMENTS = (st.integers(0, 5_000_000) | st.integers(860_000, 970_000)).map(lambda milliseconds: milliseconds / 1000)


@given(status=st.text().filter(lambda word: word != "awaiting_upload"), state=STATES, after_s=MOMENTS, quiet_s=MOMENTS)
def test_a_job_that_pique_has_begun_is_never_sent_to_nor_given_up(status, state, after_s, quiet_s):
    assert step(status, after_s=after_s, state=state, quiet_after_s=quiet_s) is Step.ADOPT


@given(state=STATES, after_s=MOMENTS, quiet_s=MOMENTS)
def test_a_job_that_awaits_its_bytes_gets_them_between_the_lag_and_the_end_of_its_url(state, after_s, quiet_s):
    if after_s >= DEAD_AFTER_S:
        expected = Step.ABANDON
    elif after_s < quiet_s + LIMITS.notification_lag_s:
        expected = Step.WAIT
    else:
        expected = Step.SEND if after_s < SENT_BEFORE_S else Step.WAIT
    assert step("awaiting_upload", after_s=after_s, state=state, quiet_after_s=quiet_s) is expected


@given(after_s=MOMENTS)
def test_a_job_to_which_nobody_began_to_send_need_not_wait_for_the_lag(after_s):
    while_its_url_lives = Step.SEND if after_s < SENT_BEFORE_S else Step.WAIT
    expected = Step.ABANDON if after_s >= DEAD_AFTER_S else while_its_url_lives
    assert step("awaiting_upload", after_s=after_s) is expected


@given(after_s=MOMENTS, quiet_s=st.none() | MOMENTS, unknown_s=st.none() | MOMENTS)
def test_a_job_that_pique_does_not_know_is_never_sent_to(after_s, quiet_s, unknown_s):
    # One 404 proves nothing: the first of them begins the wait.
    unknown_since_s = after_s if unknown_s is None else unknown_s
    lost_after_s = max(DEAD_AFTER_S, unknown_since_s + LIMITS.creation_lag_s)
    for state, dead_after_s in (("PREPARED", LIMITS.creation_lag_s), ("UPLOADING", lost_after_s)):
        expected = Step.ABANDON if after_s >= dead_after_s else Step.WAIT
        found = step(None, after_s=after_s, state=state, quiet_after_s=quiet_s, unknown_after_s=unknown_s)
        assert found is expected
