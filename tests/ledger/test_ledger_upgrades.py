"""A ledger of every earlier version, with data, opened by today's code: nothing is lost, and it works on.

For each version in `versions/` there is the SQL by which that release would have stored the same story: a finished
job, an open one, one that was being uploaded, a watched dead one, a refused one, and an item nobody could read. A new
version needs an entry here.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from pique_assets.ledger import (
    Ledger,
    LedgerError,
    LedgerOfAnotherPique,
    LedgerUnavailable,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.database import Database
from pique_assets.ledger.migrations import HEAD
from pique_assets.ledger.tables import metadata

DAY = {"evaluation": "brand", "partition": "2026-03-02"}
NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)
KEYS = {name: name * 64 for name in "abcdefg"}
TABLES = ("submissions", "upload_targets", "payloads", "partitions", "inventory")

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
         '2026-03-02 12:00:01.000000', '2026-03-02 12:00:02.000000', NULL, NULL, NULL, '2026-03-02 12:00:02.000000'),
       (4, :e, 1, FALSE, 'ABANDONED', 'direct', 'judge_1', 'c', 'video', 'f', 'e.mp4', 10, NULL, 'job_e',
         '2026-03-02 12:15:00.000000', '2026-03-02 19:00:00.000000', FALSE, 3, NULL, '2026-03-02 12:00:00.000000',
         '2026-03-02 12:00:01.000000', NULL, NULL, NULL, NULL, '2026-03-02 12:00:02.000000'),
       (5, :f, 1, FALSE, 'REJECTED', 'direct', 'judge_1', 'c', 'video', 'f', 'f.mp4', 10, NULL, NULL,
         NULL, NULL, FALSE, 0, NULL, '2026-03-02 12:00:00.000000',
         NULL, NULL, NULL, NULL, '2026-03-02 12:00:02.000000', '2026-03-02 12:00:02.000000')""",
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
_V0003 = [
    *_V0001,
    """INSERT INTO submissions (submission_id, work_key, attempt, live, state, source, judge_id,
         judge_configuration_hash, content_type, fingerprint, filename, size_bytes, woken, poll_count, created_at,
         upload_started_at, updated_at)
       VALUES (6, :g, 1, TRUE, 'SUBMITTING', 'social', 'judge_1', 'c', 'video', 'f', 'watch?v=1', NULL, FALSE, 0,
         '2026-03-02 12:00:00.000000', '2026-03-02 12:00:02.000000', '2026-03-02 12:00:02.000000')""",
    """INSERT INTO webhooks (job_id, url, received_at, known, body, sha256)
       VALUES ('job_g', 'https://video.example/watch?v=1', '2026-03-02 12:30:00.000000', FALSE, :body, '')""",
    "INSERT INTO partitions (evaluation, partition, collected) VALUES ('brand', '2026-03-03', FALSE)",
    """INSERT INTO inventory (evaluation, partition, content_key, content_uri, source, present, filename, work_key)
       VALUES ('brand', '2026-03-03', 'g', 'https://video.example/watch?v=1', 'social', TRUE, 'watch?v=1', :g)""",
]
_V0004 = [
    *_V0003,
    """UPDATE submissions SET state = 'GIVEN_UP', live = TRUE, next_poll_at = '2026-03-02 19:00:00.000000'
       WHERE submission_id = 4""",
    """UPDATE partitions SET postponed_until = '2026-03-02 12:00:00.000000', collecting_run = 'run',
       collecting_digest = 'digest' WHERE partition = '2026-03-03'""",
]
_V0005 = [*_V0004, "INSERT INTO owner (id, pique) VALUES (1, 'local')"]
_V0006 = [*_V0005, "UPDATE partitions SET looked_at = '2026-03-02 12:00:00.000000'"]
STORY_BY_VERSION = {"0001": _V0001, "0002": _V0001, "0003": _V0003, "0004": _V0004, "0005": _V0005, "0006": _V0006}


def versions() -> list[str]:
    return sorted(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "pique_assets.ledger:migrations")
    return config


LAST = versions()[-2]
"""The version before today's."""
BEFORE_WEBHOOKS = "0002"


