"""TLS before a local Pique, under a host name of somebody's choice: what a proxy of a company would lead to.

Belongs here: a certificate of its own and the passing on of bytes. Does not: how a client is led here
(`forward_proxy`).
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class TlsFront:
    """Where it listens on this machine, and the certificate that makes clients trust it."""

    port: int
    certificate: Path


@contextmanager
def running_tls_front(*, host: str, leads_to: int, folder: Path) -> Iterator[TlsFront]:
    """A TLS server for a host name that passes everything on to a port of this machine."""
    certificate = _certificate(host, folder=folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=_pass_on, args=(context, client, leads_to), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield TlsFront(port=listener.getsockname()[1], certificate=certificate)
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _pass_on(context: ssl.SSLContext, client: socket.socket, port: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as inside,
        socket.create_connection(("127.0.0.1", port)) as upstream,
    ):
        back = threading.Thread(target=_pump, args=(upstream, inside), daemon=True)
        back.start()
        _pump(inside, upstream)
        back.join(30)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _certificate(host: str, *, folder: Path) -> Path:
    """A certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "front.pem"
    path.write_bytes(pem)
    return path
