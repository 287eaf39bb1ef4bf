"""Orders that reach Pique otherwise than their client wrote them, so that something can happen to them later.

Belongs here: changing the bodies of the two POSTs that make jobs, and the answer back. Does not: when that is due
(`conversation`), and what becomes of webhooks (`webhook_relay`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlencode, urlsplit

from pique_assets.local.bodies import is_http_url
from pique_assets.testing.wire import WireAnswer, json_object

MAX_BODY_BYTES = 1024**2
"""A larger order is passed on as it is; Pique refuses it anyway."""

_RELAYED_TO = "to"
_REFUSED_URL = "http://0.0.0.0/refused-by-the-fault-proxy?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The body of a POST that makes jobs.

    Attributes:
        body: As Pique shall have it.
        urls: Of each video's address that was exchanged: the one that Pique has, and the client's own.
    """

    body: bytes = field(repr=False)
    urls: dict[str, str] = field(default_factory=dict)

    def with_webhooks_through(self, relay_url: str) -> Order:
        """The same, with a webhook URL of its own led through the relay, which finds it in the address."""
        document = json_object(self.body)
        own = None if document is None else document.get("webhook_url")
        # What Pique would refuse stays as it is, so that it is refused.
        if document is None or not isinstance(own, str) or not is_http_url(own):
            return self
        told = {**document, "webhook_url": f"{relay_url}?{urlencode({_RELAYED_TO: own})}"}
        return replace(self, body=json.dumps(told).encode())

    def with_refused_videos(self, count: int) -> Order:
        """The same, with addresses that Pique refuses at once in the place of the first ``count``."""
        document = json_object(self.body)
        given = None if document is None else document.get("video_urls")
        if document is None or not isinstance(given, list):
            return self
        exchanged = {_REFUSED_URL + urlencode({"instead_of": str(url)}): str(url) for url in given[:count]}
        told = {**document, "video_urls": [*exchanged, *given[count:]]}
        return replace(self, body=json.dumps(told).encode(), urls=exchanged)

    def restored(self, answer: WireAnswer) -> WireAnswer:
        """Pique's answer, with the client's own addresses."""
        document = json_object(answer.body)
        jobs = None if document is None else document.get("jobs")
        if not self.urls or document is None or not isinstance(jobs, list):
            return answer
        told = [{**job, "url": self.urls.get(job["url"], job["url"])} for job in jobs]
        return replace(answer, body=json.dumps({**document, "jobs": told}).encode())


def relayed_to(target: str) -> str | None:
    """The webhook URL that a request to the relay is meant for; None for the organisation's."""
    return parse_qs(urlsplit(target).query).get(_RELAYED_TO, [None])[0]
