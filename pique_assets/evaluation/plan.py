"""What submitting a partition would come to: how many evaluations and bytes, and why; before anything is sent.

Here: telling new content from old. Not here: whether that much may be begun (`admission`), and sending it
(`partition`). Nothing here changes the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pique_assets.api.models import Judge
from pique_assets.ledger import InventoryItem, Ledger, PartitionItem, Submission, SubmissionState

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
    """It has its result; or nobody knows its fate, and it is never sent again."""
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
    """What submitting one partition would come to."""

    evaluation: str
    partition: str
    items: tuple[PlannedItem, ...]

    @property
    def new_evaluations(self) -> int:
        """Evaluations it would begin."""
        return sum(item.begins_evaluation for item in self.items)

    @property
    def new_bytes(self) -> int:
        """Bytes it would upload for them; none for content that Pique fetches itself."""
        return sum(one.item.size_bytes or 0 for one in self.items if one.begins_evaluation)

    @property
    def work_keys(self) -> frozenset[str]:
        """All work it asks for, begun or not."""
        return frozenset(one.item.work_key for one in self.items if one.item.work_key is not None)

    def counts(self) -> dict[str, int]:
        """The plan in numbers: content items by reason, all reasons named, then what it comes to."""
        by_reason = Counter(item.reason for item in self.items)
        return {
            "content_items": len(self.items),
            **{reason.value: by_reason[reason] for reason in Reason},
            "new_evaluations": self.new_evaluations,
            "new_bytes": self.new_bytes,
        }

    def __str__(self) -> str:
        by_reason = Counter(item.reason for item in self.items)
        named = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason in Reason if (count := by_reason[reason]))
        return (
            f"plan of {self.evaluation} {self.partition}: {self.new_evaluations} new evaluations, {self.new_bytes} "
            f"bytes to upload; {len(self.items)} content items" + (f" ({named})" if named else "")
        )


def plan_partition(
    items: Sequence[InventoryItem],
    *,
    evaluation: str,
    partition: str,
    judge: Judge,
    ledger: Ledger,
    planned: Iterable[str] = (),
) -> PartitionPlan:
    """What submitting these items would come to, as the ledger stands now.

    To be asked before the inventory is recorded: what the partition asked for until then tells a changed judge from
    new content.

    Args:
        items: The partition's content, as it would be recorded.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        judge: As Pique describes it now.
        ledger: The record of submissions; read only.
        planned: Work keys of other partitions that would be submitted first.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    return PartitionPlan(
        evaluation=evaluation,
        partition=partition,
        items=planned_items(
            items,
            configuration_hash=judge.configuration_hash(),
            standings=ledger.standings([item.work_key for item in items if item.work_key is not None]),
            evaluated_before=_evaluated_before(
                ledger.partition_state(evaluation=evaluation, partition=partition), judge_id=judge.id
            ),
            planned=planned,
        ),
    )


def planned_items(
    items: Iterable[InventoryItem],
    *,
    configuration_hash: str,
    standings: Mapping[str, Submission],
    evaluated_before: Mapping[str, Sequence[Submission]],
    planned: Iterable[str] = (),
) -> tuple[PlannedItem, ...]:
    """Give each item its reason; a pure function.

    Args:
        items: Content, as it would be recorded.
        configuration_hash: Of the judge, now.
        standings: The current submission of each work key that has one.
        evaluated_before: Submissions to the same judge by fingerprint, whatever their work key.
        planned: Work keys that are accounted for elsewhere.
    """
    seen = set(planned)
    found = []
    for item in items:
        reason = _reason(
            item,
            seen=seen,
            standing=standings.get(item.work_key or ""),
            before=evaluated_before.get(item.fingerprint or "", ()),
            configuration_hash=configuration_hash,
        )
        if item.work_key is not None:
            seen.add(item.work_key)
        found.append(PlannedItem(item=item, reason=reason))
    return tuple(found)


def _reason(
    item: InventoryItem,
    *,
    seen: set[str],
    standing: Submission | None,
    before: Sequence[Submission],
    configuration_hash: str,
) -> Reason:
    if item.work_key is None:
        return Reason.UNUSABLE
    standing_reason = None if standing is None else _REASON_OF_STATE[standing.state]
    if standing_reason in (Reason.IN_FLIGHT, Reason.DONE):
        return standing_reason
    if item.work_key in seen:
        return Reason.DUPLICATE
    if standing_reason is not None or not before:
        return standing_reason or Reason.NEW
    same_judge = any(one.judge_configuration_hash == configuration_hash for one in before)
    return Reason.CHANGED_WORDS if same_judge else Reason.CHANGED_JUDGE


def _evaluated_before(rows: Iterable[PartitionItem], *, judge_id: str) -> dict[str, list[Submission]]:
    found: dict[str, list[Submission]] = {}
    for row in rows:
        submission = row.submission
        if submission is not None and submission.judge_id == judge_id and submission.upload_started_at is not None:
            found.setdefault(submission.fingerprint, []).append(submission)
    return found
