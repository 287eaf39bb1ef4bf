"""A ledger's URL: a file's path is never parsed, and what a Postgres URL says is honoured or refused."""

from __future__ import annotations

import sqlite3
import traceback

import pytest
import sqlalchemy as sa

from pique_assets.ledger import Ledger, LedgerUnavailable
from pique_assets.ledger.address import ledger_address, ledger_file


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    "name",
    ["ads? round 1", "50% off", "a%20b", "week #3", "a&b=c", "q?x=1/deeper", "[1] * 2", "a::b", "été 日本", "a;b"],
)
def test_a_path_is_taken_as_it_is_written(tmp_path, name):
    path = tmp_path / name / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert str(path) in repr(ledger)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
    assert ledger_file(f"sqlite:///{path}") == path


def test_two_folders_that_differ_behind_a_question_mark_are_two_ledgers(tmp_path, clock, story_of):
    for name in ("ads? round 1", "ads? round 2"):
        with Ledger.open(f"sqlite:///{tmp_path / name}/ledger.db", clock=clock) as ledger:
            assert ledger.attempts(work_key=story_of(ledger).key("a")) == []
            story_of(ledger).intended("a")


@pytest.mark.parametrize("url", ["sqlite+pysqlite:///{path}", "SQLite:///{path}", " sqlite:///{path}\n"])
def test_other_spellings_name_the_same_file(tmp_path, url):
    path = tmp_path / "ledger.db"
    with Ledger.open(url.format(path=path)):
        assert path.is_file()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:///ledger.db?timeout=5", "option 'timeout'"),
        ("sqlite:///ledger.db?mode=ro&uri=true", "option 'mode'"),
        ("sqlite:///file:ledger.db", "file:"),
        ("sqlite://ledger.db", "three slashes"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite+pysqlcipher:///ledger.db", "sqlite:///path"),
        ("sqlite+aiosqlite:///ledger.db", "sqlite:///path"),
        ("ledger.db", "sqlite:///path"),
        ("postgresql+asyncpg://u:hunter2@host/db", "driver 'asyncpg'"),
        ("postgresql+pg8000://u:hunter2@host/db", "driver 'pg8000'"),
        ("postgresql://u:hunter2@host/db?pool_size=5", "option 'pool_size'"),
        ("postgresql://u:hunter2@host/db?sslmode=require&sslmode=disable", "'sslmode' twice"),
        ("postgresql://u:hunter2@host/db?sslmode", "name=value"),
        ("postgresql://u:hunter2@host/db?prepare_threshold=often", "prepare_threshold"),
        ("postgresql://u:hun?ter2@host/db", "percent-encode"),
        ("postgresql://u:1?hunter2=x@host/db", "percent-encode"),
        ("postgresql://u:1?hunter=2@host/db", "percent-encode"),
        ("postgresql://u:1?hunter=2&hunter=3@host/db", "an option twice"),
        ("postgresql://u:hunter2@host:port/db", "percent-encode"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_a_sentence(url, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=why) as caught:
        Ledger.open(url)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("p%40ss%25word", "p@ss%word"),
        ("p@ss%word", "p@ss%word"),
        ("p@ss/w:rd", "p@ss/w:rd"),
        ("p%2Fss%3Fw%23rd", "p/ss?w#rd"),
        ("p+ss%2Bword", "p+ss+word"),
        ("100%", "100%"),
    ],
)
def test_a_password_is_read_whole_however_it_is_written(text, password):
    address = ledger_address(f"postgresql://me:{text}@127.0.0.1:1/nowhere")
    assert address.parameters["password"] == password
    assert (address.parameters["user"], address.parameters["host"]) == ("me", "127.0.0.1")
    assert address.location == "ledger postgresql://me@127.0.0.1:1/nowhere"
    assert password not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:h@nter2%w@127.0.0.1:1/nowhere",
        "postgresql://me:h%40nter2%25w@127.0.0.1:1/nowhere",
        "postgresql://me@127.0.0.1:1/nowhere?password=h%40nter2%25w",
        "postgresql://me@127.0.0.1:1/nowhere?password=h@nter2%w",
    ],
)
def test_no_part_of_a_password_is_shown(url):
    with pytest.raises(LedgerUnavailable, match="nothing listens") as caught:
        Ledger.open(url)
    said = "".join(traceback.format_exception(caught.value))
    assert not any(part in said for part in ("h@", "nter2", "%w", "%25w", "%40"))


def test_a_driver_that_repeats_a_password_is_silenced():
    """Here as the name of a file that libpq does not find."""
    url = "postgresql://me:hunter%402@127.0.0.1:1/nowhere?sslmode=verify-full&sslrootcert=/hunter@2&sslcrl=hunter%25402"
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open(url)
    assert "hunter" not in str(caught.value)


