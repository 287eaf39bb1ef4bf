"""A refused key stops a whole partition with one error; the ledger stays as it was, for a run with the right key."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from desk import JUDGE, LIMITS, Desk, demo_items, renamed

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import Unauthorized
from pique_assets.evaluation.engine import Partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import SubmissionState

DATE = Partition(evaluation="brand_videos", key="2026-03-02")


class CountingClient(PiqueClient):
    """Counts the calls the engine makes: each would be a request, were there no latch."""

    calls = 0

    def create_presigned_upload(self, upload):
        self.calls += 1
        return super().create_presigned_upload(upload)

    def get_result(self, job_id):
        self.calls += 1
        return super().get_result(job_id)


@pytest.fixture
def wrong_key(pique):
    with CountingClient(base_url=pique.base_url, api_key="pk_of_somebody_else") as client:
        yield client


@pytest.fixture
def many_items():
    """More items than are uploaded at once, each of its own."""
    return [
        replace(renamed(item, f"{item.content_uri}?{number}"), title=f"copy {number}")
        for number in range(20)
        for item in demo_items("2026-03-02")
    ]


def submit_with(client: PiqueClient, items, *, desk: Desk) -> None:
    """Submit with another key than the judge was asked for with."""
    submit_partition(
        replace(desk, client=client).engine,
        items,
        partition=DATE,
        judge=desk.client.get_judge(JUDGE),
        way=Uploads(open_content=lambda item: pytest.fail("no content is opened for a key that is refused")),
    )


def test_a_refused_key_is_reported_once_and_nothing_is_sent(desk: Desk, wrong_key, many_items):
    with pytest.raises(Unauthorized, match="Check the API key") as caught:
        submit_with(wrong_key, many_items, desk=desk)
    assert caught.value.__context__ is None
    assert desk.record() == []
    # Those that were begun before the refusal was known, and no more.
    assert 1 <= wrong_key.calls <= 3 * LIMITS.concurrent_uploads
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("upload")]
    rows = desk.ledger.partition_state(evaluation="brand_videos", partition="2026-03-02")
    states = {row.submission.state for row in rows if row.submission}
    assert states <= {SubmissionState.INTENDED}


def test_a_run_with_the_right_key_goes_on_from_there(desk: Desk, wrong_key):
    items = demo_items("2026-03-02")
    with pytest.raises(Unauthorized):
        submit_with(wrong_key, items, desk=desk)
    assert desk.submit(items).sent == 3
    with pytest.raises(Unauthorized):
        replace(desk, client=wrong_key).collect()
    settled = desk.collect()
    assert settled.progress.completed == 3
    assert set(desk.evaluations().values()) == {1}


def test_polling_with_a_refused_key_asks_for_no_more_than_was_begun(desk: Desk, wrong_key):
    desk.submit(demo_items("2026-03-02"))
    desk.ledger.make_due([job.job_id for job in desk.record()])
    with pytest.raises(Unauthorized) as caught:
        replace(desk, client=wrong_key).collect()
    assert caught.value.__context__ is None
    assert wrong_key.calls <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("poll")]
