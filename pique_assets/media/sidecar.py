"""Sidecars: ``<file>.json`` beside a content file, with its title and description.

Belongs here: which file is a sidecar, and what it says. Keys other than title, description and content_type
are left alone: other tools write such files too.
"""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError
from pique_assets.media.file_stores import Files
from pique_assets.media.files import name_of
from pique_assets.media.kinds import CONTENT_TYPES
from pique_assets.media.names import brief, shown

SIDECAR_SUFFIX = ".json"
MAX_SIDECAR_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What people say about a content item. An empty text counts as none."""

    title: str | None = None
    description: str | None = None
    content_type: str | None = None


def is_sidecar(uri: str, *, among: Container[str]) -> bool:
    """Whether a file is the sidecar of another one. A sidecar has no sidecar."""
    of = uri.removesuffix(SIDECAR_SUFFIX)
    return of != uri and not of.endswith(SIDECAR_SUFFIX) and of in among


def read_sidecar(uri: str, *, files: Files, root_uri: str | None) -> Description:
    """Read a sidecar.

    Raises:
        ContentError: ``bad_sidecar``: it cannot be read, is too large, or is not an object of texts.
    """
    try:
        with files.open(uri, root_uri=root_uri) as file:
            if file.size_bytes > MAX_SIDECAR_BYTES:
                raise _bad(uri, f"is larger than {MAX_SIDECAR_BYTES} bytes")
            body = file.read(MAX_SIDECAR_BYTES)
    except ContentError as error:
        if error.code is ErrorCode.BAD_SIDECAR:
            raise
        raise _bad(uri, f"cannot be read: {error}") from error
    return parse_sidecar(body, uri=uri)


def parse_sidecar(body: bytes, *, uri: str) -> Description:
    """Parse a sidecar's bytes.

    Raises:
        ContentError: ``bad_sidecar``.
    """
    try:
        parsed: object = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _bad(uri, "is not JSON in UTF-8") from error
    if not isinstance(parsed, dict):
        raise _bad(uri, "is not a JSON object")
    content_type = _text(parsed, "content_type", uri=uri)
    if content_type is not None and content_type not in CONTENT_TYPES:
        raise _bad(uri, f"has the content_type {brief(content_type)!r}, which is none of {', '.join(CONTENT_TYPES)}")
    return Description(
        title=_text(parsed, "title", uri=uri),
        description=_text(parsed, "description", uri=uri),
        content_type=content_type,
    )


def _text(parsed: dict[str, object], key: str, *, uri: str) -> str | None:
    value = parsed.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _bad(uri, f"has a {key} that is not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _bad(uri, f"has a {key} with half a surrogate pair, which is no text") from error
    return value or None


def _bad(uri: str, reason: str) -> ContentError:
    return ContentError(ErrorCode.BAD_SIDECAR, f"The sidecar {shown(name_of(uri))!r} {reason}: correct or remove it.")
