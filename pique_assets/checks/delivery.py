"""Checks of what was delivered for a date: a folder, manifest or list that is missing is not the same as an empty one.

Belongs here: whether the place exists, and whether content lies where no partition looks for it. Does not: what lies in
the place (`content_items`), and what comes later (`late_content`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pique_assets.checks.operation import Finding, SourceCheck, exact_listing, naming
from pique_assets.config import Evaluation
from pique_assets.partitions import first_day_after
from pique_assets.resources import MediaStorageResource

if TYPE_CHECKING:
    from pique_assets.media.sources import Source


def delivery_checks(evaluation: Evaluation) -> list[SourceCheck]:
    """The checks of each source that an evaluation has."""
    named = {"content": evaluation.media, "social_submissions": evaluation.social}
    sources = {asset: source for asset, source in named.items() if source is not None}
    delivered = [_delivered(asset, source) for asset, source in sources.items()]
    if evaluation.partitions == "daily":
        return delivered
    return delivered + [_nothing_between(evaluation, asset, source) for asset, source in sources.items()]


def _delivered(asset: str, source: Source) -> SourceCheck:
    return SourceCheck(
        asset=asset,
        name="date_was_delivered",
        description="Warns when the date has no folder, manifest or list at all: was it delivered, and here? One that "
        "is there and empty passes.",
        look=lambda date, media_storage: _look(date, source=source, media_storage=media_storage),
    )


def _look(date: str, *, source: Source, media_storage: MediaStorageResource) -> Finding:
    place = media_storage.open_source(source).missing_place(dt.date.fromisoformat(date))
    if place is None:
        return Finding(passed=True, description="there is a place for this date")
    return Finding(
        passed=False,
        description=f"there is no {place}: nothing was delivered for this date, or it lies elsewhere",
        metadata={"missing": place},
    )


def _nothing_between(evaluation: Evaluation, asset: str, source: Source) -> SourceCheck:
    return SourceCheck(
        asset=asset,
        name="nothing_lies_between_dates",
        description="Warns when content is dated by a later day of the week or month: it belongs to no partition, and "
        "is not submitted.",
        look=lambda date, media_storage: _look_between(
            evaluation, dt.date.fromisoformat(date), source=source, media_storage=media_storage
        ),
    )


def _look_between(
    evaluation: Evaluation, first: dt.date, *, source: Source, media_storage: MediaStorageResource
) -> Finding:
    reader = media_storage.open_source(source)
    days = (first_day_after(evaluation, first) - first).days
    later = [first + dt.timedelta(days=number) for number in range(1, days)]
    # The first entry of a day is enough; a day without a place of its own has none.
    found = [f"{day}" for day in later if reader.missing_place(day) is None and any(reader.list_entries(day))]
    if not found:
        return Finding(passed=True, description=f"no content is dated by one of the {days - 1} days after {first}")
    return Finding(
        passed=False,
        description=naming(f"{len(found)} of {days - 1} days after {first} have content", [[day] for day in found])
        + f"; content belongs to the first day of its partition, or is not submitted: move the content to {first}, or "
        "declare partitions='daily'",
        metadata={"dates": exact_listing(("date",), [[day] for day in found])},
    )
