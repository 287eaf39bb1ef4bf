"""Webhooks on their way through the proxy: once, twice, late or in another order.

Belongs here: delivering to the receiver. Does not: sending and retrying, which the local Pique does, and its
signature, which goes through unchanged.
"""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pique_assets.testing.faults import Fault, FaultKind
from pique_assets.testing.wire import RequestHead, WireAnswer

_PATIENCE_S = 10.0
_PASSED_ON = ("content-type", "x-pique-signature", "x-webhook-signature")
_ACCEPTED = WireAnswer(status=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Webhook:
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class WebhookRelay:
    """Delivers to the receiver of the organisation, or to the one that a request named; thread-safe."""

    def __init__(self, url: str | None) -> None:
        """Deliver the organisation's webhooks to ``url``; None when it has no receiver, and none will come."""
        self._url = url
        self._held: list[_Webhook] = []
        self._late: list[threading.Thread] = []
        self._ending = threading.Event()
        self._lock = threading.Lock()

    def deliver(self, head: RequestHead, *, body: bytes, to: str | None, fault: Fault | None) -> WireAnswer:
        """Deliver a webhook, as the fault wants it, and say what its sender is answered.

        Args:
            head: As it came.
            body: As it came.
            to: The receiver that the job's request named; None for the organisation's.
            fault: What goes wrong.
        """
        headers = {name: value for name in _PASSED_ON if (value := head.header(name)) is not None}
        webhook = _Webhook(url=to or self._url or "", headers=headers, body=body)
        kind = None if fault is None else fault.kind
        if fault is not None and kind is FaultKind.LATE:
            thread = threading.Thread(target=self._deliver_late, args=(webhook, fault.seconds), name="late-webhook")
            with self._lock:
                self._late.append(thread)
            thread.start()
            return _ACCEPTED
        if kind is FaultKind.OUT_OF_ORDER:
            with self._lock:
                self._held.append(webhook)
            return _ACCEPTED
        answer = self._post(webhook)
        if kind is FaultKind.DUPLICATE:
            self._post(webhook)
        self._deliver_held()
        return answer

    def close(self) -> None:
        """Deliver what is held back or late now."""
        self._ending.set()
        with self._lock:
            late = list(self._late)
        for thread in late:
            thread.join()
        self._deliver_held()

    def _deliver_held(self) -> None:
        with self._lock:
            held, self._held = self._held, []
        for webhook in held:
            self._post(webhook)

    def _deliver_late(self, webhook: _Webhook, seconds: float) -> None:
        self._ending.wait(seconds)
        self._post(webhook)

    def _post(self, webhook: _Webhook) -> WireAnswer:
        parts = urlsplit(webhook.url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=_PATIENCE_S)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body=webhook.body, headers=webhook.headers)
            response = connection.getresponse()
            return WireAnswer(status=response.status, body=response.read())
        except (OSError, http.client.HTTPException):
            return WireAnswer(status=502)
        finally:
            connection.close()
