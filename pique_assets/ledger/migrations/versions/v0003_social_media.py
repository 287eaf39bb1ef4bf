"""Version 0003: social media submissions, webhooks, and indexes for what has not ended and for what was begun.

Belongs here: the tables as this version changes them. SQLite can change neither a column nor a constraint, so there
`submissions` is written anew, in the transaction of the upgrade. Does not: data; no row changes.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SHA256 = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)

CHECKS = {
    "ck_submissions_job_is_named": (
        "job_id IS NOT NULL OR state IN ('INTENDED', 'SUBMITTING', 'REJECTED', 'IN_DOUBT', 'ABANDONED')"
    ),
    "ck_submissions_size_is_known": "size_bytes IS NOT NULL OR source = 'social'",
    "ck_submissions_submitting_is_social": "source = 'social' OR state <> 'SUBMITTING'",
    "ck_submissions_social_is_not_uploaded": "source <> 'social' OR state NOT IN ('PREPARED', 'UPLOADING')",
}
_LIVE = sa.text("live")
_POLLED = sa.text("next_poll_at IS NOT NULL")
_UNSENT = sa.text("state IN ('INTENDED', 'PREPARED', 'UPLOADING')")
_UNFINISHED = sa.text("state NOT IN ('COMPLETED', 'FAILED', 'REJECTED', 'ABANDONED')")
_BEGUN = sa.text("upload_started_at IS NOT NULL")
_UNKNOWN = sa.text("NOT known")


def upgrade() -> None:
    """Change `submissions` and `inventory`, make `webhooks`."""
    if op.get_context().dialect.name == "sqlite":
        polled_states = "next_poll_at IS NULL OR state IN ('UPLOADED', 'ABANDONED')"
        write_submissions_anew(checks={**CHECKS, "ck_submissions_polled_states": polled_states})
    else:
        _change_submissions()
    index_what_has_not_ended()
    op.add_column("inventory", sa.Column("source", sa.String(16), nullable=False, server_default="direct"))
    _make_webhooks()


def downgrade() -> None:
    """Refuse: the version before has no place for what may have been sent to Pique."""
    raise NotImplementedError("version 0003 of the ledger cannot be undone; restore a backup instead")


def _change_submissions() -> None:
    op.alter_column("submissions", "size_bytes", nullable=True)
    op.drop_constraint("ck_submissions_job_is_named", "submissions", type_="check")
    for name, condition in CHECKS.items():
        op.create_check_constraint(name, "submissions", condition)


def index_what_has_not_ended() -> None:
    """Make the indexes on what has not ended and on what was begun."""
    _index("ix_submissions_unfinished", "submissions", "state", "submission_id", where=_UNFINISHED)
    _index("ix_submissions_begun", "submissions", "upload_started_at", "judge_id", where=_BEGUN)


def write_submissions_anew(*more: sa.Column[object], checks: Mapping[str, str]) -> None:
    """Write the table `submissions` anew in SQLite, with the indexes it had before this version.

    Args:
        more: Columns that the table does not have yet.
        checks: The conditions of its constraints by their names, without the one that never changed.
    """
    new = op.create_table(
        "submissions_anew",
        sa.Column("submission_id", _ID, primary_key=True, autoincrement=True),
        sa.Column("work_key", _SHA256, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("judge_id", sa.Text(), nullable=False),
        sa.Column("judge_configuration_hash", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("job_id", sa.Text()),
        sa.Column("batch_id", sa.Text()),
        sa.Column("upload_expires_at", _MOMENT),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("lease_expires_at", _MOMENT),
        sa.Column("next_poll_at", _MOMENT),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.Column("poll_count", sa.Integer(), nullable=False),
        sa.Column("pique_status", sa.Text()),
        sa.Column("evidence", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("prepared_at", _MOMENT),
        sa.Column("upload_started_at", _MOMENT),
        sa.Column("uploaded_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("settled_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
        *more,
        sa.UniqueConstraint("work_key", "attempt", name="uq_submissions_attempt"),
        sa.CheckConstraint(
            "NOT live OR state NOT IN ('REJECTED', 'ABANDONED')", name="ck_submissions_dead_is_not_live"
        ),
        *(sa.CheckConstraint(condition, name=name) for name, condition in checks.items()),
        sqlite_autoincrement=True,
    )
    added = {column.name for column in more}
    columns = ", ".join(column.name for column in new.columns if column.name not in added)
    op.execute(f"INSERT INTO submissions_anew ({columns}) SELECT {columns} FROM submissions ORDER BY submission_id")
    # Nothing asks the foreign keys that point here meanwhile (`Database.upgrade`): they do so at the end.
    op.drop_table("submissions")
    op.rename_table("submissions_anew", "submissions")
    _index("uq_submissions_live_work_key", "submissions", "work_key", unique=True, where=_LIVE)
    _index("uq_submissions_job_id", "submissions", "job_id", unique=True)
    _index("ix_submissions_next_poll_at", "submissions", "next_poll_at", "submission_id", where=_POLLED)
    _index("ix_submissions_unsent", "submissions", "submission_id", where=_UNSENT)
    _index("ix_submissions_latency", "submissions", "judge_id", "content_type", "settled_at")


def _index(name: str, table: str, *columns: str, unique: bool = False, where: sa.TextClause | None = None) -> None:
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=where, postgresql_where=where)


def _make_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", _ID, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", _SHA256, nullable=False),
        sa.UniqueConstraint("job_id", "sha256", name="uq_webhooks_body"),
    )
    _index("ix_webhooks_received_at", "webhooks", "received_at")
    _index("ix_webhooks_unknown", "webhooks", "webhook_id", where=_UNKNOWN)
