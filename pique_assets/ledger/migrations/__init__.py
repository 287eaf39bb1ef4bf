"""How an older ledger becomes a newer one: alembic's environment and the versions.

Belongs here: one file per version in `versions/`, and the rule to run them. Does not: the tables as they
are now (`pique_assets.ledger.tables`). To add a version: change the tables, write
``versions/vNNNN_subject.py`` by hand, and set `HEAD`; the tests compare the result with the tables on both
databases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from pique_assets.ledger.errors import LedgerUnavailable

if TYPE_CHECKING:
    from pique_assets.ledger.database import Database

HEAD = "0004"
"""The version this code works with."""

_ADVISORY_LOCK = 0x7069717565  # "pique" in ASCII: any number will do, if it is always the same.


def bring_up_to_date(database: Database) -> None:
    """Create or upgrade the tables, in one transaction; several processes may do so at once.

    Raises:
        LedgerUnavailable: the ledger was written by a newer version of this package, or cannot be changed.
    """
    with database.read() as connection:
        if _version(connection) == HEAD:
            return
    # Imported late: alembic costs more than all the rest, and a ledger is made once.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "pique_assets.ledger:migrations")
    with database.upgrade() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        found = _version(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise LedgerUnavailable(
                f"{database.location} has version {found}, which this release does not know: "
                "a newer pique_assets wrote it; upgrade this one"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
