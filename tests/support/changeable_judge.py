"""A local Pique whose answers about a judge are changed on their way, one by one.

Belongs here: the server in front of the local Pique. Does not: what is expected of those who ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from line import Request, Told, answering, passed_on

from pique_assets.local.process import LocalPiqueProcess

Change = Callable[[dict[str, Any]], dict[str, Any]]


def as_it_is(judge: dict[str, Any]) -> dict[str, Any]:
    return judge


def with_fewer_detectors(judge: dict[str, Any]) -> dict[str, Any]:
    return judge | {"detector_configs": judge["detector_configs"][:1]}


def with_detectors(value: object) -> Change:
    return lambda judge: judge | {"detector_configs": value}


@dataclass
class ChangeableJudge:
    """Where Pique seems to be, and how its next answers about a judge are changed; the last change goes on for ever."""

    base_url: str
    api_key: str
    asked: int = 0
    _changes: list[Change] = field(default_factory=lambda: [as_it_is])

    def answers(self, *changes: Change) -> None:
        """Begin anew: the next answers are changed like this."""
        self.asked = 0
        self._changes = list(changes)

    def changed(self, judge: dict[str, Any]) -> dict[str, Any]:
        change = self._changes[min(self.asked, len(self._changes) - 1)]
        self.asked += 1
        return change(judge)


@contextmanager
def changeable_judge(pique: LocalPiqueProcess) -> Iterator[ChangeableJudge]:
    """Everything but answers about judges passes through as it is; content goes to the local Pique directly."""

    def tell(request: Request) -> Told:
        told = passed_on(request, to=pique.base_url)
        if request.path.startswith("/v1/judges/") and told.status == 200:
            return told.saying(**front.changed(told.document()))
        return told

    with answering(tell) as base_url:
        front = ChangeableJudge(base_url, pique.api_key)
        yield front
