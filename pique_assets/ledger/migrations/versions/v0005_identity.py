"""Version 0005: which Pique a ledger belongs to, what its evaluations are declared for, what of a lake it knows.

Belongs here: the three tables. Does not: data, but for one row: a ledger that has submissions already was made for a
Pique that nobody recorded, and a person has to say which.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SHA256 = sa.String(64)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "owner",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("pique", sa.Text()),
        sa.CheckConstraint("id = 1", name="ck_owner_is_one"),
    )
    op.create_table(
        "declarations",
        sa.Column("evaluation", sa.Text(), primary_key=True),
        sa.Column("judge_id", sa.Text(), nullable=False),
        sa.Column("media", sa.Text()),
        sa.Column("social", sa.Text()),
    )
    op.create_table(
        "known_lake_files",
        sa.Column("file_key", _SHA256, primary_key=True),
        sa.Column("version", _SHA256, nullable=False),
    )
    op.execute("INSERT INTO owner (id, pique) SELECT 1, NULL WHERE EXISTS (SELECT 1 FROM submissions)")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("known_lake_files")
    op.drop_table("declarations")
    op.drop_table("owner")
