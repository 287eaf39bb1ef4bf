"""Uploads that may have landed: asked about before anything else, and kept by whoever holds them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from desk import DEMO, JUDGE, LIMITS, Desk, demo_items, open_item_verified
from waiting import eventually

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import UploadCorrupted
from pique_assets.api.models import PresignedUploadRequest
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.evaluation.plan import WantedContent
from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.ledger.tables import submissions
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, running_faulty_pique

FOR_EVER_S = 10_000
ITEM = demo_items("2026-03-02")[:1]


@contextmanager
def desk_behind(*faults: Fault, folder: Path, **limits: float) -> Iterator[Desk]:
    with (
        running_faulty_pique(
            data_dir=folder / "pique", script=FaultScript(faults), seed_judges=DEMO / "judges.json"
        ) as pique,
        Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger,
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
    ):
        yield Desk(pique=pique, client=client, ledger=ledger, limits=replace(LIMITS, **limits))


def test_a_refused_repetition_of_an_upload_that_may_have_landed_is_no_proof_of_death(tmp_path):
    """The first upload lands, and Pique never notices; the second is refused, which says nothing of the first."""
    lost = Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER, hit=1)
    unnoticed = Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, hit=1, seconds=FOR_EVER_S)
    refused = [Fault(route=Route.UPLOAD, kind=FaultKind.EARLY_403, hit=hit, required=hit == 2) for hit in (2, 3, 4)]
    with desk_behind(lost, unnoticed, *refused, folder=tmp_path) as desk:
        with pytest.raises(SubmissionsUnfinished):
            desk.submit(ITEM)
        (job,) = desk.record()
        assert (job.complete_puts, desk.ledger.find_job(job.job_id).state) == (1, "UPLOADING")


def test_a_job_that_got_no_complete_content_is_given_up_and_still_watched(desk: Desk):
    """Should a result of it come after all, it is not lost."""
    assert desk.submit(ITEM, open_item=lambda item: io.BytesIO(b"other bytes")).unusable == 1
    (job,) = desk.record()
    watched = desk.ledger.find_job(job.job_id)
    assert job.complete_puts == 0
    assert (watched.state, watched.next_poll_at is not None) == (SubmissionState.ABANDONED, True)


def test_what_a_dead_run_may_have_sent_is_not_sent_again_within_the_lag(tmp_path):
    """Nobody knows when the dead run's upload ended, so the lag is counted from when its submission was free again."""
    unnoticed = Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, seconds=FOR_EVER_S)
    with desk_behind(unnoticed, folder=tmp_path, notification_lag_s=FOR_EVER_S) as desk:
        send_and_die(desk)
        with pytest.raises(SubmissionsUnfinished):
            desk.submit(ITEM)
        (job,) = desk.record()
        assert (job.complete_puts, desk.ledger.find_job(job.job_id).state) == (1, "UPLOADING")


def send_and_die(desk: Desk) -> None:
    """What a run leaves that sent its bytes and died before it could say so."""
    order = WantedContent.of(ITEM, judge=desk.client.get_judge(JUDGE)).order(ITEM[0])
    lease = desk.ledger.claim_submissions([order], lease_s=60)[0].lease
    upload = desk.client.create_presigned_upload(
        PresignedUploadRequest(
            judge_id=JUDGE, content_type="video", filename=order.filename, file_size_bytes=order.size_bytes
        )
    )
    desk.ledger.record_prepared(
        lease,
        job_id=upload.job_id,
        upload_url=upload.upload_url,
        upload_headers=upload.upload_headers,
        expires_at=upload.expires_at,
    )
    desk.ledger.record_upload_started(lease)
    desk.client.upload(upload, open_body=lambda: open_item_verified(ITEM[0]), size_bytes=order.size_bytes)
    desk.ledger.release_lease(lease)


class AtAnAlteringHost(PiqueClient):
    """Each upload arrives, and the storage host names the checksum of other bytes."""

    def upload(self, upload, **content):
        super().upload(upload, **content)
        raise UploadCorrupted("another checksum", job_id=upload.job_id)


def test_bytes_that_arrived_otherwise_buy_no_second_evaluation(desk: Desk):
    with AtAnAlteringHost(base_url=desk.pique.base_url, api_key=desk.pique.api_key) as client:
        replace(desk, client=client).submit(ITEM)
    assert [job.complete_puts for job in desk.record()] == [1]


def test_a_lease_is_renewed_for_as_long_as_its_upload_takes(desk: Desk):
    def lease_ends() -> object:
        with desk.ledger._database.read() as connection:
            return connection.execute(sa.select(submissions.c.lease_expires_at)).scalar_one()

    def open_slowly(item):
        first = lease_ends()
        eventually(lease_ends, lambda end: end > first)
        return open_item_verified(item)

    brisk = replace(desk, limits=replace(LIMITS, lease_s=2))
    assert brisk.submit(ITEM, open_item=open_slowly).sent == 1
