"""The interface behind which local disks and buckets look alike, and how uris are written.

Belongs here: what listing, fingerprinting and uploading need of a file. Does not: any system call (`local_files`,
`gcs_files`), the way from a uri to the right one of them (`file_stores`), or knowledge of media.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes

from pique_assets.media.content import ErrorCode, Problem
from pique_assets.media.errors import ContentError
from pique_assets.media.names import shown

GCS_SCHEME = "gs://"
LOCAL_SCHEME = "file://"
_ANY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing a folder listing came across: a file, or something that stands in a file's place."""

    uri: str
    name: str
    problem: Problem | None = None


class OpenedFile(AbstractContextManager["OpenedFile"], Protocol):
    """A regular file, open for one pass from its first byte to its last."""

    @property
    def size_bytes(self) -> int:
        """Size when it was opened."""

    @property
    def version(self) -> str:
        """Opaque identity when it was opened."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end; raise `ContentError`."""

    def read_at(self, place: int, size: int) -> bytes:
        """Return up to ``size`` bytes from a place on, and leave alone what `read` gives next; raise `ContentError`."""

    def is_unchanged(self) -> bool:
        """Whether the file is still as it was when it was opened."""


class FileStore(Protocol):
    """A place that holds files named by uris."""

    def list_files(self, root_uri: str, folder: str) -> Iterator[Found]:
        """Yield everything below ``<root_uri>/<folder>/`` at any depth, in no particular order.

        A folder that does not exist is empty; a root that does not exist raises `SourceUnavailable`.
        """

    def folder_exists(self, folder_uri: str) -> bool:
        """Whether something can be in this folder. GCS has no folders: there, whether the bucket exists."""

    def is_there(self, root_uri: str, folder: str) -> bool:
        """Whether ``<root_uri>/<folder>`` is there, empty or not. In a bucket, whether anything begins with its name.

        Raises:
            SourceUnavailable: The bucket cannot be listed.
        """

    def open(self, uri: str, *, root_uri: str | None = None) -> OpenedFile:
        """Open a file, refusing whatever is not one and links that lead out of ``root_uri``.

        Raises:
            ContentError: The file cannot be opened.
        """


def to_uri(location: str | os.PathLike[str], *, beside: str | None = None) -> str:
    """Write a location the one way this project writes uris.

    Args:
        location: A path, a ``file://`` or a ``gs://`` uri, as a person wrote it.
        beside: The uri of the file that relative locations are relative to; without it, the working
            directory.

    Returns:
        A percent-encoded ``file://`` uri of an absolute path, or a ``gs://`` uri with the object's name as it
        is.

    Raises:
        ContentError: ``unsupported_uri`` for other schemes, and for a local path named from within a bucket;
            ``bad_name`` for a path that no file can have.
    """
    text = os.fspath(location)
    in_bucket = beside is not None and beside.startswith(GCS_SCHEME)
    if text.startswith(GCS_SCHEME):
        return _checked_object(text.rstrip("/"))
    if text.startswith(LOCAL_SCHEME):
        path = _path_of_file_uri(text)
    elif _ANY_SCHEME.match(text):
        raise unsupported(text, "cannot be read: use a path, a file:// uri or a gs:// uri")
    elif in_bucket and not text.startswith("/"):
        return _join_in_bucket(str(beside), text)
    elif beside is not None:
        path = str(to_path(beside).parent / text)
    else:
        path = text
    if in_bucket:
        # Others may write a manifest in a bucket: it must not be able to have files of this host uploaded.
        raise unsupported(text, "is a local file, but its manifest is in a bucket")
    if "\0" in path:
        raise ContentError(ErrorCode.BAD_NAME, f"{path!r} contains a NUL character, which no file name can.")
    return Path(os.path.normpath(Path(path).absolute())).as_uri()


def to_path(uri: str) -> Path:
    """Return the local path of a ``file://`` uri written by `to_uri`."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(LOCAL_SCHEME))))


def name_of(uri: str) -> str:
    """Return the last part of a uri's path, undecodable bytes as surrogates, as in ``os.listdir``."""
    if uri.startswith(LOCAL_SCHEME):
        return to_path(uri).name
    return uri.rpartition("/")[2]


def bucket_of(uri: str) -> str:
    """Return the name of the bucket of a ``gs://`` uri."""
    return uri.removeprefix(GCS_SCHEME).partition("/")[0]


def _path_of_file_uri(text: str) -> str:
    host, slash, path = text.removeprefix(LOCAL_SCHEME).partition("/")
    if host not in {"", "localhost"}:
        raise unsupported(text, "is on another host")
    return os.fsdecode(unquote_to_bytes(os.fsencode(slash + path)))


def _join_in_bucket(beside: str, relative: str) -> str:
    bucket, _, manifest_name = beside.removeprefix(GCS_SCHEME).partition("/")
    name = posixpath.normpath(posixpath.join(posixpath.dirname(manifest_name), relative))
    if name.startswith("../") or name in {".", ".."}:
        raise unsupported(relative, f"leads out of the bucket {bucket}")
    return _checked_object(f"{GCS_SCHEME}{bucket}/{name}")


def _checked_object(uri: str) -> str:
    if shown(uri) != uri:
        raise ContentError(ErrorCode.BAD_NAME, f"{shown(uri)!r} is not valid UTF-8, as names in a bucket are.")
    return uri


def unsupported(text: str, reason: str) -> ContentError:
    """The error of a uri that nothing here can read."""
    return ContentError(ErrorCode.UNSUPPORTED_URI, f"{shown(text)!r} {reason}.")
