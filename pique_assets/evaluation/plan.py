"""What submitting a partition would come to: how many evaluations and bytes, and why; before anything is sent.

Here: telling new content from old. Not here: whether that much may be begun (`admission`), and sending it
(`partition`). Nothing here changes the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pique_assets.chunks import chunks
from pique_assets.evaluation.wanted import WantedContent
from pique_assets.ledger import InventoryItem, Ledger, Submission, SubmissionState

_S = SubmissionState


class Reason(StrEnum):
    """Why a content item would be submitted, or why not. The values stand in metadata and JSON."""

    NEW = "new"
    """Never evaluated for this partition."""
    CHANGED_JUDGE = "changed_judge"
    """Evaluated for this partition, by the judge as it was configured then."""
    CHANGED_WORDS = "changed_words"
    """Evaluated for this partition with another title or description."""
    RETRY = "retry"
    """Its last job was proven dead, or it was refused by Pique or by a budget: another attempt is made."""
    INTERRUPTED = "interrupted"
    """Wanted by an earlier run that ended before any byte was sent."""
    IN_FLIGHT = "in_flight"
    """Pique has it, or may have it; its result is waited for."""
    DONE = "done"
    """It has its result; or nobody knows its fate, or it was given up, and it is never sent again."""
    DUPLICATE = "duplicate"
    """The same content with the same words is in the plan already: one evaluation serves both."""
    UNUSABLE = "unusable"
    """It can't be submitted; its row says why."""


BEGINS_EVALUATION = frozenset(
    {Reason.NEW, Reason.CHANGED_JUDGE, Reason.CHANGED_WORDS, Reason.RETRY, Reason.INTERRUPTED}
)
"""Items with these reasons are what a budget counts."""

