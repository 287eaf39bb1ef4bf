"""The way between inventory items and rows of the `content` table.

Here: both directions, neither of which holds a date's items all at once. Not here: the asset (`content`), and what the
columns mean (`lake`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, overload

from pique_assets import lake as lake_room, media as media_room
from pique_assets.chunks import CHUNK

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.media import ContentItem

READY: Final = "ready"


def content_table(items: Iterable[ContentItem]) -> pa.Table:
    """Inventory items as rows of the `content` table."""
    of_item = [name for name in lake_room.SCHEMAS["content"].names if name != "state"]
    rows = (
        {"state": READY if item.is_ready else "unreadable", **{name: getattr(item, name) for name in of_item}}
        for item in items
    )
    return lake_room.build_table("content", rows)


class ContentRows(Sequence["ContentItem"]):
    """Rows of the `content` table as inventory items, each made when it is asked for and not kept.

    Args:
        table: The table, which takes a tenth of what its rows take as items.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, position: int) -> ContentItem: ...

    @overload
    def __getitem__(self, position: slice) -> ContentRows: ...

    def __getitem__(self, position: int | slice) -> ContentItem | ContentRows:
        if isinstance(position, slice):
            import pyarrow as pa

            return ContentRows(self._table.take(pa.array(range(len(self))[position], type=pa.int64())))
        (row,) = self._table.slice(range(len(self))[position], 1).to_pylist()
        return _content_item(row)

    def __iter__(self) -> Iterator[ContentItem]:
        for batch in self._table.to_batches(max_chunksize=CHUNK):
            yield from map(_content_item, batch.to_pylist())


def _content_item(row: dict[str, Any]) -> media_room.ContentItem:
    return media_room.ContentItem(**{name: value for name, value in row.items() if name != "state"})
