"""A Pique of which some jobs have odd answers: a proxy before the local one, which says otherwise of files it is told.

Belongs here: the proxy and the odd answers. Does not: faults of the line (`pique_assets.testing`), and any rule of
Pique's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from line import Request, Told, answering, passed_on

from pique_assets.local.process import LocalPiqueProcess

Answer = tuple[int, bytes]
OddAnswer = Callable[[str], Answer]
"""What is answered about a job, by its id."""


def status(word: str, **more: object) -> OddAnswer:
    """The job is in this state, for ever."""
    return lambda job_id: (200, json.dumps({"job_id": job_id, "status": word, **more}).encode())


def refused(code: int) -> OddAnswer:
    return lambda job_id: (code, json.dumps({"detail": "not found"}).encode())


def body(content: bytes) -> OddAnswer:
    return lambda job_id: (200, content)


@dataclass(kw_only=True)
class OddPique:
    """Its address and key, and what it answers about the job of a file, by the file's name."""

    base_url: str
    api_key: str
    answers: dict[str, OddAnswer] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def job_of(self, filename: str) -> str:
        (job_id,) = (job_id for job_id, name in self.files.items() if name == filename)
        return job_id


@contextmanager
def odd_pique(pique: LocalPiqueProcess) -> Iterator[OddPique]:
    """The proxy, on a port of its own."""

    def tell(request: Request) -> Told:
        told = passed_on(request, to=pique.base_url)
        job_id = request.path.rpartition("/")[2]
        if request.path.endswith("/presigned-upload") and told.status == 200:
            odd.files[told.document()["job_id"]] = request.json()["filename"]
        if "/results/" in request.path and (own := odd.answers.get(odd.files.get(job_id, ""))):
            status, content = own(job_id)
            return Told(status=status, body=content)
        return told

    with answering(tell) as base_url:
        odd = OddPique(base_url=base_url, api_key=pique.api_key)
        yield odd
