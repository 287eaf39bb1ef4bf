"""What a backfill would submit: the plan of each date of each evaluation, and which of them its budget lets through.

Belongs here: a range of dates planned in the order of their runs. Does not: planning one date (`evaluation.plan`), and
how a plan is printed (`plan_command`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pique_assets.api as api_room
import pique_assets.evaluation as evaluation_room
import pique_assets.judges as judges_room
import pique_assets.ledger as ledger_room
import pique_assets.media as media_room
from pique_assets.cli.code_location import CodeLocation
from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableItem:
    """A content item that can't be submitted, and why in one sentence."""

    content_uri: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One asset of one date: what it would submit, and whether the budget lets it.

    Attributes:
        missing: The uri of the date's folder, manifest or list, if there is none; an empty folder is not missing.
        unusable: What can't be submitted.
    """

    asset: str
    plan: evaluation_room.PartitionPlan
    fits: bool
    missing: str | None
    unusable: tuple[UnusableItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """What a backfill would submit.

    Attributes:
        steps: By evaluation, then date.
        allowances: What each evaluation's budget leaves now.
        judges: Each evaluation's judge, as Pique describes it now.
    """

    steps: tuple[PlannedStep, ...]
    allowances: dict[str, list[evaluation_room.Allowance]]
    judges: dict[str, api_room.Judge]

    def evaluated_again(self, evaluation: str) -> int:
        """How many content items would be evaluated again because the evaluation's judge is configured otherwise."""
        plans = [step.plan for step in self.steps if step.plan.partition.evaluation == evaluation]
        return sum(plan.by_reason.get(evaluation_room.Reason.CHANGED_JUDGE, 0) for plan in plans)


def plan_backfill(
    location: CodeLocation, *, evaluations: Sequence[Evaluation], start: dt.date, end: dt.date, say: evaluation_room.Say
) -> BackfillPlan:
    """Plan every date of a range, as if each were submitted now in a run of its own, in order.

    Reads all media of the range and asks Pique for the judges; changes nothing.

    Args:
        location: Where Pique, ledger and media are.
        evaluations: What to plan.
        start: First date.
        end: Last date, included.
        say: Hears how far it is.

    Raises:
        MediaError, PiqueError, LedgerError, EvaluationError: One of them can't be read.
    """
    steps: list[PlannedStep] = []
    left: dict[str, list[evaluation_room.Allowance]] = {}
    judges: dict[str, api_room.Judge] = {}
    # Content on several dates is evaluated once, and evaluations that share a judge share its day.
    planned: set[str] = set()
    begun: Counter[str] = Counter()
    with location.pique.client() as client, location.ledger.ledger(say=say) as ledger:
        for evaluation in evaluations:
            judge = judges_room.agreed_judge(
                partial(
                    judges_room.resolve_judge,
                    client,
                    judge_id=evaluation.resolved_judge_id(),
                    judge_file=evaluation.judge_file,
                    say=say,
                ),
                known=lambda found: ledger.last_configuration(found.id),
                say=say,
            )
            evaluation_room.require_usable(judge)
            judges[evaluation.name] = judge
            left[evaluation.name] = evaluation_room.allowances(evaluation.budget, judge_id=judge.id, ledger=ledger)
            for content in _content(evaluation, location=location, start=start, end=end, say=say):
                wanted = evaluation_room.WantedContent.of(content.items, judge=judge, source=content.kind)
                plan = evaluation_room.plan_partition(
                    wanted,
                    partition=evaluation_room.Partition(evaluation=evaluation.name, key=content.date),
                    ledger=ledger,
                    planned=planned,
                )
                now_left = [
                    allowance.after(begun[judge.id]).besides(plan.work_keys) for allowance in left[evaluation.name]
                ]
                let_through = evaluation_room.fits(plan.new_evaluations, allowances=now_left)
                if let_through:
                    planned |= plan.work_keys
                    begun[judge.id] += plan.new_evaluations
                steps.append(
                    PlannedStep(
                        asset=content.asset,
                        plan=plan,
                        fits=let_through,
                        missing=content.missing,
                        unusable=tuple(
                            UnusableItem(content_uri=item.content_uri, reason=item.error)
                            for item in wanted
                            if item.error is not None
                        ),
                    )
                )
    return BackfillPlan(steps=tuple(steps), allowances=left, judges=judges)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What one asset of one date would submit.

    Attributes:
        asset: The asset that submits it.
        kind: How the content reaches Pique.
        items: The content.
        missing: The uri of the date's folder, manifest or list, if there is none.
    """

    date: str
    asset: str
    kind: ledger_room.Source
    items: list[media_room.ContentItem]
    missing: str | None


def _content(
    evaluation: Evaluation, *, location: CodeLocation, start: dt.date, end: dt.date, say: evaluation_room.Say
) -> Iterator[_Content]:
    """The content of each date, in the order of a backfill's runs."""
    for date in partitions_of(evaluation).get_partition_keys():
        if start.isoformat() <= date <= end.isoformat():
            say(f"reading {evaluation.name} {date}")
            if evaluation.media is not None:
                reader = location.media_storage.open_source(evaluation.media)
                yield _read(reader, "uploads", "direct", date=date, evaluation=evaluation, say=say)
            if evaluation.social is not None:
                reader = location.media_storage.open_source(evaluation.social)
                yield _read(reader, "social_submissions", "social", date=date, evaluation=evaluation, say=say)


def _read(
    reader: media_room.SourceReader,
    asset: str,
    kind: ledger_room.Source,
    *,
    date: str,
    evaluation: Evaluation,
    say: evaluation_room.Say,
) -> _Content:
    progress = evaluation_room.Progress(say, what="content items read")
    day = dt.date.fromisoformat(date)
    items = []
    for item in media_room.inventory(reader, date=day, threads=evaluation.limits.fingerprint_threads):
        items.append(item)
        progress.advance(note=repr(item.filename))
    return _Content(
        date=date, asset=asset, kind=kind, items=items, missing=None if items else reader.missing_place(day)
    )
