"""No secret is left in a Postgres ledger, and its own password is nowhere."""

from __future__ import annotations

import traceback

import dagster as dg
import pytest
import sqlalchemy as sa

from pique_assets.ledger import LedgerUnavailable
from pique_assets.resources import LedgerResource

DATE = "2026-03-02"
FROM_ENVIRONMENT = LedgerResource(url=dg.EnvVar("PIQUE_LEDGER_URL"))


def everything_in(url: str) -> str:
    """Each row of each table, as text."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        rows = [row for table in tables for row in connection.execute(sa.text(f'SELECT t::text, t.* FROM "{table}" t'))]
    engine.dispose()
    assert {"submissions", "payloads", "upload_targets"} <= set(tables)
    values = [bytes(value) if isinstance(value, memoryview) else value for row in rows for value in row]
    return "\n".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values)


def run(graph, **options):
    return graph.defs.resolve_job_def("brand_videos_everything").execute_in_process(
        instance=graph.instance,
        partition_key=DATE,
        run_config={"loggers": {"console": {"config": {"log_level": "DEBUG"}}}},
        **options,
    )


@pytest.mark.slow
def test_a_full_run_leaves_no_secret_in_a_postgres_ledger(
    new_graph, canaries, postgres_url, debug_log, instance, tmp_path, capfd
):
    assert run(new_graph(ledger=FROM_ENVIRONMENT)).success
    assert len(canaries.signatures) == 3
    stored = everything_in(postgres_url)
    assert "COMPLETED" in stored
    canaries.assert_silent(stored)
    # Not even one that was not handed out in this process.
    assert "X-Goog-Signature" not in stored
    log = debug_log.read_text()
    assert "INSERT INTO" in log
    canaries.assert_silent(log)
    shown = capfd.readouterr()
    canaries.assert_silent(shown.out + shown.err)
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}
    assert canaries.leaks_below(tmp_path / "home") == {}


@pytest.mark.slow
def test_a_postgres_that_is_not_there_does_not_show_its_password(new_graph, canaries, debug_log, tmp_path, monkeypatch):
    monkeypatch.setenv("PIQUE_LEDGER_URL", f"postgresql://user:{canaries.database_password}@127.0.0.1:1/ledger")
    with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1:1/ledger") as caught:
        run(new_graph(ledger=FROM_ENVIRONMENT), raise_on_error=True)
    # Variables of the database's own libraries hold it: they are not printed by anything here, nor by Dagster.
    canaries.assert_silent("".join(traceback.format_exception(caught.value)) + repr(caught.value))
    canaries.assert_silent(debug_log.read_text())
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}
