"""Letting a run begin what it plans, or refusing it as a whole.

Here: counting what a day has begun, and keeping runs that begin at the same moment from each using what is left.
Not here: the limits (`budget`), what a run plans (`plan`), and sending (`partition`, `social`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from pique_assets.evaluation.allowance import Allowance, BudgetExceeded, fits
from pique_assets.evaluation.budget import Budget
from pique_assets.evaluation.plan import PartitionPlan, plan_partition
from pique_assets.evaluation.wanted import WantedContent
from pique_assets.ledger import Claim, LeaseLost, Ledger, SubmissionState

REJECTED_CODE = "over_budget"
# An intent is a mark that others count; nobody works on it until it is claimed again to be sent.
MARK_LEASE_S = 0.001
NOT_BEGUN = (SubmissionState.INTENDED, SubmissionState.PREPARED)


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
    wanted: WantedContent,
    *,
    evaluation: str,
    partition: str,
    budget: Budget,
    ledger: Ledger,
    on_plan: Callable[[PartitionPlan], None] | None = None,
) -> None:
    """Plan a partition, say so, let it begin or refuse it, and record its content as the partition's inventory.

    Args:
        wanted: The partition's content of one source, and its judge.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        budget: What it may begin.
        ledger: The record of submissions.
        on_plan: Hears what it comes to, before anything is recorded or refused.

    Raises:
        BudgetExceeded: Nothing was sent or recorded, as `admit` says.
        LedgerUnavailable: Nothing was sent.
    """
    plan = plan_partition(wanted, evaluation=evaluation, partition=partition, ledger=ledger)
    if on_plan is not None:
        on_plan(plan)
    admit(plan, wanted=wanted, budget=budget, ledger=ledger)
    ledger.record_inventory(evaluation=evaluation, partition=partition, items=wanted, source=wanted.source)


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
        raise BudgetExceeded(what=f"{plan.evaluation} {plan.partition}", wanted=wanted, allowances=left)


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
