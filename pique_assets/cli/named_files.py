"""Files and folders named on the command line, as content items.

Belongs here: which files a command line names, and which of them are sidecars. Does not: how a file is read and judged
fit (`media`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pique_assets.decoding.type_client import TypeProbe
from pique_assets.evaluation.progress import Progress, Say
from pique_assets.media import ContentItem, Entry
from pique_assets.media.examine import examine
from pique_assets.media.file_stores import Files
from pique_assets.media.files import LOCAL_SCHEME, Found, name_of, to_path, to_uri
from pique_assets.media.in_progress import companion_problem, progress_problem
from pique_assets.media.names import name_problem, shown
from pique_assets.media.sidecar import SIDECAR_SUFFIX, is_sidecar


def read_named_files(names: Sequence[str], *, threads: int, say: Say) -> list[ContentItem]:
    """Read every named file to its end, and every file in a named folder, at any depth; each once.

    A file that can't be evaluated, or is not there, is an item that says why.

    Args:
        names: Local paths or `file://` uris.
        threads: Files read at once.
        say: Hears how far it is.

    Raises:
        ValueError: A name is of another scheme.
        SourceUnavailable: A folder can't be listed.
    """
    files = Files()
    entries = list(_entries(names, files=files))
    progress = Progress(say, what="files read", total=len(entries))
    items = []
    # The probe ends behind the threads, any of which may have started its process.
    with TypeProbe() as probe, ThreadPoolExecutor(threads, thread_name_prefix="fingerprint") as pool:
        for item in pool.map(partial(examine, files=files, probe=probe), entries):
            items.append(item)
            progress.advance()
    return items


def _entries(names: Sequence[str], *, files: Files) -> Iterator[Entry]:
    found: dict[str, tuple[Found, str | None]] = {}
    disk = files.store_of(LOCAL_SCHEME)
    for name in names:
        uri = _local_uri(name)
        if to_path(uri).is_dir():
            for one in sorted(files.store_of(uri).list_files(uri, "."), key=lambda file: file.uri):
                found.setdefault(one.uri, (one, uri))
        else:
            # Named by a person: a link may lead anywhere.
            found.setdefault(uri, (Found(uri=uri, name=name_of(uri)), None))
    for uri, (one, root_uri) in found.items():
        if not is_sidecar(uri, among=found):
            problem = one.problem or progress_problem(one.name, folders=_folders(uri, root_uri=root_uri))
            yield Entry(
                content_uri=uri,
                filename=shown(one.name),
                sidecar_uri=_sidecar_of(uri),
                root_uri=root_uri,
                problem=problem
                or name_problem(one.name)
                or companion_problem(
                    uri,
                    name=one.name,
                    is_there=lambda beside: disk.is_there(beside, ""),
                    sidecar_suffix=SIDECAR_SUFFIX,
                ),
            )


def _folders(uri: str, *, root_uri: str | None) -> str:
    """The folders between a folder that was named and a file in it."""
    return "" if root_uri is None else str(to_path(uri).parent.relative_to(to_path(root_uri)))


def _local_uri(name: str) -> str:
    if "://" in name and not name.startswith(LOCAL_SCHEME):
        raise ValueError(f"{name} is no local file: content elsewhere is read by an Evaluation of a code location")
    return to_uri(name)


def _sidecar_of(uri: str) -> str | None:
    sidecar = uri + SIDECAR_SUFFIX
    return sidecar if to_path(sidecar).is_file() else None
