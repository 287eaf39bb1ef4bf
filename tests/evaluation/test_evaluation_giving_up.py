"""When nobody waits for a job any more: how long that takes, what is said, and how it is watched afterwards."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from desk import LIMITS, demo_items, open_item_verified
from endless_pique import body, odd_pique, refused, status
from waiting import eventually

from pique_assets.api.body import CHUNK_BYTES
from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import NoAnswer, NotFound, ServerError, UnexpectedAnswer
from pique_assets.evaluation.giving_up import LONGEST_ERROR, give_up_unknown_uploads, of_error, said_of_status
from pique_assets.evaluation.poll_schedule import SHORTEST_WATCH, next_watch_at
from pique_assets.evaluation.results import ResultPoller
from pique_assets.ledger import SubmissionState

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REQUEST = "GET /v1/evaluations/results/job_1"


def test_what_was_given_up_is_watched_ever_more_rarely_and_for_ever():
    assert next_watch_at(since=NOW, now=NOW) == NOW + SHORTEST_WATCH
    looks, now = 0, NOW + DAY
    while now < NOW + 365 * DAY:
        now, looks = next_watch_at(since=NOW, now=now), looks + 1
    assert 20 <= looks <= 40


@pytest.mark.parametrize(
    ("error", "said", "may_pass"),
    [
        (NotFound(status=404, detail="", request=REQUEST), "Pique does not know the job (404)", False),
        (
            UnexpectedAnswer(status=200, detail="not readable as JSON (7 bytes)", request=REQUEST),
            "Pique's answer about it can't be had (UnexpectedAnswer): not readable as JSON (7 bytes)",
            False,
        ),
        (
            ServerError(status=503, detail="busy", request=REQUEST),
            "Pique's answer about it can't be had (ServerError): busy",
            True,
        ),
        (ValueError("not an id: '..'"), "Pique's answer about it can't be had (ValueError): not an id: '..'", False),
    ],
)
def test_what_came_instead_of_a_result_is_said(error, said, may_pass):
    word = of_error(error)
    assert (str(word), word.may_pass, word.is_error) == (said, may_pass, True)
    assert str(said_of_status(word.status)) in said


def test_an_outage_may_pass_and_a_long_answer_is_shortened():
    word = of_error(NoAnswer(request=REQUEST, reason="r" * 9999, request_sent=True))
    assert word.may_pass
    assert len(word.error) == LONGEST_ERROR


def polled(desk, client, **limits):
    """What becomes of an uploaded job that is asked about."""
    (job,) = desk.record()
    desk.ledger.make_due([job.job_id])
    ResultPoller(replace(desk, client=client, limits=replace(LIMITS, **limits)).engine).poll_due()
    return desk.ledger.find_job(job.job_id)


@pytest.mark.parametrize(
    ("answer", "given_up"),
    [(status("paused"), True), (refused(404), True), (body(b"<"), True), (refused(503), False)],
)
def test_what_says_nothing_about_the_job_is_borne_twice_as_long(answer, given_up, desk, client):
    desk.submit(demo_items("2026-03-02")[:1])
    submission = desk.ledger.find_job(desk.record()[0].job_id)
    # So that exactly that long has passed already, and far from twice as long will pass.
    long_ago = submission.upload_started_at - timedelta(hours=15)
    with desk.ledger._database.long_write() as connection:
        connection.exec_driver_sql(f"UPDATE submissions SET upload_started_at = '{long_ago:%Y-%m-%d %H:%M:%S.%f}'")
    with odd_pique(desk.pique) as odd, PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as asking:
        name = desk.record()[0].filename
        odd.files = {submission.job_id: name}
        odd.answers = {name: answer}
        found = polled(desk, asking, longest_job_s=10 * 3600.0)
        assert (found.state is SubmissionState.GIVEN_UP) == given_up
        found = polled(desk, asking, longest_job_s=7 * 3600.0)
        assert found.state is SubmissionState.GIVEN_UP
        assert "has not ended within 15.0 h" in found.error


def test_a_slow_job_is_asked_about_at_the_moment_it_would_be_given_up(desk, client):
    desk.submit(demo_items("2026-03-02")[:1])
    with odd_pique(desk.pique) as odd, PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as asking:
        (job,) = desk.record()
        odd.files, odd.answers = {job.job_id: job.filename}, {job.filename: status("processing")}
        found = polled(desk, asking, first_poll_s=3000, longest_poll_s=9000, shortest_poll_s=3000, longest_job_s=1000)
        assert found.next_poll_at == found.upload_started_at + timedelta(seconds=1000)


@pytest.mark.parametrize(("answer", "given_up"), [(body(b"<"), 1), (refused(404), 0), (status("awaiting_upload"), 0)])
def test_an_upload_of_unknown_end_is_given_up_only_where_no_answer_can_be_read(answer, given_up, desk):
    (item,) = (item for item in demo_items("2026-03-03") if (item.size_bytes or 0) > CHUNK_BYTES)

    class Dies(Exception):
        """The process is gone in the middle of the upload."""

    class Beginning(io.BytesIO):
        """The first chunk, and no more."""

        def read(self, size=-1):
            if self.tell():
                raise Dies
            return super().read(size)

    def open_item(item):
        return Beginning(open_item_verified(item).read())

    # Its lease ends soon.
    desk = replace(desk, limits=replace(LIMITS, lease_s=2))
    with pytest.raises(Dies):
        desk.submit([item], open_item=open_item)
    (job,) = desk.record()
    with odd_pique(desk.pique) as odd, PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as asking:
        odd.files, odd.answers = {job.job_id: job.filename}, {job.filename: answer}
        engine = replace(desk, client=asking, limits=replace(LIMITS, longest_job_s=0)).engine
        eventually(lambda: desk.ledger.has_begun_long_ago(begun_before=datetime.now(UTC)), every_s=0.1)
        found = give_up_unknown_uploads(engine, until=time.monotonic() + 60)
        assert found == given_up
        state = desk.ledger.find_job(job.job_id).state
        assert state is (SubmissionState.GIVEN_UP if given_up else SubmissionState.UPLOADING)
