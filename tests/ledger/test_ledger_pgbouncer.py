"""A ledger behind a real PgBouncer that gives each transaction another connection to the server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from pique_assets.ledger import Ledger, LedgerUnavailable

# Debian keeps it where only root looks.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer here: install Debian's package")

_WORKERS = 6

_CONFIGURATION = """
[databases]
{database} = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users.txt
pool_mode = {pool_mode}
default_pool_size = {pool_size}
query_wait_timeout = {patience_s}
server_tls_sslmode = disable
"""


@contextmanager
def bouncing(
    postgres_url: str, *, pool_mode: str, pool_size: int, patience_s: int = 120, more: str = ""
) -> Iterator[str]:
    """The URL of the database through a PgBouncer."""
    url = sa.make_url(postgres_url)
    folder = Path(tempfile.mkdtemp(prefix="pique_pgb_"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = url.query["host"]
    assert isinstance(host, str)
    settings = _CONFIGURATION.format(
        database=url.database, host=host, port=port, folder=folder, pool_mode=pool_mode, pool_size=pool_size,
        patience_s=patience_s,
    )  # fmt: skip
    (folder / "pgbouncer.ini").write_text(settings + more)
    (folder / "users.txt").write_text('"postgres" ""\n')
    folder.chmod(0o755)
    # It refuses to run as root; the user of the server may enter the server's folder.
    owner = pwd.getpwuid(Path(host).stat().st_uid).pw_name
    as_user = ["-u", owner] if os.geteuid() == 0 else []
    assert PGBOUNCER is not None
    process = subprocess.Popen(
        [PGBOUNCER, *as_user, str(folder / "pgbouncer.ini")], stderr=subprocess.PIPE, text=True, cwd=folder
    )
    log = process.stderr
    assert log is not None
    # Its log goes on after the start, and a full pipe would stop it.
    reader = threading.Thread(target=log.read)
    try:
        assert any("process up" in line for line in log)
        reader.start()
        yield f"postgresql://postgres@127.0.0.1:{port}/{url.database}?sslmode=disable"
    finally:
        process.terminate()
        process.wait()
        if reader.ident is not None:
            reader.join()
        log.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options\n"])
def test_a_ledger_works_behind_a_pooler_of_transactions(postgres_url, clock, story_of, more):
    with (
        bouncing(postgres_url, pool_mode="transaction", pool_size=2, more=more) as url,
        Ledger.open(url, clock=clock) as ledger,
    ):
        story = story_of(ledger)
        # More often than psycopg sends a statement before it would prepare it.
        for step in range(8):
            story.take_inventory(story.item(f"a{step}"))
            story.completed(f"a{step}")
            assert story.state(f"a{step}") == ["COMPLETED"]


def test_many_connections_share_few_behind_it(postgres_url, clock):
    with (
        bouncing(postgres_url, pool_mode="transaction", pool_size=2) as url,
        Ledger.open(url, clock=clock) as ledger,
    ):
        wrong: list[BaseException] = []

        def reading() -> None:
            try:
                for _ in range(40):
                    ledger.has_due(now=clock.now)
                    ledger.next_uncollected(at_most=25)
                    ledger.record_inventory(evaluation="brand", partition="p", items=[])
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=reading) for _ in range(_WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_search_path_and_lock_timeout_hold_behind_it(postgres_url, clock, story_of):
    engine = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA team_a"))
    with (
        bouncing(postgres_url, pool_mode="transaction", pool_size=3) as url,
        Ledger.open(f"{url}&options=-csearch_path%3Dteam_a", clock=clock, busy_timeout_s=0.1) as ledger,
    ):
        lease = story_of(ledger).prepared()
        with ledger._database.read() as other:
            other.execute(sa.text("SELECT * FROM submissions FOR UPDATE"))
            with pytest.raises(LedgerUnavailable, match="another session kept a lock"):
                ledger.record_upload_started(lease)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names(schema="public") == []
        assert "submissions" in sa.inspect(connection).get_table_names(schema="team_a")
    engine.dispose()


def test_an_option_that_pgbouncer_does_not_pass_on_is_refused_by_a_sentence(postgres_url):
    with (
        bouncing(postgres_url, pool_mode="transaction", pool_size=2) as url,
        pytest.raises(LedgerUnavailable, match="PgBouncer passes none of the URL's options on"),
    ):
        Ledger.open(f"{url}&options=-cwork_mem%3D1MB")


def test_a_pooler_without_a_free_connection_says_what_to_change(postgres_url):
    with (
        bouncing(postgres_url, pool_mode="session", pool_size=1, patience_s=1) as url,
        Ledger.open(url) as first,
        first._database.read() as connection,
    ):
        connection.execute(sa.text("SELECT 1"))
        with pytest.raises(LedgerUnavailable, match="set pool_mode = transaction"):
            Ledger.open(url)
