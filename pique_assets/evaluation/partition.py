"""The content items of one partition on their way to Pique: who goes, how many at once, what came of it.

Here: a partition's inventory in the ledger, the thread pool, the report. Not here: the steps of one item
(`submission`) and its result (`results`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import BinaryIO, Final

from pique_assets.api.client import PiqueClient
from pique_assets.api.models import Judge
from pique_assets.evaluation.admission import admit_partition
from pique_assets.evaluation.announced import recording_announced
from pique_assets.evaluation.budget import NO_LIMIT, Budget
from pique_assets.evaluation.errors import JudgeNotUsable, SubmissionsUnfinished
from pique_assets.evaluation.lease_keeper import LeaseKeeper
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.plan import PartitionPlan, positions_to_send
from pique_assets.evaluation.poll_schedule import learned_schedule
from pique_assets.evaluation.progress import Progress, Say
from pique_assets.evaluation.submission import Fate, Outcome, Submitter
from pique_assets.evaluation.wanted import WantedContent
from pique_assets.ledger import FINISHED_STATES, InventoryItem, Ledger, SubmissionState
from pique_assets.media import ContentItem
from pique_assets.media.content_type import CONTENT_TYPES

# Handed to the pool at a time, so that memory does not grow with a date's content by more than its records.
QUEUED_PER_UPLOAD = 4
# In these Pique has the bytes, or may have them.
_SENT: Final = FINISHED_STATES | {SubmissionState.UPLOADED, SubmissionState.GIVEN_UP}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionReport:
    """What came of a partition's submission; counts are content items.

    Attributes:
        content: Items in the inventory.
        unusable: Items with an error beside them instead of a submission.
        already_known: Items whose evaluation was made or under way before this run.
        uploaded: Items whose bytes this run sent.
        adopted: Items whose bytes an earlier, interrupted run had sent.
        rejected: Items the API refused.
        bytes_uploaded: Bytes this run sent.
        work_keys: What is wanted of the partition, sorted: it changes exactly when content or judge do.
    """

    content: int
    unusable: int
    already_known: int
    uploaded: int
    adopted: int
    rejected: int
    bytes_uploaded: int
    work_keys: tuple[str, ...]


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


def require_fitting(judge: Judge, items: Sequence[ContentItem]) -> None:
    """Refuse content of which nothing is what the judge evaluates: that is the wrong judge, or the wrong media.

    Single items of another type are rows with an error (`WantedContent`).

    Raises:
        JudgeNotUsable: The message says what the judge evaluates and what there is.
    """
    types = Counter(item.content_type for item in items if item.is_ready)
    if types and judge.content_type not in types:
        there = " and ".join(f"{count} {content_type}" for content_type, count in sorted(types.items(), key=str))
        raise JudgeNotUsable(
            f"judge {judge.id} ({judge.name}) evaluates {judge.content_type}, and all content is of another type "
            f"({there}); nothing was sent. Is it the judge of this media?"
        )


def submit_partition(
    items: Sequence[ContentItem],
    *,
    evaluation: str,
    partition: str,
    judge: Judge,
    client: PiqueClient,
    ledger: Ledger,
    open_content: Callable[[ContentItem], BinaryIO],
    limits: Limits,
    say: Say,
    budget: Budget = NO_LIMIT,
    on_plan: Callable[[PartitionPlan], None] | None = None,
    webhook_url: str | None = None,
) -> SubmissionReport:
    """Bring a partition's content to Pique, each item exactly once, whatever happened before.

    Args:
        items: The inventory, ready items and others; each is read when it is needed, so that they may lie in a file.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        judge: As Pique describes it now; its configuration is recorded with every submission (contract trap 13).
        client: The API.
        ledger: The record of submissions.
        open_content: Opens a ready item's bytes at their beginning.
        limits: How much at once.
        say: Hears how far it is.
        budget: How many evaluations it may begin.
        on_plan: Hears what it comes to, before anything is sent or refused.
        webhook_url: Where Pique is to announce results, which makes polling patient; what is announced while content
            is sent is recorded meanwhile. None leaves it to the organisation's own, and polls as if none came.

    Raises:
        LedgerOfAnotherPique: Nothing was sent.
        JudgeNotUsable: Nothing was sent.
        BudgetExceeded: Nothing was sent or recorded.
        SubmissionsUnfinished: Some items could not be brought now; the others were.
        Unauthorized, NotFound: Pique refuses key or judge; nothing more was sent.
        LedgerUnavailable: Nothing more was sent.
    """
    ledger.belong_to(client.pique)
    require_usable(judge)
    require_fitting(judge, items)
    wanted = WantedContent.of(items, judge=judge)
    admit_partition(wanted, evaluation=evaluation, partition=partition, budget=budget, ledger=ledger, on_plan=on_plan)
    with recording_announced(
        client=client,
        ledger=ledger,
        limits=limits,
        evaluation=evaluation,
        partition=partition,
        webhook_url=webhook_url,
    ):
        tally = _submit_all(
            wanted,
            positions=positions_to_send(wanted, ledger=ledger, but_not=_SENT),
            client=client,
            ledger=ledger,
            open_content=open_content,
            limits=limits,
            say=say,
            webhook_url=webhook_url,
        )
    if tally.spoilt:
        ledger.record_inventory(evaluation=evaluation, partition=partition, items=tally.corrected(wanted))
    if tally.unfinished:
        raise SubmissionsUnfinished(tally.unfinished)
    return _report(wanted, tally=tally)


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What came of the items that were sent; only what went wrong is kept item by item, by content uri."""

    fates: Counter[Fate] = field(default_factory=Counter)
    bytes_uploaded: int = 0
    spoilt: dict[str, Outcome] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)

    def add(self, item: ContentItem, *, outcome: Outcome) -> None:
        self.fates[outcome.fate] += 1
        if outcome.fate is Fate.UPLOADED:
            self.bytes_uploaded += item.size_bytes or 0
        elif outcome.fate is Fate.UNUSABLE:
            self.spoilt[item.content_uri] = outcome
        elif outcome.fate is Fate.UNFINISHED:
            self.unfinished[item.content_uri] = outcome.reason

    def corrected(self, items: Iterable[InventoryItem]) -> Iterator[InventoryItem]:
        """The items, those that turned out to be unusable with the reason."""
        for item in items:
            outcome = self.spoilt.get(item.content_uri)
            if outcome is None:
                yield item
            else:
                yield replace(item, work_key=None, error_code=outcome.error_code, error=outcome.reason)


