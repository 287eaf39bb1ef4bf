"""The limits under which the engine works: how much at once, how long, how often, and for how much money.

Belongs here: numbers a user may set, with their units and reasons, light enough to be declared while a code location
loads. Does not: what a budget leaves (`admission`), and the retry and time-out numbers of single HTTP requests, which
belong to `api.transport`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pique_assets.declared_values import DeclarationInvalid, require_types

InDoubtPolicy = Literal["wait_then_fail", "wait"]
IN_DOUBT_WAIT_THEN_FAIL: Final = "wait_then_fail"
IN_DOUBT_WAIT: Final = "wait"

COUNTS: Final = ("concurrent_uploads", "concurrent_polls", "fingerprint_threads", "attempts")
LONGEST_S: Final = 10 * 365 * 86_400.0
"""Ten years; what adds more to a date leaves the calendar."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may do at once, and how long it waits for what.

    Attributes:
        concurrent_uploads: Uploads under way at once in one run.
        concurrent_polls: Result requests under way at once in one run or sensor tick.
        fingerprint_threads: Files read at once while taking the inventory.
        results_wait_s: Seconds that `evaluation_results` waits in its run for open jobs before the tables are written
            without their results. A backfill counts only what its own runs materialise, so the run has to wait. The
            sensor collects a date of which nothing has moved for as long, open jobs or not.
        longest_job_s: Seconds from the sending of content (or of a social media URL) after which a job that has not
            ended counts as given up: its date is settled without it, and its row says what Pique said last. A job about
            which Pique never answers at all is given up after twice as long, because that may be an outage. It is still
            asked about, ever more rarely; a result that comes after all replaces the row.
        empty_result_wait_s: Seconds in which a job that Pique calls completed without any result, neither score nor
            detector results, is asked about again before that counts as its result.
        lease_s: Seconds after which a submission held by a dead process is free again. Living holders renew
            at a quarter of it.
        notification_lag_s: Seconds Pique may take to notice a finished upload. A PUT whose answer was lost is
            repeated only when Pique still says `awaiting_upload` after this long.
        expiry_margin_s: Seconds before `expires_at` in which no PUT is begun any more: between our look at the clock
            and the request's arrival lie a connection and a busy machine.
        expiry_grace_s: Seconds after `expires_at` before a job that still awaits its upload counts as dead.
        creation_lag_s: Seconds after creation in which a 404 for a job means "not visible yet".
        attempts: Jobs prepared for one submission in one run before it is left to the next run.
        first_poll_s: Seconds to the first poll while nothing is known of this judge's usual latency.
        shortest_poll_s: Lower bound of the interval between polls of one job, in seconds.
        longest_poll_s: Upper bound of it, in seconds.
        webhook_patience_s: Least seconds to the first poll of a job whose webhook is expected; more where nearly all
            of this judge's jobs take longer. A lost webhook delays its result by about as much.
        social_in_doubt: What becomes of a social media POST that was never answered, and is therefore never sent again.
            ``wait_then_fail``: after `in_doubt_wait_s` its URLs are in doubt, their partition completes, and the
            tables say so. ``wait``: their partition stays open until a webhook names their jobs, however long.
        in_doubt_wait_s: Seconds from such a POST in which its webhooks may still come. Pique sends them when an
            evaluation has ended, so this has to cover download and evaluation.
    """

    concurrent_uploads: int = 4
    concurrent_polls: int = 8
    fingerprint_threads: int = 4
    results_wait_s: float = 600.0
    longest_job_s: float = 86_400.0
    empty_result_wait_s: float = 120.0
    lease_s: float = 30.0
    notification_lag_s: float = 30.0
    expiry_margin_s: float = 5.0
    expiry_grace_s: float = 60.0
    creation_lag_s: float = 30.0
    attempts: int = 3
    first_poll_s: float = 5.0
    shortest_poll_s: float = 1.0
    longest_poll_s: float = 60.0
    webhook_patience_s: float = 300.0
    social_in_doubt: InDoubtPolicy = IN_DOUBT_WAIT_THEN_FAIL
    in_doubt_wait_s: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse numbers no engine can work with.

        Raises:
            DeclarationInvalid: A value of another type, a count below 1, a negative or endless time, an unknown policy;
                the message names the limit, its value and what to give.
        """
        require_types(self, owner="Limits.")
        for name, value in vars(self).items():
            if name in COUNTS:
                if value < 1:
                    raise DeclarationInvalid(f"Limits.{name} must be at least 1, not {value}", field=name)
            elif name != "social_in_doubt" and not 0 <= value <= LONGEST_S:
                rule = "not be negative" if value < 0 else "be a number of seconds, ten years at most"
                raise DeclarationInvalid(f"Limits.{name} must {rule}, not {value}", field=name)
        if self.lease_s < 2:
            raise DeclarationInvalid(
                f"Limits.lease_s must be at least 2 seconds, not {self.lease_s}: it is renewed in time", field="lease_s"
            )
        if self.shortest_poll_s > self.longest_poll_s:
            raise DeclarationInvalid(
                f"Limits.shortest_poll_s is {self.shortest_poll_s}, more than longest_poll_s {self.longest_poll_s}: "
                "give the smaller number first",
                field="shortest_poll_s",
            )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What an evaluation may begin; None is no limit, 0 is nothing.

    A run that would begin more is refused before anything is sent, with what would fit.

    Attributes:
        new_evaluations_per_run: New evaluations that one run may begin: one date of one evaluation, or one call of
            `pique-assets evaluate`.
        new_evaluations_per_day: New evaluations of the judge that may be begun from 00:00 UTC to the next,
            whichever evaluation asks for them; counted from the ledger, with what other runs are about to begin.
    """

    new_evaluations_per_run: int | None = None
    new_evaluations_per_day: int | None = None

    def __post_init__(self) -> None:
        """Refuse negative limits.

        Raises:
            DeclarationInvalid: A limit is no whole number, or negative; the message names the limit.
        """
        require_types(self, owner="Budget.")
        for name, value in vars(self).items():
            if value is not None and value < 0:
                raise DeclarationInvalid(
                    f"Budget.{name} must not be negative, not {value}; leave it out for no limit", field=name
                )


NO_LIMIT = Budget()
