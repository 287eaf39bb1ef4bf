"""The tables of the ledger, as SQLAlchemy Core sees them.

Belongs here: tables, constraints, indexes and the reason of each; column types that behave the same on SQLite and
Postgres. Does not: statements, nor how an older ledger becomes a newer one (`migrations/`); a test holds the two
together.

Signed URLs live in a table of their own, `upload_targets`: a row exists only while its URL may still be
used, so a dump of `submissions` never contains one, and neither does a constraint error that quotes the
failing row.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from pique_assets.ledger.states import SubmissionState

if TYPE_CHECKING:
    DateTimeDecorator = TypeDecorator[datetime]
    TextDecorator = TypeDecorator[str]
else:
    DateTimeDecorator = TextDecorator = TypeDecorator


class UtcDateTime(DateTimeDecorator):
    """A timezone-aware moment in UTC, to the microsecond.

    SQLite has no timezones: there the UTC wall time is stored as text of fixed width, which sorts as time
    does.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; refuse a naive value, whose meaning would depend on the host."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the ledger takes timezone-aware times only, not {value!r}")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read back aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


class LosslessText(TextDecorator):
    r"""Text from outside: file names, titles, error sentences; any Python string comes back as it went in.

    NUL cannot be stored by Postgres, nor a lone surrogate (a file name that is not UTF-8 has them) by
    either database. They are written as ``\uXXXX`` and a backslash as ``\\``.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database would refuse."""
        if value is None:
            return None
        return _UNSTORABLE.sub(lambda found: _escape(found.group()), value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Undo the escapes."""
        if value is None or "\\" not in value:
            return value
        return _ESCAPED.sub(lambda found: _unescape(found.group(1)), value)


def _escape(character: str) -> str:
    return r"\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(escape: str) -> str:
    return "\\" if escape == "\\" else chr(int(escape[1:], 16))


metadata = MetaData()

_Id = BigInteger().with_variant(Integer(), "sqlite")
_Sha256 = String(64)
_State = Enum(SubmissionState, native_enum=False, create_constraint=False, length=16)

submissions = Table(
    "submissions",
    metadata,
    Column("submission_id", _Id, primary_key=True, autoincrement=True),
    Column("work_key", _Sha256, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("state", _State, nullable=False),
    Column("source", String(16), nullable=False),
    Column("judge_id", LosslessText, nullable=False),
    Column("judge_configuration_hash", Text, nullable=False),
    Column("content_type", LosslessText, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("filename", LosslessText, nullable=False),
    Column("size_bytes", BigInteger),
    Column("title", LosslessText),
    Column("description", LosslessText),
    Column("job_id", LosslessText),
    Column("batch_id", LosslessText),
    Column("upload_expires_at", UtcDateTime),
    Column("lease_token", String(32)),
    Column("lease_expires_at", UtcDateTime),
    Column("next_poll_at", UtcDateTime),
    # A webhook that arrives while a worker holds the lease must survive the worker's own idea of the next
    # poll.
    Column("woken", Boolean, nullable=False),
    Column("poll_count", Integer, nullable=False),
    Column("pique_status", LosslessText),
    Column("evidence", LosslessText),
    Column("error_code", LosslessText),
    Column("error", LosslessText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("prepared_at", UtcDateTime),
    Column("upload_started_at", UtcDateTime),
    Column("uploaded_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("empty_since", UtcDateTime),
    UniqueConstraint("work_key", "attempt", name="uq_submissions_attempt"),
    CheckConstraint("NOT live OR state NOT IN ('REJECTED', 'ABANDONED')", name="ck_submissions_dead_is_not_live"),
    # Keeps the index on next_poll_at as small as what is really waited for.
    CheckConstraint(
        "next_poll_at IS NULL OR state IN ('UPLOADED', 'ABANDONED', 'GIVEN_UP')", name="ck_submissions_polled_states"
    ),
    CheckConstraint(
        "job_id IS NOT NULL OR state IN ('INTENDED', 'SUBMITTING', 'REJECTED', 'IN_DOUBT', 'ABANDONED')",
        name="ck_submissions_job_is_named",
    ),
    CheckConstraint("size_bytes IS NOT NULL OR source = 'social'", name="ck_submissions_size_is_known"),
    # Bytes of our own go through PREPARED; what Pique is to fetch has no upload.
    CheckConstraint("source = 'social' OR state <> 'SUBMITTING'", name="ck_submissions_submitting_is_social"),
    CheckConstraint(
        "source <> 'social' OR state NOT IN ('PREPARED', 'UPLOADING')", name="ck_submissions_social_is_not_uploaded"
    ),
    sqlite_autoincrement=True,
)
"""One row is one job attempt."""

UNSENT = text("submissions.state IN ('INTENDED', 'PREPARED', 'UPLOADING')")
"""The condition of the index on unsent submissions, word for word: else SQLite would not use the index."""

Index(
    "uq_submissions_live_work_key",
    submissions.c.work_key,
    unique=True,
    sqlite_where=text("live"),
    postgresql_where=text("live"),
)
Index("uq_submissions_job_id", submissions.c.job_id, unique=True)
Index(
    "ix_submissions_next_poll_at",
    submissions.c.next_poll_at,
    submissions.c.submission_id,
    sqlite_where=submissions.c.next_poll_at.is_not(None),
    postgresql_where=submissions.c.next_poll_at.is_not(None),
)
Index(
    "ix_submissions_unsent",
    submissions.c.submission_id,
    sqlite_where=text("state IN ('INTENDED', 'PREPARED', 'UPLOADING')"),
    postgresql_where=text("state IN ('INTENDED', 'PREPARED', 'UPLOADING')"),
)
UNFINISHED = text("submissions.state NOT IN ('COMPLETED', 'FAILED', 'REJECTED', 'ABANDONED')")
"""The condition of the index on what has not ended, word for word: else SQLite would not use the index."""

Index(
    "ix_submissions_unfinished",
    submissions.c.state,
    submissions.c.submission_id,
    sqlite_where=text("state NOT IN ('COMPLETED', 'FAILED', 'REJECTED', 'ABANDONED')"),
    postgresql_where=text("state NOT IN ('COMPLETED', 'FAILED', 'REJECTED', 'ABANDONED')"),
)
Index(
    "ix_submissions_begun",
    submissions.c.upload_started_at,
    submissions.c.judge_id,
    sqlite_where=submissions.c.upload_started_at.is_not(None),
    postgresql_where=submissions.c.upload_started_at.is_not(None),
)
Index("ix_submissions_latency", submissions.c.judge_id, submissions.c.content_type, submissions.c.settled_at)

upload_targets = Table(
    "upload_targets",
    metadata,
    Column("submission_id", _Id, ForeignKey("submissions.submission_id"), primary_key=True, autoincrement=False),
    Column("url", LosslessText, nullable=False),
    Column("headers", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
"""Signed upload URLs that may still be used."""

Index("ix_upload_targets_expires_at", upload_targets.c.expires_at)

payloads = Table(
    "payloads",
    metadata,
    Column("payload_id", _Id, primary_key=True, autoincrement=True),
    Column("submission_id", _Id, ForeignKey("submissions.submission_id"), nullable=False),
    Column("job_id", LosslessText, nullable=False),
    Column("source", String(16), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", _Sha256, nullable=False),
    UniqueConstraint("job_id", "source", "sha256", name="uq_payloads_body"),
)
"""Results as received, byte for byte."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", _Id, primary_key=True, autoincrement=True),
    Column("job_id", LosslessText, nullable=False),
    Column("url", LosslessText),
    Column("received_at", UtcDateTime, nullable=False),
    # Whether a submission is known to have this job: kept here, so that those without one are found by index.
    Column("known", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", _Sha256, nullable=False),
    UniqueConstraint("job_id", "sha256", name="uq_webhooks_body"),
)
"""Webhooks of the last day as received: one may name a job before the answer that made it is written down."""