_REASON_OF_STATE: Mapping[SubmissionState, Reason] = {
    _S.INTENDED: Reason.INTERRUPTED,
    _S.PREPARED: Reason.INTERRUPTED,
    _S.UPLOADING: Reason.IN_FLIGHT,
    _S.SUBMITTING: Reason.IN_FLIGHT,
    _S.UPLOADED: Reason.IN_FLIGHT,
    _S.COMPLETED: Reason.DONE,
    _S.FAILED: Reason.DONE,
    _S.IN_DOUBT: Reason.DONE,
    _S.GIVEN_UP: Reason.DONE,
    _S.REJECTED: Reason.RETRY,
    _S.ABANDONED: Reason.RETRY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One content item as it would be recorded, and what would become of it."""

    item: InventoryItem
    reason: Reason

    @property
    def begins_evaluation(self) -> bool:
        """Whether submitting the partition begins an evaluation of it."""
        return self.reason in BEGINS_EVALUATION


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionPlan:
    """What submitting one partition would come to.

    Attributes:
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        by_reason: How many content items have each reason; reasons that none has may be left out.
        new_bytes: Bytes it would upload for new evaluations; none for content that Pique fetches itself.
        work_keys: All work it asks for, begun or not.
        unrecorded: Positions of the items that would begin an evaluation of which the ledger has no intent yet.
    """

    evaluation: str
    partition: str
    by_reason: Mapping[Reason, int]
    new_bytes: int
    work_keys: frozenset[str]
    unrecorded: tuple[int, ...]

    @property
    def new_evaluations(self) -> int:
        """Evaluations it would begin."""
        return sum(count for reason, count in self.by_reason.items() if reason in BEGINS_EVALUATION)

    @property
    def content_items(self) -> int:
        """Content items of the partition, whatever becomes of them."""
        return sum(self.by_reason.values())

    def counts(self) -> dict[str, int]:
        """The plan in numbers: content items by reason, all reasons named, then what it comes to."""
        return {
            "content_items": self.content_items,
            **{reason.value: self.by_reason.get(reason, 0) for reason in Reason},
            "new_evaluations": self.new_evaluations,
            "new_bytes": self.new_bytes,
        }

    def __str__(self) -> str:
        named = ", ".join(
            f"{count} {reason.replace('_', ' ')}" for reason in Reason if (count := self.by_reason.get(reason))
        )
        return (
            f"plan of {self.evaluation} {self.partition}: {self.new_evaluations} new evaluations, {self.new_bytes} "
            f"bytes to upload; {self.content_items} content items" + (f" ({named})" if named else "")
        )


def plan_partition(
    wanted: WantedContent,
    *,
    evaluation: str,
    partition: str,
    ledger: Ledger,
    planned: Iterable[str] = (),
) -> PartitionPlan:
    """What submitting this content would come to, as the ledger stands now.

    To be asked before the inventory is recorded: what the partition asked for until then tells a changed judge from
    new content.

    Args:
        wanted: The partition's content and its judge; looked at in pieces.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        ledger: The record of submissions; read only.
        planned: Work keys of other partitions that would be submitted first.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    before = ledger.configurations_begun(evaluation=evaluation, partition=partition, judge_id=wanted.judge.id)
    by_reason: Counter[Reason] = Counter()
    new_bytes = 0
    accounted, work_keys = set(planned), set[str]()
    unrecorded: list[int] = []
    for items in chunks(wanted):
        keys = [item.work_key for item in items if item.work_key is not None]
        work_keys.update(keys)
        found = planned_items(
            items,
            configuration_hash=wanted.configuration_hash,
            standings=ledger.current_submissions(keys),
            evaluated_before=before,
            accounted=accounted,
        )
        for position, one in enumerate(found, start=by_reason.total()):
            by_reason[one.reason] += 1
            if one.begins_evaluation:
                new_bytes += one.item.size_bytes or 0
                if one.reason is not Reason.INTERRUPTED:
                    unrecorded.append(position)
    return PartitionPlan(
        evaluation=evaluation,
        partition=partition,
        by_reason=by_reason,
        new_bytes=new_bytes,
        work_keys=frozenset(work_keys),
        unrecorded=tuple(unrecorded),
    )


def positions_to_send(wanted: WantedContent, *, ledger: Ledger, but_not: Collection[SubmissionState]) -> list[int]:
    """Positions of the items that are still to be sent, one for each work key; the rest costs no request and no lease.

    Args:
        wanted: The partition's content; looked at in pieces.
        ledger: The record of submissions; read only.
        but_not: States in which there is nothing to send.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    seen: set[str] = set()
    found: list[int] = []
    first = 0
    for items in chunks(wanted):
        standings = ledger.current_submissions([item.work_key for item in items if item.work_key is not None])
        for position, item in enumerate(items, start=first):
            if item.work_key is None or item.work_key in seen:
                continue
            seen.add(item.work_key)
            standing = standings.get(item.work_key)
            if standing is None or standing.state not in but_not:
                found.append(position)
        first += len(items)
    return found


def planned_items(
    items: Iterable[InventoryItem],
    *,
    configuration_hash: str,
    standings: Mapping[str, Submission],
    evaluated_before: Mapping[str, Collection[str]],
    accounted: set[str],
) -> Iterator[PlannedItem]:
    """Give each item its reason.

    Args:
        items: Content, as it would be recorded.
        configuration_hash: Of the judge, now.
        standings: The current submission of each work key that has one.
        evaluated_before: With which configurations of the judge content was evaluated before, by fingerprint.
        accounted: Work keys that are accounted for already; those of the items are added.
    """
    for item in items:
        reason = _reason(
            item,
            accounted=accounted,
            standing=standings.get(item.work_key or ""),
            before=evaluated_before.get(item.fingerprint or "", ()),
            configuration_hash=configuration_hash,
        )
        if item.work_key is not None:
            accounted.add(item.work_key)
        yield PlannedItem(item=item, reason=reason)


def _reason(
    item: InventoryItem,
    *,
    accounted: Collection[str],
    standing: Submission | None,
    before: Collection[str],
    configuration_hash: str,
) -> Reason:
    if item.work_key is None:
        return Reason.UNUSABLE
    standing_reason = None if standing is None else _REASON_OF_STATE[standing.state]
    if standing_reason in (Reason.IN_FLIGHT, Reason.DONE):
        return standing_reason
    if item.work_key in accounted:
        return Reason.DUPLICATE
    if standing_reason is not None or not before:
        return standing_reason or Reason.NEW
    return Reason.CHANGED_WORDS if configuration_hash in before else Reason.CHANGED_JUDGE
