"""Version 0002: uncollected partitions are found by index, so that a sensor's tick does not read all partitions.

Belongs here: the index. Does not: data; no row changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNCOLLECTED = sa.text("NOT collected")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_partitions_uncollected",
        "partitions",
        ["evaluation", "partition"],
        sqlite_where=_UNCOLLECTED,
        postgresql_where=_UNCOLLECTED,
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_partitions_uncollected", "partitions")
