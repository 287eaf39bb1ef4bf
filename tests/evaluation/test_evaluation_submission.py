"""A partition's content reaches Pique exactly once, and each bad item becomes a row."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from desk import DEMO, LIMITS, Desk, demo_items, open_item_verified, renamed

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import Unauthorized
from pique_assets.evaluation.errors import JudgeNotUsable, ResultsPending
from pique_assets.ledger import Ledger


def collect(desk: Desk, *, partition: str = "2026-03-02", limits=LIMITS):
    return replace(desk, limits=limits).collect(partition=partition).progress


@pytest.fixture
def media(tmp_path):
    """A copy of a day's media, to be changed."""
    shutil.copytree(DEMO / "media" / "brand_videos" / "2026-03-02", tmp_path / "media" / "2026-03-02")
    return tmp_path / "media"


def state_of(desk: Desk, *, partition: str = "2026-03-02"):
    rows = desk.ledger.partition_state(evaluation="brand_videos", partition=partition)
    return {row.item.filename: row for row in rows}


def test_a_day_goes_from_files_to_results(desk):
    report = desk.submit(demo_items("2026-03-02"))
    assert (report.content, report.sent, report.unusable) == (3, 3, 0)
    progress = collect(desk)
    assert (progress.completed, progress.failed, progress.open) == (3, 0, 0)
    payloads = list(desk.ledger.partition_payloads(evaluation="brand_videos", partition="2026-03-02"))
    assert len(payloads) == 3
    assert all(b'"evaluation.completed"' in payload.body for payload in payloads)


def test_a_second_submission_of_a_settled_day_sends_nothing(desk):
    items = demo_items("2026-03-02")
    desk.submit(items)
    collect(desk)
    before = desk.record()
    again = desk.submit(items)
    assert (again.sent, again.already_known) == (0, 3)
    assert desk.record() == before


