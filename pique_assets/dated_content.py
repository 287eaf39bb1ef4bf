"""What an evaluation's sources have for a date: the files of its media, the URLs of its lists.

Belongs here: reading a source that an `Evaluation` declares, through the run's media storage. Does not: how sources are
read (`media`), and what becomes of the items (`assets`, `cli`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pique_assets.config import Evaluation

if TYPE_CHECKING:
    from pique_assets.evaluation.progress import Say
    from pique_assets.media import ContentItem
    from pique_assets.resources import MediaStorageResource


def media_of_date(
    evaluation: Evaluation, *, date: str, media_storage: MediaStorageResource, say: Say
) -> Iterator[ContentItem]:
    """Read all media of a date once, in threads, saying how far the reading is.

    Raises:
        SourceUnavailable, SourceInvalid: The source as a whole can't be read.
    """
    from pique_assets.evaluation.progress import Progress
    from pique_assets.media import inventory

    if evaluation.media is None:
        raise ValueError(f"evaluation {evaluation.name!r} has no media to take an inventory of")
    reader = media_storage.open_source(evaluation.media)
    progress = Progress(say, what="content items read")
    for item in inventory(reader, date=dt.date.fromisoformat(date), threads=evaluation.limits.fingerprint_threads):
        yield item
        progress.advance(note=repr(item.filename))


def urls_of_date(evaluation: Evaluation, *, date: str, media_storage: MediaStorageResource) -> list[ContentItem]:
    """The URLs that are listed for a date, each once, and the lines that are wrong.

    Raises:
        SourceUnavailable, SourceInvalid: A list can't be read.
    """
    from pique_assets.media import inventory

    if evaluation.social is None:
        raise ValueError(f"evaluation {evaluation.name!r} has no lists of social media URLs")
    return list(inventory(media_storage.open_source(evaluation.social), date=dt.date.fromisoformat(date)))
