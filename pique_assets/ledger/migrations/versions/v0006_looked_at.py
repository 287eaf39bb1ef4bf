"""Version 0006: partitions remember when a sensor last looked at them.

Belongs here: the column. Does not: data; a partition without a time was never looked at, and is the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("partitions", sa.Column("looked_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("partitions", "looked_at")
