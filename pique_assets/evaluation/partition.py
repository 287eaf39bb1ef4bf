"""The content items of one partition on their way to Pique: who goes, how many at once, what came of it.

Here: a partition's inventory in the ledger, the thread pool, the report. Not here: the steps of one item
(`submission`) and its result (`results`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import BinaryIO

from pique_assets.api.client import PiqueClient
from pique_assets.api.models import Judge
from pique_assets.evaluation.admission import admit
from pique_assets.evaluation.budget import NO_LIMIT, Budget
from pique_assets.evaluation.errors import JudgeNotUsable, SubmissionsUnfinished
from pique_assets.evaluation.lease_keeper import LeaseKeeper
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.plan import PartitionPlan, plan_partition
from pique_assets.evaluation.poll_schedule import poll_schedule
from pique_assets.evaluation.progress import Progress, Say
from pique_assets.evaluation.submission import Fate, Outcome, Submitter
from pique_assets.ledger import InventoryItem, Ledger, SubmissionOrder, SubmissionState, work_key
from pique_assets.media import ContentItem
from pique_assets.media.content_type import CONTENT_TYPES

# Handed to the pool at a time, so that memory does not grow with a date's content by more than its records.
QUEUED_PER_UPLOAD = 4
# Enough to see a usual latency, few enough to follow a change within a day.
LATENCIES_LOOKED_AT = 200


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
        JudgeNotUsable: It is pending, failed, inactive or of a type that is never uploaded (text); the message says
            which and what to do.
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


def require_fitting(judge: Judge, items: Sequence[ContentItem]) -> None:
    """Refuse content of which nothing is what the judge evaluates: that is the wrong judge, or the wrong media.

    Single items of another type are rows with an error (`inventory_item`).

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
        items: The inventory, ready items and others.
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
        webhook_url: Where Pique is to announce results, which makes polling patient; None leaves it to the
            organisation's own, and polls as if none came.

    Raises:
        JudgeNotUsable: Nothing was sent.
        BudgetExceeded: Nothing was sent or recorded.
        SubmissionsUnfinished: Some items could not be brought now; the others were.
        Unauthorized, NotFound: Pique refuses key or judge; nothing more was sent.
        LedgerUnavailable: Nothing more was sent.
    """
    require_usable(judge)
    require_fitting(judge, items)
    wanted = {item.content_uri: inventory_item(item, judge=judge) for item in items}
    plan = plan_partition(list(wanted.values()), evaluation=evaluation, partition=partition, judge=judge, ledger=ledger)
    if on_plan is not None:
        on_plan(plan)
    admit(plan, budget=budget, judge_id=judge.id, ledger=ledger, order_of=partial(_order, judge=judge))
    ledger.record_inventory(evaluation=evaluation, partition=partition, items=list(wanted.values()))
    to_send = _unsent(items, wanted=wanted, evaluation=evaluation, partition=partition, ledger=ledger)
    outcomes = _submit_all(
        to_send,
        wanted=wanted,
        judge=judge,
        client=client,
        ledger=ledger,
        open_content=open_content,
        limits=limits,
        say=say,
        webhook_url=webhook_url,
    )
    spoilt = {uri: outcome for uri, outcome in outcomes.items() if outcome.fate is Fate.UNUSABLE}
    if spoilt:
        wanted |= {uri: _unusable(wanted[uri], outcome=outcome) for uri, outcome in spoilt.items()}
        ledger.record_inventory(evaluation=evaluation, partition=partition, items=list(wanted.values()))
    unfinished = {uri: outcome.reason for uri, outcome in outcomes.items() if outcome.fate is Fate.UNFINISHED}
    if unfinished:
        raise SubmissionsUnfinished(unfinished)
    return _report(wanted, outcomes=outcomes)


def inventory_item(item: ContentItem, *, judge: Judge) -> InventoryItem:
    """The item as the ledger keeps it: with its work key, or with the reason why it can't be submitted."""
    error_code, error = item.error_code, item.error
    if item.is_ready and item.content_type != judge.content_type:
        error_code = "wrong_content_type"
        error = f"this is {item.content_type} content, and judge {judge.id} evaluates {judge.content_type}"
    key = None
    if error_code is None:
        key = work_key(
            fingerprint=_given(item.fingerprint),
            judge_id=judge.id,
            judge_configuration_hash=judge.configuration_hash(),
            content_type=judge.content_type,
            title=item.title,
            description=item.description,
        )
    return InventoryItem(
        content_uri=item.content_uri,
        filename=item.filename,
        size_bytes=item.size_bytes,
        fingerprint=item.fingerprint,
        content_type=item.content_type,
        title=item.title,
        description=item.description,
        work_key=key,
        error_code=error_code,
        error=error,
    )


