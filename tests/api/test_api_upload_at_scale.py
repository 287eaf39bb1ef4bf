"""Uploads as production has them: large, and over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pique_assets.api.errors import UploadForbidden, UploadInterrupted
from pique_assets.api.models import PresignedUpload

SMALL = 1 << 20
LARGE = 2 << 30 if "PIQUE_TEST_LONG" in os.environ else 300 << 20

# A process of its own, which says the most it ever had in memory. `getrusage` would begin with what its parent had.
UPLOADER = """
import json, pathlib, sys
from pique_assets.api import PiqueClient
from pique_assets.api.models import PresignedUpload

def peak_kib():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

url, *paths = sys.argv[1:]
upload = PresignedUpload(job_id="job_1", upload_url=url, expires_at="2099-01-01T00:00:00Z")
with PiqueClient(base_url="http://127.0.0.1:1", api_key="k") as client:
    for path in map(pathlib.Path, paths):
        receipt = client.upload(upload, open_body=lambda: path.open("rb"), size_bytes=path.stat().st_size)
        print(json.dumps({"peak_kib": peak_kib(), "verified": receipt.verified}))
"""


@pytest.mark.slow
def test_memory_stays_flat_for_a_large_upload(storage, steps, tmp_path):
    storage.on("PUT /b/o", steps.store())
    paths = [tmp_path / "small.mp4", tmp_path / "large.mp4"]
    for path, size in zip(paths, (SMALL, LARGE), strict=True):
        with path.open("wb") as file:
            file.truncate(size)
    done = subprocess.run(
        [sys.executable, "-c", UPLOADER, f"{storage.url}/b/o", *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    small, large = map(json.loads, done.stdout.splitlines())
    print(f"peak after {SMALL:,} bytes {small['peak_kib']:,} KiB, after {LARGE:,} bytes {large['peak_kib']:,} KiB")
    assert small["verified"] and large["verified"]
    assert [request.body_bytes for request in storage.requests] == [SMALL, LARGE]
    assert large["peak_kib"] - small["peak_kib"] < 16 * 1024


@pytest.fixture
def tls_storage(new_server, trusted_tls):
    """A storage host over TLS that this process trusts."""
    return new_server(tls=trusted_tls)


def send(client, storage, path, size=16 << 20):
    path.write_bytes(b"")
    with path.open("wb") as file:
        file.truncate(size)
    upload = PresignedUpload(job_id="job_1", upload_url=f"{storage.url}/b/o", expires_at="2099-01-01T00:00:00Z")
    return client.upload(upload, open_body=lambda: path.open("rb"), size_bytes=size)


def test_content_arrives_over_tls(tls_storage, server, new_client, steps, tmp_path):
    tls_storage.on("PUT /b/o", steps.store())
    assert send(new_client(server.url), tls_storage, tmp_path / "clip").verified


@pytest.mark.parametrize("then", ["close", "drain"])
def test_an_early_refusal_is_seen_over_tls(then, tls_storage, server, new_client, steps, tmp_path):
    tls_storage.on("PUT /b/o", steps.refuse_early(403, code="SignatureDoesNotMatch", then=then))
    client = new_client(server.url)
    for _ in range(5):
        with pytest.raises(UploadForbidden, match="SignatureDoesNotMatch"):
            send(client, tls_storage, tmp_path / "clip")


def test_a_host_that_is_not_trusted_gets_nothing(tls_storage, server, new_client, steps, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UploadInterrupted, match="CERTIFICATE_VERIFY_FAILED") as caught:
        send(new_client(server.url), tls_storage, tmp_path / "clip")
    assert not caught.value.request_sent
    assert tls_storage.requests == []
