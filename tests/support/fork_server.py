"""A process that has everything imported and forks: so that a worker that dies costs a fork, not an import.

Belongs here: the command lines it reads and the answers it prints. Does not: what a worker does (`date_worker`), and
the tests' end of the pipe (`workers`).

A line in: ``{"id": 1, ...order}`` starts a worker, ``{"kill": 1}`` kills it, if it still lives. A line out:
``{"id": 1, "returncode": -9}``. The end of the input kills whoever is left.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from date_worker import client_of, warm_up, work


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        warm_up(Path(folder))
    # What is there now is never garbage: looking at it in each worker would copy every page of it.
    gc.freeze()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    print("ready", flush=True)
    workers: dict[int, int] = {}
    lines = b""
    while True:
        ready, _, _ = select.select([0, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            _report_the_dead(workers)
        if 0 in ready:
            piece = os.read(0, 1 << 20)
            if not piece:
                break
            *complete, lines = (lines + piece).split(b"\n")
            for line in complete:
                _obey(json.loads(line), workers)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _obey(command: dict[str, object], workers: dict[int, int]) -> None:
    if "kill" in command:
        for pid, identity in workers.items():
            if identity == command["kill"]:
                os.kill(pid, signal.SIGKILL)
        return
    client_of(str(command["base_url"]), str(command["api_key"]))
    pid = os.fork()
    if pid == 0:
        _become_worker(command)
    workers[pid] = int(str(command["id"]))


def _become_worker(order: dict[str, object]) -> None:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for descriptor, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, descriptor)
        code = work(order)
    except BaseException:  # A worker that fails for a reason of its own must not go on as a second server.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _report_the_dead(workers: dict[int, int]) -> None:
    for pid in list(workers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            answer = {"id": workers.pop(pid), "returncode": os.waitstatus_to_exitcode(status)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
