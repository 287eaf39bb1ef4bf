"""What a partition wants of Pique, and what submitting it would come to: how many evaluations and bytes, and why.

Belongs here: content and judge put together item by item, and new content told from old, all before anything is sent.
Does not: whether that much may be begun (`admission`), and sending it (`submitting`). Nothing here changes the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pique_assets.api.models import Judge
from pique_assets.chunks import chunks
from pique_assets.evaluation.engine import Partition
from pique_assets.ledger import (
    DEAD_STATES,
    UNSENT_STATES,
    InventoryItem,
    Ledger,
    Source,
    SubmissionOrder,
    SubmissionState,
    work_key,
)
from pique_assets.media import ContentItem

_S = SubmissionState

# In all other states Pique has the content, or may have it, or nobody knows; nothing of these is sent again.
_STILL_TO_SEND: Final = UNSENT_STATES | DEAD_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedContent:
    """A partition's content of one source, and the judge that is to evaluate it.

    What is wanted of an item is worked out whenever somebody asks, so that memory does not grow with the items, which
    may be read from where they are kept. Iterating gives each item as the ledger keeps it.

    Attributes:
        items: The inventory, ready items and others.
        judge: As Pique describes it now.
        configuration_hash: The judge's; recorded with every submission, because Pique's results do not name the
            configuration they were made with.
        source: How the content reaches Pique.
    """

    items: Sequence[ContentItem]
    judge: Judge
    configuration_hash: str
    source: Source

    @classmethod
    def of(cls, items: Sequence[ContentItem], *, judge: Judge, source: Source = "direct") -> WantedContent:
        """The content of one source, with the judge's configuration hashed once for all."""
        return cls(items=items, judge=judge, configuration_hash=judge.configuration_hash(), source=source)

    def __iter__(self) -> Iterator[InventoryItem]:
        return map(self.inventory_item, self.items)

    def inventory_item(self, item: ContentItem) -> InventoryItem:
        """The item as the ledger keeps it: with its work key, or with the reason why it can't be submitted."""
        error_code, error = item.error_code, item.error
        if item.is_ready and item.content_type != self.judge.content_type:
            error_code = "wrong_content_type"
            error = (
                f"this is {item.content_type} content, and judge {self.judge.id} evaluates {self.judge.content_type}"
            )
        return InventoryItem(
            content_uri=item.content_uri,
            filename=item.filename,
            size_bytes=item.size_bytes,
            fingerprint=item.fingerprint,
            content_type=item.content_type,
            title=item.title,
            description=item.description,
            work_key=None if error_code is not None else self._work_key(item),
            error_code=error_code,
            error=error,
        )

    def order(self, item: ContentItem) -> SubmissionOrder:
        """What is asked of Pique for a ready item."""
        return SubmissionOrder(
            work_key=self._work_key(item),
            judge_id=self.judge.id,
            judge_configuration_hash=self.configuration_hash,
            content_type=self.judge.content_type,
            fingerprint=_fingerprint(item),
            filename=item.filename,
            size_bytes=item.size_bytes,
            title=item.title,
            description=item.description,
            source=self.source,
        )

    def _work_key(self, item: ContentItem) -> str:
        return work_key(
            fingerprint=_fingerprint(item),
            judge_id=self.judge.id,
            judge_configuration_hash=self.configuration_hash,
            content_type=self.judge.content_type,
            title=item.title,
            description=item.description,
        )


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
class PartitionPlan:
    """What submitting one partition would come to.

    Attributes:
        partition: Which date of which evaluation.
        by_reason: How many content items have each reason; reasons that none has may be left out.
        new_bytes: Bytes it would upload for new evaluations; none for content that Pique fetches itself.
        work_keys: All work it asks for, begun or not.
        unrecorded: Positions of the items that would begin an evaluation of which the ledger has no intent yet.
        to_send: Positions of the items that are still to be sent or resumed, one for each work key; the other items
            cost no request and no lease.
    """

    partition: Partition
    by_reason: Mapping[Reason, int]
    new_bytes: int
    work_keys: frozenset[str]
    unrecorded: tuple[int, ...]
    to_send: tuple[int, ...]

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
            f"plan of {self.partition}: {self.new_evaluations} new evaluations, {self.new_bytes} "
            f"bytes to upload; {self.content_items} content items" + (f" ({named})" if named else "")
        )


def plan_partition(
    wanted: WantedContent, *, partition: Partition, ledger: Ledger, planned: Collection[str] = frozenset()
) -> PartitionPlan:
    """What submitting this content would come to, as the ledger stands now.

    To be asked before the inventory is recorded: what the partition asked for until then tells a changed judge from
    new content.

    Args:
        wanted: The partition's content and its judge; looked at in pieces.
        partition: Which date of which evaluation.
        ledger: The record of submissions; read only.
        planned: Work keys of other partitions that would be submitted first.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    before = ledger.configurations_begun(**partition.names, judge_id=wanted.judge.id)
    by_reason: Counter[Reason] = Counter()
    new_bytes = 0
    work_keys: set[str] = set()
    unrecorded: list[int] = []
    to_send: list[int] = []
    position = 0
    for items in chunks(wanted):
        current = ledger.current_submissions([item.work_key for item in items if item.work_key is not None])
        for item in items:
            key = item.work_key or ""
            submission = current.get(key)
            repeated = key in work_keys
            reason = reason_of(
                item,
                repeated=repeated or key in planned,
                state=None if submission is None else submission.state,
                evaluated_before=before.get(item.fingerprint or "", ()),
                configuration_hash=wanted.configuration_hash,
            )
            by_reason[reason] += 1
            if reason in BEGINS_EVALUATION:
                new_bytes += item.size_bytes or 0
                if reason is not Reason.INTERRUPTED:
                    unrecorded.append(position)
            if key:
                work_keys.add(key)
                if not repeated and (submission is None or submission.state in _STILL_TO_SEND):
                    to_send.append(position)
            position += 1
    return PartitionPlan(
        partition=partition,
        by_reason=by_reason,
        new_bytes=new_bytes,
        work_keys=frozenset(work_keys),
        unrecorded=tuple(unrecorded),
        to_send=tuple(to_send),
    )


def reason_of(
    item: InventoryItem,
    *,
    repeated: bool,
    state: SubmissionState | None,
    evaluated_before: Collection[str],
    configuration_hash: str,
) -> Reason:
    """Why an item would be submitted, or why not.

    Args:
        item: Content, as it would be recorded.
        repeated: Whether the plan has the same work already.
        state: Of the current submission of the item's work; None where there is none.
        evaluated_before: With which configurations of the judge the item's content was evaluated before.
        configuration_hash: Of the judge, now.
    """
    if item.work_key is None:
        return Reason.UNUSABLE
    of_state = None if state is None else _REASON_OF_STATE[state]
    if of_state in (Reason.IN_FLIGHT, Reason.DONE):
        return of_state
    if repeated:
        return Reason.DUPLICATE
    if of_state is not None or not evaluated_before:
        return of_state or Reason.NEW
    return Reason.CHANGED_WORDS if configuration_hash in evaluated_before else Reason.CHANGED_JUDGE


def _fingerprint(item: ContentItem) -> str:
    if item.fingerprint is None:
        raise ValueError(f"{item.content_uri} is not ready to be ordered: it has no fingerprint")
    return item.fingerprint
