"""What a run is about to submit, said in Dagster before anything is sent; and the refusal of more than the budget.

Here: the plan as an event of the run. Not here: planning and budgets (`evaluation.plan`, `evaluation.budget`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from pique_assets.evaluation.plan import PartitionPlan


def announcing_plan(context: dg.AssetExecutionContext) -> Callable[[PartitionPlan], None]:
    """A function that records a plan as an observation of the running asset, which Dagster shows at once."""

    from pique_assets.evaluation.plan import Reason

    def announce(plan: PartitionPlan) -> None:
        context.log.info(str(plan))
        if again := plan.by_reason.get(Reason.CHANGED_JUDGE, 0):
            context.log.warning(
                f"{again} content items of {plan.partition} were evaluated before, by the judge as it was configured "
                "then: they are evaluated again by the judge as it is now"
            )
        context.log_event(
            dg.AssetObservation(
                asset_key=context.asset_key,
                partition=context.partition_key,
                description=str(plan),
                metadata=plan.counts(),
            )
        )

    return announce


@contextmanager
def refusing_over_budget() -> Iterator[None]:
    """Let a run that wants more than its budget fail with what would fit; a retry would want as much."""
    from pique_assets.evaluation.allowance import BudgetExceeded

    try:
        yield
    except BudgetExceeded as exceeded:
        raise dg.Failure(
            str(exceeded), metadata={"new_evaluations": exceeded.wanted, "fits": exceeded.fits}, allow_retries=False
        ) from None
