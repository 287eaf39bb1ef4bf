"""Lists of social media URLs as entries and content items.

Belongs here: which lists a date has, and what their lines become. Does not: how lines are read (`manifest_lines`),
what a URL may be (`urls`), and the videos behind the URLs, which only Pique fetches.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from pique_assets.media.content import ContentItem, Entry, ErrorCode, Problem
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.media.file_stores import Files
from pique_assets.media.files import name_of, to_uri
from pique_assets.media.kinds import VIDEO
from pique_assets.media.manifest_line import Line
from pique_assets.media.manifest_lines import entries_of, read_lines
from pique_assets.media.names import MAX_FILENAME_CHARACTERS, shown
from pique_assets.media.sources import DATE_PLACEHOLDER, LIST_SUFFIXES, SocialUrls
from pique_assets.media.urls import canonical_url, url_fingerprint
from pique_assets.media.video_addresses import video_address

URL_COLUMNS = ("url", "date")


def list_social_urls(source: SocialUrls, *, files: Files, date: dt.date) -> Iterator[Entry]:
    """Yield the URLs that are listed for a date, in the order of the lists and their lines.

    A wrong line becomes an entry with a problem, and so does a line that repeats an earlier one. A line whose date
    cannot be read belongs to no date, so that it is reported on every one rather than lost.

    Raises:
        SourceUnavailable: A list, or the folder of the lists, cannot be read.
        SourceInvalid: A CSV or Parquet list has no ``url`` column, or is not the file its name says.
    """
    listing = _Listing(files=files)
    uri = to_uri(source.path).replace("%7Bdate%7D", DATE_PLACEHOLDER)
    day = f"{date:%Y-%m-%d}"
    if source.is_folder:
        yield from listing.of_folder(uri, day=day)
    elif source.is_dated:
        home = uri.partition(DATE_PLACEHOLDER)[0].rpartition("/")[0]
        dated_uri = uri.replace(DATE_PLACEHOLDER, day)
        if not files.has(dated_uri) and files.store_of(uri).folder_exists(home):
            return
        yield from listing.of_list(dated_uri, day=None)
    else:
        yield from listing.of_list(uri, day=day)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """One pass over the lists of a date.

    Attributes:
        files: Where the lists are opened.
        seen: Of each video's address, the list and line on which it came first, and the URL there.
    """

    files: Files
    seen: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    def of_folder(self, root_uri: str, *, day: str) -> Iterator[Entry]:
        """The lists of a date: ``<root>/<date>.txt`` and its like, then those below ``<root>/<date>/``."""
        # First, because it tells a root that is missing from a date without lists.
        found = sorted(self.files.store_of(root_uri).list_files(root_uri, day), key=lambda one: one.uri)
        for suffix in LIST_SUFFIXES:
            uri = f"{root_uri}/{day}{suffix}"
            if self.files.has(uri):
                yield from self.of_list(uri, day=None, root_uri=root_uri)
        for one in found:
            problem = one.problem or _no_list(one.name)
            if problem is not None:
                yield Entry(content_uri=one.uri, filename=shown(one.name), problem=problem)
            else:
                yield from self.of_list(one.uri, day=None, root_uri=root_uri)

    def of_list(self, uri: str, *, day: str | None, root_uri: str | None = None) -> Iterator[Entry]:
        """The URLs of one list; ``day`` is the date whose lines are wanted, None when the whole list is of one date."""
        entry_of = partial(self._entry, uri=uri)
        try:
            with self.files.open(uri, root_uri=root_uri) as file:
                yield from entries_of(read_lines(file, uri, columns=URL_COLUMNS), uri, day=day, entry_of=entry_of)
        except ContentError as error:
            raise SourceUnavailable(f"The list {uri} cannot be read. {error}") from error

    def _entry(self, line: Line, *, uri: str) -> Entry:
        written = line.text("url")
        if written is None:
            raise ContentError(ErrorCode.BAD_URL, "The URL is missing.")
        url = canonical_url(written)
        here = (uri, line.number, url)
        first_uri, number, first_url = self.seen.setdefault(video_address(url), here)
        if (first_uri, number, first_url) == here:
            return Entry(content_uri=url, filename=url.partition("://")[2][:MAX_FILENAME_CHARACTERS])
        where = f"line {number}" if first_uri == uri else f"line {number} of {shown(name_of(first_uri))}"
        what = "URL" if first_url == url else "video of this URL"
        raise ContentError(ErrorCode.REPEATED, f"The {what} is listed on {where} already: {first_url}")


def _no_list(name: str) -> Problem | None:
    if name.lower().endswith(LIST_SUFFIXES):
        return None
    return Problem(
        code=ErrorCode.UNSUPPORTED_TYPE,
        error=f"{shown(name)!r} is no list of URLs: those end in {', '.join(LIST_SUFFIXES)}.",
    )