def make_ledger_of_version(url: str, version: str) -> None:
    """A ledger as the release of that version left it."""
    database = Database.open(url, busy_timeout_s=10)
    try:
        with database.long_write() as connection:
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


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database.open(url, busy_timeout_s=10)
    try:
        yield database
    finally:
        database.close()


def rows_of(url: str, *, columns: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """Every row of the tables of version 0001, in these columns or all."""
    with opened(url) as database, database.read() as connection:
        inspector = sa.inspect(connection)
        columns = columns or {name: [column["name"] for column in inspector.get_columns(name)] for name in TABLES}
        found = {name: f"SELECT {', '.join(columns[name])} FROM {name}" for name in TABLES}
        return {name: sorted(map(str, connection.execute(sa.text(select)))) for name, select in found.items()}


def rules_of(connection: sa.Connection) -> set[str]:
    """Every index and constraint, as the database words them."""
    if connection.dialect.name == "postgresql":
        indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
        constraints = """SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                         FROM pg_constraint WHERE connamespace = 'public'::regnamespace"""
        found = [*connection.execute(sa.text(indexes)).scalars(), *connection.execute(sa.text(constraints)).scalars()]
        return {rule for rule in found if "alembic_version" not in rule}
    indexes = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    rules = {" ".join(sql.split()) for sql in connection.execute(sa.text(indexes)).scalars()}
    inspector = sa.inspect(connection)
    for name in metadata.tables:
        rules |= {
            f"{name} checks {check['name']}: {check['sqltext']}" for check in inspector.get_check_constraints(name)
        }
        rules |= {f"{name} has one {one['column_names']}" for one in inspector.get_unique_constraints(name)}
        rules |= {f"{name} has key {inspector.get_pk_constraint(name)['constrained_columns']}"}
        rules |= {
            f"{name} {key['constrained_columns']}: {key['referred_table']}" for key in inspector.get_foreign_keys(name)
        }
    counting = "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
    return rules | {f"{name} counts" for name in connection.execute(sa.text(counting)).scalars()}


def version_of(url: str) -> str:
    with opened(url) as database, database.read() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()


def test_every_version_has_a_story():
    assert versions() == sorted(STORY_BY_VERSION)


@pytest.mark.parametrize("version", versions())
def test_a_ledger_of_an_earlier_version_is_upgraded_and_works_on(empty_url, version):
    make_ledger_of_version(empty_url, version)
    with Ledger.open(empty_url, clock=lambda: NOW) as ledger:
        assert version_of(empty_url) == HEAD
        progress = ledger.progress(**DAY)
        assert (progress.completed, progress.open, progress.unreadable) == (1, 2, 1)
        assert progress.open_job_ids == ("job_b", "job_c")
        assert [payload.body for payload in ledger.partition_payloads(**DAY)] == [b'{"status": "completed"}']
        assert ledger.recent_latencies(judge_id="judge_1", content_type="video", limit=9) == [27]
        assert ledger.uncollected_partitions() == []
        assert ledger.evaluations_begun(since=NOW.replace(hour=12)) == 3 + (version >= "0003")
        assert {entry.source for entry in ledger.partition_state(**DAY)} == {"direct"}

        (interrupted,) = ledger.claim_begun_long_ago(begun_before=NOW, limit=9, lease_s=60)
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


@pytest.mark.parametrize("version", ["0001", "0004"])
def test_a_ledger_that_was_filled_before_it_belonged_to_a_pique_asks_whose_it_is(empty_url, version):
    make_ledger_of_version(empty_url, version)
    with Ledger.open(empty_url, clock=lambda: NOW) as ledger:
        with pytest.raises(LedgerOfAnotherPique, match="ledger belongs-to"):
            ledger.belong_to("production")
        ledger.give_to("local")
        ledger.belong_to("local")


@pytest.mark.parametrize("version", versions()[:-1])
def test_an_upgrade_changes_no_value_of_any_row(empty_url, version):
    make_ledger_of_version(empty_url, version)
    with opened(empty_url) as database, database.read() as connection:
        inspector = sa.inspect(connection)
        columns = {name: [column["name"] for column in inspector.get_columns(name)] for name in TABLES}
    before = rows_of(empty_url)
    assert all(before.values())
    Ledger.open(empty_url).close()
    assert rows_of(empty_url, columns=columns) == before


def test_an_upgraded_ledger_has_every_index_and_constraint_that_the_code_declares(empty_url):
    make_ledger_of_version(empty_url, LAST)
    Ledger.open(empty_url).close()
    with opened(empty_url) as database, pytest.raises(Declared) as declared, database.long_write() as connection:
        upgraded = rules_of(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        raise Declared(rules_of(connection))
    assert upgraded == declared.value.args[0]


class Declared(Exception):
    """Carries what was declared out of a transaction that is rolled back."""


def test_an_upgraded_ledger_knows_which_rows_belong_together_and_uses_no_id_again(empty_url):
    make_ledger_of_version(empty_url, LAST)
    with opened(empty_url) as database, database.long_write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT setval('submissions_submission_id_seq', 5)"))
    with Ledger.open(empty_url, clock=lambda: NOW) as ledger:
        with pytest.raises(LedgerError, match="constraint"), ledger._database.long_write() as connection:
            connection.execute(
                sa.text("INSERT INTO upload_targets VALUES (99, 'https://u', '{}', '2026-03-02 13:15:00.000000')")
            )
        with pytest.raises(LedgerError, match="constraint"), ledger._database.long_write() as connection:
            connection.execute(sa.text("DELETE FROM submissions WHERE submission_id = 1"))
        (interrupted,) = ledger.claim_begun_long_ago(begun_before=NOW, limit=9, lease_s=60)
        order = {name: getattr(interrupted.submission, name) for name in SubmissionOrder.__dataclass_fields__}
        claim = ledger.claim_submissions([SubmissionOrder(**{**order, "work_key": KEYS["g"]})], lease_s=60)[0]
        assert claim.submission.submission_id == 6


def test_several_processes_may_upgrade_at_once(empty_url):
    make_ledger_of_version(empty_url, LAST)
    code = (
        "import sys; import alembic.command; from pique_assets.ledger import Ledger; sys.stdin.readline(); "
        "print(Ledger.open(sys.argv[1]).progress(evaluation='brand', partition='2026-03-02').total)"
    )
    visitors = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for visitor in visitors:
        visitor.stdin.write("go\n")
        visitor.stdin.flush()
    assert [visitor.communicate(timeout=120) for visitor in visitors] == [("4\n", "")] * 3
    assert version_of(empty_url) == HEAD


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        (BEFORE_WEBHOOKS, "CREATE INDEX ix_submissions_begun"),
        ("0003", "ALTER TABLE partitions"),
        ("0004", "CREATE TABLE known_lake_files"),
        (LAST, "ALTER TABLE partitions"),
        (LAST, "UPDATE alembic_version"),
    ],
)
def test_an_upgrade_that_is_killed_leaves_the_ledger_as_it_was(empty_url, version, statement):
    make_ledger_of_version(empty_url, version)
    before = rows_of(empty_url)
    code = """
import os, signal, sys
import sqlalchemy as sa
from pique_assets.ledger import Ledger

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    if statement.strip().startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

Ledger.open(sys.argv[1])
"""
    killed = subprocess.run([sys.executable, "-c", code, empty_url, statement], timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert version_of(empty_url) == version
    assert rows_of(empty_url) == before
    with Ledger.open(empty_url) as ledger:
        assert ledger.progress(**DAY).total == 4


def test_an_upgrade_that_cannot_be_ended_leaves_the_ledger_as_it_was(empty_url):
    make_ledger_of_version(empty_url, BEFORE_WEBHOOKS)
    before = rows_of(empty_url)
    with opened(empty_url) as database, database.long_write() as connection:
        connection.execute(sa.text("CREATE TABLE webhooks (somebody_elses INTEGER)"))
    with pytest.raises(LedgerUnavailable, match="webhooks"):
        Ledger.open(empty_url)
    assert version_of(empty_url) == BEFORE_WEBHOOKS
    assert rows_of(empty_url) == before


def test_rows_that_point_nowhere_stop_an_upgrade(sqlite_url):
    make_ledger_of_version(sqlite_url, LAST)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as stranger, stranger:
        stranger.execute("UPDATE payloads SET submission_id = 99")
    with pytest.raises(LedgerUnavailable, match="point to submissions that do not exist"):
        Ledger.open(sqlite_url)
    assert version_of(sqlite_url) == LAST