def _submit_all(
    wanted: WantedContent,
    *,
    positions: Sequence[int],
    client: PiqueClient,
    ledger: Ledger,
    open_content: Callable[[ContentItem], BinaryIO],
    limits: Limits,
    say: Say,
    webhook_url: str | None,
) -> _Tally:
    tally = _Tally()
    if not positions:
        return tally
    judge = wanted.judge
    progress = Progress(say, what="content items submitted", total=len(positions))
    with LeaseKeeper(ledger, lease_s=limits.lease_s) as keeper:
        submitter = Submitter(
            client=client,
            ledger=ledger,
            keeper=keeper,
            schedule=learned_schedule(
                ledger,
                judge_id=judge.id,
                content_type=judge.content_type,
                limits=limits,
                webhook_expected=webhook_url is not None,
            ),
            limits=limits,
            webhook_url=webhook_url,
        )
        pool = ThreadPoolExecutor(max_workers=limits.concurrent_uploads, thread_name_prefix="upload")
        try:
            waiting = (wanted.items[position] for position in positions)
            under_way: dict[Future[Outcome], ContentItem] = {}
            while True:
                for item in islice(waiting, QUEUED_PER_UPLOAD * limits.concurrent_uploads - len(under_way)):
                    opener = partial(open_content, item)
                    under_way[pool.submit(submitter.submit, wanted.order(item), open_content=opener)] = item
                if not under_way:
                    break
                for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                    tally.add(under_way.pop(done), outcome=done.result())
                    progress.advance()
        finally:
            # On an error or a cancelled run the queued items stay in the ledger for the next run.
            pool.shutdown(cancel_futures=True)
    return tally


def _report(wanted: WantedContent, *, tally: _Tally) -> SubmissionReport:
    work_keys = Counter(item.work_key for item in tally.corrected(wanted))
    content, unusable = work_keys.total(), work_keys.pop(None, 0)
    acted_on = tally.fates[Fate.UPLOADED] + tally.fates[Fate.ADOPTED] + tally.fates[Fate.REJECTED]
    return SubmissionReport(
        content=content,
        unusable=unusable,
        already_known=content - unusable - acted_on,
        uploaded=tally.fates[Fate.UPLOADED],
        adopted=tally.fates[Fate.ADOPTED],
        rejected=tally.fates[Fate.REJECTED],
        bytes_uploaded=tally.bytes_uploaded,
        work_keys=tuple(sorted(key for key in work_keys if key is not None)),
    )
