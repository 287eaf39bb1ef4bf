"""Signing webhooks as Pique does, for tests of receivers.

Belongs here: the two signature headers. Does not: checking them; written apart from what checks them, so that a
misreading in one shows in the other.
"""

from __future__ import annotations

import hashlib
import hmac
import time


def sign_webhook(body: bytes, *secrets: str | bytes, timestamp: int | None = None) -> str:
    """The value of ``X-Pique-Signature`` (docs/contract.md, Webhooks).

    Args:
        body: The bytes that will be sent.
        secrets: The organisation's secret; several give a signature each, as while one is exchanged for another.
        timestamp: Unix seconds; now when left out.
    """
    moment = str(int(time.time()) if timestamp is None else timestamp)
    message = moment.encode() + b"." + body
    signatures = [f"v1={_hex_hmac(secret, message)}" for secret in secrets]
    return ",".join([f"t={moment}", *signatures, "alg=sha256"])


def sign_webhook_without_time(body: bytes, secret: str | bytes) -> str:
    """A value of ``X-Webhook-Signature``, in the plainest reading of a header whose format is not documented."""
    return _hex_hmac(secret, body)


def _hex_hmac(secret: str | bytes, message: bytes) -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, message, hashlib.sha256).hexdigest()
