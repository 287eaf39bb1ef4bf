"""`make dev`: the local Pique and the Dagster UI together, until Ctrl-C stops both."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from stage import PROJECT, staged

STOP_PATIENCE_S = 15.0


def main() -> int:
    """Serve until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(description="The local Pique and the Dagster UI.")
    parser.add_argument("--port", type=int, default=3000, help="port of the Dagster UI on 127.0.0.1")
    port = parser.parse_args().port
    with staged() as pique:
        print(f"local Pique on {pique.base_url}; Dagster UI on http://127.0.0.1:{port} in a moment; Ctrl-C stops both")
        dagster = Path(sys.executable).with_name("dagster")
        process = subprocess.Popen(
            [dagster, "dev", "-h", "127.0.0.1", "-p", str(port)], cwd=PROJECT, start_new_session=True
        )
        return wait(process)


def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the UI to end, or end it, and everything it started, when asked to stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        try:
            process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            # Its own session, so that this reaches whatever it has started.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return 0


if __name__ == "__main__":
    sys.exit(main())
