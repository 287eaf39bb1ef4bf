"""One client's connection to the proxy: each request read, struck or passed on, and answered.

Belongs here: the order of these steps, and how each acting fault is brought about. Does not: bytes (`wire`), what lags
and skew say (`shaping`), and threads (`proxy`).
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import BinaryIO

from pique_assets.testing.faults import Fault, FaultKind, FaultScript, Route, Strike
from pique_assets.testing.history import Exchange, History
from pique_assets.testing.rewriting import MAX_BODY_BYTES, Order, relayed_to
from pique_assets.testing.routes import classify
from pique_assets.testing.shaping import Shaper, with_what_was_made, with_what_was_told
from pique_assets.testing.upstream import PiqueGone, Upstream
from pique_assets.testing.webhook_relay import WebhookRelay
from pique_assets.testing.wire import (
    BadRequest,
    RequestHead,
    WireAnswer,
    arm_reset,
    drain,
    read_body,
    read_head,
    send_slowly,
    wait_for_its_end,
)

_STORAGE_ERRORS = {
    FaultKind.EARLY_403: (403, "SignatureDoesNotMatch", "Access denied."),
    FaultKind.EXPIRED_URL: (400, "ExpiredToken", "The provided token has expired."),
}
_ANSWERED_AS_EVER = frozenset({FaultKind.REFUSED_VIDEOS, FaultKind.DUPLICATE, FaultKind.LATE, FaultKind.OUT_OF_ORDER})
_JSON = (("Content-Type", "application/json"),)


class _Over(Exception):
    """The connection is to end now, without (further) answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all conversations share."""

    script: FaultScript
    history: History
    shaper: Shaper
    webhooks: WebhookRelay
    relay_url: str
    pique: tuple[str, int]
    stopping: threading.Event
    api_key: str = field(repr=False)


class Conversation:
    """Serves one connection until it ends."""

    def __init__(self, client: socket.socket, *, setting: Setting) -> None:
        """Serve ``client``, which is closed afterwards."""
        self._client = client
        self._setting = setting
        self._upstream = Upstream(setting.pique)

    def run(self) -> None:
        """Answer request after request."""
        reader = self._client.makefile("rb")
        try:
            while self._serve_one(reader):
                pass
        except BadRequest as error:
            answer = _detail(400, f"the fault proxy: {error}").with_header("Connection", "close")
            self._client.sendall(answer.as_bytes())
            drain(self._client)
        except _Over:
            return
        finally:
            reader.close()
            self._upstream.close()

    def _serve_one(self, reader: BinaryIO) -> bool:
        """Whether another request may follow."""
        head = read_head(reader)
        if head is None:
            return False
        route, job_id = classify(head)
        strike = self._setting.script.strike(route)
        exchange = Exchange(
            number=self._setting.history.next_number(),
            route=route,
            method=head.method,
            path=head.path,
            job_id=job_id,
            began_at=datetime.now(UTC),
            faults=strike.faults,
            carried_api_key=self._carries_key(head),
        )
        self._setting.history.put(exchange)
        return _Request(
            head=head,
            reader=reader,
            client=self._client,
            upstream=self._upstream,
            setting=self._setting,
            strike=strike,
            exchange=exchange,
        ).serve()

    def _carries_key(self, head: RequestHead) -> bool:
        key = self._setting.api_key
        return key in head.target or any(name.lower() == "x-api-key" or key in value for name, value in head.headers)


@dataclass(kw_only=True)
class _Request:
    """One request on its way."""

    head: RequestHead
    reader: BinaryIO
    client: socket.socket
    upstream: Upstream
    setting: Setting
    strike: Strike
    exchange: Exchange

    def serve(self) -> bool:
        """Whether another request may follow on the connection."""
        try:
            fault = self.strike.acting
            refused_early = fault is not None and fault.kind is FaultKind.EARLY_403
            if (self.head.header("expect") or "").lower() == "100-continue" and not refused_early:
                self.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if fault is not None:
                self.setting.script.saw(fault)
                self._before_the_effect(fault)
            if self.exchange.status is None:
                self._pass_on(fault)
        except OSError:
            # The client went away; that is its right, and the history says how far it came.
            self._note_end()
            raise _Over from None
        except _Over:
            self._note_end()
            raise
        return self.exchange.body_complete and not self.head.ends_connection

    def _before_the_effect(self, fault: Fault) -> None:
        """Do what needs no answer of Pique."""
        if fault.kind in _STORAGE_ERRORS:
            self._refuse_early(fault)
        if fault.after_effect:
            return
        if fault.kind is FaultKind.STATUS:
            self._swallow(self.head.body_bytes)
            self._answer(_scripted(fault))
        elif fault.kind in (FaultKind.RESET, FaultKind.STALLED):
            self._swallow(min(fault.after_bytes, self.head.body_bytes))
            self._end(fault)

    def _pass_on(self, fault: Fault | None) -> None:
        """Have Pique do it, then tell the client what the faults leave of the answer."""
        try:
            answer = self._ask()
        except PiqueGone as gone:
            self._answer(_detail(502, f"the fault proxy: {gone}"))
            return
        self.exchange = with_what_was_made(self.exchange, answer)
        self._note(forwarded=self.exchange.body_complete, pique_status=answer.status)
        told = self.setting.shaper.shape(answer, exchange=self.exchange)
        kind = None if fault is None else fault.kind
        if fault is None or kind in _ANSWERED_AS_EVER:
            self._answer(told)
        elif kind is FaultKind.STATUS:
            self._answer(_scripted(fault))
        elif kind is FaultKind.TRUNCATED_JSON:
            self._answer(replace(told, body=told.body[: len(told.body) // 2]))
        elif kind is FaultKind.INVALID_JSON:
            self._answer(
                WireAnswer(status=200, headers=(("Content-Type", "text/html"),), body=b"<html>All is well</html>")
            )
        elif kind is FaultKind.SLOW:
            self._remember_told(told)
            send_slowly(self.client, told, seconds=fault.seconds)
        elif kind is FaultKind.CUT_ANSWER:
            self._note_end()
            cut = replace(told, body=told.body[: len(told.body) // 2])
            # At least one byte short, also where there is no body.
            self.client.sendall(cut.as_bytes(announced=max(1, len(told.body))))
            raise _Over
        else:
            self._end(fault)

    def _ask(self) -> WireAnswer:
        if self.exchange.route is Route.WEBHOOK:
            kept: list[bytes] = []
            self._swallow(self.head.body_bytes, into=kept)
            to = relayed_to(self.head.target)
            return self.setting.webhooks.deliver(self.head, body=b"".join(kept), to=to, fault=self.strike.acting)
        if self.exchange.route in (Route.PREPARE, Route.SOCIAL_MEDIA) and self.head.body_bytes <= MAX_BODY_BYTES:
            return self._ask_otherwise()
        self.upstream.send_head(self.head)
        for piece in read_body(self.reader, size=self.head.body_bytes):
            self._note(body_bytes=self.exchange.body_bytes + len(piece))
            if not self.upstream.send(piece):
                break
        complete = self.exchange.body_bytes == self.head.body_bytes
        self._note(body_complete=complete)
        if not complete and not self.upstream.has_answered:
            raise _Over
        return self.upstream.read_answer(self.head.method)

    def _ask_otherwise(self) -> WireAnswer:
        """Pass on a POST that makes jobs, changed so that what follows can be struck too."""
        kept: list[bytes] = []
        self._swallow(self.head.body_bytes, into=kept)
        order = Order(body=b"".join(kept)).with_webhooks_through(self.setting.relay_url)
        fault = self.strike.acting
        if fault is not None and fault.kind is FaultKind.REFUSED_VIDEOS:
            order = order.with_refused_videos(fault.videos)
        self.upstream.send_head(self.head.with_body_bytes(len(order.body)))
        self.upstream.send(order.body)
        return order.restored(self.upstream.read_answer(self.head.method))

    def _swallow(self, size: int, *, into: list[bytes] | None = None) -> None:
        """Read that much of the body; it goes nowhere, or ``into`` a list."""
        came = 0
        for piece in read_body(self.reader, size=size):
            came += len(piece)
            if into is not None:
                into.append(piece)
        self._note(body_bytes=came, body_complete=came == self.head.body_bytes)
        if came < size:
            raise _Over

    def _answer(self, answer: WireAnswer) -> None:
        self._remember_told(answer)
        if self.exchange.body_complete:
            self.client.sendall(answer.as_bytes())
            return
        self.client.sendall(answer.with_header("Connection", "close").as_bytes())
        drain(self.client)

    def _remember_told(self, answer: WireAnswer) -> None:
        # Before it is sent: who has the answer may look into the history at once.
        told = with_what_was_told(self.exchange, answer)
        self.exchange = replace(told, status=answer.status, ended_at=datetime.now(UTC))
        self.setting.history.put(self.exchange)

    def _refuse_early(self, fault: Fault) -> None:
        status, code, message = _STORAGE_ERRORS[fault.kind]
        body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        headers = (("Content-Type", "application/xml; charset=UTF-8"), ("Connection", "close"))
        if fault.kind is FaultKind.EXPIRED_URL:
            self._swallow(self.head.body_bytes)
        self._answer(WireAnswer(status=status, headers=headers, body=body.encode()))
        raise _Over

    def _end(self, fault: Fault) -> None:
        """End the connection without an answer, in the fault's way."""
        self._note_end()
        if fault.kind is FaultKind.STALLED:
            wait_for_its_end(self.client, seconds=fault.seconds, stopping=self.setting.stopping)
        elif fault.kind is FaultKind.RESET:
            arm_reset(self.client)
        raise _Over

    def _note_end(self) -> None:
        if self.exchange.ended_at is None:
            self._note(ended_at=datetime.now(UTC))

    def _note(self, **changes: object) -> None:
        self.exchange = replace(self.exchange, **changes)  # type: ignore[arg-type]
        self.setting.history.put(self.exchange)


def _scripted(fault: Fault) -> WireAnswer:
    """The answer of `FaultKind.STATUS`."""
    headers = (*_JSON, ("Date", format_datetime(datetime.now(UTC), usegmt=True)))
    answer = replace(_detail(fault.status, "scripted fault"), headers=headers)
    wish = fault.retry_after
    if wish is None:
        return answer
    if isinstance(wish, timedelta):
        return answer.with_header("Retry-After", format_datetime(datetime.now(UTC) + wish, usegmt=True))
    return answer.with_header("Retry-After", wish if isinstance(wish, str) else f"{wish:g}")


def _detail(status: int, text: str) -> WireAnswer:
    return WireAnswer(status=status, headers=_JSON, body=f'{{"detail": "{text}"}}'.encode())
