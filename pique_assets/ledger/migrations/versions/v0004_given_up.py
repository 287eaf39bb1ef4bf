"""Version 0004: submissions that never end are given up, and partitions remember which run collects them.

Belongs here: the tables as this version changes them. SQLite can change neither a column nor a constraint, so there
`submissions` is written anew, in the transaction of the upgrade. Does not: data; no row changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pique_assets.ledger.migrations.versions.v0003_social_media import (
    CHECKS,
    index_what_has_not_ended,
    write_submissions_anew,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SHA256 = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_POLLED_STATES = "next_poll_at IS NULL OR state IN ('UPLOADED', 'ABANDONED', 'GIVEN_UP')"


def upgrade() -> None:
    """Change `submissions` and `partitions`."""
    if op.get_context().dialect.name == "sqlite":
        checks = {**CHECKS, "ck_submissions_polled_states": _POLLED_STATES}
        write_submissions_anew(sa.Column("empty_since", _MOMENT), checks=checks)
        index_what_has_not_ended()
    else:
        _change_submissions()
    for column in (
        sa.Column("postponed_until", _MOMENT),
        sa.Column("open_postponed_until", _MOMENT),
        sa.Column("collecting_run", sa.Text()),
        sa.Column("collecting_digest", _SHA256),
    ):
        op.add_column("partitions", column)


def downgrade() -> None:
    """Refuse: the version before has no place for what was given up."""
    raise NotImplementedError("version 0004 of the ledger cannot be undone; restore a backup instead")


def _change_submissions() -> None:
    op.add_column("submissions", sa.Column("empty_since", _MOMENT))
    op.drop_constraint("ck_submissions_polled_states", "submissions", type_="check")
    op.create_check_constraint("ck_submissions_polled_states", "submissions", _POLLED_STATES)
