"""The server's secrets: API key, webhook secret, and the RSA key that signs upload URLs.

Belongs here: each secret's file, of mode 0600, made at the first start and kept, so that keys handed out and URLs
signed before a restart stay good. Does not: what the secrets are used for (`app`, `webhook_sender`, `signed_urls`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pique_assets.local.process import API_KEY_FILE

WEBHOOK_SECRET_FILE = "webhook_secret"
SIGNING_KEY_FILE = "signing_key.pem"
SECRET_FILES = (API_KEY_FILE, WEBHOOK_SECRET_FILE, SIGNING_KEY_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the server knows and never prints."""

    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    signing_key: rsa.RSAPrivateKey = field(repr=False)


def load_secrets(data_dir: Path, *, environment: Mapping[str, str]) -> Secrets:
    """Read the secrets of ``data_dir``, making those that are missing.

    Args:
        data_dir: An existing folder.
        environment: ``PIQUE_API_KEY`` and ``PIQUE_WEBHOOK_SECRET``, when not empty, replace the stored ones.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: The stored signing key is not a private RSA key.
    """
    api_key = _kept_text(data_dir / API_KEY_FILE, given=environment.get("PIQUE_API_KEY"), make=_new_api_key)
    webhook_secret = _kept_text(
        data_dir / WEBHOOK_SECRET_FILE,
        given=environment.get("PIQUE_WEBHOOK_SECRET"),
        make=lambda: "whsec_" + secrets.token_urlsafe(32),
    )
    return Secrets(
        api_key=api_key,
        webhook_secret=webhook_secret,
        signing_key=_signing_key(data_dir / SIGNING_KEY_FILE),
    )


def _new_api_key() -> str:
    return "pk_local_" + secrets.token_urlsafe(24)


def _kept_text(path: Path, *, given: str | None, make: Callable[[], str]) -> str:
    stored = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    wanted = given or stored or make()
    if wanted != stored:
        _write_private(path, wanted.encode())
    return wanted


def _signing_key(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_private(path, pem)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} holds no private RSA key; delete it and a new one is made at the next start")
    return key


def _write_private(path: Path, content: bytes) -> None:
    """Replace ``path`` so that it is complete and private at every moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
