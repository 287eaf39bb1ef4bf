"""The wire: one client for the API, another for the storage host, and nothing shared between them.

Here belong connections, timeouts, retries, the end of all requests once the key is refused, and the limits on what
is read; how many requests go at once is ``concurrency``'s. This is the only module that
knows the HTTP library and the only place where an answer's status arrives, so either can be exchanged, or
watched, here. What the requests mean is the client's subject.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import httpx

from pique_assets.api.answers import Answer, ApiRequest, api_error, heed, parse_goog_hash, upload_error
from pique_assets.api.body import ContentFailed, UploadBody
from pique_assets.api.concurrency import AdaptiveLimit, HostConcurrency, Slot
from pique_assets.api.errors import (
    NoAnswer,
    PiqueError,
    TryLater,
    Unauthorized,
    UnexpectedAnswer,
    UploadError,
    UploadExpired,
    UploadInterrupted,
    UploadRejected,
)
from pique_assets.api.models import PresignedUpload
from pique_assets.api.policy import Repeat, RetryPolicy, Timeouts
from pique_assets.api.redaction import Secret, install_redaction, redact

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_MAX_STORAGE_ANSWER_BYTES: Final = 16 * 1024

# uvicorn and many proxies drop an idle connection after 5 s. Ours go first, because a request that meets
# such a connection is in doubt, which for a social submission means work for a human.
_KEEPALIVE_S: Final = 4.0

_LOOPBACK_MOUNTS: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")

_E = TypeVar("_E", bound=BaseException)

_logger = logging.getLogger(__name__)

# The library logs each URL, signed or not, and its lower half logs headers.
install_redaction(
    __name__, "httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))
)


class ApiTransport:
    """Sends requests to the API, with its key, and repeats what may be repeated. Thread-safe.

    Once Pique refuses the key, nothing more is sent: every other request would be refused alike.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Secret,
        timeouts: Timeouts,
        retries: RetryPolicy,
        max_connections: int,
    ) -> None:
        """Open nothing yet; the first request does.

        Raises:
            ValueError: The URL would send the key in the clear, or the key is no header value.
        """
        if not is_secure_url(base_url) or "?" in base_url or "#" in base_url or "@" in base_url:
            shown = redact(base_url.partition("?")[0])
            raise ValueError(f"base_url must be https (http only on loopback), without credentials or query: {shown!r}")
        if not _is_one_word(api_key):
            # Never shown: a broken key is mostly a real one with a line break.
            raise ValueError("the API key must be one word of printable ASCII; check for a stray line break")
        self.base_url = base_url.rstrip("/")
        self._secrets = (api_key.value,)
        self._timeouts = timeouts
        self._retries = retries
        self._limit = AdaptiveLimit(most=max_connections, longest_pause_s=retries.retry_after_cap_s)
        self._refusal: Unauthorized | None = None
        self._http = _client(timeouts, max_connections=max_connections, headers={"X-API-Key": api_key.value})

    def send(self, request: ApiRequest) -> Answer:
        """Send until there is a success, or repeating is useless or unsafe.

        Raises:
            PiqueApiError: Pique's last answer, if it was not a success.
            Unauthorized: The key is refused, or was refused before.
            NoAnswer: There was none, or this was closed.
        """
        taken = False
        attempt = 1
        while True:
            slot = self._limit.enter(patience_s=self._timeouts.pool_s)
            if slot is None:
                raise self._no_turn(request, taken=taken)
            with slot:
                outcome = self._send_once(request, slot)
                if isinstance(outcome, Unauthorized):
                    # Before the slot is free again, else whoever waits for it would ask as well.
                    self._refusal = self._refusal or outcome
                    self._limit.stop()
            if isinstance(outcome, Answer):
                return outcome
            if not isinstance(outcome, PiqueError):
                raise outcome
            taken = taken or outcome.may_have_taken_effect
            if attempt >= self._retries.attempts or not _may_repeat(request, outcome):
                break
            asked_s = outcome.retry_after_s if isinstance(outcome, TryLater) else None
            wait_s = self._retries.wait_s(attempt=attempt, retry_after_s=asked_s)
            _logger.info("%s; attempt %d follows in %.1f s", outcome, attempt + 1, wait_s)
            self._limit.nap(wait_s)
            attempt += 1
        if isinstance(outcome, NoAnswer) and taken:
            raise NoAnswer(request=outcome.request, reason=outcome.reason, request_sent=True)
        raise outcome

    def concurrency(self) -> HostConcurrency:
        """How things stand with the API's host."""
        return self._limit.snapshot()

    def close(self) -> None:
        """Close all connections, and send away all threads that wait for one."""
        self._limit.stop()
        self._http.close()

    def _no_turn(self, request: ApiRequest, *, taken: bool) -> PiqueError:
        refusal = self._refusal
        if refusal is None:
            closed = self._limit.is_stopped
            reason = "the client is closed" if closed else _no_free_connection(self._timeouts)
            return NoAnswer(request=request.name, reason=reason, request_sent=taken)
        # Each thread raises an error of its own: a shared one would collect the tracebacks of all.
        return Unauthorized(status=refusal.status, detail=refusal.detail, request=refusal.request)

    def _send_once(self, request: ApiRequest, slot: Slot) -> Answer | BaseException:
        # Failures are returned, and raised by the caller: raised in here they would carry the library's
        # error, and with it the request and its key, as their context.
        try:
            answer = self._exchange(request)
        except httpx.RequestError as error:
            reason = redact(_why(error, self._timeouts), secrets=self._secrets)
            return NoAnswer(request=request.name, reason=reason, request_sent=_was_sent(error))
        except BaseException as error:
            # An interrupt, or a fault of the library.
            return _without_frames(error)
        heed(slot, status=answer.status, retry_after=answer.retry_after)
        if len(answer.body) > MAX_ANSWER_BYTES:
            detail = f"more than {MAX_ANSWER_BYTES} bytes"
            return UnexpectedAnswer(status=answer.status, detail=detail, request=request.name)
        return api_error(answer, secrets=self._secrets) or answer

    def _exchange(self, request: ApiRequest) -> Answer:
        headers = {"Content-Type": "application/json"} if request.body is not None else {}
        with self._http.stream(
            request.method,
            f"{self.base_url}{request.path}",
            params=dict(request.query),
            content=request.body,
            headers={"Accept": "application/json", **headers},
        ) as response:
            return Answer(
                request=request.name,
                status=response.status_code,
                body=_read_at_most(response, MAX_ANSWER_BYTES + 1),
                received_at=datetime.now(UTC),
                retry_after=response.headers.get("retry-after"),
            )


