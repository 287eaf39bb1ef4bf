"""What was said over the wire: one record for each request that reached the proxy, in the order of arrival.

Belongs here: the record and its keeper. No secret is in it: query strings, keys and bodies stay outside. Does not:
what the record must and must not show (`checker`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from pique_assets.testing.faults import Fault, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what became of it; times are aware, in UTC.

    Attributes:
        number: From 1, in the order of arrival.
        path: Without the query.
        job_id: Of the path or, for a job being prepared, of Pique's answer, even if that answer was lost.
        batch_id: Of a social-media batch, of Pique's answer, even if that answer was lost.
        job_ids: The jobs of that batch, in the order of its videos.
        began_at: When the request's headers were complete.
        ended_at: When the answer was about to be sent, or the connection ended; None while under way.
        body_bytes: Bytes of the body that came.
        body_complete: Whether every announced byte came.
        forwarded: Whether Pique heard of the request; of a PUT, whether it got every byte.
        pique_status: What Pique answered; None when it was not asked, or did not answer.
        status: What the client was answered; None without an answer.
        faults: What was done to it.
        carried_api_key: Whether the API key was anywhere in its headers or its address.
        expires_at: Of a prepared job: the end of its URL as the client was told.
        told_status: Of a result: the job's status as the client was told.
        result_digest: Of a finished result: sha256 of the score, the detector results and the error.
    """

    number: int
    route: Route
    method: str
    path: str
    job_id: str | None
    began_at: datetime
    ended_at: datetime | None = None
    body_bytes: int = 0
    body_complete: bool = False
    forwarded: bool = False
    pique_status: int | None = None
    status: int | None = None
    faults: tuple[Fault, ...] = ()
    carried_api_key: bool = False
    batch_id: str | None = None
    job_ids: tuple[str, ...] = ()
    expires_at: datetime | None = None
    told_status: str | None = None
    result_digest: str | None = None

    @property
    def all_job_ids(self) -> tuple[str, ...]:
        """Every job it is about."""
        return self.job_ids if self.job_id is None else (self.job_id, *self.job_ids)


class History:
    """All exchanges of one proxy; thread-safe."""

    def __init__(self) -> None:
        """Begin empty."""
        self._exchanges: dict[int, Exchange] = {}
        self._last = 0
        self._lock = threading.Lock()

    def next_number(self) -> int:
        """The number of the exchange that now begins."""
        with self._lock:
            self._last += 1
            return self._last

    def put(self, exchange: Exchange) -> None:
        """Keep this as what is known of the exchange of its number."""
        with self._lock:
            self._exchanges[exchange.number] = exchange

    def all(self) -> tuple[Exchange, ...]:
        """Every exchange so far, in the order of arrival."""
        with self._lock:
            return tuple(self._exchanges[number] for number in sorted(self._exchanges))
