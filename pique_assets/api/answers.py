"""One request, its answer, and what the answer means: which status is which error.

Belongs here: the reading of statuses, error bodies and checksums, without any HTTP library. Only the transport
calls it, so the rest of the project never sees a status code except inside an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pique_assets.api.concurrency import Slot
from pique_assets.api.errors import (
    InvalidRequest,
    NotFound,
    NotReached,
    PiqueApiError,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
    UploadError,
    UploadExpired,
    UploadForbidden,
    UploadInterrupted,
    UploadRejected,
)
from pique_assets.api.policy import Repeat, parse_http_date, parse_retry_after
from pique_assets.api.redaction import Secret, redact

_DETAIL_CHARACTERS = 500
_LONGEST_TEXT = 64 * 1024
LONGEST_LIFE = timedelta(days=7)
"""How long a signed URL of Google Cloud Storage works at most; with what lies farther off nobody can reckon."""

# Over is over; beyond this the reckoning itself would leave the calendar.
_LONGEST_AGO = timedelta(days=50 * 365)
_A_DATE_IS_SHORT_BY = timedelta(seconds=1)
# Only what stands before the host asks for a sign-in to itself: a proxy, and a network (RFC 9110, RFC 6585).
_BY_A_GATEWAY = frozenset({407, 511})
# They say that the request was not carried out here and is to be made there (RFC 9110).
_MOVED = frozenset({301, 307, 308})
# Servers also send these once a request is carried out, to show its outcome elsewhere on the same site.
_SEE_OTHER = frozenset({302, 303})
_XML_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>")
_EXPIRED = frozenset({"ExpiredToken", "ExpiredSignature", "RequestExpired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request to the API.

    Attributes:
        path: Below the base URL, with ids already quoted.
        repeat: What sending it twice would do.
        body: JSON, if any; it may hold a webhook URL with a token.
    """

    method: str
    path: str
    repeat: Repeat
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Method and path, for errors and logs."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, completely read.

    Attributes:
        request: Method and path of what was asked, such as ``GET /v1/judges``.
        body: The bytes as received (after content decoding).
        asked_at: When the request was sent, by our clock.
        received_at: When the answer was read, by our clock.
        date: The header of that name: a moment in between, by the host's clock.
        sends_elsewhere: Whether it only says that the request was not carried out here, and where else to ask.
    """

    request: str
    status: int
    body: bytes = field(repr=False)
    asked_at: datetime
    received_at: datetime
    retry_after: str | None = None
    date: str | None = None
    sends_elsewhere: bool = False

    def by_our_clock(self, moment: datetime) -> datetime:
        """Translate a moment the host names in this answer, such as an expiry, into our clock's time.

        Either clock may be wrong by minutes; what counts is how long after this answer the moment comes. What can't
        be known, the time the request took and the fraction of a second that `date` leaves out, is counted against us:
        the moment comes rather too early than too late.

        Returns:
            The moment, but none more than `LONGEST_LIFE` after `asked_at`, nor earlier than half a century before.
        """
        said_at = parse_http_date(self.date)
        life = moment - self.asked_at if said_at is None else moment - said_at - _A_DATE_IS_SHORT_BY
        return self.asked_at + min(max(life, -_LONGEST_AGO), LONGEST_LIFE)


def api_error(answer: Answer, *, secrets: Sequence[Secret] = ()) -> PiqueApiError | None:
    """Tell what is wrong with an answer of the API, or None for a success.

    Args:
        answer: What came back.
        secrets: Values to hide should the answer repeat them.
    """
    status, request = answer.status, answer.request
    if 200 <= status < 300:
        return None
    detail = _detail(answer.body, secrets=secrets)
    if status in _BY_A_GATEWAY or answer.sends_elsewhere:
        detail = "a redirect elsewhere, never followed" if status < 400 else detail
        return NotReached(status=status, detail=detail, request=request)
    if status < 400:
        return UnexpectedAnswer(status=status, detail="a redirect, never followed", request=request)
    if status in (400, 422):
        return InvalidRequest(status=status, detail=detail, request=request)
    if status in (401, 403):
        return Unauthorized(status=status, detail=detail, request=request)
    if status == 404:
        return NotFound(status=status, detail=detail, request=request)
    if status == 429 or status >= 500:
        kind = RateLimited if status == 429 else ServerError
        wait_s = parse_retry_after(answer.retry_after, now=answer.received_at)
        return kind(status=status, detail=detail, request=request, retry_after_s=wait_s)
    return PiqueApiError(status=status, detail=detail, request=request)


def upload_error(*, status: int, body: bytes, job_id: str, all_sent: bool) -> UploadError | None:
    """Tell what is wrong with an answer of the storage host, or None for a success.

    Google Cloud Storage explains itself in XML; only its code is kept, because the rest repeats the request.

    Args:
        status: What the storage host answered.
        body: Its explanation.
        job_id: The job the content was meant for.
        all_sent: Whether every byte was handed over before the answer came.
    """
    if 200 <= status < 300:
        return None
    match = _XML_CODE.search(body)
    code = match.group(1).decode() if match else None
    reason = f"status {status}, {code}" if code else f"status {status}"
    # What stands between us and the storage host had the bytes, and kept them.
    all_sent = all_sent and status not in _BY_A_GATEWAY
    if code in _EXPIRED:
        return UploadExpired(reason, job_id=job_id, status=status, code=code, all_sent=all_sent)
    if status in (401, 403):
        return UploadForbidden(reason, job_id=job_id, status=status, code=code, all_sent=all_sent)
    if status in (408, 429) or status >= 500:
        sent = status not in _BY_A_GATEWAY
        return UploadInterrupted(reason, job_id=job_id, request_sent=sent, status=status, code=code)
    return UploadRejected(reason, job_id=job_id, status=status, code=code, all_sent=all_sent)


def sends_elsewhere(*, status: int, location: str | None, url: str) -> bool:
    """Tell whether an answer shows that whoever gave it did not carry the request out: a network's sign-in page, say.

    Args:
        status: Of the answer.
        location: The header of that name, as received.
        url: What was asked.
    """
    if status in _MOVED:
        return True
    return status in _SEE_OTHER and not _is_same_site(location or "", url)


def _is_same_site(location: str, url: str) -> bool:
    try:
        there, here = urlsplit(location), urlsplit(url)
        is_same_port = there.port == here.port or {there.port, here.port} <= {None, 80, 443}
    except ValueError:
        # Where it leads can't be told, so it shows nothing.
        return True
    if there.hostname is None or here.hostname is None:
        return True
    if there.hostname == here.hostname:
        return is_same_port
    return _site(there.hostname) == _site(here.hostname)


def _site(host: str) -> str:
    """A name's last two labels, near enough to who owns it; an address as it is."""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return host if is_address else ".".join(host.split(".")[-2:])


