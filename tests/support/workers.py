"""The tests' end of the fork server: workers to start, to kill and to wait for.

Belongs here: the pipe to `fork_server` and the processes behind it. Does not: what the workers do, and what is
expected of it.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("fork_server.py")
WORKER_PATIENCE_S = 200


class Worker:
    """One forked process."""

    def __init__(self, server: WorkerServer, identity: int) -> None:
        self._server = server
        self._identity = identity
        self.ended: Future[int] = Future()

    def kill(self) -> None:
        """SIGKILL; one that has ended already stays as it ended."""
        self._server.send({"kill": self._identity})

    def wait(self) -> int:
        """Wait for its return code; negative is the signal that killed it.

        Raises:
            TimeoutError: It hangs.
        """
        return self.ended.result(WORKER_PATIENCE_S)


class WorkerServer:
    """A running fork server; may be used from several threads."""

    def __init__(self, process: subprocess.Popen[str], *, log: Path) -> None:
        self.log = log
        self._process = process
        self._numbers = itertools.count(1)
        self._workers: dict[int, Worker] = {}
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="fork-server-answers", daemon=True)
        self._reader.start()

    def start(self, order: Mapping[str, Any]) -> Worker:
        """Fork a worker with this order (`date_worker.work`)."""
        identity = next(self._numbers)
        worker = self._workers[identity] = Worker(self, identity)
        self.send({**order, "id": identity, "log": str(self.log)})
        return worker

    def send(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with self._sending:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            self._workers.pop(answer["id"]).ended.set_result(answer["returncode"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._reader.join(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def worker_server(*, log: Path) -> Iterator[WorkerServer]:
    """A fork server for as long as the block lasts; the workers' complaints go to the log."""
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"the fork server did not start: {log.read_text()[-2000:]}")
    server = WorkerServer(process, log=log)
    try:
        yield server
    finally:
        server.close()