UNKNOWN = text("NOT webhooks.known")
"""The condition of the index on webhooks of unknown jobs, word for word: else SQLite would not use the index."""

Index("ix_webhooks_received_at", webhooks.c.received_at)
Index(
    "ix_webhooks_unknown",
    webhooks.c.webhook_id,
    sqlite_where=text("NOT known"),
    postgresql_where=text("NOT known"),
)

partitions = Table(
    "partitions",
    metadata,
    Column("evaluation", Text, primary_key=True),
    Column("partition", Text, primary_key=True),
    # Whether the tables made from it show what it is now; a sensor asks for those that are not.
    Column("collected", Boolean, nullable=False),
    # Until when no run is asked for: one was asked for, and it is not collected yet. Of a date with open jobs apart,
    # because nothing holds up the run that finds the date settled.
    Column("postponed_until", UtcDateTime),
    Column("open_postponed_until", UtcDateTime),
    # Which run writes its tables, and from what: the last step of that run notes it as collected.
    Column("collecting_run", Text),
    Column("collecting_digest", _Sha256),
    # When a sensor last looked whether anything of it is open, where there are too many to look at each time.
    Column("looked_at", UtcDateTime),
)
"""Partitions whose inventory was taken: a day without media has a row here and none in `inventory`."""

UNCOLLECTED = text("NOT partitions.collected")
"""The condition of the index on uncollected partitions, word for word: else SQLite would not use the index."""

Index(
    "ix_partitions_uncollected",
    partitions.c.evaluation,
    partitions.c.partition,
    sqlite_where=text("NOT collected"),
    postgresql_where=text("NOT collected"),
)

inventory = Table(
    "inventory",
    metadata,
    Column("evaluation", Text, primary_key=True),
    Column("partition", Text, primary_key=True),
    # Of source and uri, which may be longer than Postgres lets an index entry be (a third of 8 KiB).
    Column("content_key", _Sha256, primary_key=True),
    Column("content_uri", LosslessText, nullable=False),
    Column("source", String(16), nullable=False, server_default="direct"),
    Column("present", Boolean, nullable=False),
    Column("filename", LosslessText, nullable=False),
    Column("size_bytes", BigInteger),
    Column("fingerprint", Text),
    Column("content_type", LosslessText),
    Column("title", LosslessText),
    Column("description", LosslessText),
    Column("work_key", _Sha256),
    Column("error_code", LosslessText),
    Column("error", LosslessText),
)
"""Which content belongs to which partition, and which work it asks for."""

owner = Table(
    "owner",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Null in a ledger that was filled before ledgers belonged to anybody.
    Column("pique", Text),
    CheckConstraint("id = 1", name="ck_owner_is_one"),
)
"""The Pique this ledger belongs to: no row before its first use."""

declarations = Table(
    "declarations",
    metadata,
    Column("evaluation", Text, primary_key=True),
    Column("judge_id", Text, nullable=False),
    Column("media", LosslessText),
    Column("social", LosslessText),
)
"""What each evaluation was declared for when it first submitted."""

known_lake_files = Table(
    "known_lake_files",
    metadata,
    Column("file_key", _Sha256, primary_key=True),
    Column("version", _Sha256, nullable=False),
)
"""Files of a lake of which this ledger knows every job, so that each is read once and not at each run."""

Index("ix_inventory_work_key", inventory.c.work_key, inventory.c.evaluation, inventory.c.partition)
