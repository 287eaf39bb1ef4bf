"""However many jobs are due, each comes to its turn: the one that waits longest is asked about first."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from desk import JUDGE, LIMITS, Desk

from pique_assets.api.models import PresignedUploadRequest
from pique_assets.evaluation.results import ResultPoller
from pique_assets.ledger import SubmissionOrder

JOBS = 40
AT_ONCE = 4
# A job that was asked about is due again at once, and so competes with those that were not.
RESTLESS = replace(LIMITS, concurrent_polls=AT_ONCE, first_poll_s=0, shortest_poll_s=0)


def wait_for_jobs(desk: Desk) -> list[str]:
    """Jobs that Pique goes on to call unfinished, because nobody sends their bytes; all are due."""
    due_at = datetime.now(UTC) - timedelta(minutes=1)
    job_ids = []
    for number in range(JOBS):
        wish = PresignedUploadRequest(judge_id=JUDGE, content_type="video", filename="clip.mp4", file_size_bytes=10)
        upload = desk.client.create_presigned_upload(wish)
        order = SubmissionOrder(
            work_key=f"{number:064x}",
            judge_id=JUDGE,
            judge_configuration_hash="c",
            content_type="video",
            fingerprint=f"{number:064x}",
            filename="clip.mp4",
            size_bytes=10,
            title=None,
            description=None,
        )
        lease = desk.ledger.claim_submissions([order], lease_s=60)[0].lease
        desk.ledger.record_prepared(
            lease,
            job_id=upload.job_id,
            upload_url=upload.upload_url,
            upload_headers=upload.upload_headers,
            expires_at=upload.expires_at,
        )
        desk.ledger.record_upload_started(lease)
        desk.ledger.record_uploaded(lease, next_poll_at=due_at + timedelta(seconds=number))
        job_ids.append(upload.job_id)
    return job_ids


def times_asked(desk: Desk, job_ids: list[str]) -> list[int]:
    return [desk.ledger.find_job(job_id).poll_count for job_id in job_ids]


def test_no_job_is_asked_about_again_before_all_that_are_due_were(desk: Desk):
    job_ids = wait_for_jobs(desk)
    asked = 0
    # Each call has time for one batch at least: a tick under load.
    while asked < JOBS:
        poller = ResultPoller(replace(desk, limits=RESTLESS).engine)
        asked += poller.poll_due(until=time.monotonic() + 0.05).polled
        # The job that waits longest goes first, so the first jobs had their turn, and theirs alone is the next round.
        rounds, further = divmod(asked, JOBS)
        assert times_asked(desk, job_ids) == [rounds + (number < further) for number in range(JOBS)]


def test_no_batch_is_begun_that_would_not_end_in_time(desk: Desk):
    wait_for_jobs(desk)

    class SlowLedger:
        """The ledger, behind a slow disk: it is part of what a batch takes."""

        def __getattr__(self, name):
            return getattr(desk.ledger, name)

        def claim_due(self, **options):
            time.sleep(3.0)
            return desk.ledger.claim_due(**options)

    poller = ResultPoller(replace(desk, ledger=SlowLedger(), limits=RESTLESS).engine)
    assert poller.poll_due(until=time.monotonic() + 5.0).polled == AT_ONCE
