"""How many requests may be under way to one host: what refusals and successes change, as a value without threads.

Belongs here: the limit, and the pause that a host asks for. Does not: who waits for a turn (`concurrency`), which
answers count as too much (the transports), and how long one request is repeated (`policy`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Self

# How long to leave a level alone that proved too high: at least this long, and at least as long as this many of the
# pauses that the host asked for. Each further try costs such a pause, so trying sooner would mean mostly pausing.
AVOIDED_FOR_S: Final = 5.0
AVOIDED_FOR_PAUSES: Final = 10.0

# A host that asks for pauses often takes a burst after each of them, which proves nothing. So the limit grows by at
# most one in the time of such a pause, or in this time where the pause is longer.
LONGEST_STEP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyPolicy:
    """How many requests may be under way to a host, and what the policy remembers in order to change that number.

    The limit halves when the host says that requests are too many, and falls to its square root when the host asks for
    a pause as well. Requests that were under way together were sent under one limit, so the refusals of all of them are
    one piece of news: they belong to one round, and only the first refusal of a round lowers the limit. The limit grows
    by one for each round of requests that used it up and succeeded, so that it settles near what the host can take. A
    level that the limit grew to and that was too high lowers the limit by that one step, and is avoided for a while.
    The limit is never below 1, so that some request finds out when the host has recovered.

    Times are seconds of `time.monotonic()`. Each change returns a new policy.

    Attributes:
        most: Requests under way at most, whatever the host can take.
        longest_pause_s: The longest pause that the host is granted; a longer wish is cut.
        level: The limit with the fraction that successes have added to it.
        round_number: Number of the present round; a lowered limit begins another.
        busiest: Most requests that were under way at once in this round.
        has_grown: Whether the limit grew in this round.
        too_high: The level that proved too high last; infinite before any did.
        avoided_until: When a level of `too_high` may be tried again.
        step_s: Shortest time between two steps of growth.
        next_step_at: When the limit may grow by a step again.
        paused_until: When the pause ends that the host asked for.
        overloads: How many answers so far said that requests are too many.
    """

    most: int
    longest_pause_s: float
    level: float
    round_number: int = 0
    busiest: int = 0
    has_grown: bool = False
    too_high: float = math.inf
    avoided_until: float = 0.0
    step_s: float = 0.0
    next_step_at: float = 0.0
    paused_until: float = 0.0
    overloads: int = 0

    @classmethod
    def begin(cls, *, most: int, longest_pause_s: float) -> Self:
        """The policy of a host that nobody has asked yet: as many requests as are allowed at most.

        Raises:
            ValueError: Not even one request is allowed.
        """
        if most < 1:
            raise ValueError(f"at least one request must be allowed at a time, not {most}")
        return cls(most=most, longest_pause_s=longest_pause_s, level=float(most))

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return int(self.level)

    def sent(self, *, under_way: int) -> Self:
        """After a request was sent; `under_way` counts that request."""
        return self if under_way <= self.busiest else replace(self, busiest=under_way)

    def overloaded(self, *, sent_in_round: int, under_way: int, pause_s: float, now: float) -> Self:
        """After the host said that requests are too many.

        Args:
            sent_in_round: The `round_number` when the refused request was sent.
            under_way: Requests under way now, the refused one among them.
            pause_s: The pause that the host asked for; 0 for none.
            now: The present time.
        """
        pause_s = min(pause_s, self.longest_pause_s)
        paused = replace(self, paused_until=max(self.paused_until, now + pause_s), overloads=self.overloads + 1)
        if sent_in_round != self.round_number:
            return paused
        return replace(
            paused._lowered(pause_s=pause_s, now=now),
            step_s=min(pause_s, LONGEST_STEP_S),
            next_step_at=paused.paused_until + min(pause_s, LONGEST_STEP_S),
            has_grown=False,
            round_number=self.round_number + 1,
            busiest=under_way,
        )

    def succeeded(self, *, sent_in_round: int, under_way: int, now: float) -> Self:
        """After the host took a request; arguments as for `overloaded`."""
        # A success proves something about the limit only if the limit kept other requests back.
        if sent_in_round != self.round_number or under_way < self.limit:
            return self
        level = min(float(self.most), self.level + 1 / self.level)
        is_step = int(level) > self.limit
        is_avoided = level >= max(2, self.too_high) and now < self.avoided_until
        if is_avoided or (is_step and now < self.next_step_at):
            return self
        if not is_step:
            return replace(self, level=level)
        return replace(self, level=level, has_grown=True, next_step_at=now + self.step_s)

    def _lowered(self, *, pause_s: float, now: float) -> Self:
        # What was really tried counts: to halve an allowance that nobody uses would change nothing.
        tried = min(self.limit, self.busiest)
        if self.has_grown:
            avoided_for_s = pause_s + max(AVOIDED_FOR_S, AVOIDED_FOR_PAUSES * pause_s)
            # The host took the level below a moment ago.
            return replace(self, level=max(1.0, tried - 1), too_high=tried, avoided_until=now + avoided_for_s)
        # On the way down no level is to blame: the host still suffers from the first. Each further refusal that asks
        # for a pause would stop every thread, so the limit falls far enough that few follow.
        return replace(self, level=max(1.0, math.sqrt(tried) if pause_s else tried / 2))
