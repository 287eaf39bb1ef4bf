"""The inventory of one date: every item of a source, good or bad, in a steady order.

Belongs here: how many items are read at once. Does not: how one item is read (`examine`).
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from pique_assets.media.content import ContentItem
from pique_assets.media.fingerprint import OnBytes
from pique_assets.media.reader import SourceReader

# Read ahead of the item that is due, so that one large file does not idle the other threads; bounded, so that
# memory stays flat on a day of 40,000 videos.
LOOK_AHEAD_PER_THREAD = 8


def inventory(
    reader: SourceReader, *, date: dt.date, threads: int = 1, on_bytes: OnBytes | None = None
) -> Iterator[ContentItem]:
    """Yield every content item of a date, ordered as the source lists them.

    Args:
        reader: What `open_source` returned.
        date: The partition's date.
        threads: How many items are fingerprinted at once. The order does not depend on it.
        on_bytes: Called with the number of bytes of each chunk read, from any of the threads.

    Raises:
        SourceUnavailable: The source as a whole cannot be read.
        SourceInvalid: The manifest makes no sense.
    """
    try:
        yield from _examined(reader, date=date, threads=threads, on_bytes=on_bytes)
    finally:
        reader.close()


def _examined(reader: SourceReader, *, date: dt.date, threads: int, on_bytes: OnBytes | None) -> Iterator[ContentItem]:
    entries = reader.list_entries(date)
    if threads <= 1:
        for entry in entries:
            yield reader.examine(entry, on_bytes=on_bytes)
        return
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="fingerprint")
    try:
        under_way: deque[Future[ContentItem]] = deque()
        for entry in entries:
            under_way.append(pool.submit(reader.examine, entry, on_bytes=on_bytes))
            if len(under_way) >= threads * LOOK_AHEAD_PER_THREAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