def _given(fingerprint: str | None) -> str:
    if fingerprint is None:
        raise ValueError("a ready content item has a fingerprint")
    return fingerprint


def _unusable(item: InventoryItem, *, outcome: Outcome) -> InventoryItem:
    return replace(item, work_key=None, error_code=outcome.error_code, error=outcome.reason)


def _unsent(
    items: Sequence[ContentItem],
    *,
    wanted: dict[str, InventoryItem],
    evaluation: str,
    partition: str,
    ledger: Ledger,
) -> list[ContentItem]:
    """One item for each work key that Pique may not have yet; the rest costs no request and no lease."""
    settled = {
        row.item.work_key
        for row in ledger.partition_state(evaluation=evaluation, partition=partition)
        if row.submission and (row.submission.is_finished or row.submission.state is SubmissionState.UPLOADED)
    }
    seen: set[str] = set()
    unsent = []
    for item in items:
        key = wanted[item.content_uri].work_key
        if key is not None and key not in settled and key not in seen:
            seen.add(key)
            unsent.append(item)
    return unsent


def _submit_all(
    items: Sequence[ContentItem],
    *,
    wanted: dict[str, InventoryItem],
    judge: Judge,
    client: PiqueClient,
    ledger: Ledger,
    open_content: Callable[[ContentItem], BinaryIO],
    limits: Limits,
    say: Say,
    webhook_url: str | None,
) -> dict[str, Outcome]:
    if not items:
        return {}
    latencies = ledger.recent_latencies(judge_id=judge.id, content_type=judge.content_type, limit=LATENCIES_LOOKED_AT)
    progress = Progress(say, what="content items submitted", total=len(items))
    outcomes: dict[str, Outcome] = {}
    with LeaseKeeper(ledger, lease_s=limits.lease_s) as keeper:
        submitter = Submitter(
            client=client,
            ledger=ledger,
            keeper=keeper,
            schedule=poll_schedule(latencies, limits=limits, webhook_expected=webhook_url is not None),
            limits=limits,
            webhook_url=webhook_url,
        )
        pool = ThreadPoolExecutor(max_workers=limits.concurrent_uploads, thread_name_prefix="upload")
        try:
            waiting = iter(items)
            under_way: dict[Future[Outcome], str] = {}
            while True:
                for item in islice(waiting, QUEUED_PER_UPLOAD * limits.concurrent_uploads - len(under_way)):
                    order = _order(wanted[item.content_uri], judge=judge)
                    opener = _opener(item, open_content=open_content)
                    under_way[pool.submit(submitter.submit, order, open_content=opener)] = item.content_uri
                if not under_way:
                    break
                for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                    outcomes[under_way.pop(done)] = done.result()
                    progress.advance()
        finally:
            # On an error or a cancelled run the queued items stay in the ledger for the next run.
            pool.shutdown(cancel_futures=True)
    return outcomes


def _opener(item: ContentItem, *, open_content: Callable[[ContentItem], BinaryIO]) -> Callable[[], BinaryIO]:
    return lambda: open_content(item)


def _order(item: InventoryItem, *, judge: Judge) -> SubmissionOrder:
    if item.work_key is None or item.size_bytes is None:
        raise ValueError(f"{item.content_uri} is not ready to be ordered")
    return SubmissionOrder(
        work_key=item.work_key,
        judge_id=judge.id,
        judge_configuration_hash=judge.configuration_hash(),
        content_type=judge.content_type,
        fingerprint=_given(item.fingerprint),
        filename=item.filename,
        size_bytes=item.size_bytes,
        title=item.title,
        description=item.description,
    )


def _report(wanted: dict[str, InventoryItem], *, outcomes: dict[str, Outcome]) -> SubmissionReport:
    fates = Counter(outcome.fate for outcome in outcomes.values())
    unusable = sum(item.work_key is None for item in wanted.values())
    acted_on = fates[Fate.UPLOADED] + fates[Fate.ADOPTED] + fates[Fate.REJECTED]
    uploaded = [wanted[uri] for uri, outcome in outcomes.items() if outcome.fate is Fate.UPLOADED]
    return SubmissionReport(
        content=len(wanted),
        unusable=unusable,
        already_known=len(wanted) - unusable - acted_on,
        uploaded=fates[Fate.UPLOADED],
        adopted=fates[Fate.ADOPTED],
        rejected=fates[Fate.REJECTED],
        bytes_uploaded=sum(item.size_bytes or 0 for item in uploaded),
        work_keys=tuple(sorted({item.work_key for item in wanted.values() if item.work_key is not None})),
    )