@dataclass
class WallClock:
    """The machine's time, until it is told to jump."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class SlowMachine(PiqueClient):
    """Between the answer to a POST and the next line of code, the clock jumps, as when a laptop sleeps."""

    clock: WallClock
    naps = 1

    def create_presigned_upload(self, upload):
        prepared = super().create_presigned_upload(upload)
        if self.naps:
            self.naps -= 1
            self.clock.ahead += timedelta(seconds=10 * LIMITS.lease_s)
        return prepared


def test_a_lease_that_ran_out_without_anybody_taking_over_is_claimed_again(desk, tmp_path):
    clock = WallClock()
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'jumpy.db'}", clock=clock) as ledger,
        SlowMachine(base_url=desk.pique.base_url, api_key=desk.pique.api_key) as client,
    ):
        client.clock = clock
        report = replace(desk, client=client, ledger=ledger).submit(demo_items("2026-03-02"))
    assert (report.sent, client.naps) == (3, 0)
    assert sorted(desk.evaluations().values()) == [1, 1, 1]


def test_bad_files_become_rows_and_the_day_goes_on(desk):
    report = desk.submit(demo_items("2026-03-03"), partition="2026-03-03")
    assert (report.content, report.unusable, report.sent) == (4, 1, 3)
    progress = collect(desk, partition="2026-03-03")
    assert (progress.completed, progress.failed, progress.unreadable) == (2, 1, 1)
    rows = state_of(desk, partition="2026-03-03")
    assert rows["never_written.mp4"].item.error_code == "empty"
    assert "Media processing failed" in rows["interrupted_export.mp4"].submission.error


def test_a_day_without_media_is_settled_at_once(desk):
    assert desk.submit([], partition="2026-03-04").content == 0
    assert collect(desk, partition="2026-03-04").total == 0


def test_the_same_bytes_on_two_dates_are_evaluated_once_and_stand_in_both(desk):
    desk.submit(demo_items("2026-03-02"))
    report = desk.submit(demo_items("2026-03-05"), partition="2026-03-05")
    assert (report.content, report.sent, report.already_known) == (3, 2, 1)
    collect(desk)
    collect(desk, partition="2026-03-05")
    assert set(desk.evaluations().values()) == {1}
    first = state_of(desk)["teaser_landscape.mp4"].submission.job_id
    assert state_of(desk, partition="2026-03-05")["teaser_rerun.mp4"].submission.job_id == first


def test_the_same_bytes_twice_on_one_date_are_uploaded_once(desk):
    item = demo_items("2026-03-02")[0]
    report = desk.submit([item, renamed(item, item.content_uri + ".copy")])
    assert (report.content, report.sent) == (2, 1)
    assert collect(desk).completed == 2
    assert len(desk.record()) == 1


def test_other_words_for_the_same_bytes_are_another_evaluation(desk, media):
    folder = media / "2026-03-02"
    for file in ("", ".json"):
        shutil.copy(folder / f"teaser_vertical.mp4{file}", folder / f"same_bytes.mp4{file}")
    (folder / "same_bytes.mp4.json").write_text('{"title": "another title"}')
    assert desk.submit(demo_items("2026-03-02", folder=media)).sent == 4


def test_content_of_another_type_is_a_row_not_an_upload(desk):
    images = demo_items("2026-03-02", folder=DEMO / "media" / "brand_images")
    report = desk.submit([*images, *demo_items("2026-03-02")])
    assert (report.unusable, report.sent) == (2, 3)
    codes = {row.item.content_type: row.item.error_code for row in state_of(desk).values()}
    assert codes == {"image": "wrong_content_type", "video": None}


def test_content_of_which_nothing_is_what_the_judge_evaluates_is_refused_as_a_whole(desk):
    with pytest.raises(JudgeNotUsable, match=r"evaluates video, and all content is of another type \(2 image\)"):
        desk.submit(demo_items("2026-03-02", folder=DEMO / "media" / "brand_images"))
    assert state_of(desk) == {} and desk.record() == []


def test_content_that_changed_since_the_inventory_is_not_evaluated(desk, media):
    items = demo_items("2026-03-02", folder=media)
    victim = media / "2026-03-02" / "teaser_vertical.mp4"
    body = bytearray(victim.read_bytes())
    body[-1] ^= 1
    victim.write_bytes(body)
    report = desk.submit(items)
    assert (report.sent, report.unusable) == (2, 1)
    assert state_of(desk)["teaser_vertical.mp4"].item.error_code == "changed"
    assert collect(desk).is_settled
    assert len(desk.evaluations()) == 2
    # The next inventory sees the new bytes, and they are evaluated like any others.
    assert desk.submit(demo_items("2026-03-02", folder=media)).sent == 1
    assert collect(desk).completed == 3


def test_content_whose_bytes_changed_and_nothing_else_is_noticed_by_its_checksum(desk, media):
    """As on a disk that reads other bytes than before: size, time and name of the file are the same."""
    items = demo_items("2026-03-02", folder=media)

    def open_other_bytes(item):
        body = bytearray(open_item_verified(item).read())
        if item.filename == "teaser_vertical.mp4":
            body[-1] ^= 1
        return io.BytesIO(body)

    report = desk.submit(items, open_item=open_other_bytes)
    assert (report.sent, report.unusable) == (2, 1)
    assert state_of(desk)["teaser_vertical.mp4"].item.error_code == "changed"
    assert collect(desk).is_settled
    assert len(desk.evaluations()) == 2


def test_content_that_vanished_before_its_upload_is_a_row(desk, media):
    items = demo_items("2026-03-02", folder=media)
    (media / "2026-03-02" / "loop_square.webm").unlink()
    assert desk.submit(items).unusable == 1
    assert state_of(desk)["loop_square.webm"].item.error_code == "vanished"
    assert collect(desk).is_settled


def test_a_judge_that_cannot_evaluate_stops_before_anything_is_sent(desk):
    judge = desk.client.get_judge("judge_demo_videos")
    for change, word in [
        ({"status": "pending"}, "prepared"),
        ({"status": "failed"}, "failed"),
        ({"is_active": False}, "active"),
    ]:
        unusable = judge.model_copy(update=change)
        stub = replace(desk, client=_Fixed(desk.client, judge=unusable))
        with pytest.raises(JudgeNotUsable, match=word):
            stub.submit(demo_items("2026-03-02"))
    assert desk.record() == []
    assert state_of(desk) == {}


class _Fixed:
    """The real client, with one judge as it would be described at another time."""

    def __init__(self, client: PiqueClient, *, judge) -> None:
        self._client = client
        self._judge = judge

    def get_judge(self, judge_id: str):
        return self._judge

    def __getattr__(self, name: str):
        return getattr(self._client, name)


def test_a_refused_key_stops_everything_with_one_error(desk, pique):
    judge = desk.client.get_judge("judge_demo_videos")
    with PiqueClient(base_url=pique.base_url, api_key="pk_wrong") as stranger:
        stub = replace(desk, client=_Fixed(stranger, judge=judge))
        with pytest.raises(Unauthorized):
            stub.submit(demo_items("2026-03-02"))
    assert desk.record() == []
    assert desk.submit(demo_items("2026-03-02")).sent == 3


def test_open_jobs_fail_the_collection_with_their_ids_and_a_later_one_resumes(desk):
    desk.submit(demo_items("2026-03-02"))
    jobs = {job.job_id for job in desk.record()}
    with pytest.raises(ResultsPending) as pending:
        collect(desk, limits=replace(LIMITS, results_wait_s=0))
    assert set(pending.value.pending_job_ids) == jobs
    assert "materialise" in str(pending.value).lower()
    assert collect(desk).completed == 3
    assert {job.job_id for job in desk.record()} == jobs


def test_a_day_that_was_never_submitted_says_so(desk):
    with pytest.raises(ResultsPending, match="uploads"):
        desk.ledger.record_inventory(
            evaluation="brand_videos",
            partition="2026-03-02",
            items=[_unsent(demo_items("2026-03-02")[0])],
        )
        collect(desk)


def _unsent(item):
    from pique_assets.ledger import InventoryItem

    return InventoryItem(content_uri=item.content_uri, filename=item.filename, work_key="k" * 64)


def test_no_secret_of_an_upload_is_left_in_the_ledger(desk, tmp_path):
    desk.submit(demo_items("2026-03-02"))
    collect(desk)
    desk.ledger.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert b"X-Goog-Signature" not in stored
    assert desk.pique.api_key.encode() not in stored
