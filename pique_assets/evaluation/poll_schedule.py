"""When Pique is asked about a job, first and again.

Belongs here: the rule (wait to an early quantile of the usual latency, then poll at a near-constant interval), the rule
where a webhook is to come first, the rule for jobs that nobody waits for any more, and how all of them are learned from
the ledger's past latencies. Does not: asking and recording the answer (`results`), and the ledger's part: a webhook
makes a job due at once, and a job that is due is given to one worker at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.limits import Limits
from pique_assets.ledger import Submission, SubmissionState

# Enough to see a usual latency, few enough to follow a change within a day.
LATENCIES_LOOKED_AT = 200
EARLY_QUANTILE = 0.1
# Polls an interval apart find a typical job within a quarter of its latency: near enough to be useful, few
# enough requests to be polite.
INTERVAL_PER_MEDIAN = 0.25

# Where webhooks say when jobs are finished, polls are for webhooks that were lost. Such a poll is made when nearly
# every job would be finished, with room for a slower day: a poll of an unfinished job is a request for nothing.
LATE_QUANTILE = 0.95
LATE_MARGIN = 1.5
# However slow a judge is, a lost webhook is noticed within the hour.
LONGEST_PATIENCE_S = 3600.0
# The webhook of a job may come before its result can be read. The next questions about the job, this many, are asked at
# the pace of jobs without webhooks.
ASKED_SOON = 3

# A job given up for dead is first looked at again after this long. It is watched for a day, which covers any delay ever
# seen, and ends.
WATCH_AFTER_S = 120.0
WATCHED_FOR = timedelta(days=1)
WATCH_INTERVAL = timedelta(minutes=10)
# A job that nobody waits for any more is asked about at intervals of a quarter of its age: a dozen times in the first
# fortnight, and a dozen times more in half a year.
WATCHED_PER_AGE = 0.25
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


def poll_schedule(latencies_s: Sequence[float], *, limits: Limits, expects_webhooks: bool = False) -> PollSchedule:
    """The schedule that past latencies suggest.

    Args:
        latencies_s: Seconds from upload to result of recent jobs of the same judge and content type, any order.
        limits: Bounds of the delays.
        expects_webhooks: Whether a webhook makes a job due as soon as the job is finished, unless the webhook is lost.

    Returns:
        The schedule; from the limits alone while there are no latencies.
    """
    ordered = sorted(latencies_s)
    return _behind_webhooks(ordered, limits=limits) if expects_webhooks else _by_polls_alone(ordered, limits=limits)


def learned_schedule(engine: Engine, *, judge_id: str, content_type: str, expects_webhooks: bool) -> PollSchedule:
    """The schedule that the latest jobs of a judge and content type suggest.

    Args:
        engine: Its ledger knows how long they took, its limits bound the delays.
        judge_id: Whose jobs.
        content_type: Of what.
        expects_webhooks: See `poll_schedule`.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    latencies = engine.ledger.recent_latencies(judge_id=judge_id, content_type=content_type, limit=LATENCIES_LOOKED_AT)
    return poll_schedule(latencies, limits=engine.limits, expects_webhooks=expects_webhooks)


def sent_at(submission: Submission) -> datetime:
    """Since when Pique may be evaluating a submission, as far as is known."""
    return submission.upload_started_at or submission.uploaded_at or submission.created_at


def next_watch_at(*, since: datetime, now: datetime) -> datetime:
    """When to look again for a job that was given up, in case it has ended after all: ever more rarely, for ever.

    Args:
        since: When its content was sent.
        now: The time.
    """
    return now + max(SHORTEST_WATCH, (now - since) * WATCHED_PER_AGE)


@dataclass(frozen=True, kw_only=True)
class PollPlanner:
    """Says when to ask again about jobs of any judge; each judge's latencies are read once.

    Attributes:
        engine: Its ledger knows the latencies.
    """

    engine: Engine
    _schedules: dict[tuple[str, str, bool], PollSchedule] = field(default_factory=dict)

    def next_poll_at(self, submission: Submission, *, soon: bool, now: datetime) -> datetime | None:
        """When to ask again about a job that has not ended; None when the watch of a dead job is over.

        Args:
            submission: As the ledger had it before this question.
            soon: Whether the answer suggests that the job ends soon, or said nothing of the job: webhook or not, the
                job is asked about at the usual pace.
            now: The time.

        Raises:
            LedgerUnavailable: The ledger can't be read.
        """
        if submission.state is SubmissionState.ABANDONED:
            return now + WATCH_INTERVAL if now < submission.created_at + WATCHED_FOR else None
        if submission.state is SubmissionState.GIVEN_UP:
            return next_watch_at(since=sent_at(submission), now=now)
        rarely = self.engine.expects_webhooks and not soon and not self._webhook_came(submission, now=now)
        next_poll_at = self.schedule(submission, rarely=rarely).next_poll_at(now)
        overdue_at = sent_at(submission) + timedelta(seconds=self.engine.limits.longest_job_s)
        return min(next_poll_at, overdue_at) if overdue_at > now else next_poll_at

    def schedule(self, submission: Submission, *, rarely: bool) -> PollSchedule:
        """The schedule of a submission's judge and content type.

        Args:
            submission: Whose.
            rarely: Whether polls are only for webhooks that were lost.

        Raises:
            LedgerUnavailable: The ledger can't be read.
        """
        key = (submission.judge_id, submission.content_type, rarely)
        if key not in self._schedules:
            self._schedules[key] = learned_schedule(
                self.engine, judge_id=key[0], content_type=key[1], expects_webhooks=rarely
            )
        return self._schedules[key]

    def _webhook_came(self, submission: Submission, *, now: datetime) -> bool:
        """Whether a job was asked about before its time: then its webhook came, and its end can't be far.

        A run that takes over from a dead one asks before the time too; the few questions too many are harmless.
        """
        if submission.uploaded_at is None or submission.poll_count >= ASKED_SOON:
            return False
        return now < self.schedule(submission, rarely=True).first_poll_at(submission.uploaded_at)


def _by_polls_alone(ordered: Sequence[float], *, limits: Limits) -> PollSchedule:
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


def _behind_webhooks(ordered: Sequence[float], *, limits: Limits) -> PollSchedule:
    late = ordered[math.ceil(LATE_QUANTILE * (len(ordered) - 1))] if ordered else 0.0
    shortest = limits.webhook_patience_s
    first = _within(late * LATE_MARGIN, low=shortest, high=max(shortest, LONGEST_PATIENCE_S))
    return PollSchedule(first_s=first, interval_s=max(limits.shortest_poll_s, first / 2))


def _within(value: float, *, low: float, high: float) -> float:
    return max(low, min(value, high))
