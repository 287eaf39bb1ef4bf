"""How an older ledger becomes a newer one: alembic's environment and the versions.

Belongs here: one file per version in `versions/`, and the rule to run them. Does not: the tables as they
are now (`pique_assets.ledger.tables`). To add a version: change the tables, write
``versions/vNNNN_subject.py`` by hand, and set `HEAD`; the tests compare the result with the tables on both
databases.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from pique_assets.ledger.errors import LedgerUnavailable
from pique_assets.ledger.postgres_faults import NO_SCHEMA
from pique_assets.ledger.tables import metadata

if TYPE_CHECKING:
    from pique_assets.ledger.database import Database

HEAD = "0006"
"""The version this code works with."""

_OURS: Final = re.compile(r"[0-9]{4}")
_ELSEWHERE: Final = {
    True: "point the ledger's URL to a file of its own",
    False: "give the ledger a database, or a schema by options=-csearch_path%3D..., of its own",
}
"""By whether the ledger is a file."""

_ADVISORY_LOCK = 0x7069717565  # "pique" in ASCII: any number will do, if it is always the same.


def is_ledger(database: Database) -> bool:
    """Whether tables of a ledger are there, of whatever version.

    Raises:
        LedgerUnavailable: the database cannot be read.
    """
    with database.read() as connection:
        return _version(connection) is not None


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
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        _require_ledger(database, connection, known=known)
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _require_ledger(database: Database, connection: sa.Connection, *, known: Collection[str]) -> None:
    """Refuse to make tables among those of another program, and to guess at those of a newer release."""
    found = _version(connection)
    if found is None:
        _require_room(database, connection)
    elif not _OURS.fullmatch(found):
        raise LedgerUnavailable(
            f"{database.location} is no ledger: another program keeps its tables there (their version is {found!r}); "
            f"{_ELSEWHERE[database.is_sqlite]}"
        )
    elif found not in known:
        raise LedgerUnavailable(
            f"{database.location} has version {found}, which this release does not know: "
            "a newer pique_assets wrote it; upgrade this one"
        )


def _require_room(database: Database, connection: sa.Connection) -> None:
    tables = set(sa.inspect(connection).get_table_names(schema=_schema(database, connection)))
    # A database may be shared, in a file of its own there is nothing else.
    in_the_way = sorted(tables if database.is_sqlite else tables & metadata.tables.keys())
    if in_the_way:
        raise LedgerUnavailable(
            f"{database.location} is no ledger: another program has its tables there ({', '.join(in_the_way[:5])}); "
            f"{_ELSEWHERE[database.is_sqlite]}"
        )
    if not database.is_sqlite:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise LedgerUnavailable(
                f"{database.location} keeps text as {encoding}, which not every file name fits: make the database "
                "anew, with ENCODING 'UTF8' TEMPLATE template0"
            )


def _schema(database: Database, connection: sa.Connection) -> str | None:
    """Where tables are made: SQLAlchemy knows only where they were made when the process began."""
    if database.is_sqlite:
        return None
    found: str | None = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    if found is None:
        raise LedgerUnavailable(f"{database.location} is unavailable: {NO_SCHEMA}")
    return found


def _version(connection: sa.Connection) -> str | None:
    """The version of the tables; None where there are none. Another program's may be anything."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()
    return ", ".join(found) or None
