"""Uploads as production has them: large, and over TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pique_assets.api.errors import UploadForbidden, UploadInterrupted
from pique_assets.api.models import PresignedUpload

LARGE = 300 << 20

# A process of its own: its peak memory is the upload's and nothing else's.
UPLOADER = """
import json, pathlib, resource, sys
from pique_assets.api import PiqueClient
from pique_assets.api.models import PresignedUpload

url, path = sys.argv[1:]
path = pathlib.Path(path)
upload = PresignedUpload(job_id="job_1", upload_url=url, expires_at="2030-01-01T00:00:00Z")
peak_kib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with PiqueClient(base_url="http://127.0.0.1:1", api_key="k") as client:
    before = peak_kib()
    receipt = client.upload(upload, open_body=lambda: path.open("rb"), size_bytes=path.stat().st_size)
    print(json.dumps({"grown_kib": peak_kib() - before, "verified": receipt.verified}))
"""


@pytest.mark.slow
def test_memory_stays_flat_for_a_large_upload(storage, steps, tmp_path):
    storage.on("PUT /b/o", steps.store())
    content = tmp_path / "large.mp4"
    with content.open("wb") as file:
        file.truncate(LARGE)
    done = subprocess.run(
        [sys.executable, "-c", UPLOADER, f"{storage.url}/b/o", str(content)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outcome = json.loads(done.stdout)
    assert outcome["verified"]
    assert storage.requests[0].body_bytes == LARGE
    assert outcome["grown_kib"] < 16 * 1024


@pytest.fixture
def tls_storage(new_server, tmp_path, monkeypatch):
    """A storage host over TLS that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "storage.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return new_server(tls=context)


def send(client, storage, path, size=16 << 20):
    path.write_bytes(b"")
    with path.open("wb") as file:
        file.truncate(size)
    upload = PresignedUpload(job_id="job_1", upload_url=f"{storage.url}/b/o", expires_at="2030-01-01T00:00:00Z")
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
