"""The asset that submits a date's content: one step for files and for social media URLs alike.

Belongs here: opening Pique and the ledger for a run that may spend money, the checks that keep the run from spending it
on the wrong ledger, lake, judge or evaluation, the plan as an event of the run, and what the run reports. Does not:
what a date has to submit (`uploads`, `social_submissions`), planning, budgets and sending (`evaluation`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets import display, evaluation as evaluation_room, ledger as ledger_room, recovering as recovering_room
from pique_assets.assets.evaluation_asset import API_POOL, evaluation_asset
from pique_assets.assets.judge import judge_to_submit_to
from pique_assets.config import Evaluation
from pique_assets.home import is_url
from pique_assets.metadata import Metadata
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.api.models import Judge
    from pique_assets.evaluation.engine import Engine
    from pique_assets.evaluation.plan import PartitionPlan
    from pique_assets.evaluation.submitting import SubmissionReport, WayOfSending
    from pique_assets.lake import Lake
    from pique_assets.ledger import Ledger
    from pique_assets.media import ContentItem


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ContentToSubmit:
    """What a date has for Pique.

    Attributes:
        items: The content, ready items and others.
        way: How it reaches Pique.
        metadata: What the materialisation says of the content, besides the counts.
    """

    items: "Sequence[ContentItem]"
    way: "WayOfSending"
    metadata: Metadata = field(default_factory=dict)


ContentReader = Callable[[dg.AssetExecutionContext, LakeResource, MediaStorageResource], ContentToSubmit]
"""Reads the content of a run's date."""


def submitting_asset(
    evaluation: Evaluation,
    name: str,
    *,
    keys: ResourceKeys,
    after: Sequence[str],
    read: ContentReader,
    counts: Mapping[str, str],
) -> dg.AssetsDefinition:
    """An asset whose materialisation brings a date's content to Pique; the ledger is the record.

    Nothing is sent where ledger, lake, judge and evaluation don't belong together.

    Args:
        evaluation: What is submitted.
        name: Name of the asset, as in `declared_assets`.
        keys: Under which the asset finds its resources.
        after: Names of the evaluation's assets it depends on.
        read: Reads the content.
        counts: Which number of the `SubmissionReport` stands in the metadata under which name.

    Raises:
        LedgerOfAnotherPique, LakeOfAnotherPique: The ledger or the lake holds what is another Pique's.
        LedgerKnowsLess: The lake names jobs of the evaluation that the ledger has never heard of.
        DeclaredDifferently: Another code location uses the evaluation's name for another judge or source.
        dagster.Failure: What is wanted is more than the budget.
        EvaluationError, PiqueError: As `judge_to_submit_to` and `submit_partition` say.
    """

    @evaluation_asset(evaluation, name, keys=keys, after=after, pool=API_POOL)
    def submit(
        context: dg.AssetExecutionContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        lake: LakeResource,
        media_storage: MediaStorageResource,
    ) -> dg.MaterializeResult[None]:
        content = read(context, lake, media_storage)
        say = context.log.info
        began = time.monotonic()
        with pique.client() as client, ledger.ledger(say=say) as opened, _refusing_over_budget():
            engine = evaluation_room.Engine(
                client=client,
                ledger=opened,
                limits=evaluation.limits,
                say=say,
                budget=evaluation.budget,
                webhook_url=evaluation.resolved_webhook_url(),
            )
            judge = _judge(context, evaluation, engine=engine, lake=lake.lake())
            report = evaluation_room.submit_partition(
                engine,
                content.items,
                partition=evaluation_room.Partition(evaluation=evaluation.name, key=context.partition_key),
                judge=judge,
                way=content.way,
                on_plan=_declaring(context, evaluation, judge=judge, ledger=opened),
            )
        numbers = {shown: getattr(report, counted) for shown, counted in counts.items()}
        plotted = display.as_metadata({**numbers, "seconds": time.monotonic() - began})
        return _materialisation(report, judge=judge, metadata={**plotted, **content.metadata})

    return submit


def _judge(context: dg.AssetExecutionContext, evaluation: Evaluation, *, engine: "Engine", lake: "Lake") -> "Judge":
    """The judge, after everything that speaks against sending was looked at."""
    engine.ledger.belong_to(engine.client.pique)
    lake.belong_to(engine.client.pique)
    recovering_room.require_known_jobs(lake=lake, ledger=engine.ledger, evaluation=evaluation.name, say=engine.say)
    return judge_to_submit_to(context, evaluation, client=engine.client, ledger=engine.ledger, lake=lake)


def _declaring(
    context: dg.AssetExecutionContext, evaluation: Evaluation, *, judge: "Judge", ledger: "Ledger"
) -> "Callable[[PartitionPlan], None]":
    """What hears the plan: it records what the evaluation is, then announces the plan.

    Not sooner, because a judge that is refused may be a slip that the next run corrects.
    """
    declaration = ledger_room.Declaration(
        judge_id=judge.id, media=_place(evaluation.media_address), social=_place(evaluation.social_address)
    )

    def hear(plan: "PartitionPlan") -> None:
        ledger.declare(evaluation.name, declaration)
        _announce(plan, context=context)

    return hear


def _announce(plan: "PartitionPlan", *, context: dg.AssetExecutionContext) -> None:
    """Record the plan as an observation of the running asset, which Dagster shows at once."""
    context.log.info(str(plan))
    if again := plan.by_reason.get(evaluation_room.Reason.CHANGED_JUDGE, 0):
        context.log.warning(
            f"{again} content items of {plan.partition.key} were evaluated before, by the judge as it was configured "
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


@contextmanager
def _refusing_over_budget() -> Iterator[None]:
    """Let a run that wants more than its budget fail with what would fit; a retry would want as much."""
    try:
        yield
    except evaluation_room.BudgetExceeded as exceeded:
        raise dg.Failure(
            str(exceeded), metadata={"new_evaluations": exceeded.wanted, "fits": exceeded.fits}, allow_retries=False
        ) from None


def _materialisation(report: "SubmissionReport", *, judge: "Judge", metadata: Metadata) -> dg.MaterializeResult[None]:
    """What Dagster shows; its data version changes exactly when content or judge do."""
    return dg.MaterializeResult(
        metadata={
            **metadata,
            "judge_id": judge.id,
            "judge_configuration_hash": judge.configuration_hash(),
        },
        data_version=dg.DataVersion(hashlib.sha256("\n".join(report.work_keys).encode()).hexdigest()),
    )


def _place(address: str | None) -> str | None:
    """A source's address as it is the same from every working directory."""
    return address if address is None or is_url(address) else os.path.abspath(os.path.expanduser(address))  # noqa: PTH100, PTH111
