"""Google Cloud Storage V4 signed URLs (GOOG4-RSA-SHA256): made for uploads, and verified as the storage does.

Belongs here: a request's line and headers in, acceptance or a `Refusal` out; it works together with
google-cloud-storage's own signer (tested). Which object a URL may write is the path, which is signed. Does not: what
is stored there (`storage`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ALGORITHM = "GOOG4-RSA-SHA256"
SERVICE_ACCOUNT = "signer@pique-local.iam.gserviceaccount.com"
MAX_LIFE_S = 604_800
CLOCK_SKEW = timedelta(minutes=15)

_SIGNATURE = "X-Goog-Signature"
_PARAMETERS = (
    "X-Goog-Algorithm",
    "X-Goog-Credential",
    "X-Goog-Date",
    "X-Goog-Expires",
    "X-Goog-SignedHeaders",
    _SIGNATURE,
)
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


class Refusal(Exception):
    """The storage refuses the request; fields are those of its XML error."""

    def __init__(self, status: int, code: str, *, message: str, details: str = "") -> None:
        """An error of HTTP ``status`` with the storage's error ``code``."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature covers: the request line as on the wire, and the headers (names in any case)."""

    method: str
    raw_path: str
    raw_query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def object_path(bucket: str, name: str) -> str:
    """The escaped path of an object, as it stands in URLs and under signatures."""
    return "/" + quote(bucket, safe="~") + "/" + quote(name, safe="/~")


def sign_put(
    base_url: str,
    path: str,
    *,
    headers: Mapping[str, str],
    life_s: int,
    key: rsa.RSAPrivateKey,
    now: datetime,
) -> str:
    """A URL that allows one PUT to ``path`` with exactly these headers.

    Args:
        base_url: Scheme, host and port, without a path.
        path: From `object_path`.
        headers: All are signed; the client must send each unchanged.
        life_s: Seconds the URL is good for, at most `MAX_LIFE_S`.
        key: The signing key.
        now: An aware time; the URL counts from it.
    """
    signed = {
        "host": base_url.partition("://")[2],
        **{name.lower(): value for name, value in headers.items()},
    }
    stamp = now.astimezone(UTC).strftime(_DATE_FORMAT)
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    query = _canonical_query(
        [
            ("X-Goog-Algorithm", ALGORITHM),
            ("X-Goog-Credential", f"{SERVICE_ACCOUNT}/{scope}"),
            ("X-Goog-Date", stamp),
            ("X-Goog-Expires", str(life_s)),
            ("X-Goog-SignedHeaders", ";".join(sorted(signed))),
        ]
    )
    message = _string_to_sign(stamp, scope, _canonical_request("PUT", path, query=query, signed=signed))
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return f"{base_url}{path}?{query}&{_SIGNATURE}={signature.hex()}"


def verify(request: SignedRequest, *, key: rsa.RSAPublicKey, now: datetime) -> None:
    """Accept a request whose signature, headers and time are right.

    Raises:
        Refusal: 403 ``AccessDenied`` without a signature, 400 ``ExpiredToken``, 403 ``SignatureDoesNotMatch``
            for anything altered, 400 ``MalformedSecurityHeader`` for a signed header that was not sent or an
            ``x-goog-`` header that was not signed, 400 ``InvalidArgument`` for unreadable parameters.
    """
    pairs = _query_pairs(request.raw_query)
    parameters = dict(pairs)
    if _SIGNATURE not in parameters:
        raise Refusal(
            403,
            "AccessDenied",
            message="Access denied.",
            details="Anonymous caller has no access to the object.",
        )
    missing = [name for name in _PARAMETERS if name not in parameters]
    if missing or len(parameters) != len(pairs):
        raise _invalid(f"Missing or repeated query parameters: {', '.join(missing)}")
    if parameters["X-Goog-Algorithm"] != ALGORITHM:
        raise _invalid(f"X-Goog-Algorithm must be {ALGORITHM}")
    stamp, scope = parameters["X-Goog-Date"], _scope(parameters)
    signed = _signed_headers(request.headers, names=parameters["X-Goog-SignedHeaders"].split(";"))
    query = _canonical_query([pair for pair in pairs if pair[0] != _SIGNATURE])
    canonical = _canonical_request(request.method, request.raw_path, query=query, signed=signed)
    try:
        signature = bytes.fromhex(parameters[_SIGNATURE])
        key.verify(signature, _string_to_sign(stamp, scope, canonical), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise Refusal(
            403,
            "SignatureDoesNotMatch",
            message="Access denied.",
            details="The request signature we calculated does not match the signature you provided.",
        ) from error
    # After the signature, so that nobody can probe how long a URL they do not hold is good for.
    _check_time(stamp, parameters["X-Goog-Expires"], now=now)


def _check_time(stamp: str, expires: str, *, now: datetime) -> None:
    try:
        start = datetime.strptime(stamp, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise _invalid("X-Goog-Date cannot be read") from error
    if not (expires.isascii() and expires.isdigit() and 1 <= int(expires) <= MAX_LIFE_S):
        raise _invalid(f"X-Goog-Expires must be 1 to {MAX_LIFE_S}")
    if start - now > CLOCK_SKEW:
        raise Refusal(403, "RequestTimeTooSkewed", message="The signed request is dated in the future.")
    end = start + timedelta(seconds=int(expires))
    if now > end:
        raise Refusal(
            400,
            "ExpiredToken",
            message="The provided token has expired.",
            details=f"Request signature expired at: {end.isoformat()}",
        )


def _scope(parameters: Mapping[str, str]) -> str:
    _, _, scope = parameters["X-Goog-Credential"].partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[0] != parameters["X-Goog-Date"][:8] or parts[2:] != ["storage", "goog4_request"]:
        raise _invalid("X-Goog-Credential cannot be read")
    return scope


def _signed_headers(headers: Mapping[str, str], *, names: list[str]) -> dict[str, str]:
    sent = {name.lower(): value for name, value in headers.items()}
    for name in names:
        if name not in sent:
            raise _malformed(name, "Header was included in signedheaders, but not in the request.")
    for name in sent:
        if name.startswith("x-goog-") and name not in names:
            raise _malformed(name, "Header was included in the request, but not in signedheaders.")
    return {name: sent[name] for name in names}


def _query_pairs(raw_query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _canonical_query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(pairs))


def _canonical_request(method: str, path: str, *, query: str, signed: Mapping[str, str]) -> str:
    lines = [f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)]
    payload_hash = signed.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
    return "\n".join([method, path, query, *lines, "", ";".join(sorted(signed)), payload_hash])


def _string_to_sign(stamp: str, scope: str, canonical_request: str) -> bytes:
    digest = hashlib.sha256(canonical_request.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode("utf-8", "surrogateescape")


def _invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidArgument", message=message)


def _malformed(header: str, details: str) -> Refusal:
    return Refusal(
        400,
        "MalformedSecurityHeader",
        message=f"Your request has a malformed header: {header}",
        details=details,
    )
