"""The way to the API: with the key, repeated where that is safe, and at an end once the key is refused.

Belongs here: which requests are sent, and how often; how many go at once is ``concurrency``'s, connections are
``wire``'s, and the storage host has a way of its own (``storage_transport``), so that nothing is shared with it. An
answer's status arrives in these two alone. What the requests mean is the client's subject.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Final

from pique_assets.api.answers import Answer, ApiRequest, api_error, report_to_limit, sends_elsewhere
from pique_assets.api.concurrency import AdaptiveLimit, HostConcurrency, Slot
from pique_assets.api.errors import NoAnswer, PiqueError, TryLater, Unauthorized, UnexpectedAnswer
from pique_assets.api.policy import Repeat, RetryPolicy, Timeouts
from pique_assets.api.redaction import Secret, install_redaction, redact
from pique_assets.api.wire import Broken, Reply, Wire, is_secure_url, no_free_connection

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024

_logger = logging.getLogger(__name__)
install_redaction(__name__)


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
            BrokenEnvironment: What the environment says of proxies or certificates can't be used.
        """
        if not is_secure_url(base_url) or "?" in base_url or "#" in base_url or "@" in base_url:
            shown = redact(base_url.partition("?")[0])
            raise ValueError(f"base_url must be https (http only on loopback), without credentials or query: {shown!r}")
        if re.search(r"/v\d+/*$", base_url):
            raise ValueError(f"base_url must end before /v1, which every request adds: {redact(base_url)!r}")
        if not _is_one_word(api_key):
            # Never shown: a broken key is mostly a real one with a line break.
            raise ValueError("the API key must be one word of printable ASCII; check for a stray line break")
        self.base_url = base_url.rstrip("/")
        self._secrets = (api_key,)
        self._timeouts = timeouts
        self._retries = retries
        self._limit = AdaptiveLimit(most=max_connections, longest_pause_s=retries.retry_after_cap_s)
        self._refusal: Unauthorized | None = None
        self._wire = Wire(timeouts=timeouts, max_connections=max_connections, asked_with={"X-API-Key": api_key})
        self._wire.find_road(base_url)

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

    def end_at(self, moment: float) -> None:
        """Wait for no connection beyond this `time.monotonic()`, at which `cut` is going to be called."""
        self._wire.end_at(moment)

    def cut(self) -> None:
        """End whatever is under way, waits or naps; nothing more is sent."""
        self._limit.stop()
        self._wire.cut()

    def close(self) -> None:
        """Close all connections, and send away all threads that wait for one."""
        self._limit.stop()
        self._wire.close()

    def _no_turn(self, request: ApiRequest, *, taken: bool) -> PiqueError:
        refusal = self._refusal
        if refusal is None:
            closed = self._limit.is_stopped
            reason = "the client is closed" if closed else no_free_connection(self._timeouts)
            return NoAnswer(request=request.name, reason=reason, request_sent=taken)
        # Each thread raises an error of its own: a shared one would collect the tracebacks of all.
        return Unauthorized(status=refusal.status, detail=refusal.detail, request=refusal.request)

    def _send_once(self, request: ApiRequest, slot: Slot) -> Answer | BaseException:
        content_type = {"Content-Type": "application/json"} if request.body is not None else {}
        asked_at = datetime.now(UTC)
        outcome = self._wire.ask(
            request.method,
            f"{self.base_url}{request.path}",
            query=request.query,
            headers={"Accept": "application/json", **content_type},
            body=request.body,
            at_most=MAX_ANSWER_BYTES + 1,
        )
        if isinstance(outcome, Broken):
            reason = redact(outcome.reason, secrets=self._secrets)
            return NoAnswer(
                request=request.name, reason=f"{reason} (at {self.base_url})", request_sent=outcome.request_sent
            )
        if not isinstance(outcome, Reply):
            return outcome
        answer = self._answer(request, outcome, asked_at=asked_at)
        report_to_limit(slot, status=answer.status, retry_after=answer.retry_after)
        if len(answer.body) > MAX_ANSWER_BYTES:
            detail = f"more than {MAX_ANSWER_BYTES} bytes"
            return UnexpectedAnswer(status=answer.status, detail=detail, request=request.name)
        return api_error(answer, secrets=self._secrets) or answer

    def _answer(self, request: ApiRequest, reply: Reply, *, asked_at: datetime) -> Answer:
        return Answer(
            request=request.name,
            status=reply.status,
            body=reply.body,
            asked_at=asked_at,
            received_at=datetime.now(UTC),
            retry_after=reply.headers.get("retry-after"),
            date=reply.headers.get("date"),
            sends_elsewhere=sends_elsewhere(
                status=reply.status, location=reply.headers.get("location"), url=self.base_url
            ),
        )


def _is_one_word(key: Secret) -> bool:
    return bool(key.value) and key.value.isascii() and key.value.isprintable() and " " not in key.value


def _may_repeat(request: ApiRequest, failure: PiqueError) -> bool:
    if not isinstance(failure, NoAnswer | TryLater):
        return False
    return request.repeat is Repeat.HARMLESS or not failure.may_have_taken_effect