class StorageTransport:
    """Sends content to a storage host. It has no API key to give away. Thread-safe."""

    def __init__(self, *, timeouts: Timeouts, max_connections: int, longest_pause_s: float) -> None:
        """Open nothing yet; the first upload does."""
        self._timeouts = timeouts
        self._limit = AdaptiveLimit(most=max_connections, longest_pause_s=longest_pause_s)
        self._http = _client(timeouts, max_connections=max_connections, headers={})

    def put(self, upload: PresignedUpload, body: UploadBody) -> int | None:
        """Send content once, with exactly the headers given besides ``Host`` and ``Content-Length``.

        Returns:
            The CRC32C the storage host found, or None when it names none.

        Raises:
            UploadError: In one of its kinds; see there which leave the upload in doubt.
            Exception: Whatever reading the content raises, unchanged.
        """
        slot = self._limit.enter(until=_end_of_life(upload))
        if slot is None:
            raise self._no_turn(upload)
        with slot:
            outcome = self._put_once(upload, body, slot)
        if isinstance(outcome, BaseException):
            raise outcome
        return parse_goog_hash(outcome)

    def concurrency(self) -> HostConcurrency:
        """How things stand with the storage host."""
        return self._limit.snapshot()

    def close(self) -> None:
        """Close all connections, and send away all threads that wait for one."""
        self._limit.stop()
        self._http.close()

    def _no_turn(self, upload: PresignedUpload) -> UploadError:
        if self._limit.is_stopped:
            return UploadInterrupted("the client is closed", job_id=upload.job_id, request_sent=False)
        return UploadExpired("while it waited for its turn; nothing was sent", job_id=upload.job_id)

    def _put_once(self, upload: PresignedUpload, body: UploadBody, slot: Slot) -> BaseException | str | None:
        job_id = upload.job_id
        if not is_secure_url(upload.upload_url):
            return UploadRejected("the upload URL is not https (http only on loopback)", job_id=job_id)
        try:
            response = self._http.send(_put_request(upload, body, self._timeouts), stream=True)
        except httpx.RequestError as error:
            reason = _why(error, self._timeouts)
            return UploadInterrupted(reason, job_id=job_id, request_sent=_was_sent(error))
        except ContentFailed:
            return body.failure
        except BaseException as error:
            # An interrupt, or a fault of the library.
            return _without_frames(error)
        heed(slot, status=response.status_code, retry_after=response.headers.get("retry-after"))
        try:
            error_body = _read_what_comes(response)
        finally:
            response.close()
        failure = upload_error(status=response.status_code, body=error_body, job_id=job_id)
        if failure is None and not body.is_complete:
            reason = f"status {response.status_code} before all bytes were sent"
            return UploadInterrupted(reason, job_id=job_id, request_sent=True, status=response.status_code)
        return failure or response.headers.get("x-goog-hash")


