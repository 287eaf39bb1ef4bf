"""Whatever state the lake remembers of a job, after a restoration nothing is sent that may have been evaluated."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from payload_tables import payloads_table

from pique_assets.lake import Lake, Payload, build_table
from pique_assets.ledger import Ledger, SubmissionOrder
from pique_assets.recovering.ledger_from_lake import restore_ledger

PLACE = {"judge": "brand", "date": "2026-03-02", "evaluation": "brand"}
BEGUN = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = hashlib.sha256(b"work").hexdigest()


def order(source: str) -> SubmissionOrder:
    return SubmissionOrder(
        work_key=KEY,
        judge_id="judge_abc123",
        judge_configuration_hash="c",
        content_type="video",
        fingerprint="f" * 64,
        filename="a.mp4",
        size_bytes=None if source == "social" else 1000,
        source=source,
    )


def row(state: str, *, source: str, job_id: str | None) -> dict[str, object]:
    wanted = order(source)
    return {
        "evaluation": "brand",
        "content_uri": "/media/a.mp4",
        **{name: getattr(wanted, name) for name in SubmissionOrder.__dataclass_fields__},
        "state": state,
        "attempt": 1,
        "job_id": job_id,
        "error_code": "why" if state in ("rejected", "in_doubt", "failed") else None,
        "created_at": BEGUN,
        "uploaded_at": BEGUN if job_id else None,
    }


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        yield ledger


def restored(ledger: Ledger, tmp_path: Path, state: str, *, source: str, job_id: str | None, payload: bool) -> None:
    lake = Lake(str(tmp_path / "lake"))
    lake.write("submissions", build_table("submissions", [row(state, source=source, job_id=job_id)]), **PLACE)
    payloads = [Payload(job_id="job_1", source="polled", received_at=BEGUN, body=b"{}")] if payload else []
    lake.write("payloads", payloads_table(payloads), **PLACE)
    restore_ledger(lake=lake, ledger=ledger, say=lambda sentence: None)


@pytest.mark.parametrize(
    ("state", "source", "job_id", "payload", "becomes"),
    [
        ("uploaded", "direct", "job_1", False, "UPLOADED"),
        ("completed", "direct", "job_1", True, "COMPLETED"),
        ("failed", "direct", "job_1", True, "FAILED"),
        # The result is lost, but not the evaluation.
        ("completed", "direct", "job_1", False, "UPLOADED"),
        ("uploaded", "social", "job_1", False, "UPLOADED"),
        ("submitting", "social", None, False, "SUBMITTING"),
        ("in_doubt", "social", None, False, "IN_DOUBT"),
    ],
)
def test_what_may_have_been_evaluated_is_given_to_nobody_to_send(
    state, source, job_id, payload, becomes, ledger, tmp_path
):
    restored(ledger, tmp_path, state, source=source, job_id=job_id, payload=payload)
    claim = ledger.claim_submissions([order(source)], lease_s=60)[0]
    assert (claim.submission.state, claim.submission.attempt, claim.lease) == (becomes, 1, None)
    assert len(ledger.attempts(work_key=KEY)) == 1


@pytest.mark.parametrize("state", ["prepared", "uploading"])
def test_what_may_have_got_its_bytes_is_asked_about_before_anything_is_sent(state, ledger, tmp_path):
    restored(ledger, tmp_path, state, source="direct", job_id="job_1", payload=False)
    claim = ledger.claim_submissions([order("direct")], lease_s=60)[0]
    assert (claim.submission.state, claim.submission.attempt) == ("UPLOADING", 1)
    # Without a URL nothing can be sent to that job.
    assert claim.submission.upload_target is None


@pytest.mark.parametrize(("state", "job_id"), [("rejected", None), ("abandoned", "job_1")])
def test_what_is_dead_may_be_tried_again(state, job_id, ledger, tmp_path):
    restored(ledger, tmp_path, state, source="direct", job_id=job_id, payload=False)
    claim = ledger.claim_submissions([order("direct")], lease_s=60)[0]
    assert (claim.submission.state, claim.submission.attempt) == ("INTENDED", 2)
    assert claim.lease is not None


class CountingLake(Lake):
    """A lake that counts how often each column of each file is read."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.reads: Counter[tuple[str, str, str]] = Counter()

    def read(self, table_name: str, *, date: object, columns: Sequence[str] | None = None, **where: str) -> pa.Table:
        table = super().read(table_name, date=date, columns=columns, **where)
        self.reads.update((table_name, str(date), column) for column in table.column_names)
        return table


def test_each_date_is_read_once(ledger, tmp_path):
    lake = CountingLake(str(tmp_path / "lake"))
    for day in ("2026-03-02", "2026-03-03"):
        where = PLACE | {"date": day}
        lake.write("submissions", build_table("submissions", [row("completed", source="direct", job_id="j")]), **where)
        payload = Payload(job_id="j", source="polled", received_at=BEGUN, body=b"{}")
        lake.write("payloads", payloads_table([payload]), **where)
        unsubmitted = {"content_uri": "/media/b.mp4", "filename": "b.mp4", "state": "ready", "fingerprint": "e" * 64}
        lake.write("content", build_table("content", [unsubmitted]), **where)
    report = restore_ledger(lake=lake, ledger=ledger, say=lambda sentence: None)
    assert (report.submissions, [gap.content for gap in report.gaps]) == (1, [1, 1])
    again = {column for column, times in lake.reads.items() if times > 1}
    # Which results there are decides about the jobs of every date, before the first date is written.
    assert {(table, column) for table, _, column in again} == {("payloads", "job_id")}
    assert {table for table, _, _ in lake.reads} == {"submissions", "payloads", "content"}
