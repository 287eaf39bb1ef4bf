"""Each wrong state of a Postgres server, its database or its user has a sentence of its own, and shows no secret."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from refusing_postgres import refusing_postgres

from pique_assets.ledger import InventoryItem, Ledger, LedgerUnavailable
from pique_assets.ledger.postgres_faults import postgres_advice

PASSWORD = "h@qz7xk/2%"
ITEM = InventoryItem(content_uri="file:///a", filename="a", error_code="empty", error="it is empty")

_users = itertools.count(1)


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def refusal(url: str) -> str:
    """The sentence with which a ledger is not opened; holds no part of the password."""
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open(url)
    said = "".join(traceback.format_exception(caught.value))
    assert not any(part in said for part in ("h@q", "qz7xk"))
    return str(caught.value)


@pytest.fixture
def user(postgres, postgres_url) -> Iterator[Callable[[str], str]]:
    """Makes a user who needs a password here; returns the URL by which it comes, with this password."""
    name = f"worker_{next(_users)}"
    execute(postgres_url, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    hba = Path(postgres.psql("SHOW hba_file;").strip().splitlines()[2].strip())
    before = hba.read_text()
    hba.write_text(f"local all {name} scram-sha-256\n{before}")
    execute(postgres_url, "SELECT pg_reload_conf()")
    yield lambda password: postgres_url.replace("//postgres:@", f"//{name}:{password}@", 1).replace(
        "//postgres@", f"//{name}:{password}@", 1
    )
    hba.write_text(before)
    execute(postgres_url, "SELECT pg_reload_conf()", f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_a_wrong_password(user):
    assert "refused the password" in refusal(user("h%40qz7xk"))
    assert "refused the password" in refusal(user("h@qz7xk%"))
    assert "asks for a password" in refusal(user(""))


def test_the_right_password_however_it_is_written(user, postgres_url):
    for spelling in (quote(PASSWORD, safe=""), PASSWORD):
        assert "lacks a right" in refusal(user(spelling))


def test_a_user_who_may_make_no_tables_and_then_may(user, postgres_url):
    url = user(quote(PASSWORD, safe=""))
    assert "GRANT CREATE" in refusal(url)
    execute(postgres_url, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    Ledger.open(url).close()


def test_a_user_who_may_read_but_not_write(user, postgres_url):
    Ledger.open(postgres_url).close()
    execute(postgres_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
    with Ledger.open(user(quote(PASSWORD, safe=""))) as ledger, pytest.raises(LedgerUnavailable, match="lacks a right"):
        ledger.record_inventory(evaluation="brand", partition="2026-03-02", items=[ITEM])


def test_a_user_nobody_made(postgres_url):
    assert "does not know this user" in refusal(postgres_url.replace("//postgres", "//nobody", 1))


def test_a_database_nobody_made(postgres_url):
    assert "the database does not exist" in refusal(postgres_url.replace("/ledger_", "/nobody_"))


def test_a_host_there_is_not():
    assert "there is no such host" in refusal(f"postgresql://me:{PASSWORD}@pique.invalid/db")


def test_a_port_nobody_listens_at():
    assert "nothing listens" in refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:1/db")


def test_a_socket_nobody_made(tmp_path):
    assert "no socket there" in refusal(f"postgresql://me:{PASSWORD}@/db?host={tmp_path}")


def test_a_read_only_server(postgres_url):
    name = sa.make_url(postgres_url).database
    execute(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only" in refusal(postgres_url)


def test_a_schema_nobody_made(postgres_url):
    assert "no schema of its search_path" in refusal(f"{postgres_url}&options=-csearch_path%3Dteam_a")


def test_tables_of_another_program(postgres_url):
    execute(postgres_url, "CREATE TABLE submissions (id int)")
    assert "is no ledger: another program has its tables there (submissions)" in refusal(postgres_url)
    # Beside others a ledger may live.
    execute(postgres_url, "ALTER TABLE submissions RENAME TO theirs")
    Ledger.open(postgres_url).close()


def test_a_table_that_was_dropped(postgres_url):
    with Ledger.open(postgres_url) as ledger:
        execute(postgres_url, "DROP TABLE submissions CASCADE")
        with pytest.raises(LedgerUnavailable, match="tables of it are missing"):
            ledger.find_job("job_1")


def test_a_newer_ledger(postgres_url):
    Ledger.open(postgres_url).close()
    execute(postgres_url, "UPDATE alembic_version SET version_num = '9999'")
    assert "a newer pique_assets wrote it" in refusal(postgres_url)


def test_a_database_that_cannot_hold_every_name(postgres_url):
    execute(postgres_url, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    latin = sa.make_url(postgres_url).set(database="latin").render_as_string(hide_password=False)
    try:
        assert "keeps text as LATIN1" in refusal(latin)
    finally:
        execute(postgres_url, "DROP DATABASE latin WITH (FORCE)")


def test_a_setting_that_the_server_does_not_know(postgres_url):
    assert "a setting of the URL's options" in refusal(f"{postgres_url}&options=-cno_such_setting%3D1")


@pytest.mark.parametrize(
    ("state", "message", "sentence"),
    [
        ("57P03", "the database system is starting up", "starting up"),
        ("57P03", "the database system is in recovery mode", "starting up"),
        ("57P03", "the database system is shutting down", "shutting down"),
        ("53300", "sorry, too many clients already", "no connection left"),
        (
            "53300",
            "remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "no connection left",
        ),
        ("53300", 'too many connections for role "me"', "no connection left"),
        (
            "28000",
            'no pg_hba.conf entry for host "10.0.0.9", user "me", database "db", no encryption',
            "add sslmode=require",
        ),
        (
            "28000",
            'no pg_hba.conf entry for host "10.0.0.9", user "me", database "db", SSL encryption',
            "pg_hba.conf",
        ),
        ("28P01", 'password authentication failed for user "me"', "refused the password"),
        ("3D000", 'database "db" does not exist', "the database does not exist"),
        ("08P01", "server login has been failing, try again later (server_login_retry)", "PgBouncer cannot reach"),
        ("08P01", "no such database: db", "the database does not exist"),
        ("08P01", "query_wait_timeout", "pool_mode = transaction"),
        ("08P01", "SSL required", "add sslmode=require"),
    ],
)
def test_a_login_that_is_refused(state, message, sentence):
    with refusing_postgres(state=state, message=message) as port:
        assert sentence in refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/db")


def test_an_encrypted_connection_that_the_server_has_not():
    with refusing_postgres(state="XX000", message="never said") as port:
        assert "the server has none" in refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/db?sslmode=require")


def test_words_that_a_row_quotes_do_not_decide():
    """A server that answered a statement is read by its state alone."""
    said = 'permission denied for table "connection refused"'
    assert "lacks a right" in postgres_advice(state="42501", said=said)
