"""`make dev`: the local Pique and the Dagster UI together, until Ctrl-C stops both.

Here: starting, waiting until the UI answers, stopping, and one sentence where that is not possible. Not here: what is
started before the UI (`stage`).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from stage import HOME, PROJECT, fetch_missing_model, staged

from pique_assets.home import LOCAL_PIQUE_FOLDER
from pique_assets.local.process import LocalPiqueFailed, served_folder

HOST = "127.0.0.1"
DEFAULT_PORT = 3000
LOOK_INTERVAL_S = 0.25
STOP_PATIENCE_S = 15.0


class CanNotStart(Exception):
    """Something is in the way; the text says what, and what to do."""


def main() -> int:
    """Serve until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(description="The local Pique and the Dagster UI.")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"port of the UI on {HOST} (else {DEFAULT_PORT})"
    )
    port = parser.parse_args().port
    # Ends as Ctrl-C does, from the first moment on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        require_free(port)
        print("starting the local Pique ...", flush=True)
        if missing := fetch_missing_model():
            print(f"acme_videos can't be evaluated, because its judge needs a model: {missing}", flush=True)
        with staged() as pique:
            print(f"local Pique at {pique.base_url}; starting the Dagster UI ...", flush=True)
            return serve_ui(port)
    except KeyboardInterrupt:
        return 0
    except (CanNotStart, LocalPiqueFailed, OSError) as reason:
        print(f"make dev: {reason}", file=sys.stderr)
        return 1


def require_free(port: int) -> None:
    """Look before anything is started.

    Raises:
        CanNotStart: Another `make dev` or `make run` is under way here, or the port is not free.
    """
    if served_folder(HOME / LOCAL_PIQUE_FOLDER) is not None:
        raise CanNotStart(f"another `make dev` or `make run` of {PROJECT} is under way: use that one, or stop it first")
    with socket.socket() as probe:
        # As the UI itself will bind: a port that only lingers from a UI that was just stopped counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CanNotStart(
                f"port {port} of {HOST} can't be used for the UI ({error.strerror}): stop what listens there, or take "
                f"another port, such as `PORT={port + 100} make dev`"
            ) from None


def serve_ui(port: int) -> int:
    """Run the UI until it is stopped; returns the exit status.

    Raises:
        CanNotStart: It ended before it answered.
    """
    dagster = Path(sys.executable).with_name("dagster")
    log_path = HOME / "dagster_dev.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [dagster, "dev", "-h", HOST, "-p", str(port)], cwd=PROJECT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_it_answers(port, process=process, log_path=log_path)
        print(f"ready: Dagster UI at http://{HOST}:{port} (its log: {log_path}); Ctrl-C stops both", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(process)


def wait_until_it_answers(port: int, *, process: subprocess.Popen[bytes], log_path: Path) -> None:
    """Ask until the UI answers.

    Raises:
        CanNotStart: It has ended.
    """
    while True:
        if process.poll() is not None:
            lines = log_path.read_text(errors="replace").strip().splitlines()
            raise CanNotStart(f"the Dagster UI did not start: {lines[-1] if lines else 'it said nothing'} ({log_path})")
        try:
            # Straight there: a proxy of the environment knows nothing of this machine's ports.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://{HOST}:{port}/server_info", timeout=5
            ):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(LOOK_INTERVAL_S)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the UI and everything it has started."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        # Its own session, so that this reaches whatever it has started.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
