"""Submissions that a dead run left behind for content nobody asks for any more come to an end, and nothing is sent."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import JUDGE, Desk, demo_items, open_item_verified
from waiting import eventually

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import Unauthorized
from pique_assets.api.models import PresignedUpload, PresignedUploadRequest
from pique_assets.evaluation.recovery import REJECTED_CODE, OrphanReport, end_orphans
from pique_assets.evaluation.results import ResultPoller
from pique_assets.ledger import InventoryItem, Lease, Submission, SubmissionOrder, work_key
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.testing import Fault, FaultKind, FaultScript, Route
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy

WHERE = {"evaluation": "brand_videos", "partition": "2026-03-02"}
NOTHING = OrphanReport(rejected=0, adopted=0, abandoned=0, left=0)


class LeftBehind:
    """What a run did for one content item before it died."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.item = demo_items("2026-03-02")[0]
        judge = desk.client.get_judge(JUDGE)
        told = {"content_type": "video", "title": self.item.title, "description": self.item.description}
        key = work_key(
            fingerprint=self.item.fingerprint,
            judge_id=judge.id,
            judge_configuration_hash=judge.configuration_hash(),
            **told,
        )
        self.order = SubmissionOrder(
            work_key=key,
            judge_id=judge.id,
            judge_configuration_hash=judge.configuration_hash(),
            fingerprint=self.item.fingerprint,
            filename=self.item.filename,
            size_bytes=self.item.size_bytes,
            **told,
        )

    def take_inventory(self, *items: InventoryItem) -> None:
        self.desk.ledger.record_inventory(**WHERE, items=items)

    def wanted(self) -> InventoryItem:
        return InventoryItem(
            content_uri=self.item.content_uri,
            filename=self.item.filename,
            size_bytes=self.item.size_bytes,
            fingerprint=self.item.fingerprint,
            content_type="video",
            title=self.item.title,
            description=self.item.description,
            work_key=self.order.work_key,
        )

    def changed(self) -> InventoryItem:
        return replace(self.wanted(), fingerprint="f" * 64, work_key="e" * 64)

    def intended(self) -> Lease:
        lease = self.desk.ledger.claim_submissions([self.order], lease_s=60)[0].lease
        assert lease is not None
        return lease

    def prepared(self, *, expires_in_s: float | None = None) -> tuple[Lease, PresignedUpload]:
        """Expiring earlier in the ledger than at Pique spares a test the waiting."""
        lease = self.intended()
        upload = self.desk.client.create_presigned_upload(
            PresignedUploadRequest(
                judge_id=JUDGE,
                content_type="video",
                filename=self.item.filename,
                file_size_bytes=self.item.size_bytes,
            )
        )
        expires_at = upload.expires_at
        if expires_in_s is not None:
            expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        self.desk.ledger.record_prepared(
            lease,
            job_id=upload.job_id,
            upload_url=upload.upload_url,
            upload_headers=upload.upload_headers,
            expires_at=expires_at,
        )
        return lease, upload

    def uploading(self, *, sent: bool) -> Lease:
        lease, upload = self.prepared()
        self.desk.ledger.record_upload_started(lease)
        if sent:
            self.desk.client.upload(
                upload, open_body=lambda: open_item_verified(self.item), size_bytes=self.item.size_bytes
            )
        return lease

    def dies(self, lease: Lease) -> None:
        """A dead holder's lease runs out; given back here, to spare the test the waiting."""
        self.desk.ledger.release_lease(lease)

    def end(self, *, untouched_for_s: float = 0, **more: object) -> OrphanReport:
        return end_orphans(replace(self.desk.engine, **more), untouched_for_s=untouched_for_s)

    def attempt(self) -> Submission:
        (attempt,) = self.desk.ledger.attempts(work_key=self.order.work_key)
        return attempt


@pytest.fixture
def left(desk: Desk) -> LeftBehind:
    return LeftBehind(desk)


def test_an_intent_for_content_that_changed_ends_as_rejected_with_a_code(left, desk):
    left.take_inventory(left.wanted())
    left.dies(left.intended())
    left.take_inventory(left.changed())
    assert left.end() == replace(NOTHING, rejected=1)
    assert (left.attempt().state, left.attempt().error_code) == ("REJECTED", REJECTED_CODE)
    assert desk.record() == []


def test_a_job_whose_bytes_pique_has_is_adopted_and_its_result_is_kept(left, desk):
    left.take_inventory(left.wanted())
    left.dies(left.uploading(sent=True))
    left.take_inventory(left.changed())
    assert left.end() == replace(NOTHING, adopted=1)
    poller = ResultPoller(desk.engine)

    def state() -> str:
        poller.poll_due()
        return left.attempt().state

    eventually(state, lambda seen: seen == "COMPLETED")
    assert set(desk.evaluations().values()) == {1}


