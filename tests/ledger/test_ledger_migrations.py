"""Opening: tables as the code wants them, several processes at once, and ledgers of another version."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pique_assets.ledger import Ledger, LedgerUnavailable
from pique_assets.ledger.migrations import HEAD
from pique_assets.ledger.tables import metadata


def _head() -> str | None:
    config = Config()
    config.set_main_option("script_location", "pique_assets.ledger:migrations")
    return ScriptDirectory.from_config(config).get_current_head()


def test_the_migrations_make_the_tables_that_the_code_declares(empty_url):
    with Ledger.open(empty_url) as ledger, ledger._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            stored = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert stored == {column.name: column.nullable for column in table.columns}
            checks = {check["name"] for check in inspector.get_check_constraints(table.name)}
            assert checks == {
                constraint.name for constraint in table.constraints if isinstance(constraint, sa.CheckConstraint)
            }


def test_the_head_that_the_code_names_is_the_last_version():
    assert _head() == HEAD


def test_opening_again_changes_nothing_and_does_not_load_alembic(empty_url):
    with Ledger.open(empty_url):
        pass
    code = (
        "import sys; from pique_assets.ledger import Ledger; Ledger.open(sys.argv[1]).close(); "
        "print([name for name in ('alembic', 'pandas', 'dagster', 'httpx') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, empty_url], capture_output=True, text=True, timeout=300, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_many_may_open_a_new_ledger_at_once(empty_url):
    def visit(_: int) -> int:
        with Ledger.open(empty_url) as ledger:
            return ledger.progress(evaluation="brand", partition="2026-03-02").total

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(visit, range(8))) == [0] * 8


def test_several_processes_may_open_a_new_ledger_at_once(empty_url):
    code = (
        "import sys; import alembic.command; from pique_assets.ledger import Ledger; sys.stdin.readline(); "
        "print(Ledger.open(sys.argv[1]).uncollected_partitions())"
    )
    visitors = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for visitor in visitors:
        visitor.stdin.write("go\n")
        visitor.stdin.flush()
    assert [visitor.communicate(timeout=300) for visitor in visitors] == [("[]\n", "")] * 3


def test_a_ledger_of_a_newer_release_is_refused(empty_url):
    with Ledger.open(empty_url) as ledger, ledger._database.long_write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnavailable, match=r"9999.*upgrade"):
        Ledger.open(empty_url)


def test_a_migration_that_fails_leaves_no_half_made_ledger(sqlite_url, tmp_path):
    engine = sa.create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE payloads (somebody_elses INTEGER)"))
    with pytest.raises(LedgerUnavailable, match="payloads"):
        Ledger.open(sqlite_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["payloads"]
    engine.dispose()
