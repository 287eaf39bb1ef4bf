"""Version 0001: the first ledger.

Belongs here: the tables as the first release made them, with plain types, so that later changes of the code
do not change what this version means.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SHA256 = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_UNSENT = sa.text("state IN ('INTENDED', 'PREPARED', 'UPLOADING')")
_POLLED = sa.text("next_poll_at IS NOT NULL")
_LIVE = sa.text("live")


def upgrade() -> None:
    """Make every table."""
    _make_submissions()
    _make_upload_targets()
    _make_payloads()
    _make_inventory()


def downgrade() -> None:
    """Refuse: going back would forget what was already sent to Pique."""
    raise NotImplementedError("the first version of the ledger cannot be undone; move the file away instead")


def _make_submissions() -> None:
    op.create_table(
        "submissions",
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
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
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
        sa.UniqueConstraint("work_key", "attempt", name="uq_submissions_attempt"),
        sa.CheckConstraint(
            "NOT live OR state NOT IN ('REJECTED', 'ABANDONED')", name="ck_submissions_dead_is_not_live"
        ),
        sa.CheckConstraint(
            "next_poll_at IS NULL OR state IN ('UPLOADED', 'ABANDONED')", name="ck_submissions_polled_states"
        ),
        sa.CheckConstraint(
            "job_id IS NOT NULL OR state IN ('INTENDED', 'REJECTED', 'IN_DOUBT', 'ABANDONED')",
            name="ck_submissions_job_is_named",
        ),
        sqlite_autoincrement=True,
    )
    _index("uq_submissions_live_work_key", "work_key", unique=True, where=_LIVE)
    _index("uq_submissions_job_id", "job_id", unique=True)
    _index("ix_submissions_next_poll_at", "next_poll_at", "submission_id", where=_POLLED)
    _index("ix_submissions_unsent", "submission_id", where=_UNSENT)
    _index("ix_submissions_latency", "judge_id", "content_type", "settled_at")


def _index(name: str, *columns: str, unique: bool = False, where: sa.TextClause | None = None) -> None:
    op.create_index(name, "submissions", list(columns), unique=unique, sqlite_where=where, postgresql_where=where)


def _make_upload_targets() -> None:
    op.create_table(
        "upload_targets",
        sa.Column(
            "submission_id",
            _ID,
            sa.ForeignKey("submissions.submission_id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_upload_targets_expires_at", "upload_targets", ["expires_at"])


def _make_payloads() -> None:
    op.create_table(
        "payloads",
        sa.Column("payload_id", _ID, primary_key=True, autoincrement=True),
        sa.Column("submission_id", _ID, sa.ForeignKey("submissions.submission_id"), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", _SHA256, nullable=False),
        sa.UniqueConstraint("job_id", "source", "sha256", name="uq_payloads_body"),
    )


def _make_inventory() -> None:
    op.create_table(
        "partitions",
        sa.Column("evaluation", sa.Text(), primary_key=True),
        sa.Column("partition", sa.Text(), primary_key=True),
        sa.Column("collected", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "inventory",
        sa.Column("evaluation", sa.Text(), primary_key=True),
        sa.Column("partition", sa.Text(), primary_key=True),
        sa.Column("content_key", _SHA256, primary_key=True),
        sa.Column("content_uri", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("fingerprint", sa.Text()),
        sa.Column("content_type", sa.Text()),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("work_key", _SHA256),
        sa.Column("error_code", sa.Text()),
        sa.Column("error", sa.Text()),
    )
    op.create_index("ix_inventory_work_key", "inventory", ["work_key", "evaluation", "partition"])