def test_a_job_whose_url_is_dead_is_abandoned_and_watched(left, desk):
    left.dies(left.prepared(expires_in_s=-5)[0])
    assert left.end() == replace(NOTHING, abandoned=1)
    attempt = left.attempt()
    assert (attempt.state, attempt.live) == ("ABANDONED", False)
    assert attempt.next_poll_at > datetime.now(UTC)
    assert "no content asks for it any more" in attempt.evidence
    assert [job.complete_puts for job in desk.record()] == [0]


@pytest.mark.parametrize("began", [False, True])
def test_a_job_that_may_still_get_its_bytes_is_left_alone_and_sent_none(left, desk, began):
    left.dies(left.uploading(sent=False) if began else left.prepared()[0])
    before = left.attempt().state
    assert left.end() == replace(NOTHING, left=1)
    assert left.attempt().state == before
    assert [(job.complete_puts, len(job.evaluations)) for job in desk.record()] == [(0, 0)]
    # Given back counts as touched, so that the next look comes later.
    assert left.end(untouched_for_s=60) == NOTHING


def an_hour_passes(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE submissions SET updated_at = '2026-01-01 00:00:00.000000'")


def expires(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        long_ago = "'2026-01-01 00:00:00.000000'"
        ledger.execute(f"UPDATE submissions SET prepared_at = {long_ago}, upload_expires_at = {long_ago}")


def test_one_404_ends_no_job_that_may_have_its_bytes_and_two_an_hour_apart_do(left, desk, tmp_path):
    left.dies(left.uploading(sent=True))
    expires(tmp_path)
    unknown = Fault(route=Route.RESULT, kind=FaultKind.STATUS, status=404, every=1)
    with behind(unknown, pique=desk.pique) as client:
        for expected in (replace(NOTHING, left=1), replace(NOTHING, abandoned=1)):
            an_hour_passes(tmp_path)
            assert left.end(untouched_for_s=3600, client=client) == expected


def test_a_404_that_passes_is_forgotten(left, desk, tmp_path):
    left.dies(left.uploading(sent=True))
    expires(tmp_path)
    with behind(Fault(route=Route.RESULT, kind=FaultKind.STATUS, status=404), pique=desk.pique) as client:
        for expected in (replace(NOTHING, left=1), replace(NOTHING, adopted=1)):
            an_hour_passes(tmp_path)
            assert left.end(untouched_for_s=3600, client=client) == expected


@contextmanager
def behind(*faults: Fault, pique: LocalPiqueProcess) -> Iterator[PiqueClient]:
    """A client whose requests meet these faults, all of which have to show."""
    script = FaultScript(faults)
    with (
        FaultProxy(script=script, history=History()) as proxy,
        proxy.serving(pique_url=pique.base_url, api_key=pique.api_key),
        PiqueClient(base_url=proxy.base_url, api_key=pique.api_key) as client,
    ):
        yield client
    script.require_consumed()


def test_what_an_inventory_asks_for_is_left_to_its_uploads(left, desk):
    left.take_inventory(left.wanted())
    left.dies(left.prepared(expires_in_s=-5)[0])
    assert left.end() == NOTHING
    assert left.attempt().state == "PREPARED"


def test_what_a_living_run_holds_is_not_touched(left):
    left.intended()
    assert left.end() == NOTHING
    assert left.attempt().state == "INTENDED"


def test_what_was_touched_within_the_hour_is_not_touched(left, tmp_path):
    left.dies(left.intended())
    assert left.end(untouched_for_s=3600) == NOTHING
    an_hour_passes(tmp_path)
    assert left.end(untouched_for_s=3600) == replace(NOTHING, rejected=1)


def test_a_date_whose_content_vanished_half_way_is_settled_after_all(left, desk):
    left.take_inventory(left.wanted())
    left.dies(left.prepared(expires_in_s=-5)[0])
    left.take_inventory()
    assert not desk.ledger.progress(**WHERE).is_settled
    assert left.end() == replace(NOTHING, abandoned=1)
    settled = desk.collect()
    assert settled.progress.total == 0
    # Should the content come back, it needs another job.
    left.take_inventory(left.wanted())
    assert not desk.ledger.progress(**WHERE).is_settled


def test_a_refused_key_stops_and_gives_the_lease_back(left, desk):
    left.dies(left.prepared(expires_in_s=-5)[0])
    with PiqueClient(base_url=desk.pique.base_url, api_key="pk_wrong") as stranger, pytest.raises(Unauthorized):
        left.end(client=stranger)
    assert left.end() == replace(NOTHING, abandoned=1)


def test_an_unreachable_pique_ends_nothing(left, desk, port_without_a_server):
    left.dies(left.prepared(expires_in_s=-5)[0])
    before = left.attempt()
    with PiqueClient(base_url=f"http://127.0.0.1:{port_without_a_server}", api_key="pk_any") as nowhere:
        assert left.end(client=nowhere) == replace(NOTHING, left=1)
    assert left.attempt() == before


@pytest.fixture
def port_without_a_server() -> Iterator[int]:
    # Held, so that nobody else gets it, and not listened on.
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
