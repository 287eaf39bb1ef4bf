"""One running local Pique: its folder locked, its socket bound, its tasks started and stopped together.

Belongs here: the order of beginning and end. Does not: what the parts do.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from pique_assets.local.app import create_app
from pique_assets.local.database import LocalDatabase
from pique_assets.local.download_pool import Downloader
from pique_assets.local.evaluation_pool import Evaluator
from pique_assets.local.job_store import JobStore
from pique_assets.local.judges import JudgeStore, StoredJudge
from pique_assets.local.private_files import make_private_folder, take_from_others
from pique_assets.local.process import LOCK_FILE, PORT_FILE
from pique_assets.local.references import References
from pique_assets.local.secret_files import SECRET_FILES, load_secrets
from pique_assets.local.service import Service
from pique_assets.local.settings import HOST, Settings
from pique_assets.local.storage import StorageRoute
from pique_assets.local.webhook_outbox import WebhookOutbox
from pique_assets.local.webhook_sender import WebhookSender

LOCK_PATIENCE_S = 3.0
"""How long a start waits for the last server of the same data_dir to be gone."""

PARENT_LOOK_INTERVAL_S = 0.25


class DataDirInUse(Exception):
    """Another local Pique serves this data_dir."""


class PortUnusable(Exception):
    """The server can't listen at the wanted port; the text says why and names another port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyServer:
    """A server that answers, as whoever started it may be told; the key is for clients here.

    Attributes:
        judges: Those of the seed file.
    """

    base_url: str
    data_dir: Path
    judges: tuple[StoredJudge, ...]
    api_key: str = field(repr=False)


def run(
    settings: Settings,
    *,
    seed_judges: Path | None,
    parent_pid: int | None,
    environment: Mapping[str, str],
    on_ready: Callable[[ReadyServer], None],
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the parent process.

    Args:
        settings: How to serve.
        seed_judges: Seed file of judges, read at every start.
        parent_pid: Process whose death ends the server, its direct parent; None to outlive it.
        environment: Where given secrets are looked for.
        on_ready: Called once, when the server answers.

    Raises:
        DataDirInUse: Another server holds the folder.
        PortUnusable: The port is taken, or not for this user.
        OSError: The folder cannot be used.
        ValueError: The seed file or the database cannot be read.
    """
    # Everything made here, by this process or its workers, is its user's alone: content, keys, results, logs.
    os.umask(0o077)
    _make_folders(settings)
    take_from_others(_own_files(settings))
    with _locked(settings.data_dir), _bound_socket(settings) as listener:
        database = LocalDatabase.open(settings.database_path)
        try:
            asyncio.run(
                _serve(
                    settings,
                    database=database,
                    listener=listener,
                    seed_judges=seed_judges,
                    parent_pid=parent_pid,
                    environment=environment,
                    on_ready=on_ready,
                )
            )
        finally:
            database.close()


async def _serve(
    settings: Settings,
    *,
    database: LocalDatabase,
    listener: socket.socket,
    seed_judges: Path | None,
    parent_pid: int | None,
    environment: Mapping[str, str],
    on_ready: Callable[[ReadyServer], None],
) -> None:
    base_url = f"http://{HOST}:{listener.getsockname()[1]}"
    secret_values = load_secrets(settings.data_dir, environment=environment)
    references = References(uploaded=settings.reference_dir, buckets=settings.references)
    judges, jobs = JudgeStore(database, find_reference=references.file), JobStore(database)
    judges.look_again()
    seeded = judges.seed(seed_judges) if seed_judges else []
    webhooks = WebhookSender(WebhookOutbox(database), settings=settings, secret=secret_values.webhook_secret)
    evaluator = Evaluator(jobs=jobs, judges=judges, references=references, settings=settings, on_finished=webhooks.wake)
    downloader = Downloader(jobs=jobs, settings=settings, on_content=evaluator.wake, on_failed=webhooks.wake)
    service = Service(
        settings=settings,
        secret_values=secret_values,
        base_url=settings.public_url or base_url,
        judges=judges,
        jobs=jobs,
        evaluator=evaluator,
        downloader=downloader,
    )
    storage = StorageRoute(
        upload_dir=settings.upload_dir,
        key=secret_values.signing_key.public_key(),
        find_target=service.find_target,
    )
    ready = ReadyServer(
        base_url=base_url, data_dir=settings.data_dir, judges=tuple(seeded), api_key=secret_values.api_key
    )
    server = _Server(create_app(service, storage, api_key=secret_values.api_key), on_ready=lambda: on_ready(ready))
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(room.run()) for room in (evaluator, downloader, webhooks)]
        if parent_pid is not None:
            background.append(group.create_task(_stop_without_parent(server, parent_pid)))
        await server.serve(sockets=[listener])
        for task in background:
            task.cancel()


class _Server(uvicorn.Server):
    """Uvicorn that tells when it is ready, and leaves signals to us, who have more to end than it."""

    def __init__(self, app: Starlette, *, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # Named, so that the server is the same wherever faster alternatives happen to be installed.
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                # An access log would hold the query of signed URLs.
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def _stop(self) -> None:
        self.should_exit = True


async def _stop_without_parent(server: uvicorn.Server, parent_pid: int) -> None:
    """End the server soon after its parent process."""
    # Looked at rather than signalled: Linux's signal would already come when the thread that started us ends.
    while os.getppid() == parent_pid:
        await asyncio.sleep(PARENT_LOOK_INTERVAL_S)
    server.should_exit = True


def _make_folders(settings: Settings) -> None:
    make_private_folder(settings.data_dir)
    settings.content_dir.mkdir(exist_ok=True)
    settings.reference_dir.mkdir(exist_ok=True)


def _own_files(settings: Settings) -> Iterator[Path]:
    """What a server keeps in its folder, in which other things may lie too."""
    database = settings.database_path
    yield from (database, *(database.with_name(f"{database.name}{suffix}") for suffix in ("-wal", "-shm")))
    yield from (settings.data_dir / name for name in (LOCK_FILE, PORT_FILE, *SECRET_FILES))
    for folder in (settings.content_dir, settings.reference_dir):
        yield folder
        yield from folder.iterdir()


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with (data_dir / LOCK_FILE).open("a") as file:
        give_up = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise DataDirInUse(
                        f"another local Pique runs with data_dir {data_dir}: stop it, or use another data_dir"
                    ) from None
                time.sleep(0.05)
        yield


@contextmanager
def _bound_socket(settings: Settings) -> Iterator[socket.socket]:
    """Listen on the wanted port; for port 0, on that of the last start if nobody took it meanwhile."""
    port_file = settings.data_dir / PORT_FILE
    last = port_file.read_text().strip() if settings.port == 0 and port_file.exists() else ""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wanted = int(last) if last.isdigit() else settings.port
        try:
            listener.bind((HOST, wanted))
        except OSError as error:
            if not last:
                raise PortUnusable(_why_unusable(wanted, error)) from None
            print(
                f"port {last} of the last start is taken; upload URLs made before will not work",
                file=sys.stderr,
            )
            listener.bind((HOST, 0))
        listener.listen(128)
        port_file.write_text(str(listener.getsockname()[1]))
        for folder in (settings.upload_dir, settings.download_dir):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield listener


def _why_unusable(port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"can't listen at port {port} of {HOST}: {error.strerror}; name a port from 1024 to 65535, or 0"
    return f"port {port} of {HOST} is in use by another program: name another, such as {_free_port()}, or 0"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
