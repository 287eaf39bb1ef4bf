"""Places where a test may kill the process.

Belongs here: the list of names and the switch. Does not: what a test does with them. In production the
switch is off and a failpoint is one look into the environment.

``PIQUE_FAILPOINT=name`` kills the process at the first hit of that failpoint, ``name:3`` at the third: with
SIGKILL, so nothing is flushed, closed or rolled back by us, as in a power cut.
"""

from __future__ import annotations

import os
import signal
import threading

ENVIRONMENT_VARIABLE = "PIQUE_FAILPOINT"

UPLOAD_WRITES = (
    "record_inventory",
    "record_collected",
    "claim_submissions",
    "claim_interrupted",
    "claim_due",
    "record_prepared",
    "record_upload_started",
    "record_uploaded",
    "adopt",
    "record_rejected",
    "record_abandoned",
    "record_poll",
    "record_result",
    "renew_lease",
    "release_lease",
    "make_due",
)
"""The write transactions by which content is uploaded and its result collected."""

SOCIAL_WRITES = (
    "record_submitting",
    "record_accepted",
    "record_unattributed",
    "record_not_sent",
    "record_never_sent",
    "record_in_doubt",
    "claim_unanswered",
    "claim_for_reconciliation",
)
"""Those that only social media submissions take."""

COLLECTING_WRITES = ("claim_to_give_up", "record_given_up", "record_collecting", "postpone_collection")
"""Those by which a date completes whatever becomes of its jobs and runs."""

WEBHOOK_WRITES = ("record_webhook",)
"""Those of the receiver of webhooks."""

LEDGER_WRITES = (*UPLOAD_WRITES, *SOCIAL_WRITES, *COLLECTING_WRITES, *WEBHOOK_WRITES)
"""Every write transaction of the ledger, named as its method."""

UPLOAD_STEPS = ("prepare", "upload", "ask")
"""What the engine does at Pique between two writes: the POST, the PUT, the GET."""

SOCIAL_STEPS = ("submit_urls",)
"""The social media POST."""


def _points(*, writes: tuple[str, ...] = (), steps: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (
        *(f"{write}.{moment}" for write in writes for moment in ("before_commit", "after_commit")),
        *(f"{step}.{moment}" for step in steps for moment in ("before", "after")),
    )


UPLOAD_FAILPOINTS = _points(writes=UPLOAD_WRITES, steps=UPLOAD_STEPS)
"""Where a process may die that uploads content and collects results."""

SOCIAL_FAILPOINTS = _points(writes=SOCIAL_WRITES, steps=SOCIAL_STEPS)
"""Where a process may die besides when it submits social media."""

COLLECTING_FAILPOINTS = _points(writes=COLLECTING_WRITES)
"""Where a sensor, a results run or a person's command may die besides."""

WEBHOOK_FAILPOINTS = _points(writes=WEBHOOK_WRITES)
"""Where a receiver of webhooks may die."""

FAILPOINTS = (*UPLOAD_FAILPOINTS, *SOCIAL_FAILPOINTS, *COLLECTING_FAILPOINTS, *WEBHOOK_FAILPOINTS)
"""Every name there is."""

_hits: dict[str, int] = {}
_counting = threading.Lock()


def failpoint(name: str) -> None:
    """Die here if the environment says so.

    Args:
        name: one of `FAILPOINTS`.

    Raises:
        ValueError: ``PIQUE_FAILPOINT`` is set and it, or ``name``, names no failpoint.
    """
    wanted = os.environ.get(ENVIRONMENT_VARIABLE)
    if not wanted:
        return
    if name not in FAILPOINTS:
        raise ValueError(f"{name!r} is no failpoint; add it to pique_assets.ledger.failpoints")
    target, hit = _parse(wanted)
    if target != name:
        return
    with _counting:
        _hits[name] = _hits.get(name, 0) + 1
        if _hits[name] == hit:
            os.kill(os.getpid(), signal.SIGKILL)


def _parse(wanted: str) -> tuple[str, int]:
    target, _, count = wanted.partition(":")
    if target not in FAILPOINTS or not (count == "" or (count.isascii() and count.isdigit() and int(count) > 0)):
        raise ValueError(
            f"{ENVIRONMENT_VARIABLE}={wanted!r}: expected name or name:n with n >= 1, name one of "
            + ", ".join(FAILPOINTS)
        )
    return target, int(count or 1)
