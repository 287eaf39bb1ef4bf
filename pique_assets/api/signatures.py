"""Whether a webhook comes from Pique: its signature, read strictly and checked over the bytes as received.

Belongs here: the grammar of both signature headers, and the check. Does not: receiving webhooks (`webhooks`), and
signing, which only tests do (`testing.signing`).

Nothing a sender writes can raise anything but `SignatureError`: whoever checks a signature faces the internet.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pique_assets.api.errors import PiqueError

SIGNATURE_HEADER = "X-Pique-Signature"
"""``t=<unix seconds>,v1=<hex>,alg=sha256`` over ``<t>.<raw body>`` (docs/contract.md, Webhooks)."""

OLDER_SIGNATURE_HEADER = "X-Webhook-Signature"
"""HMAC-SHA256 in a format that no page of Pique's documentation shows."""

SHORTEST_SECRET_BYTES = 16
TOLERANCE_S = 300

_ALGORITHM = "sha256"
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_OLDER = re.compile(r" *(?:sha256=)?([0-9a-f]{64}) *")

Secret: TypeAlias = str | bytes


class SignatureError(PiqueError):
    """The webhook is not shown to come from Pique, or not to be of now. The text repeats nothing the sender wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSignature:
    """A signature header as read.

    Attributes:
        timestamp: When it was signed, in unix seconds.
        v1: Every signature it carries, in its order; while a secret is being exchanged there may be several. With its
            body each of them can be sent again, so they are not in the repr.
    """

    timestamp: int
    v1: tuple[str, ...] = field(repr=False)


class SigningKeys:
    """The secrets that signatures are checked with, in a form that no log, repr or traceback can show."""

    __slots__ = ("_states",)

    def __init__(self, secrets: Secret | Iterable[Secret]) -> None:
        """Take one secret or several, such as the old one and the new one while they are exchanged.

        Raises:
            ValueError: None is given, or one is shorter than `SHORTEST_SECRET_BYTES`; its text is not repeated.
        """
        given = [secrets] if isinstance(secrets, str | bytes) else _listed(secrets)
        if not given:
            raise ValueError("no webhook secret is given: without one, anybody's webhooks would do")
        self._states = tuple(hmac.new(_key(secret), digestmod=hashlib.sha256) for secret in given)

    def __len__(self) -> int:
        return len(self._states)

    def sign(self, message: Iterable[bytes]) -> list[str]:
        """The HMAC-SHA256 of the joined pieces in lower-case hex, under each key."""
        signed = [state.copy() for state in self._states]
        for piece in message:
            for state in signed:
                state.update(piece)
        return [state.hexdigest() for state in signed]


def verify_signature(
    body: bytes,
    header: str,
    secrets: Secret | Iterable[Secret] | SigningKeys,
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | datetime | None = None,
) -> WebhookSignature:
    """Check that a webhook was signed with one of our secrets, a short while ago.

    The header is a comma-separated list of ``key=value`` parts, with spaces allowed around parts: exactly one ``t`` of
    1 to 12 ASCII digits, exactly one ``alg`` equal to ``sha256``, one or more ``v1``; other keys are ignored, and a
    part without ``=`` refuses the header. One ``v1`` must be the lower-case hex HMAC-SHA256 of ``<t>.<body>``.

    Args:
        body: The request's body as received: parsed and written again, it would be other bytes.
        header: The value of `SIGNATURE_HEADER`.
        secrets: One secret, or several while one is being exchanged for another.
        tolerance_s: How far ``t`` may be from now, in seconds, to either side, inclusive.
        now: Unix seconds, or an aware datetime; the clock's time when left out.

    Returns:
        The signature as read.

    Raises:
        SignatureError: It was not; nothing else is raised for any body and header whatever.
        ValueError: No secret, or one that is too short: a mistake of ours, not of the sender.
    """
    keys = secrets if isinstance(secrets, SigningKeys) else SigningKeys(secrets)
    signature, signed_text = _read(header)
    _require_match(keys.sign([signed_text.encode(), b".", _raw(body)]), signature.v1)
    _require_now(signature.timestamp, tolerance_s=tolerance_s, now=now)
    return signature


def verify_older_signature(body: bytes, header: str, secrets: Secret | Iterable[Secret] | SigningKeys) -> None:
    """Check a value of `OLDER_SIGNATURE_HEADER`: the hex HMAC-SHA256 of the raw body, perhaps after ``sha256=``.

    No page of Pique's documentation shows the format; this is the plainest one. The header has no time in it: whoever
    has seen such a webhook can send it again for ever, so a receiver takes the header only when its operator says so.

    Raises:
        SignatureError: It is not signed like that with one of our secrets.
        ValueError: No secret, or one that is too short.
    """
    keys = secrets if isinstance(secrets, SigningKeys) else SigningKeys(secrets)
    _require_match(keys.sign([_raw(body)]), [read_older_signature(header)])


def read_signature(header: str) -> WebhookSignature:
    """Read a value of `SIGNATURE_HEADER` and check nothing: what is none can be refused before its body has come.

    Raises:
        SignatureError: It is not written as `verify_signature` says.
    """
    return _read(header)[0]


def read_older_signature(header: str) -> str:
    """Read a value of `OLDER_SIGNATURE_HEADER` as its 64 hex digits, and check nothing.

    Raises:
        SignatureError: It is not written as `verify_older_signature` says.
    """
    read = _OLDER.fullmatch(header) if isinstance(header, str) else None
    if read is None:
        raise SignatureError("the older signature header is not a hex HMAC-SHA256")
    return read.group(1)


def _read(header: str) -> tuple[WebhookSignature, str]:
    """The header, and its ``t`` as it is written there, which is what was signed."""
    if not isinstance(header, str):
        raise SignatureError("there is no signature header")
    values: dict[str, list[str]] = {"t": [], "alg": [], "v1": []}
    for part in header.split(","):
        key, equals, value = part.strip(" ").partition("=")
        if not equals:
            raise SignatureError("a part of the signature header has no '='")
        if key in values:
            values[key].append(value)
    if len(values["t"]) != 1 or not _TIMESTAMP.fullmatch(values["t"][0]):
        raise SignatureError("the signature header needs exactly one t of 1 to 12 digits")
    if values["alg"] != [_ALGORITHM]:
        raise SignatureError(f"the signature header needs exactly one alg, {_ALGORITHM}")
    if not values["v1"]:
        raise SignatureError("the signature header has no v1")
    signed_text = values["t"][0]
    return WebhookSignature(timestamp=int(signed_text), v1=tuple(values["v1"])), signed_text


def _require_match(expected: Iterable[str], given: Iterable[str]) -> None:
    """Compare all with all: how long it takes tells nothing of which one matched, or how nearly."""
    # A header may hold what UTF-8 can't, and comparing texts in constant time takes ASCII only.
    candidates = [value.encode(errors="surrogatepass") for value in given]
    matched = False
    for digest in expected:
        for candidate in candidates:
            matched |= hmac.compare_digest(digest.encode(), candidate)
    if not matched:
        raise SignatureError("no signature fits: another secret signed it, or its bytes were changed on the way")


def _require_now(timestamp: int, *, tolerance_s: float, now: float | datetime | None) -> None:
    if now is None:
        now = time.time()
    elif isinstance(now, datetime) and now.utcoffset() is not None:
        now = now.timestamp()
    if not isinstance(now, int | float) or not isinstance(tolerance_s, int | float):
        raise SignatureError("the time or the tolerance to check the signature with is no number")
    # The other way round a NaN would pass.
    if not abs(now - timestamp) <= tolerance_s:
        direction = "old" if now > timestamp else "ahead"
        raise SignatureError(
            f"it was signed well, but is more than {tolerance_s} s {direction}: sent again, or clocks differ"
        )


def _raw(body: bytes) -> bytes:
    if not isinstance(body, bytes | bytearray | memoryview):
        raise SignatureError("a signature is checked over the bytes received")
    return bytes(body)


def _listed(secrets: Iterable[Secret]) -> list[Secret]:
    try:
        return list(secrets)
    except TypeError:
        raise ValueError("webhook secrets are one text, or several") from None


def _key(secret: Secret) -> bytes:
    if not isinstance(secret, str | bytes):
        raise ValueError("a webhook secret is a text or bytes")
    key = secret.encode(errors="surrogatepass") if isinstance(secret, str) else secret
    if len(key) < SHORTEST_SECRET_BYTES:
        raise ValueError(
            f"a webhook secret has {len(key)} bytes; at least {SHORTEST_SECRET_BYTES} make it hard to guess"
        )
    return key