def parameters(query: str, *, before: str = "me@host/db") -> dict[str, str]:
    return dict(ledger_address(f"postgresql://{before}?{query}").parameters)


def test_every_option_of_libpq_reaches_it():
    assert parameters("sslmode=require&connect_timeout=3&application_name=a%20b&target_session_attrs=read-write") == {
        "user": "me",
        "host": "host",
        "dbname": "db",
        "sslmode": "require",
        "connect_timeout": "3",
        "application_name": "a b",
        "target_session_attrs": "read-write",
    }
    assert parameters("ssl=true")["sslmode"] == "require"


@pytest.mark.parametrize(
    "options", ["endpoint%3Dep-cool-1", "endpoint=ep-cool-1", "-c%20search_path%3Da+endpoint=ep-cool-1"]
)
def test_the_endpoint_of_neon_is_sent_at_the_start(options):
    assert parameters(f"options={options}&sslmode=require")["options"] == "endpoint=ep-cool-1"


@pytest.mark.parametrize(
    "options", ["-csearch_path%3Dteam_a", "-c%20search_path%3Dteam_a", "-c+search_path=team_a", "--search-path=team_a"]
)
def test_a_search_path_is_set_by_each_transaction(options):
    address = ledger_address(f"postgresql://me@host/db?options={options}")
    assert address.settings == {"search_path": "team_a"}
    assert "options" not in address.parameters
    assert address.location == "ledger postgresql://me@host/db (search_path team_a)"


def test_several_hosts_and_a_socket_are_hosts_of_libpq():
    several = ledger_address("postgresql://me@a:1,[::1],b:3/db")
    assert (several.parameters["host"], several.parameters["port"]) == ("a,::1,b", "1,,3")
    assert several.location == "ledger postgresql://me@a:1,[::1],b:3/db"
    for url in ("postgresql:///db?host=/run/pg", "postgresql://%2Frun%2Fpg/db"):
        assert dict(ledger_address(url).parameters) == {"host": "/run/pg", "dbname": "db"}
        assert ledger_address(url).location == "ledger postgresql:///db (socket /run/pg)"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg", "postgresql+psycopg2", "PostgreSQL"])
def test_spellings_of_one_driver_open_the_ledger(postgres_url, scheme):
    with Ledger.open(postgres_url.replace("postgresql", scheme, 1)) as ledger:
        assert ledger.uncollected_partitions() == []


def test_the_server_is_told_what_the_url_says(postgres_url):
    options = "-c%20search_path%3Dteam_a,public%20-c%20work_mem%3D1234kB%20-cstatement_timeout%3D45s"
    execute(postgres_url, "CREATE SCHEMA team_a")
    with Ledger.open(f"{postgres_url}&options={options}&application_name=night%20run", busy_timeout_s=7) as ledger:
        names = ("search_path", "work_mem", "statement_timeout", "application_name", "lock_timeout")
        with ledger._database.read() as connection:
            shown = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
            tables = connection.exec_driver_sql("SELECT schemaname FROM pg_tables WHERE tablename = 'submissions'")
            assert tables.scalars().all() == ["team_a"]
    assert shown == ["team_a,public", "1234kB", "45s", "night run", "7s"]


def test_two_search_paths_of_one_database_are_two_ledgers(postgres_url, clock, story_of):
    execute(postgres_url, "CREATE SCHEMA team_a", "CREATE SCHEMA team_b")
    for team in ("team_a", "team_b"):
        with Ledger.open(f"{postgres_url}&options=-csearch_path%3D{team}", clock=clock) as ledger:
            story_of(ledger).intended("a")
            assert story_of(ledger).state("a") == ["INTENDED"]


def test_a_file_of_another_program_is_left_alone(sqlite_url, tmp_path):
    other = sqlite3.connect(tmp_path / "ledger.db")
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    content = (tmp_path / "ledger.db").read_bytes()
    with pytest.raises(LedgerUnavailable, match=r"is no ledger: another program has its tables there \(bookmarks\)"):
        Ledger.open(sqlite_url)
    left = sqlite3.connect(tmp_path / "ledger.db")
    assert left.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    left.close()
    assert len((tmp_path / "ledger.db").read_bytes()) == len(content)


@pytest.mark.parametrize("versions", [["27b5c0e"], ["0001", "0002"]])
def test_tables_that_another_program_migrates_are_left_alone(empty_url, versions):
    execute(
        empty_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        *(f"INSERT INTO alembic_version VALUES ('{version}')" for version in versions),
    )
    with pytest.raises(LedgerUnavailable, match="is no ledger: another program keeps its tables there"):
        Ledger.open(empty_url)
    execute(empty_url, "DROP TABLE alembic_version")
    Ledger.open(empty_url).close()
