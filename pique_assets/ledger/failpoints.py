"""Places where a test may kill the process.

Belongs here: the switch, and the names there are: two for each write of the ledger, which registers itself
(`base.ledger_write`), and two for each request of the engine. Does not: what a test does with them. In production the
switch is off and a failpoint is one look into the environment.

``PIQUE_FAILPOINT=name`` kills the process at the first hit of that failpoint, ``name:3`` at the third: with
SIGKILL, so nothing is flushed, closed or rolled back by us, as in a power cut.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final, Literal, TypeAlias

ENVIRONMENT_VARIABLE: Final = "PIQUE_FAILPOINT"

Road: TypeAlias = Literal["upload", "social", "collecting", "webhook"]
"""On whose way a failpoint lies: of what uploads content and collects results, of what only social media takes, of what
completes a date whatever becomes of its jobs and runs, of the receiver of webhooks."""

_STEPS: Final[dict[str, Road]] = {"prepare": "upload", "upload": "upload", "ask": "upload", "submit_urls": "social"}
"""What the engine does at Pique between two writes: the POST, the PUT, the GET, the social media POST."""

_writes: dict[str, Road] = {}
_hits: dict[str, int] = {}
_counting = threading.Lock()


def register_write(name: str, *, road: Road) -> None:
    """Have a failpoint before and one after the commit of a write."""
    _writes[name] = road


def ledger_writes(*roads: Road) -> tuple[str, ...]:
    """Every write of the ledger, named as its method; only those of some roads, if any are named.

    A write registers itself when its module is imported: all have once `Ledger` is imported.
    """
    return tuple(name for name, road in _writes.items() if not roads or road in roads)


def failpoints(*roads: Road) -> tuple[str, ...]:
    """Every name there is; only those of some roads, if any are named."""
    steps = [name for name, road in _STEPS.items() if not roads or road in roads]
    return (
        *(f"{write}.{moment}" for write in ledger_writes(*roads) for moment in ("before_commit", "after_commit")),
        *(f"{step}.{moment}" for step in steps for moment in ("before", "after")),
    )


def failpoint(name: str) -> None:
    """Die here if the environment says so.

    Args:
        name: one of `failpoints`.

    Raises:
        ValueError: ``PIQUE_FAILPOINT`` is set and it, or ``name``, names no failpoint.
    """
    wanted = os.environ.get(ENVIRONMENT_VARIABLE)
    if not wanted:
        return
    known = failpoints()
    if name not in known:
        raise ValueError(f"{name!r} is no failpoint; add it to pique_assets.ledger.failpoints")
    target, hit = _parse(wanted, known=known)
    if target != name:
        return
    with _counting:
        _hits[name] = _hits.get(name, 0) + 1
        if _hits[name] == hit:
            os.kill(os.getpid(), signal.SIGKILL)


def _parse(wanted: str, *, known: tuple[str, ...]) -> tuple[str, int]:
    target, _, count = wanted.partition(":")
    if target not in known or not (count == "" or (count.isascii() and count.isdigit() and int(count) > 0)):
        raise ValueError(
            f"{ENVIRONMENT_VARIABLE}={wanted!r}: expected name or name:n with n >= 1, name one of " + ", ".join(known)
        )
    return target, int(count or 1)
