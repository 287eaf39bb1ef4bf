"""What a partition wants of Pique: each content item as the ledger records it, and as it is ordered.

Here: content and judge put together, item by item, so that a date of any size needs no copy of itself. Not here: what
Pique has of it already (`plan`), and sending it (`partition`, `social`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pique_assets.api.models import Judge
from pique_assets.ledger import InventoryItem, Source, SubmissionOrder, work_key
from pique_assets.media import ContentItem


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedContent:
    """A partition's content of one source, and the judge that is to evaluate it.

    What is asked of an item is worked out whenever it is asked, so that nothing of it stays in memory; `items` may be
    read from where they are kept. Iterating gives each item as the ledger keeps it.

    Attributes:
        items: The inventory, ready items and others.
        judge: As Pique describes it now.
        configuration_hash: The judge's; recorded with every submission (contract trap 13).
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


def _fingerprint(item: ContentItem) -> str:
    if item.fingerprint is None:
        raise ValueError(f"{item.content_uri} is not ready to be ordered: it has no fingerprint")
    return item.fingerprint
