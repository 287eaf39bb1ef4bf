"""A ledger of every earlier version, with data, opened by today's code: nothing is lost, and it works on.

For each version in `versions/` there is the SQL by which that release would have stored the same story: a finished
job, an open one, one that was being uploaded, and an item nobody could read. A new version needs an entry here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.ledger.database import Database
from pique_assets.ledger.migrations import HEAD

DAY = {"evaluation": "brand", "partition": "2026-03-02"}
NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)
KEYS = {name: name * 64 for name in "abcd"}

_V0001 = [
    """INSERT INTO submissions (submission_id, work_key, attempt, live, state, source, judge_id,
         judge_configuration_hash, content_type, fingerprint, filename, size_bytes, title, job_id, upload_expires_at,
         next_poll_at, woken, poll_count, pique_status, created_at, prepared_at, upload_started_at, uploaded_at,
         finished_at, settled_at, updated_at)
       VALUES
       (1, :a, 1, TRUE, 'COMPLETED', 'direct', 'judge_1', 'c', 'video', 'f', 'a.mp4', 10, 'Title', 'job_a',
         '2026-03-02 12:15:00.000000', NULL, FALSE, 2, 'completed', '2026-03-02 12:00:00.000000',
         '2026-03-02 12:00:01.000000', '2026-03-02 12:00:02.000000', '2026-03-02 12:00:03.000000',
         '2026-03-02 12:00:30.000000', '2026-03-02 12:00:31.000000', '2026-03-02 12:00:31.000000'),
       (2, :b, 1, TRUE, 'UPLOADED', 'direct', 'judge_1', 'c', 'video', 'f', 'b.mp4', 10, NULL, 'job_b',
         '2026-03-02 12:15:00.000000', '2026-03-02 12:59:00.000000', FALSE, 0, NULL, '2026-03-02 12:00:00.000000',
         '2026-03-02 12:00:01.000000', '2026-03-02 12:00:02.000000', '2026-03-02 12:00:03.000000', NULL, NULL,
         '2026-03-02 12:00:03.000000'),
       (3, :c, 1, TRUE, 'UPLOADING', 'direct', 'judge_1', 'c', 'video', 'f', 'c.mp4', 10, NULL, 'job_c',
         '2026-03-02 13:15:00.000000', NULL, FALSE, 0, NULL, '2026-03-02 12:00:00.000000',
         '2026-03-02 12:00:01.000000', '2026-03-02 12:00:02.000000', NULL, NULL, NULL, '2026-03-02 12:00:02.000000')""",
    """INSERT INTO upload_targets (submission_id, url, headers, expires_at)
       VALUES (3, 'https://storage.example/c', '{"x": "y"}', '2026-03-02 13:15:00.000000')""",
    """INSERT INTO payloads (submission_id, job_id, source, received_at, body, sha256)
       VALUES (1, 'job_a', 'polled', '2026-03-02 12:00:31.000000', :body, 'not looked at')""",
    "INSERT INTO partitions (evaluation, partition, collected) VALUES ('brand', '2026-03-02', FALSE)",
    """INSERT INTO inventory (evaluation, partition, content_key, content_uri, present, filename, work_key, error_code)
       VALUES ('brand', '2026-03-02', 'a', '/a.mp4', TRUE, 'a.mp4', :a, NULL),
              ('brand', '2026-03-02', 'b', '/b.mp4', TRUE, 'b.mp4', :b, NULL),
              ('brand', '2026-03-02', 'c', '/c.mp4', TRUE, 'c.mp4', :c, NULL),
              ('brand', '2026-03-02', 'd', '/d.mp4', TRUE, 'd.mp4', NULL, 'empty')""",
]
STORY_BY_VERSION = {"0001": _V0001, "0002": _V0001}


def versions() -> list[str]:
    return sorted(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "pique_assets.ledger:migrations")
    return config


def make_ledger_of_version(url: str, version: str) -> None:
    """A ledger as the release of that version left it."""
    database = Database.open(url, busy_timeout_s=10)
    try:
        with database.write() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, version)
            if not database.is_sqlite:
                connection.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
            for statement in STORY_BY_VERSION[version]:
                prepared = sa.text(statement)
                known = {**KEYS, "body": b'{"status": "completed"}'}
                connection.execute(prepared, {name: known[name] for name in prepared._bindparams})
    finally:
        database.close()


def version_of(ledger: Ledger) -> str:
    with ledger._database.read() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()


def test_every_version_has_a_story():
    assert versions() == sorted(STORY_BY_VERSION)


@pytest.mark.parametrize("version", versions())
def test_a_ledger_of_an_earlier_version_is_upgraded_and_works_on(empty_url, version):
    make_ledger_of_version(empty_url, version)
    with Ledger.open(empty_url, clock=lambda: NOW) as ledger:
        assert version_of(ledger) == HEAD
        progress = ledger.progress(**DAY)
        assert (progress.completed, progress.open, progress.unreadable) == (1, 2, 1)
        assert progress.open_job_ids == ("job_b", "job_c")
        assert [payload.body for payload in ledger.partition_payloads(**DAY)] == [b'{"status": "completed"}']
        assert ledger.recent_latencies(judge_id="judge_1", content_type="video", limit=9) == [27]
        assert ledger.uncollected_partitions() == []

        (interrupted,) = ledger.claim_interrupted(limit=9, lease_s=60)
        assert interrupted.submission.upload_target.url == "https://storage.example/c"
        ledger.adopt(interrupted.lease, next_poll_at=NOW)
        for due in ledger.claim_due(limit=9, lease_s=60):
            ledger.record_result(
                due.lease,
                outcome=SubmissionState.COMPLETED,
                payload=b"{}",
                source="polled",
                received_at=NOW,
            )
        (settled,) = ledger.uncollected_partitions()
        assert (settled.progress.completed, settled.progress.unreadable) == (3, 1)