def is_secure_url(url: str) -> bool:
    """Tell whether a URL is https, or http to this very machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if not parsed.host:
        return False
    return parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host))


def _is_one_word(key: Secret) -> bool:
    return bool(key.value) and key.value.isascii() and key.value.isprintable() and " " not in key.value


def _end_of_life(upload: PresignedUpload) -> float:
    """The `time.monotonic()` at which the URL expires."""
    life_s = (upload.expires_at - datetime.now(UTC)).total_seconds()
    # Expired already: that may be our clock, so it is the storage host's to say.
    return time.monotonic() + life_s if life_s > 0 else math.inf


def _no_free_connection(timeouts: Timeouts) -> str:
    return f"no free connection within {timeouts.pool_s:g} s"


def _without_frames(error: _E) -> _E:
    """Cut off an error's traceback: the library's variables hold the key and signed URLs."""
    frames = traceback.extract_tb(error.__traceback__)
    error.add_note(f"raised in {frames[-1].filename}, line {frames[-1].lineno}, while talking to Pique")
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _client(timeouts: Timeouts, *, max_connections: int, headers: Mapping[str, str]) -> httpx.Client:
    return httpx.Client(
        headers=headers,
        timeout=_library_timeouts(timeouts),
        limits=httpx.Limits(max_connections=max_connections, keepalive_expiry=_KEEPALIVE_S),
        # A proxy of the environment is for the world outside, never for this machine.
        mounts=dict.fromkeys(_LOOPBACK_MOUNTS),
    )


def _library_timeouts(timeouts: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=timeouts.connect_s, read=timeouts.read_s, write=timeouts.write_s, pool=timeouts.pool_s)


def _put_request(upload: PresignedUpload, body: UploadBody, timeouts: Timeouts) -> httpx.Request:
    # Built by hand: a client adds Accept, User-Agent and more, and what is signed must go as it was given.
    given = [(name.encode(), value.encode()) for name, value in upload.upload_headers.items()]
    if not any(name.lower() == b"content-length" for name, _ in given):
        given.append((b"Content-Length", str(body.size_bytes).encode()))
    return httpx.Request(
        "PUT",
        upload.upload_url,
        headers=given,
        # An empty body would be read after the request is complete, too late to find that it is not empty.
        content=body if body.size_bytes else b"".join(body),
        extensions={"timeout": _library_timeouts(timeouts).as_dict()},
    )


def _may_repeat(request: ApiRequest, failure: PiqueError) -> bool:
    if not isinstance(failure, NoAnswer | TryLater):
        return False
    return request.repeat is Repeat.HARMLESS or not failure.may_have_taken_effect


def _read_at_most(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body)


def _read_what_comes(response: httpx.Response) -> bytes:
    try:
        return _read_at_most(response, _MAX_STORAGE_ANSWER_BYTES)
    except httpx.RequestError:
        # The status has said it all; a host that refuses early often cuts the explanation short.
        return b""


def _was_sent(error: httpx.RequestError) -> bool:
    # Only these three happen before the first byte of a request; of any other, some may have arrived.
    return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _why(error: httpx.RequestError, timeouts: Timeouts) -> str:
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {timeouts.connect_s:g} s"
        case httpx.ReadTimeout():
            return f"silence for {timeouts.read_s:g} s"
        case httpx.WriteTimeout():
            return f"no byte was taken for {timeouts.write_s:g} s"
        case httpx.PoolTimeout():
            return _no_free_connection(timeouts)
        case httpx.LocalProtocolError():
            # Its text may quote a header.
            return "the request is not valid HTTP"
        case _:
            return str(error) or type(error).__name__
