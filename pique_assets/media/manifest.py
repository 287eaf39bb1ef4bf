"""A manifest as entries: which of its lines are content of a date, and which are wrong.

Belongs here: the rules about lines. Does not: how lines are read from CSV or Parquet (`manifest_lines`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pique_assets.media.content import Entry, ErrorCode, Problem
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.media.file_stores import Files
from pique_assets.media.files import GCS_SCHEME, LOCAL_SCHEME, bucket_of, name_of, to_uri
from pique_assets.media.in_progress import companion_problem, progress_problem
from pique_assets.media.kinds import CONTENT_TYPES
from pique_assets.media.manifest_line import Line, bad_line
from pique_assets.media.manifest_lines import entries_of, read_lines
from pique_assets.media.names import brief, name_problem, shown
from pique_assets.media.sources import DATE_PLACEHOLDER, Manifest

LONGEST_URI = 16_384
"""Characters; enough for the longest path of a file with each of its bytes percent-encoded."""


def list_manifest(manifest: Manifest, *, files: Files, date: dt.date) -> Iterator[Entry]:
    """Yield the content a manifest lists for a date, in the order of its lines.

    A wrong line becomes an entry with a problem. A line whose date cannot be read belongs to no date, so that
    it is reported on every one rather than lost. So does a line that repeats an earlier one.

    Raises:
        SourceUnavailable: The manifest, or the folder of the dated manifests, cannot be read.
        SourceInvalid: It has no ``uri`` column, or it is not the CSV or Parquet file its name says.
    """
    day = f"{date:%Y-%m-%d}"
    uri = to_uri(manifest.path).replace("%7Bdate%7D", DATE_PLACEHOLDER)
    dated_uri = uri.replace(DATE_PLACEHOLDER, day)
    try:
        with files.open(dated_uri) as file:
            buckets = _allowed_buckets(dated_uri, named=manifest.buckets)
            listing = _Listing(uri=dated_uri, files=files, buckets=buckets)
            wanted = None if manifest.is_dated else day
            yield from entries_of(read_lines(file, dated_uri), dated_uri, day=wanted, entry_of=listing.entry)
    except ContentError as error:
        if error.code is ErrorCode.VANISHED and manifest.is_dated and _has_home(uri, files=files):
            return
        raise SourceUnavailable(f"The manifest {dated_uri} cannot be read. {error}") from error


def missing_manifest(manifest: Manifest, *, files: Files, date: dt.date) -> str | None:
    """The uri of this date's manifest, if there is none; None where there is one, or one of all dates."""
    if not manifest.is_dated:
        return None
    uri = to_uri(manifest.path).replace("%7Bdate%7D", DATE_PLACEHOLDER).replace(DATE_PLACEHOLDER, f"{date:%Y-%m-%d}")
    return None if files.has(uri) else uri


@dataclass(slots=True, kw_only=True)
class _Listing:
    """One pass over a manifest's lines.

    Attributes:
        uri: The manifest's.
        files: Where signs are looked for that a file is still being written. In a bucket nobody looks: an object is
            whole from its first moment, and each look would be a request.
        buckets: Those whose objects it may name; None when any.
        seen: The line on which a content uri came first, and what it said.
    """

    uri: str
    files: Files
    buckets: frozenset[str] | None
    seen: dict[str, tuple[int, Entry]] = field(default_factory=dict)

    def entry(self, line: Line) -> Entry:
        """Return the line's entry.

        Raises:
            ContentError: The line is wrong, or names what an earlier line names.
        """
        entry = self._described(line)
        first_number, first = self.seen.setdefault(entry.content_uri, (line.number, entry))
        if first is entry:
            return entry
        if first == entry:
            raise ContentError(
                ErrorCode.REPEATED, f"{entry.content_uri} is on line {first_number} already: this line adds nothing."
            )
        raise bad_line(f"{entry.content_uri} is on line {first_number} already, with other words.")

    def _described(self, line: Line) -> Entry:
        written = line.text("uri")
        if written is None:
            raise bad_line("the uri is missing.")
        if len(written) > LONGEST_URI:
            raise bad_line(f"the uri has {len(written)} characters, more than {LONGEST_URI}.")
        uri = to_uri(written, beside=self.uri)
        _require_allowed(uri, buckets=self.buckets)
        content_type = line.text("content_type")
        if content_type is not None and content_type not in CONTENT_TYPES:
            raise bad_line(f"the content_type {brief(content_type)!r} is none of {', '.join(CONTENT_TYPES)}.")
        return Entry(
            content_uri=uri,
            filename=shown(name_of(uri)),
            title=line.text("title"),
            description=line.text("description"),
            content_type=content_type,
            problem=self._problem(uri),
        )

    def _problem(self, uri: str) -> Problem | None:
        name = name_of(uri)
        problem = progress_problem(name) or name_problem(name)
        if problem is not None or not uri.startswith(LOCAL_SCHEME):
            return problem
        disk = self.files.store_of(uri)
        return companion_problem(uri, name=name, is_there=lambda beside: disk.is_there(beside, ""))


def _allowed_buckets(uri: str, *, named: Sequence[str] | None) -> frozenset[str] | None:
    if uri.startswith(GCS_SCHEME):
        return frozenset({bucket_of(uri), *(named or ())})
    return None if named is None else frozenset(named)


def _require_allowed(uri: str, *, buckets: frozenset[str] | None) -> None:
    if buckets is None or not uri.startswith(GCS_SCHEME) or bucket_of(uri) in buckets:
        return
    raise ContentError(
        ErrorCode.UNSUPPORTED_URI,
        f"it names an object of the bucket {bucket_of(uri)!r}, which the manifest may not; if it shall, say "
        f"Manifest(..., buckets=[{bucket_of(uri)!r}]).",
    )


def _has_home(uri: str, *, files: Files) -> bool:
    """Whether the folder exists in which the manifests of all dates lie."""
    folder = uri.partition(DATE_PLACEHOLDER)[0].rpartition("/")[0]
    return files.store_of(uri).folder_exists(folder)
