"""What has to hold before anything of an evaluation is sent, for files and for social media URLs alike.

Here: opening Pique and the ledger for a run that may spend money, and the checks that keep it from spending it on the
wrong ledger, lake, judge or evaluation. Not here: sending (`evaluation`), and what a plan and a budget say
(`plan_events`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.judge import judge_to_submit_to
from pique_assets.assets.plan_events import refusing_over_budget
from pique_assets.config import Evaluation
from pique_assets.metadata import Metadata

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.api.models import Judge
    from pique_assets.evaluation.plan import PartitionPlan
    from pique_assets.lake import Lake
    from pique_assets.ledger import Ledger
    from pique_assets.resources import LedgerResource, PiqueResource


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReadyToSubmit:
    """Pique, the ledger and the judge, after everything that speaks against sending was looked at."""

    client: PiqueClient
    ledger: Ledger
    judge: Judge
    evaluation: Evaluation

    def declaring(self, announce: Callable[[PartitionPlan], None]) -> Callable[[PartitionPlan], None]:
        """What is to hear the plan: it records what the evaluation is, then announces the plan.

        Not sooner, because a judge that is refused may be a slip that the next run corrects.

        Raises:
            DeclaredDifferently: Another code location uses the evaluation's name for another judge or source; raised
                by what is returned, before anything is sent.
        """
        from pique_assets.ledger import Declaration

        declaration = Declaration(
            judge_id=self.judge.id,
            media=_place(self.evaluation.media_address),
            social=_place(self.evaluation.social_address),
        )

        def hear(plan: PartitionPlan) -> None:
            self.ledger.declare(self.evaluation.name, declaration)
            announce(plan)

        return hear


@contextmanager
def ready_to_submit(
    context: dg.AssetExecutionContext,
    evaluation: Evaluation,
    *,
    pique: PiqueResource,
    ledger: LedgerResource,
    lake: Lake,
) -> Iterator[ReadyToSubmit]:
    """Open what a submission needs; nothing is sent where ledger, lake, judge and evaluation don't belong together.

    Args:
        context: Of the asset that submits; its log hears how far it is, and of a ledger that is made.
        evaluation: What is to be submitted.
        pique: Where Pique is.
        ledger: Where the ledger is; it is made where there is none.
        lake: Where the tables are.

    Raises:
        LedgerOfAnotherPique, LakeOfAnotherPique: The ledger or the lake holds what is another Pique's.
        LedgerKnowsLess: The lake names jobs of the evaluation that the ledger has never heard of.
        dagster.Failure: What is wanted is more than the budget.
        EvaluationError, PiqueError: As `judge_to_submit_to` says.
    """
    from pique_assets.unknown_jobs import require_known_jobs

    say = context.log.info
    with pique.client() as client, ledger.ledger(say=say) as opened, refusing_over_budget():
        opened.belong_to(client.pique)
        lake.belong_to(client.pique)
        require_known_jobs(lake=lake, ledger=opened, evaluation=evaluation.name, say=say)
        judge = judge_to_submit_to(context, evaluation, client=client, ledger=opened, lake=lake)
        yield ReadyToSubmit(client=client, ledger=opened, judge=judge, evaluation=evaluation)


def submitted(
    *,
    judge: Judge,
    counts: Mapping[str, int],
    work_keys: Sequence[str],
    more: Metadata | None = None,
) -> dg.MaterializeResult[None]:
    """The materialisation of what was submitted; its data version changes exactly when content or judge do.

    Args:
        judge: What it was submitted to.
        counts: Numbers of content items, by what became of them.
        work_keys: What is wanted, sorted.
        more: Metadata beyond these.
    """
    return dg.MaterializeResult(
        metadata={
            **{name: dg.IntMetadataValue(count) for name, count in counts.items()},
            "judge_id": judge.id,
            "judge_configuration_hash": judge.configuration_hash(),
            **(more or {}),
        },
        data_version=dg.DataVersion(hashlib.sha256("\n".join(work_keys).encode()).hexdigest()),
    )


def _place(address: str | None) -> str | None:
    """A source's address as it is the same from every working directory."""
    from pique_assets.home import is_url

    return address if address is None or is_url(address) else os.path.abspath(os.path.expanduser(address))  # noqa: PTH100, PTH111
