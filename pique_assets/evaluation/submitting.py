"""A partition on its way to Pique, whichever way its content is sent: the steps, what came of each item, the report.

Belongs here: what has to hold first, the plan and its budget, the inventory, the order of all steps. Does not: the two
ways of sending (`uploads`, `social_posts`), who works on which item (`claiming`), and results (`results`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Protocol

from pique_assets.api.models import Judge
from pique_assets.evaluation.admission import admit_partition
from pique_assets.evaluation.claiming import ClaimQueue, LeaseKeeper
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import JudgeNotUsable, SubmissionsUnfinished
from pique_assets.evaluation.plan import PartitionPlan, Reason, WantedContent
from pique_assets.evaluation.poll_schedule import PollSchedule, learned_schedule
from pique_assets.evaluation.progress import Progress
from pique_assets.evaluation.results import recording_meanwhile
from pique_assets.ledger import InventoryItem, Source
from pique_assets.media import ContentItem
from pique_assets.media.kinds import CONTENT_TYPES


class SendingEnd(Enum):
    """How one item left the submission."""

    SENT = auto()
    """Its bytes were sent in this run, or Pique named a job for its URL."""
    ADOPTED = auto()
    """Pique had its bytes already, from a run that died before it could say so."""
    KNOWN = auto()
    """Nothing to do: sent or finished before, or in the hands of another run."""
    REJECTED = auto()
    """The API refused it; recorded, and no evaluation happened."""
    UNUSABLE = auto()
    """The content could not be read, or is no longer what was fingerprinted."""
    UNANSWERED = auto()
    """Its POST may have arrived, and no answer came: left to reconciliation, and never sent again."""
    UNFINISHED = auto()
    """Something passing stopped it; a later run resumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one item left the submission, and why if it did not arrive.

    Attributes:
        error_code: Of an UNUSABLE item: the code that goes beside the item.
    """

    end: SendingEnd
    reason: str = ""
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionReport:
    """What came of a partition's submission; counts are content items.

    Attributes:
        content: Items in the inventory.
        unusable: Items with an error beside them instead of a submission.
        already_known: Items whose evaluation was made or under way before this run.
        sent: Items that this run brought to Pique: their bytes, or a URL for which Pique named a job.
        adopted: Items whose bytes an earlier, interrupted run had sent.
        rejected: Items the API refused.
        unanswered: URLs sent in this run without a certain answer; never sent again, reconciled or given up later.
        bytes_uploaded: Bytes this run sent.
        work_keys: What is wanted of the partition, sorted: it changes exactly when content or judge do.
    """

    content: int
    unusable: int
    already_known: int
    sent: int
    adopted: int
    rejected: int
    unanswered: int
    bytes_uploaded: int
    work_keys: tuple[str, ...]

    @property
    def usable(self) -> int:
        """Items that can be submitted."""
        return self.content - self.unusable


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of the items of a run; only what went wrong is kept item by item, by content uri.

    Attributes:
        progress: Says how far the sending is.
    """

    progress: Progress
    ends: Counter[SendingEnd] = field(default_factory=Counter)
    bytes_uploaded: int = 0
    unusable: dict[str, Outcome] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)

    def add(self, item: ContentItem, *, outcome: Outcome) -> None:
        """Count one item, whose way is over for this run."""
        self.ends[outcome.end] += 1
        if outcome.end is SendingEnd.SENT:
            self.bytes_uploaded += item.size_bytes or 0
        elif outcome.end is SendingEnd.UNUSABLE:
            self.unusable[item.content_uri] = outcome
        elif outcome.end is SendingEnd.UNFINISHED:
            self.unfinished[item.content_uri] = outcome.reason
        self.progress.advance()

    def corrected(self, items: Iterable[InventoryItem]) -> Iterator[InventoryItem]:
        """The items, those that turned out to be unusable with the reason."""
        for item in items:
            outcome = self.unusable.get(item.content_uri)
            if outcome is None:
                yield item
            else:
                yield replace(item, work_key=None, error_code=outcome.error_code, error=outcome.reason)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shipment:
    """The items that one run sends, and everything that sending any of them needs.

    Attributes:
        engine: Pique, the ledger and the limits.
        judge: What the items are sent to.
        queue: Hands out the items.
        keeper: Says whether an item is still ours.
        schedule: When to ask for results of what was sent.
        tally: Hears what came of each item.
    """

    engine: Engine
    judge: Judge
    queue: ClaimQueue
    keeper: LeaseKeeper
    schedule: PollSchedule
    tally: Tally


class WayOfSending(Protocol):
    """How content reaches Pique: `uploads.Uploads` or `social_posts.SocialPosts`."""

    @property
    def source(self) -> Source:
        """The ledger's word for it."""

    @property
    def sent_items(self) -> str:
        """What is counted while sending, in the plural."""

    def require_fitting(self, judge: Judge, items: Sequence[ContentItem]) -> None:
        """Refuse what can't be sent this way.

        Raises:
            JudgeNotUsable: The message says why.
        """

    def send(self, shipment: Shipment) -> None:
        """Take every item from the queue, send it, and tell the tally what came of it.

        Raises:
            Unauthorized, NotFound: Pique refuses key or judge; nothing more was sent.
            LedgerError: Nothing may be sent without the ledger.
        """


