"""Submissions that a dead run left behind and that nobody will resume, because no content asks for them any more.

Here: bringing each of them to an end by asking Pique, without ever sending a byte. Not here: submissions that an
inventory still asks for, which the uploads of their partition resume (`submission`), and the rule for jobs of unknown
fate (`recovery`).
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import NotFound, PiqueError, Unauthorized
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.recovery import NOT_FOUND, Step, next_step
from pique_assets.evaluation.submission import WATCH_AFTER_S
from pique_assets.ledger import LeasedSubmission, LeaseLost, Ledger, SubmissionState

# A living run renews its leases every few seconds, and a day's uploads are resumed by its next run within minutes or
# not for a day: after an hour without a write nobody is disturbed. What can't be ended yet is looked at again an hour
# later, because giving it back counts as a touch.
UNTOUCHED_FOR_S = 3600.0
REJECTED_CODE = "no_longer_wanted"


class _End(Enum):
    REJECTED = auto()
    ADOPTED = auto()
    ABANDONED = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanReport:
    """What became of the orphans that were looked at; counts are submissions.

    Attributes:
        rejected: Had no job yet; ended with the code `no_longer_wanted`.
        adopted: Pique has their bytes; their results are asked for like any other.
        abandoned: Their upload URL is dead and Pique has no bytes.
        left: Nothing is certain yet, or Pique did not answer; looked at again later.
    """

    rejected: int
    adopted: int
    abandoned: int
    left: int


def end_orphans(
    *,
    client: PiqueClient,
    ledger: Ledger,
    limits: Limits,
    until: float | None = None,
    untouched_for_s: float = UNTOUCHED_FOR_S,
) -> OrphanReport:
    """Bring interrupted submissions that no present content asks for to an end; bytes are never sent.

    Args:
        client: The API.
        ledger: The record of submissions.
        limits: Grace periods, and the length of a lease.
        until: No further submission is looked at after this `time.monotonic()`.
        untouched_for_s: Only submissions that nobody has touched for this long, in seconds.

    Raises:
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    ledger.belong_to(client.pique)
    ends: Counter[_End] = Counter()
    # Fixed once: what is given back in this call is not met again in it.
    untouched_for = timedelta(seconds=untouched_for_s)
    untouched_since = datetime.now(UTC) - untouched_for
    while until is None or time.monotonic() < until:
        # One at a time: a lease is held no longer than one request takes.
        found = ledger.claim_orphans(limit=1, lease_s=limits.lease_s, untouched_since=untouched_since)
        if not found:
            break
        ends[_end_or_leave(found[0], client=client, ledger=ledger, limits=limits, untouched_for=untouched_for)] += 1
    return OrphanReport(
        rejected=ends[_End.REJECTED],
        adopted=ends[_End.ADOPTED],
        abandoned=ends[_End.ABANDONED],
        left=ends[_End.LEFT],
    )


def _end_or_leave(
    held: LeasedSubmission, *, client: PiqueClient, ledger: Ledger, limits: Limits, untouched_for: timedelta
) -> _End:
    try:
        return _end(held, client=client, ledger=ledger, limits=limits, untouched_for=untouched_for)
    except LeaseLost:
        # Somebody wants it after all, and goes on with it.
        return _End.LEFT
    except Unauthorized:
        ledger.release_lease(held.lease)
        raise
    except PiqueError:
        ledger.release_lease(held.lease)
        return _End.LEFT


def _end(
    held: LeasedSubmission, *, client: PiqueClient, ledger: Ledger, limits: Limits, untouched_for: timedelta
) -> _End:
    submission = held.submission
    if submission.state is SubmissionState.INTENDED or submission.job_id is None:
        ledger.record_rejected(
            held.lease,
            error_code=REJECTED_CODE,
            error="its run ended before Pique named a job, and the content has changed or vanished since",
        )
        return _End.REJECTED
    now = datetime.now(UTC)
    quiet_since = now if submission.state is SubmissionState.UPLOADING else None
    status = _status(submission.job_id, client=client)
    decision = next_step(
        submission,
        status=status,
        quiet_since=quiet_since,
        now=now,
        limits=limits,
        # The last look was so long ago at least; in between, nobody has asked.
        unknown_since=now - untouched_for if submission.pique_status == NOT_FOUND else None,
    )
    if decision.step is Step.ADOPT:
        ledger.adopt(held.lease, next_poll_at=now, status=status)
        return _End.ADOPTED
    if decision.step is Step.ABANDON:
        watch_at = now + timedelta(seconds=WATCH_AFTER_S)
        evidence = f"no content asks for it any more; {decision.evidence}"
        ledger.record_abandoned(held.lease, evidence=evidence, next_poll_at=watch_at)
        return _End.ABANDONED
    ledger.release_lease(held.lease, pique_status=status or NOT_FOUND)
    return _End.LEFT


def _status(job_id: str, *, client: PiqueClient) -> str | None:
    try:
        return client.get_result(job_id).result.status
    except NotFound:
        return None
