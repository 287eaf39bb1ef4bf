"""One entry read to its end: the facts for an upload, or the reason why there will be none.

Belongs here: the order of the checks. Cheap refusals come first, so that a large file of the wrong type is
not read.
"""

from __future__ import annotations

from pique_assets.decoding.type_client import TypeProbe
from pique_assets.media.content import ContentItem, Entry, ErrorCode
from pique_assets.media.content_type import SNIFFED_BYTES, recognise
from pique_assets.media.errors import ContentError
from pique_assets.media.file_stores import Files
from pique_assets.media.files import OpenedFile
from pique_assets.media.fingerprint import CHUNK_BYTES, OnBytes, fingerprint
from pique_assets.media.sidecar import Description, read_sidecar


def examine(
    entry: Entry, *, files: Files, probe: TypeProbe | None = None, on_bytes: OnBytes | None = None
) -> ContentItem:
    """Read one entry. Whatever is wrong with it becomes ``error_code`` and ``error`` of the item.

    Args:
        entry: What is read.
        files: Where its uri is opened.
        probe: Asked about files whose structure tells nothing; None has one of its own, for this entry alone.
        on_bytes: Called with the number of bytes of each chunk.
    """
    if probe is None:
        with TypeProbe() as own:
            return examine(entry, files=files, probe=own, on_bytes=on_bytes)
    words = Description(title=entry.title, description=entry.description, content_type=entry.content_type)
    size_bytes = None
    try:
        if entry.problem is not None:
            raise ContentError(entry.problem.code, entry.problem.error)
        if entry.sidecar_uri is not None:
            words = read_sidecar(entry.sidecar_uri, files=files, root_uri=entry.root_uri)
        with files.open(entry.content_uri, root_uri=entry.root_uri) as file:
            size_bytes = file.size_bytes
            return _read(file, entry=entry, words=words, probe=probe, on_bytes=on_bytes)
    except ContentError as error:
        return ContentItem(
            content_uri=entry.content_uri,
            filename=entry.filename,
            size_bytes=size_bytes,
            title=words.title,
            description=words.description,
            error_code=error.code.value,
            error=error.error,
        )


def _read(
    file: OpenedFile, *, entry: Entry, words: Description, probe: TypeProbe, on_bytes: OnBytes | None
) -> ContentItem:
    first = file.read(CHUNK_BYTES)
    if not first:
        raise ContentError(ErrorCode.EMPTY, "The file is empty.")
    content_type, media_type = recognise(
        first[:SNIFFED_BYTES],
        filename=entry.filename,
        declared=words.content_type,
        size_bytes=file.size_bytes,
        read_at=file.read_at,
        probe=probe,
    )
    digests = fingerprint(file, first=first, on_bytes=on_bytes)
    return ContentItem(
        content_uri=entry.content_uri,
        filename=entry.filename,
        size_bytes=file.size_bytes,
        content_type=content_type,
        media_type=media_type,
        fingerprint=digests.sha256,
        crc32c=digests.crc32c,
        title=words.title,
        description=words.description,
        version=file.version,
    )
