"""The SQLite file of a local Pique: its schema, how it is opened, and transactions.

Belongs here: the one connection, used by the server's event loop only; every statement takes well under a
millisecond, so no thread is worth its locks. Does not: what the rows mean (`judges`, `job_store`, `webhook_outbox`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE judges (
    sequence         INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    description      TEXT NOT NULL,
    content_type     TEXT NOT NULL,
    status           TEXT NOT NULL,
    status_reason    TEXT,
    detector_configs TEXT NOT NULL,
    is_active        INTEGER NOT NULL,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
) STRICT;

CREATE TABLE jobs (
    job_id           TEXT PRIMARY KEY,
    judge_id         TEXT NOT NULL REFERENCES judges (id),
    batch_id         TEXT,
    url              TEXT,
    content_type     TEXT NOT NULL,
    filename         TEXT,
    file_size_bytes  INTEGER,
    title            TEXT,
    description      TEXT,
    webhook_url      TEXT,
    status           TEXT NOT NULL,
    generation       INTEGER NOT NULL DEFAULT 0,
    content_id       TEXT,
    overall_score    REAL,
    detector_results TEXT,
    error            TEXT,
    created_at       TEXT NOT NULL,
    finished_at      TEXT
) STRICT;

CREATE TABLE complete_puts (
    job_id         TEXT NOT NULL REFERENCES jobs (job_id),
    generation     INTEGER NOT NULL,
    size_bytes     INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    completed_at   TEXT NOT NULL,
    PRIMARY KEY (job_id, generation)
) STRICT;

CREATE TABLE evaluations (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id         TEXT NOT NULL REFERENCES jobs (job_id),
    generation     INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    state          TEXT NOT NULL,
    queued_at      TEXT NOT NULL,
    started_at     TEXT,
    finished_at    TEXT
) STRICT;
CREATE INDEX evaluations_by_state ON evaluations (state, id);
CREATE INDEX evaluations_by_job ON evaluations (job_id);

CREATE TABLE webhooks (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id          TEXT NOT NULL REFERENCES jobs (job_id),
    url             TEXT NOT NULL,
    body            BLOB NOT NULL,
    state           TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at REAL NOT NULL,
    last_answer     TEXT
) STRICT;
CREATE INDEX webhooks_by_state ON webhooks (state, next_attempt_at);
"""


class LocalDatabase:
    """One open connection to the server's SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Wrap an open connection; use `open` to get one."""
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> LocalDatabase:
        """Open the file at ``path``, making it and its tables when missing.

        Raises:
            FileNotFoundError: There is no file and ``create`` is false.
            sqlite3.Error: The file is no SQLite database, or cannot be read or written.
            ValueError: The file was written by another version of this schema.
        """
        if not create and not path.exists():
            raise FileNotFoundError(f"{path} does not exist: no local Pique has run with this data_dir yet")
        connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and create:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            connection.close()
            raise ValueError(
                f"{path} has schema version {version}, this is version {SCHEMA_VERSION}: use a new data_dir"
            )
        return cls(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, query: str, *parameters: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(query, parameters).fetchall()

    def row(self, query: str, *parameters: object) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        found: sqlite3.Row | None = self._connection.execute(query, parameters).fetchone()
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def now_text() -> str:
    """The present moment as the database keeps it: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
