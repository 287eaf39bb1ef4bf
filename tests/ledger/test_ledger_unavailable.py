"""A ledger that cannot be used says so, says what to do, and changes nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap

import pytest
import sqlalchemy as sa

from pique_assets.ledger import Ledger, LedgerUnavailable


def test_a_ledger_that_another_process_keeps_locked_is_unavailable(sqlite_url, tmp_path, clock, story_of):
    with Ledger.open(sqlite_url, clock=clock, busy_timeout_s=0.1) as ledger:
        story = story_of(ledger)
        lease = story.prepared()
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match=r"ledger\.db is unavailable: .*locked"):
            ledger.record_upload_started(lease)
        assert story.state() == ["PREPARED"]
        assert ledger.claim_due(limit=1, lease_s=1) == []
        other.execute("ROLLBACK")
        other.close()
        ledger.record_upload_started(lease)


def test_a_postgres_row_that_another_session_keeps_locked_is_unavailable(postgres_url, clock, story_of):
    with Ledger.open(postgres_url, clock=clock, busy_timeout_s=0.1) as ledger:
        story = story_of(ledger)
        lease = story.prepared()
        with ledger._database.read() as other:
            other.execute(sa.text("SELECT * FROM submissions FOR UPDATE"))
            with pytest.raises(LedgerUnavailable, match="lock"):
                ledger.record_upload_started(lease)
            # A claim does not wait for it, it leaves it to the other.
            clock.advance(61)
            assert ledger.claim_submissions([story.order()], lease_s=60)[0].lease is None
        assert story.state() == ["PREPARED"]


def test_a_postgres_server_that_goes_away_is_unavailable_and_comes_back(postgres_url, clock, story_of):
    with Ledger.open(postgres_url, clock=clock) as ledger:
        story = story_of(ledger)
        lease = story.prepared()
        with pytest.raises(LedgerUnavailable), ledger._database.long_write() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        ledger.record_upload_started(lease)
        assert story.state() == ["UPLOADING"]


@pytest.mark.parametrize("content", [b"not a database, and longer than a header would be" * 100])
def test_a_file_that_is_no_database_is_unavailable_and_left_alone(sqlite_url, tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerUnavailable, match="no SQLite database"):
        Ledger.open(sqlite_url)
    assert path.read_bytes() == content


def test_a_damaged_file_is_unavailable(sqlite_url, tmp_path, clock, story_of):
    with Ledger.open(sqlite_url, clock=clock) as ledger:
        story_of(ledger).uploaded()
    path = tmp_path / "ledger.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(LedgerUnavailable, match="damaged"), Ledger.open(sqlite_url) as ledger:
        ledger.find_job("job_1")


def test_a_folder_in_the_place_of_the_file_is_unavailable(tmp_path):
    with pytest.raises(LedgerUnavailable, match=str(tmp_path)):
        Ledger.open(f"sqlite:///{tmp_path}")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerUnavailable, match="unavailable"):
        Ledger.open(f"sqlite:///{tmp_path}/file/ledger.db")


def test_the_folder_of_the_file_is_made(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/a/b/ledger.db") as ledger:
        assert ledger.uncollected_partitions() == []


def test_a_database_that_does_not_exist_is_unavailable(postgres_url):
    with pytest.raises(LedgerUnavailable, match="unavailable"):
        Ledger.open(postgres_url.replace("/ledger_", "/nobody_"))


_FILL = textwrap.dedent(
    """
    import resource, sys
    from pique_assets.ledger import InventoryItem, Ledger, LedgerUnavailable
    with Ledger.open(sys.argv[1]) as ledger:
        # Else a module that is imported now would be kept half compiled.
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        items = [
            InventoryItem(content_uri=f"/media/{n}" + "x" * 200, filename="a", error_code="e", error="n" * 500)
            for n in range(3000)
        ]
        try:
            ledger.record_inventory(evaluation="brand", partition="2026-03-02", items=items)
        except LedgerUnavailable as error:
            print(error)
        print(len(ledger.partition_state(evaluation="brand", partition="2026-03-02")))
    """
)


def test_a_full_disk_is_unavailable_and_nothing_is_half_written(sqlite_url):
    answer = subprocess.run(
        [sys.executable, "-c", _FILL, sqlite_url], capture_output=True, text=True, timeout=300, check=True
    )
    said, left = answer.stdout.strip().splitlines()
    assert "unavailable" in said
    assert "disk" in said
    assert left == "0"


_READ_ONLY = textwrap.dedent(
    """
    import os, sys
    from pique_assets.ledger import Ledger, LedgerUnavailable
    os.setuid(65534)
    try:
        Ledger.open(sys.argv[1])
    except LedgerUnavailable as error:
        print(error)
    """
)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_file_this_user_may_not_write_is_unavailable(sqlite_url, tmp_path):
    with Ledger.open(sqlite_url):
        pass
    answer = subprocess.run(
        [sys.executable, "-c", _READ_ONLY, sqlite_url], capture_output=True, text=True, timeout=300, check=True
    )
    assert "unavailable" in answer.stdout
