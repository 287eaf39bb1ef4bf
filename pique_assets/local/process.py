"""A local Pique as a child process, for as long as a ``with`` block lasts.

Belongs here: starting and stopping a whole server from outside, with the standard library only, so that a caller pays
for none of the server's imports. Does not: the processes that the server itself starts (`child_process`).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypedDict, Unpack

from pique_assets.local.private_files import make_private_folder, open_private

DEMO_JUDGES = Path(__file__).with_name("demo_judges.json")
"""Seed file of two judges, `judge_demo_videos` and `judge_demo_images`, for a first try."""

COMPLAINT = "local Pique: "
"""What the one line begins with that says why a server did not start."""

LOG_FILE, LOCK_FILE, PORT_FILE, API_KEY_FILE = "server.log", "lock", "port", "api_key"
STOP_PATIENCE_S = 5.0


class LocalPiqueFailed(Exception):
    """The local Pique did not start; the text has the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPiqueProcess:
    """A running local Pique; its secrets are for clients and webhook receivers here, and never printed."""

    base_url: str
    data_dir: Path
    pid: int
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


class LocalPiqueOptions(TypedDict, total=False):
    """How a local Pique behaves, as the options of its command; what is left out or None is the server's default.

    Attributes:
        seed_judges: Seed file of judges.
        references: Folder with reference content, as ``<bucket>/<object>``.
        workers: Evaluation processes.
        evaluation_deadline_s: Seconds an evaluation may take.
        upload_url_life_s: Seconds an upload URL is good for.
        downloads: Download processes, for social-media jobs.
        download_deadline_s: Seconds a download may take.
        max_download_bytes: Largest video that is downloaded.
        social_allow_hosts: ``address:port`` of hosts that social-media videos may be downloaded from although they are
            not public, for tests.
        webhook_retry_base_s: Seconds before the first retry of a webhook.
    """

    seed_judges: Path | None
    references: Path | None
    workers: int
    evaluation_deadline_s: float | None
    upload_url_life_s: int | None
    downloads: int | None
    download_deadline_s: float | None
    max_download_bytes: int | None
    social_allow_hosts: Sequence[str]
    webhook_retry_base_s: float | None


@contextmanager
def running_local_pique(
    *,
    data_dir: Path,
    port: int = 0,
    public_url: str | None = None,
    webhook_url: str | None = None,
    start_patience_s: float = 120.0,
    **options: Unpack[LocalPiqueOptions],
) -> Iterator[LocalPiqueProcess]:
    """Start a local Pique, wait until it answers, and stop it at the end of the block.

    It runs in a session of its own, so that Ctrl-C reaches the caller first and the caller stops it in order;
    it also stops by itself soon after the calling process dies, however that happens. Its log is
    ``data_dir/server.log``.

    Args:
        data_dir: Folder with all state; the same folder again continues where the last server stopped.
        port: 0 takes the port of the last start when it is free, else any free one.
        public_url: What upload URLs begin with, when clients come through a proxy.
        webhook_url: The organisation's webhook.
        start_patience_s: Seconds the start may take.
        options: See `LocalPiqueOptions`.

    Raises:
        LocalPiqueFailed: It ended instead of becoming ready, or was not ready in time.
    """
    command = [sys.executable, "-P", "-m", "pique_assets.local", "--data-dir", str(data_dir), "--port", str(port)]
    for host in options.pop("social_allow_hosts", ()):
        command += ["--social-allow-host", host]
    given = {**options, "public_url": public_url, "webhook_url": webhook_url, "parent_pid": os.getpid()}
    for name, value in given.items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    make_private_folder(data_dir)
    log_path = data_dir / LOG_FILE
    with open_private(log_path) as log:
        begins = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    try:
        assert process.stdout is not None
        ready = json.loads(_first_line(process.stdout, patience_s=start_patience_s, log_path=log_path, begins=begins))
        yield LocalPiqueProcess(
            base_url=ready["base_url"],
            data_dir=data_dir,
            pid=process.pid,
            api_key=(data_dir / API_KEY_FILE).read_text(encoding="utf-8").strip(),
            webhook_secret=(data_dir / "webhook_secret").read_text(encoding="utf-8").strip(),
        )
    finally:
        _stop(process)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFolder:
    """Where the server of a folder listens, and its key."""

    port: int
    api_key: str = field(repr=False)


def served_folder(data_dir: Path) -> ServedFolder | None:
    """The server that runs with this folder, whoever started it; None where none does.

    Raises:
        OSError: The folder can't be read.
    """
    try:
        with (data_dir / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        port, api_key = ((data_dir / name).read_text(encoding="utf-8").strip() for name in (PORT_FILE, API_KEY_FILE))
        return ServedFolder(port=int(port), api_key=api_key)
    return None


def _first_line(output: IO[bytes], *, patience_s: float, log_path: Path, begins: int) -> bytes:
    descriptor = output.fileno()
    deadline = time.monotonic() + patience_s
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise LocalPiqueFailed(f"the local Pique was not ready within {patience_s:g} s; see {log_path}")
        piece = os.read(descriptor, 65536)
        if not piece:
            raise LocalPiqueFailed(f"the local Pique did not start: {_why_not(log_path, begins=begins)}")
        line += piece
    return line


def _why_not(log_path: Path, *, begins: int) -> str:
    """The server's own sentence where it said one, else the end of what this start wrote into the log."""
    written = log_path.read_bytes()[begins:].decode(errors="replace").strip()
    _, complained, sentence = written.rpartition(COMPLAINT)
    return sentence if complained else f"{written[-2000:]} (see {log_path})"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
