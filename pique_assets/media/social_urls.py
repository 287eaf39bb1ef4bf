"""Lists of social media URLs as entries and content items.

Belongs here: which lists a date has, and what their lines become. Does not: how lines are read (`manifest_lines`),
what a URL may be (`urls`), and the videos behind the URLs, which only Pique fetches.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pique_assets.media.content import ContentItem, Entry, ErrorCode, Problem
from pique_assets.media.content_type import VIDEO
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.media.file_stores import Files
from pique_assets.media.files import to_uri
from pique_assets.media.manifest_line import Line
from pique_assets.media.manifest_lines import entries_of, read_lines
from pique_assets.media.names import MAX_FILENAME_CHARACTERS, shown
from pique_assets.media.sources import DATE_PLACEHOLDER, LIST_SUFFIXES, SocialUrls
from pique_assets.media.urls import canonical_url, url_fingerprint

URL_COLUMNS = ("url", "date")


def list_social_urls(source: SocialUrls, *, files: Files, date: dt.date) -> Iterator[Entry]:
    """Yield the URLs that are listed for a date, each once, in the order of the lists and their lines.

    A wrong line becomes an entry with a problem. A line whose date cannot be read belongs to no date, so that it is
    reported on every one rather than lost. A URL that was listed before is passed over.

    Raises:
        SourceUnavailable: A list, or the folder of the lists, cannot be read.
        SourceInvalid: A CSV or Parquet list has no ``url`` column, or is not the file its name says.
    """
    seen: set[str] = set()
    for entry in _all_lines(source, files=files, date=date):
        if entry.problem is not None or entry.content_uri not in seen:
            seen.add(entry.content_uri)
            yield entry


def missing_list(source: SocialUrls, *, files: Files, date: dt.date) -> str | None:
    """The uri at which a list of this date would lie, if there is none; None where there is one, or one of all dates.

    Raises:
        SourceUnavailable: The bucket of the lists cannot be listed.
    """
    uri = to_uri(source.path).replace("%7Bdate%7D", DATE_PLACEHOLDER)
    day = f"{date:%Y-%m-%d}"
    if source.is_folder:
        lists = [f"{uri}/{day}{suffix}" for suffix in LIST_SUFFIXES]
        is_there = files.store_of(uri).is_there(uri, day) or any(map(files.has, lists))
        return None if is_there else f"{uri}/{day}"
    dated_uri = uri.replace(DATE_PLACEHOLDER, day)
    return None if not source.is_dated or files.has(dated_uri) else dated_uri


def social_item(entry: Entry) -> ContentItem:
    """Return what is known of a listed URL without asking anybody; nothing is fetched."""
    if entry.problem is not None:
        return ContentItem(
            content_uri=entry.content_uri,
            filename=entry.filename,
            error_code=entry.problem.code.value,
            error=entry.problem.error,
        )
    return ContentItem(
        content_uri=entry.content_uri,
        filename=entry.filename,
        # The social media endpoint takes video judges alone.
        content_type=VIDEO,
        fingerprint=url_fingerprint(entry.content_uri),
    )


def _all_lines(source: SocialUrls, *, files: Files, date: dt.date) -> Iterator[Entry]:
    uri = to_uri(source.path).replace("%7Bdate%7D", DATE_PLACEHOLDER)
    day = f"{date:%Y-%m-%d}"
    if source.is_folder:
        yield from _folder(uri, files=files, day=day)
    elif source.is_dated:
        home = uri.partition(DATE_PLACEHOLDER)[0].rpartition("/")[0]
        dated_uri = uri.replace(DATE_PLACEHOLDER, day)
        if not files.has(dated_uri) and files.store_of(uri).folder_exists(home):
            return
        yield from _list(dated_uri, files=files, day=None)
    else:
        yield from _list(uri, files=files, day=day)


def _folder(root_uri: str, *, files: Files, day: str) -> Iterator[Entry]:
    """The lists of a date: ``<root>/<date>.txt`` and its like, then those below ``<root>/<date>/``."""
    # First, because it tells a root that is missing from a date without lists.
    found = sorted(files.store_of(root_uri).list_files(root_uri, day), key=lambda one: one.uri)
    for suffix in LIST_SUFFIXES:
        uri = f"{root_uri}/{day}{suffix}"
        if files.has(uri):
            yield from _list(uri, files=files, day=None, root_uri=root_uri)
    for one in found:
        problem = one.problem or _no_list(one.name)
        if problem is not None:
            yield Entry(content_uri=one.uri, filename=shown(one.name), problem=problem)
        else:
            yield from _list(one.uri, files=files, day=None, root_uri=root_uri)


def _list(uri: str, *, files: Files, day: str | None, root_uri: str | None = None) -> Iterator[Entry]:
    """The URLs of one list; ``day`` is the date whose lines are wanted, None when the whole list is of one date."""
    try:
        with files.open(uri, root_uri=root_uri) as file:
            yield from entries_of(read_lines(file, uri, columns=URL_COLUMNS), uri, day=day, entry_of=_entry)
    except ContentError as error:
        raise SourceUnavailable(f"The list {uri} cannot be read. {error}") from error


def _entry(line: Line) -> Entry:
    written = line.text("url")
    if written is None:
        raise ContentError(ErrorCode.BAD_URL, "The URL is missing.")
    url = canonical_url(written)
    return Entry(content_uri=url, filename=url.partition("://")[2][:MAX_FILENAME_CHARACTERS])


def _no_list(name: str) -> Problem | None:
    if name.lower().endswith(LIST_SUFFIXES):
        return None
    return Problem(
        code=ErrorCode.UNSUPPORTED_TYPE,
        error=f"{shown(name)!r} is no list of URLs: those end in {', '.join(LIST_SUFFIXES)}.",
    )
