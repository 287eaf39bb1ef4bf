"""When to ask Pique again for a job that is not finished.

Here: the rule of design section 7 (wait to an early quantile of the usual latency, then a near-constant
interval), and its counterpart where a webhook is to come first, as pure functions of past latencies, and what they make
of the ledger's. Not here: asking, and storing the answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pique_assets.evaluation.limits import Limits
from pique_assets.ledger import Ledger

# Enough to see a usual latency, few enough to follow a change within a day.
LATENCIES_LOOKED_AT = 200
EARLY_QUANTILE = 0.1
# Polls an interval apart find a typical job within a quarter of its latency: near enough to be useful, few
# enough requests to be polite.
INTERVAL_PER_MEDIAN = 0.25

# Where webhooks say when jobs are finished, polls are for webhooks that were lost. They come when nearly every job
# would be finished, with room for a slower day: a poll that finds an unfinished job is a request for nothing.
LATE_QUANTILE = 0.95
LATE_MARGIN = 1.5
# A job that was given up is asked about at intervals of a quarter of its age: a dozen times in the first fortnight, and
# a dozen times more in half a year.
WATCHED_PER_AGE = 0.25

# However slow a judge is, a lost webhook is noticed within the hour.
LONGEST_PATIENCE_S = 3600.0


SHORTEST_WATCH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSchedule:
    """Delays between polls of one job, in seconds.

    Attributes:
        first_s: From the end of the upload to the first poll.
        interval_s: Between polls after that.
    """

    first_s: float
    interval_s: float

    def first_poll_at(self, uploaded_at: datetime) -> datetime:
        """When to ask first for a job whose upload ended at `uploaded_at`."""
        return uploaded_at + timedelta(seconds=self.first_s)

    def next_poll_at(self, now: datetime) -> datetime:
        """When to ask again for a job that was not finished at `now`."""
        return now + timedelta(seconds=self.interval_s)


def poll_schedule(latencies_s: Sequence[float], *, limits: Limits, webhook_expected: bool = False) -> PollSchedule:
    """The schedule that past latencies suggest (design section 7).

    Args:
        latencies_s: Seconds from upload to result of recent jobs of the same judge and content type, any order.
        limits: Bounds of the delays.
        webhook_expected: Whether a webhook makes a job due as soon as it is finished, unless it is lost.

    Returns:
        The schedule; from the limits alone while there are no latencies.
    """
    ordered = sorted(latencies_s)
    return _patient(ordered, limits=limits) if webhook_expected else _eager(ordered, limits=limits)


def learned_schedule(
    ledger: Ledger, *, judge_id: str, content_type: str, limits: Limits, webhook_expected: bool
) -> PollSchedule:
    """The schedule that the latest jobs of a judge and content type suggest.

    Args:
        ledger: Knows how long they took.
        judge_id: Whose jobs.
        content_type: Of what.
        limits: Bounds of the delays.
        webhook_expected: See `poll_schedule`.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    latencies = ledger.recent_latencies(judge_id=judge_id, content_type=content_type, limit=LATENCIES_LOOKED_AT)
    return poll_schedule(latencies, limits=limits, webhook_expected=webhook_expected)


def next_watch_at(*, since: datetime, now: datetime) -> datetime:
    """When to look again for a job that was given up, in case it has ended after all: ever more rarely, for ever.

    Args:
        since: When its content was sent.
        now: The time.
    """
    return now + max(SHORTEST_WATCH, (now - since) * WATCHED_PER_AGE)


def _eager(ordered: Sequence[float], *, limits: Limits) -> PollSchedule:
    shortest, longest = limits.shortest_poll_s, limits.longest_poll_s
    if not ordered:
        first = limits.first_poll_s
        return PollSchedule(first_s=first, interval_s=_within(first, low=shortest, high=longest))
    early = ordered[int(EARLY_QUANTILE * (len(ordered) - 1))]
    median = ordered[len(ordered) // 2]
    return PollSchedule(
        # A single poll much later than the longest interval would let one slow day hide a fast one.
        first_s=_within(early, low=0.0, high=10 * longest),
        interval_s=_within(median * INTERVAL_PER_MEDIAN, low=shortest, high=longest),
    )


def _patient(ordered: Sequence[float], *, limits: Limits) -> PollSchedule:
    late = ordered[math.ceil(LATE_QUANTILE * (len(ordered) - 1))] if ordered else 0.0
    patience = limits.webhook_patience_s
    first = _within(late * LATE_MARGIN, low=patience, high=max(patience, LONGEST_PATIENCE_S))
    return PollSchedule(first_s=first, interval_s=max(limits.shortest_poll_s, first / 2))


def _within(value: float, *, low: float, high: float) -> float:
    return max(low, min(value, high))
