"""When to ask Pique again for a job that is not finished.

Here: the rule of design section 7 (wait to an early quantile of the usual latency, then a near-constant
interval), as pure functions of past latencies. Not here: asking, and storing the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pique_assets.evaluation.limits import Limits

EARLY_QUANTILE = 0.1
# Polls an interval apart find a typical job within a quarter of its latency: near enough to be useful, few
# enough requests to be polite.
INTERVAL_PER_MEDIAN = 0.25


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


def poll_schedule(latencies_s: Sequence[float], *, limits: Limits) -> PollSchedule:
    """The schedule that past latencies suggest (design section 7).

    Args:
        latencies_s: Seconds from upload to result of recent jobs of the same judge and content type, any order.
        limits: Bounds of the delays.

    Returns:
        The schedule; from the limits alone while there are no latencies.
    """
    shortest, longest = limits.shortest_poll_s, limits.longest_poll_s
    if not latencies_s:
        first = limits.first_poll_s
        return PollSchedule(first_s=first, interval_s=_within(first, low=shortest, high=longest))
    ordered = sorted(latencies_s)
    early = ordered[int(EARLY_QUANTILE * (len(ordered) - 1))]
    median = ordered[len(ordered) // 2]
    return PollSchedule(
        # A single poll much later than the longest interval would let one slow day hide a fast one.
        first_s=_within(early, low=0.0, high=10 * longest),
        interval_s=_within(median * INTERVAL_PER_MEDIAN, low=shortest, high=longest),
    )


def _within(value: float, *, low: float, high: float) -> float:
    return max(low, min(value, high))
