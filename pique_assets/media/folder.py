"""A dated folder as entries: which of the files found are content, which are sidecars.

Belongs here: the rules about one date's files. Does not: how files are found (`local_files`, `gcs_files`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterator
from urllib.parse import unquote

from pique_assets.media.content import Entry, ErrorCode, Problem
from pique_assets.media.file_stores import Files
from pique_assets.media.files import LOCAL_SCHEME, Found
from pique_assets.media.in_progress import companion_problem, progress_problem
from pique_assets.media.names import name_problem, shown
from pique_assets.media.sidecar import SIDECAR_SUFFIX, is_sidecar


def list_folder(root_uri: str, *, files: Files, date: dt.date) -> Iterator[Entry]:
    """Yield the content of ``<root>/<YYYY-MM-DD>/``, sorted by uri; nothing when there is no such folder.

    Raises:
        SourceUnavailable: The root does not exist or cannot be listed.
    """
    day = f"{date:%Y-%m-%d}"
    found = {one.uri: one for one in files.store_of(root_uri).list_files(root_uri, day)}
    for uri in sorted(found):
        if not is_sidecar(uri, among=found):
            yield Entry(
                content_uri=uri,
                filename=shown(found[uri].name),
                sidecar_uri=uri + SIDECAR_SUFFIX if uri + SIDECAR_SUFFIX in found else None,
                root_uri=root_uri,
                problem=_problem_of(found[uri], below=f"{root_uri}/{day}", among=found),
            )


def _problem_of(found: Found, *, below: str, among: Container[str]) -> Problem | None:
    """Why a file that was found in a folder is not even worth opening; None where nothing of the kind is seen.

    Args:
        found: The file.
        below: The uri of the folder.
        among: The uris of all that was found there.
    """
    folders = found.uri.removeprefix(f"{below}/").rpartition("/")[0]
    return (
        found.problem
        or progress_problem(found.name, folders=unquote(folders) if found.uri.startswith(LOCAL_SCHEME) else folders)
        or name_problem(found.name)
        or _stray_sidecar(found.name)
        or companion_problem(found.uri, name=found.name, is_there=among.__contains__, sidecar_suffix=SIDECAR_SUFFIX)
    )


def _stray_sidecar(name: str) -> Problem | None:
    if not name.endswith(SIDECAR_SUFFIX):
        return None
    return Problem(
        code=ErrorCode.UNSUPPORTED_TYPE,
        error=f"{name!r} belongs to no content file: the sidecar of clip.mp4 is clip.mp4{SIDECAR_SUFFIX}.",
    )
