"""Checks of what was delivered for a date: a folder, manifest or list that is missing is not the same as an empty one.

Belongs here: whether the place exists. Does not: what lies in the place (`content_items`), and what comes later
(`late_content`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pique_assets.checks.operation import Finding, SourceCheck
from pique_assets.config import Evaluation
from pique_assets.resources import MediaStorageResource

if TYPE_CHECKING:
    from pique_assets.media.sources import Source


def delivery_checks(evaluation: Evaluation) -> list[SourceCheck]:
    """A check for each source that an evaluation has."""
    sources = {"content": evaluation.media, "social_submissions": evaluation.social}
    return [_check(asset, source) for asset, source in sources.items() if source is not None]


def _check(asset: str, source: Source) -> SourceCheck:
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
