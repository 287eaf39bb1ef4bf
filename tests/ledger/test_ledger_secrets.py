"""Signed URLs, their headers and the database's password are nowhere they could be read by accident."""

from __future__ import annotations

import logging
import traceback

import pytest
import sqlalchemy as sa

from pique_assets.ledger import LeaseLost, Ledger, LedgerError, LedgerUnavailable


def test_no_record_shows_the_signed_url(story, ledger, clock):
    claim = ledger.claim_submissions([story.order()], lease_s=60)[0]
    prepared = ledger.record_prepared(
        claim.lease,
        job_id="job_1",
        upload_url=story.signed_url,
        upload_headers=story.headers,
        expires_at=clock.after(900),
    )
    shown = [
        prepared,
        prepared.upload_target,
        ledger.record_upload_started(claim.lease),
        ledger.find_job("job_1"),
        ledger.attempts(work_key=story.key("a")),
        ledger,
    ]
    clock.advance(61)
    again = ledger.claim_submissions([story.order()], lease_s=60)[0]
    assert again.submission.upload_target.url == story.signed_url
    clock.advance(61)
    shown += [again, story.interrupted()]
    assert story.secret not in repr(shown) + str(shown) + f"{prepared}"


def test_only_the_holder_of_a_lease_is_given_the_signed_url(story, ledger):
    story.take_inventory(story.item("a"))
    story.prepared("a", job_id="job_1")
    assert ledger.find_job("job_1").upload_target is None
    (entry,) = ledger.partition_state(evaluation="brand", partition="2026-03-02")
    assert entry.submission.upload_target is None
    assert ledger.claim_submissions([story.order("a")], lease_s=60)[0].submission.upload_target is None


@pytest.mark.parametrize("end", ["uploaded", "adopted", "finished", "abandoned", "expired"])
def test_the_signed_url_is_erased_when_it_is_of_no_more_use(story, ledger, clock, tmp_path, end):
    lease = story.uploading("a")
    story.prepared("other")
    if end == "uploaded":
        ledger.record_uploaded(lease, next_poll_at=clock.now)
    elif end == "adopted":
        ledger.adopt(lease, next_poll_at=clock.now)
    elif end == "finished":
        story.finish(lease)
    elif end == "abandoned":
        ledger.record_abandoned(lease, evidence="dead", next_poll_at=clock.now)
    else:
        clock.advance(901)
        story.intended("other")
    with ledger._database.read() as connection:
        left = connection.execute(sa.text("SELECT count(*) FROM upload_targets")).scalar_one()
    assert left == (0 if end == "expired" else 1)


def test_an_erased_url_is_overwritten_in_the_file(sqlite_url, clock, tmp_path, story_of):
    with Ledger.open(sqlite_url, clock=clock) as ledger:
        lease = story_of(ledger).uploading("a")
        ledger.record_uploaded(lease, next_poll_at=clock.now)
    # Closing the last connection folds the write-ahead log into the file.
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
    assert b"X-Goog-Signature" not in (tmp_path / "ledger.db").read_bytes()


def test_the_file_belongs_to_its_owner_alone(sqlite_url, tmp_path):
    with Ledger.open(sqlite_url):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}


def test_no_exception_shows_the_signed_url(story, ledger, clock, caplog):
    caplog.set_level(logging.DEBUG)
    lease = story.prepared("a", job_id="job_1")
    ledger.release_lease(lease)
    other = story.intended("b")
    said = ""
    for wrong, used in ((LeaseLost, lease), (LedgerError, other)):
        with pytest.raises(wrong) as caught:
            ledger.record_prepared(
                used,
                job_id="job_1",
                upload_url=story.signed_url,
                upload_headers=story.headers,
                expires_at=clock.after(900),
            )
        said += "".join(traceback.format_exception(caught.value))
    assert story.secret not in said + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@127.0.0.1:1/nowhere",
        "postgresql://user:hunter2@127.0.0.1:1/nowhere?password=hunter2",
        "postgresql://127.0.0.1:1/nowhere?user=me&password=hunter2",
    ],
)
def test_an_unreachable_server_is_named_without_its_password(url):
    with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1:1/nowhere") as caught:
        Ledger.open(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["mysql://user:hunter2@host/db", "hunter2", "postgresql://user:hunter2@host:port/db", "sqlite://"]
)
def test_an_unusable_url_is_refused_without_being_repeated(url):
    with pytest.raises(ValueError, match="the ledger's URL") as caught:
        Ledger.open(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
