"""Content that came after its date was submitted: the sensor notices and says so, and never sends the content unasked.

Belongs here: comparing a date's source with the date's last inventory, by name, and by size where a file could not be
used. Does not: reading content, which only a run does, and submitting late content, which costs money and is somebody's
decision.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dagster as dg

from pique_assets import media as media_room
from pique_assets.config import Evaluation
from pique_assets.jobs import submit_job_name
from pique_assets.partitions import partitions_of
from pique_assets.resources import MediaStorageResource

if TYPE_CHECKING:
    from pique_assets.ledger import Ledger, Source
    from pique_assets.media import DatedFolder, Manifest, SocialUrls

_log = logging.getLogger(__name__)

# A listing of a bucket costs requests and seconds. With a tick each 30 seconds, this makes one listing in ten minutes.
TICKS_BETWEEN: Final = 20
LAST_DATES: Final = 3
SHOWN = 10

_NOT_SEEN: Final = frozenset(
    {media_room.ErrorCode.IN_PROGRESS, media_room.ErrorCode.CHANGED, media_room.ErrorCode.VANISHED}
)
"""As if the inventory had never seen it: the file was on its way, and is another one now that it lies there."""

_NOT_WHOLE: Final = frozenset(
    {
        media_room.ErrorCode.EMPTY,
        media_room.ErrorCode.INCOMPLETE,
        media_room.ErrorCode.PERMISSION_DENIED,
        media_room.ErrorCode.UNREADABLE,
    }
)
"""News once the file can be opened and has another size: a copy that has ended since, or was made again."""


@dataclass(frozen=True, kw_only=True)
class LateContent:
    """Content of one date that its source has now and did not have when the date was submitted.

    Attributes:
        evaluation: The evaluation that the content is for.
        date: The date of the content.
        asset: Name of the asset that stands for the source.
        uris: The content's uris, sorted.
    """

    evaluation: Evaluation
    date: str
    asset: str
    uris: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.evaluation.name} {self.date}: {len(self.uris)} content items came after it was submitted, such as "
            f"{self.uris[0]}; run {submit_job_name(self.evaluation)} of this date to submit them"
        )

    def observation(self) -> dg.AssetObservation:
        """The sentence as an event of the asset, which the UI shows beside the date."""
        return dg.AssetObservation(
            asset_key=self.evaluation.asset_key(self.asset),
            partition=self.date,
            description=str(self),
            metadata={
                "not_submitted": len(self.uris),
                "first_not_submitted": dg.JsonMetadataValue(list(self.uris[:SHOWN])),
            },
        )


def find_late_content(
    evaluations: Sequence[Evaluation],
    *,
    tick: int,
    ledger: Ledger,
    media_storage: MediaStorageResource,
    until: float,
) -> list[LateContent]:
    """Look at one of the last dates, the next date each time; most ticks look at none.

    Args:
        evaluations: The evaluations of the code location.
        tick: Grows by one from tick to tick.
        ledger: Knows what was submitted.
        media_storage: Where content lies.
        until: The tick does not wait for a listing beyond this `time.monotonic()`.

    Returns:
        What came late, for each source of the date that has late content. A source that can't be listed now counts as
        having none: whoever submits the date hears of the failure.

    Raises:
        LedgerUnavailable: The ledger can't be read.
    """
    if tick % TICKS_BETWEEN:
        return []
    dates = [(evaluation, date) for evaluation in evaluations for date in _last_dates(evaluation)]
    if not dates:
        return []
    evaluation, date = dates[tick // TICKS_BETWEEN % len(dates)]
    where = {"evaluation": evaluation.name, "partition": date}
    if ledger.partition_summary(**where) is None:
        # Nobody has submitted it yet.
        return []
    found = []
    for asset, source, kind in _sources(evaluation):
        known = ledger.content_uris(**where, source=kind, without=_NOT_SEEN | _NOT_WHOLE)
        not_whole = ledger.rejected_sizes(**where, source=kind, codes=_NOT_WHOLE)
        listing = _Listing(source, date=date, not_whole=not_whole, media_storage=media_storage)
        listed = listing.uris(within_s=until - time.monotonic())
        if listed is None:
            reason = listing.problem or "its listing takes longer than a tick"
            _log.warning(f"{evaluation.name} {date} was not looked at for late content: {reason}")
        elif late := listed - known:
            found.append(LateContent(evaluation=evaluation, date=date, asset=asset, uris=tuple(sorted(late))))
    return found


class _Listing:
    """The uris of a date's content, listed in a thread that a tick need not wait for.

    Content that was not whole is left out as long as its size is the one that the inventory saw.
    """

    def __init__(
        self,
        source: DatedFolder | Manifest | SocialUrls,
        *,
        date: str,
        not_whole: Mapping[str, int | None],
        media_storage: MediaStorageResource,
    ) -> None:
        self._source = source
        self._date = dt.date.fromisoformat(date)
        self._not_whole = not_whole
        self._media_storage = media_storage
        self._uris: set[str] | None = None
        self.problem: str | None = None

    def uris(self, *, within_s: float) -> set[str] | None:
        """All uris; None if the source can't be listed, or not within this time."""
        thread = threading.Thread(target=self._list, name="late-content", daemon=True)
        thread.start()
        thread.join(max(0.0, within_s))
        return self._uris

    def _list(self) -> None:
        try:
            reader = self._media_storage.open_source(self._source)
            entries = reader.list_entries(self._date)
            self._uris = {entry.content_uri for entry in entries if _is_news(entry) and self._is_whole(entry, reader)}
        except media_room.MediaError as error:
            self.problem = str(error)

    def _is_whole(self, entry: media_room.Entry, reader: media_room.SourceReader) -> bool:
        """Whether the content was whole for the inventory, as far as that knew, or may be whole by now."""
        if entry.content_uri not in self._not_whole:
            return True
        return reader.size_bytes(entry) not in (None, self._not_whole[entry.content_uri])


def _is_news(entry: media_room.Entry) -> bool:
    """Whether a run would find more than the last one did: neither a download under way nor a line that repeats one."""
    return entry.problem is None or entry.problem.code not in (
        media_room.ErrorCode.IN_PROGRESS,
        media_room.ErrorCode.REPEATED,
    )


def _last_dates(evaluation: Evaluation) -> list[str]:
    return list(partitions_of(evaluation).get_partition_keys()[-LAST_DATES:])


def _sources(evaluation: Evaluation) -> Iterator[tuple[str, DatedFolder | Manifest | SocialUrls, Source]]:
    if evaluation.media is not None:
        yield "raw_media", evaluation.media, "direct"
    if evaluation.social is not None:
        yield "raw_social_urls", evaluation.social, "social"
