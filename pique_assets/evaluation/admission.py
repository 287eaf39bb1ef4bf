"""Letting a run begin what it plans, or refusing the run as a whole.

Belongs here: what a budget leaves, counting what a day has begun, and keeping runs that begin at the same moment from
each using what is left. Does not: the limits themselves (`limits`), what a run plans (`plan`), and sending
(`submitting`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import EvaluationError
from pique_assets.evaluation.limits import Budget
from pique_assets.evaluation.plan import PartitionPlan, WantedContent, plan_partition
from pique_assets.ledger import Claim, LeaseLost, Ledger, SubmissionState

REJECTED_CODE = "over_budget"
# An intent is a mark that others count; nobody works on it until it is claimed again to be sent.
MARK_LEASE_S = 0.001
NOT_BEGUN = (SubmissionState.INTENDED, SubmissionState.PREPARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One limit of a budget, and how much of it is used already.

    Attributes:
        name: The field of `Budget`.
        limit: New evaluations it allows.
        begun_today: How many of them were begun since 00:00 UTC; None for a limit that each run has to itself.
        intended: Work keys that were recorded since then to be begun, and are not yet.
    """

    name: str
    limit: int
    begun_today: int | None = None
    intended: frozenset[str] = frozenset()

    @property
    def left(self) -> int:
        """How many more evaluations it allows."""
        return max(0, self.limit - (self.begun_today or 0) - len(self.intended))

    def after(self, begun: int) -> Allowance:
        """What it is once other runs have begun so many more."""
        return self if self.begun_today is None else replace(self, begun_today=self.begun_today + begun)

    def besides(self, work_keys: frozenset[str]) -> Allowance:
        """What it is for a run whose own work this is."""
        return replace(self, intended=self.intended - work_keys)

    def __str__(self) -> str:
        begun = "" if self.begun_today is None else f", of which {self.begun_today} were begun since 00:00 UTC"
        intended = f" and {len(self.intended)} are intended by other runs" if self.intended else ""
        return f"{self.name} is {self.limit}{begun}{intended}"


def fits(wanted: int, *, allowances: Iterable[Allowance]) -> bool:
    """Whether a run may begin so many new evaluations."""
    return all(wanted <= allowance.left for allowance in allowances)


class BudgetExceeded(EvaluationError):
    """More new evaluations are wanted than the budget leaves; nothing was sent.

    Attributes:
        wanted: New evaluations that would be begun.
        fits: How many of them the budget leaves.
    """

    def __init__(self, *, what: str, wanted: int, allowances: Sequence[Allowance]) -> None:
        self.wanted = wanted
        exceeded = [allowance for allowance in allowances if allowance.left < wanted]
        self.fits = min((allowance.left for allowance in exceeded), default=wanted)
        limits = " and ".join(map(str, exceeded))
        super().__init__(
            f"{what} would begin {wanted} new evaluations and {self.fits} fit its budget: {limits}. Nothing was sent. "
            f"{_advice(wanted=wanted, fits=self.fits, exceeded=exceeded)}"
        )


