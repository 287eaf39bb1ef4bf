"""A Pique of documented answers: a small HTTP server on loopback that says what it is given to say.

Belongs here: the server, API and storage in one. Does not: any rule of Pique's; that is the local Pique.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from line import Request, Told, answering

__all__ = ["Answer", "DocumentedPique", "Request", "documented_pique"]

API_KEY = "pk_your_api_key_here"


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    document: object = None
    headers: dict[str, str] = field(default_factory=dict)

    def told(self) -> Told:
        body = b"" if self.document is None else json.dumps(self.document).encode()
        usual = {"content-type": "application/json", "date": formatdate(usegmt=True)}
        own = {name.lower(): value for name, value in self.headers.items()}
        return Told(status=self.status, headers=usual | own, body=body)


# What is answered to a route: one answer after the other, the last one for ever; or what a function makes of a request.
Answers = list[Answer] | Callable[[Request], Answer]


@dataclass
class DocumentedPique:
    """What to answer, and what was asked."""

    base_url: str
    api_key: str = API_KEY
    requests: list[Request] = field(default_factory=list)
    _answers: dict[str, Answers] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, route: str, *answers: Answer | dict[str, Any] | Callable[[Request], Answer]) -> None:
        """Answer a route such as ``GET /v1/judges/j``; a document alone is answered with 200."""
        (first, *_) = answers
        if callable(first):
            self._answers[route] = first
        else:
            self._answers[route] = [Answer(document=one) if isinstance(one, dict) else one for one in answers]

    def seen(self, route: str) -> list[Request]:
        return [request for request in self.requests if request.route == route]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            answers = self._answers.get(request.route, [Answer(status=404, document={"detail": "not documented"})])
            if callable(answers):
                return answers(request)
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def documented_pique() -> Iterator[DocumentedPique]:
    def tell(request: Request) -> Told:
        return pique.answer(request).told()

    with answering(tell) as base_url:
        pique = DocumentedPique(base_url)
        yield pique