def submit_partition(
    engine: Engine,
    items: Sequence[ContentItem],
    *,
    partition: Partition,
    judge: Judge,
    way: WayOfSending,
    on_plan: Callable[[PartitionPlan], None] | None = None,
) -> SubmissionReport:
    """Bring a partition's content to Pique, each item exactly once, whatever happened before.

    Where results are announced to a URL of the engine's, they are recorded while the rest is still sent.

    Args:
        engine: Pique, the ledger, limits and budget.
        items: The inventory, ready items and others; each is read when it is needed, so that they may lie in a file.
        partition: Which date of which evaluation.
        judge: As Pique describes it now; its configuration is recorded with every submission.
        way: How the content reaches Pique.
        on_plan: Hears what the partition comes to, before anything is sent or refused.

    Raises:
        LedgerOfAnotherPique: Nothing was sent.
        JudgeNotUsable: Nothing was sent.
        BudgetExceeded: Nothing was sent or recorded.
        SubmissionsUnfinished: Some items could not be brought now; the others were.
        Unauthorized, NotFound: Pique refuses key or judge; nothing more was sent.
        LedgerError: Nothing more was sent.
    """
    engine.ledger.belong_to(engine.client.pique)
    require_usable(judge)
    way.require_fitting(judge, items)
    wanted = WantedContent.of(items, judge=judge, source=way.source)
    plan = admit_partition(engine, wanted, partition=partition, on_plan=on_plan)
    tally = Tally(progress=Progress(engine.say, what=way.sent_items, total=len(plan.to_send)))
    if plan.to_send:
        with recording_meanwhile(engine, partition=partition):
            _send(engine, wanted, plan=plan, way=way, tally=tally)
    if tally.unusable:
        engine.ledger.record_inventory(**partition.names, items=tally.corrected(wanted), source=wanted.source)
    if tally.unfinished:
        raise SubmissionsUnfinished(tally.unfinished)
    return _report(wanted, plan=plan, tally=tally)


def require_usable(judge: Judge) -> None:
    """Refuse a judge that can't evaluate now, before anything is sent.

    Raises:
        JudgeNotUsable: It is pending, failed, inactive, without detectors or of a type that is never uploaded (text);
            the message says which and what to do.
    """
    if judge.status == "pending":
        raise JudgeNotUsable(f"judge {judge.id} ({judge.name}) is still being prepared; try again in a while")
    if judge.status != "ready":
        why = (judge.model_extra or {}).get("status_reason")
        because = f" ({why})" if why else ""
        raise JudgeNotUsable(f"judge {judge.id} ({judge.name}) is {judge.status}{because}; use another judge")
    if not judge.is_active:
        raise JudgeNotUsable(f"judge {judge.id} ({judge.name}) is not active; activate it at Pique")
    if judge.content_type not in CONTENT_TYPES:
        raise JudgeNotUsable(
            f"judge {judge.id} ({judge.name}) evaluates {judge.content_type}, and content of that type can't be "
            f"submitted; use a judge of {', '.join(CONTENT_TYPES)}"
        )
    if not judge.detector_configs:
        raise JudgeNotUsable(
            f"judge {judge.id} ({judge.name}) has no detectors, as Pique describes it now: it would measure nothing. "
            "If it should have some, look with `pique-assets judges show` and run again"
        )


def _send(engine: Engine, wanted: WantedContent, *, plan: PartitionPlan, way: WayOfSending, tally: Tally) -> None:
    judge = wanted.judge
    known = Outcome(end=SendingEnd.KNOWN)
    with LeaseKeeper(engine.ledger, lease_s=engine.limits.lease_s) as keeper:
        queue = ClaimQueue(
            engine,
            wanted=wanted,
            positions=plan.to_send,
            keeper=keeper,
            on_known=lambda item: tally.add(item, outcome=known),
        )
        schedule = learned_schedule(
            engine,
            judge_id=judge.id,
            content_type=judge.content_type,
            expects_webhooks=engine.expects_webhooks,
        )
        way.send(Shipment(engine=engine, judge=judge, queue=queue, keeper=keeper, schedule=schedule, tally=tally))


def _report(wanted: WantedContent, *, plan: PartitionPlan, tally: Tally) -> SubmissionReport:
    work_keys, unusable = plan.work_keys, plan.by_reason.get(Reason.UNUSABLE, 0)
    if tally.unusable:
        corrected = [item.work_key for item in tally.corrected(wanted)]
        work_keys, unusable = frozenset(filter(None, corrected)), corrected.count(None)
    ends = tally.ends
    acted_on = sum(
        ends[end] for end in (SendingEnd.SENT, SendingEnd.ADOPTED, SendingEnd.REJECTED, SendingEnd.UNANSWERED)
    )
    return SubmissionReport(
        content=plan.content_items,
        unusable=unusable,
        already_known=plan.content_items - unusable - acted_on,
        sent=ends[SendingEnd.SENT],
        adopted=ends[SendingEnd.ADOPTED],
        rejected=ends[SendingEnd.REJECTED],
        unanswered=ends[SendingEnd.UNANSWERED],
        bytes_uploaded=tally.bytes_uploaded,
        work_keys=tuple(sorted(work_keys)),
    )