def report_to_limit(slot: Slot, *, status: int, retry_after: str | None) -> None:
    """Let every thread know how a host took a request: whether it was too much, and how long it wants to be left alone.

    Args:
        slot: Under which the request was sent.
        status: The host's answer.
        retry_after: The header of that name, as received.
    """
    if status in (429, 503):
        slot.overloaded(pause_s=parse_retry_after(retry_after, now=datetime.now(UTC)) or 0.0)
    elif status < 500:
        slot.succeeded()


def parse_goog_hash(value: str | None) -> int | None:
    """Read the CRC32C out of an ``x-goog-hash`` header such as ``crc32c=n03x6A==,md5=...``.

    Returns:
        The checksum, or None when the header is absent, has none or makes no sense.
    """
    for part in (value or "").split(","):
        name, _, encoded = part.strip().partition("=")
        if name.lower() == "crc32c":
            try:
                digest = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                return None
            return int.from_bytes(digest, "big") if len(digest) == 4 else None
    return None


def _detail(body: bytes, *, secrets: Sequence[Secret]) -> str:
    """Say in one line what an error body says: ``{"detail": text or list}``, or whatever else there is."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, list):
        text = "; ".join(_validation_message(item) for item in detail)
    elif detail is not None:
        text = detail if isinstance(detail, str) else json.dumps(detail)
    else:
        text = body[:_LONGEST_TEXT].decode("utf-8", errors="replace")
    # Shortened after redaction: half a key is no longer recognised.
    return redact(" ".join(text[:_LONGEST_TEXT].split()), secrets=secrets)[:_DETAIL_CHARACTERS]


def _validation_message(item: object) -> str:
    # A validation message also repeats the input, which may be a webhook URL with a token: only these two
    # are kept.
    if not isinstance(item, dict):
        return str(item)
    where = item.get("loc")
    place = ".".join(str(part) for part in where) if isinstance(where, list) else "request"
    return f"{place}: {item.get('msg', 'invalid')}"
