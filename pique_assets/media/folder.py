"""A dated folder as entries: which of the files found are content, which are sidecars.

Belongs here: the rules about one date's files. Does not: how files are found (`local_files`, `gcs_files`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pique_assets.media.content import Entry, ErrorCode, Problem
from pique_assets.media.file_stores import Files
from pique_assets.media.files import Found
from pique_assets.media.names import name_problem, shown
from pique_assets.media.sidecar import SIDECAR_SUFFIX, is_sidecar


def list_folder(root_uri: str, *, files: Files, date: dt.date) -> Iterator[Entry]:
    """Yield the content of ``<root>/<YYYY-MM-DD>/``, sorted by uri; nothing when there is no such folder.

    Raises:
        SourceUnavailable: The root does not exist or cannot be listed.
    """
    found = {one.uri: one for one in files.store_of(root_uri).list_files(root_uri, f"{date:%Y-%m-%d}")}
    for uri in sorted(found):
        if not is_sidecar(uri, among=found):
            yield _entry(found[uri], root_uri=root_uri, has_sidecar=uri + SIDECAR_SUFFIX in found)


def _entry(found: Found, *, root_uri: str, has_sidecar: bool) -> Entry:
    return Entry(
        content_uri=found.uri,
        filename=shown(found.name),
        sidecar_uri=found.uri + SIDECAR_SUFFIX if has_sidecar else None,
        root_uri=root_uri,
        problem=found.problem or name_problem(found.name) or _stray_sidecar(found.name),
    )


def _stray_sidecar(name: str) -> Problem | None:
    if not name.endswith(SIDECAR_SUFFIX):
        return None
    return Problem(
        code=ErrorCode.UNSUPPORTED_TYPE,
        error=f"{name!r} belongs to no content file: the sidecar of clip.mp4 is clip.mp4{SIDECAR_SUFFIX}.",
    )