def allowances(budget: Budget, *, judge_id: str, ledger: Ledger, now: datetime | None = None) -> list[Allowance]:
    """What a budget leaves now; empty where it sets no limit.

    Args:
        budget: The limits.
        judge_id: Whose evaluations count.
        ledger: Where evaluations are counted.
        now: The time, timezone-aware; the clock's when left out.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    found = []
    if budget.new_evaluations_per_run is not None:
        found.append(Allowance(name="new_evaluations_per_run", limit=budget.new_evaluations_per_run))
    if budget.new_evaluations_per_day is not None:
        midnight = (now or datetime.now(UTC)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # Intents first: what begins between the two reads is counted twice then, and never missed.
        intended = _intended(judge_id=judge_id, since=midnight, limit=budget.new_evaluations_per_day, ledger=ledger)
        begun = ledger.evaluations_begun(since=midnight, judge_id=judge_id)
        found.append(
            Allowance(
                name="new_evaluations_per_day",
                limit=budget.new_evaluations_per_day,
                begun_today=begun,
                intended=intended,
            )
        )
    return found


def admit_partition(
    engine: Engine,
    wanted: WantedContent,
    *,
    partition: Partition,
    on_plan: Callable[[PartitionPlan], None] | None = None,
) -> PartitionPlan:
    """Plan a partition, say so, let it begin or refuse it, and record its content as the partition's inventory.

    Args:
        engine: Its budget says what may begin.
        wanted: The partition's content of one source, and its judge.
        partition: Which date of which evaluation.
        on_plan: Hears what the partition comes to, before anything is recorded or refused.

    Raises:
        BudgetExceeded: Nothing was sent or recorded, as `admit` says.
        LedgerUnavailable: Nothing was sent.
    """
    plan = plan_partition(wanted, partition=partition, ledger=engine.ledger)
    if on_plan is not None:
        on_plan(plan)
    admit(plan, wanted=wanted, budget=engine.budget, ledger=engine.ledger)
    engine.ledger.record_inventory(**partition.names, items=wanted, source=wanted.source)
    return plan


def admit(plan: PartitionPlan, *, wanted: WantedContent, budget: Budget, ledger: Ledger) -> None:
    """Let a run begin what it plans, or refuse all of it.

    With a limit a day, what is planned is recorded as intents, and then counted again: of runs that are admitted at the
    same moment each sees what the others intend, and none begins more than is left. (Should they record theirs within
    the same few milliseconds, all of them are refused.) What a run intended and did not begin counts until its day is
    over, also when the run was cut short; running its date again takes it up.

    Args:
        plan: What the run would begin.
        wanted: What it was planned for.
        budget: What it may.
        ledger: The record of submissions.

    Raises:
        BudgetExceeded: Nothing was sent, and no intent is left that anybody would send.
        LedgerUnavailable: Nothing was sent.
    """
    judge_id = wanted.judge.id
    require_within(plan, allowances=allowances(budget, judge_id=judge_id, ledger=ledger))
    if budget.new_evaluations_per_day is None or not plan.unrecorded:
        return
    orders = [wanted.order(wanted.items[position]) for position in plan.unrecorded]
    marks = ledger.claim_submissions(orders, lease_s=MARK_LEASE_S)
    try:
        require_within(plan, allowances=allowances(budget, judge_id=judge_id, ledger=ledger))
    except BudgetExceeded as exceeded:
        _withdraw(marks, because=exceeded, ledger=ledger)
        raise


def require_within(plan: PartitionPlan, *, allowances: Sequence[Allowance]) -> None:
    """Refuse a plan that wants more than is allowed.

    Raises:
        BudgetExceeded: The message says the limit, what is wanted and what would fit.
    """
    wanted = plan.new_evaluations
    left = [allowance.besides(plan.work_keys) for allowance in allowances]
    if not fits(wanted, allowances=left):
        raise BudgetExceeded(what=str(plan.partition), wanted=wanted, allowances=left)


def _intended(*, judge_id: str, since: datetime, limit: int, ledger: Ledger) -> frozenset[str]:
    """Work that was recorded since and not begun; how much more than the limit it is need not be known."""
    newest = ledger.submissions(states=NOT_BEGUN, judge_id=judge_id, newest_first=True, limit=limit + 1)
    return frozenset(one.work_key for one in newest if one.created_at >= since)


def _withdraw(marks: Sequence[Claim], *, because: BudgetExceeded, ledger: Ledger) -> None:
    for claim in marks:
        if claim.created and claim.lease is not None:
            # Whoever took it over meanwhile wants it too, and was admitted.
            with suppress(LeaseLost):
                ledger.record_rejected(claim.lease, error_code=REJECTED_CODE, error=str(because))


def _advice(*, wanted: int, fits: int, exceeded: Sequence[Allowance]) -> str:
    fewer = f"Leave {wanted - fits} content items out" if fits else "Send nothing new"
    if all(allowance.begun_today and allowance.limit >= wanted for allowance in exceeded):
        return f"{fewer}, run it again after 00:00 UTC, when all of it fits, or raise the limit."
    return f"{fewer}, or raise the limit."
