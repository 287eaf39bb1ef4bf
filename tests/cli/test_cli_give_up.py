"""`pique-assets give-up`: a person ends the waiting for a job, for a reason that stands in the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pique_assets.cli import main
from pique_assets.ledger import InventoryItem, Ledger, SubmissionOrder, SubmissionState

DAY = {"evaluation": "brand_videos", "partition": "2026-03-02"}
LATER = datetime.now(UTC) + timedelta(days=3)


def order(name: str, *, source: str = "direct") -> SubmissionOrder:
    return SubmissionOrder(
        work_key=name[0] * 64,
        judge_id="judge_1",
        judge_configuration_hash="c" * 64,
        content_type="video",
        fingerprint=name[0] * 64,
        filename=f"{name}.mp4",
        size_bytes=7 if source == "direct" else None,
        source=source,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a job Pique has, one that has ended, a prepared one, a URL's job, and a URL without an answer."""
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        for source, names in (("direct", ("stuck", "done", "prepared")), ("social", ("url", "lost"))):
            orders = [order(name, source=source) for name in names]
            items = [
                InventoryItem(content_uri=f"file:///m/{one.filename}", filename=one.filename, work_key=one.work_key)
                for one in orders
            ]
            ledger.record_inventory(**DAY, items=items, source=source)
            leases = [claim.lease for claim in ledger.claim_submissions(orders, lease_s=30)]
            if source == "social":
                ledger.record_submitting(leases)
                ledger.record_accepted(leases[0], job_id="job_url", next_poll_at=LATER)
                ledger.release_lease(leases[1])
                continue
            for name, lease in zip(names, leases, strict=True):
                ledger.record_prepared(
                    lease, job_id=f"job_{name}", upload_url="https://u/x", upload_headers={}, expires_at=LATER
                )
            for lease in leases[:2]:
                ledger.record_upload_started(lease)
                ledger.record_uploaded(lease, next_poll_at=datetime.now(UTC))
            for due in ledger.claim_due(limit=2, lease_s=30):
                if due.submission.job_id == "job_stuck":
                    ledger.record_poll(due.lease, next_poll_at=LATER, status="paused")
                else:
                    ledger.record_result(
                        due.lease,
                        outcome=SubmissionState.COMPLETED,
                        payload=b"{}",
                        source="polled",
                        received_at=LATER,
                    )
    return path


def give_up(path: Path, *arguments: str) -> int:
    return main(["give-up", "--ledger", str(path), *arguments])


def job(path: Path, job_id: str):
    with Ledger.open(f"sqlite:///{path}") as ledger:
        return ledger.find_job(job_id)


def test_uploads_and_urls_are_given_up_with_the_reason_and_what_pique_said(path, capsys):
    assert give_up(path, "job_stuck", "job_url", "--reason", "Pique's support says so") == 0
    assert capsys.readouterr().out.splitlines() == [
        "stuck.mp4 (job_stuck) is given_up: nobody waits for it",
        "url.mp4 (job_url) is given_up: nobody waits for it",
    ]
    stuck, url = job(path, "job_stuck"), job(path, "job_url")
    assert stuck.error == "given up by a person: Pique's support says so. Pique says 'paused'"
    assert url.error == "given up by a person: Pique's support says so. Pique was not asked yet"
    assert {stuck.error_code, url.error_code} == {"given_up"}
    # Watched all the same.
    assert None not in (stuck.next_poll_at, url.next_poll_at)


def test_a_url_without_a_job_is_given_up_by_its_number(path, capsys):
    with Ledger.open(f"sqlite:///{path}") as ledger:
        (lost,) = ledger.unreconciled(limit=9)
    assert give_up(path, str(lost.submission_id), "--reason", "a day has passed") == 0
    with Ledger.open(f"sqlite:///{path}") as ledger:
        (in_doubt,) = ledger.unreconciled(limit=9)
    assert (in_doubt.state, in_doubt.evidence) == ("IN_DOUBT", "given up by a person: a day has passed")


def test_what_cannot_be_given_up_is_said_and_the_rest_is_given_up_all_the_same(path, capsys):
    assert give_up(path, "job_done", "job_prepared", "job_nobody", "99", "job_stuck", "--reason", "r") == 1
    said = capsys.readouterr()
    assert "stuck.mp4" in said.out
    lines = said.err.splitlines()
    assert len(lines) == 4
    assert "job_done has completed" in lines[0]
    assert "job_prepared is prepared" in lines[1]
    assert "no job job_nobody" in lines[2]
    assert "no job 99" in lines[3]
    assert give_up(path, "job_stuck", "--reason", "again") == 1
    assert "was given up before" in capsys.readouterr().err


def test_content_is_sent_again_only_when_a_person_says_so(path, capsys):
    assert give_up(path, "job_stuck", "--reason", "cancelled by mistake") == 0
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.claim_submissions([order("stuck")], lease_s=30)[0].lease is None
    assert give_up(path, "job_stuck", "--reason", "cancelled by mistake", "--send-again") == 0
    assert "the next run of its date sends it again" in capsys.readouterr().out
    assert job(path, "job_stuck").evidence == "an operator says: cancelled by mistake"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.claim_submissions([order("stuck")], lease_s=30)[0].created


def test_what_was_given_up_is_listed(path, capsys):
    give_up(path, "job_stuck", "--reason", "r")
    capsys.readouterr()
    assert main(["jobs", "--ledger", str(path)]) == 0
    assert "given_up" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("job_stuck",), ("job_stuck", "--reason", " ")])
def test_a_reason_must_be_given(path, arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        give_up(path, *arguments)
    assert ended.value.code == 2
    assert "--reason" in capsys.readouterr().err
