"""What an inventory says about one content item, good or bad.

Belongs here: the item and the reasons for which an item is not ready. Does not: how they are found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Why an item cannot be submitted. The values go into tables and the ledger: never rename one."""

    EMPTY = "empty"
    VANISHED = "vanished"
    PERMISSION_DENIED = "permission_denied"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    NOT_A_FILE = "not_a_file"
    NOT_A_FOLDER = "not_a_folder"
    LINKED_FOLDER = "linked_folder"
    SYMLINK_LOOP = "symlink_loop"
    OUTSIDE_ROOT = "outside_root"
    HIDDEN = "hidden"
    BAD_NAME = "bad_name"
    BAD_SIDECAR = "bad_sidecar"
    BAD_MANIFEST_LINE = "bad_manifest_line"
    BAD_URL = "bad_url"
    UNSUPPORTED_URI = "unsupported_uri"
    IN_PROGRESS = "in_progress"
    INCOMPLETE = "incomplete"
    REPEATED = "repeated"
    UNSUPPORTED_TYPE = "unsupported_type"
    TYPE_MISMATCH = "type_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why an item is not ready: a code for machines, a sentence for people."""

    code: ErrorCode
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item as listed, before its bytes were read. Cheap: a listing yields tens of thousands of them.

    Attributes:
        content_uri: See `ContentItem`.
        filename: See `ContentItem`.
        title: What the manifest says.
        description: What the manifest says.
        content_type: What the manifest says; the content must agree.
        sidecar_uri: The ``<file>.json`` that belongs to the item, if there is one.
        root_uri: The folder which links must not lead out of; None where there is no such folder.
        problem: Why the item is not even worth opening.
    """

    content_uri: str
    filename: str
    title: str | None = None
    description: str | None = None
    content_type: str | None = None
    sidecar_uri: str | None = None
    root_uri: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentItem:
    """One content item of one partition.

    Attributes:
        content_uri: ``file://`` (percent-encoded, so any bytes fit) or ``gs://`` (as GCS names the object).
            Unique within an inventory. A manifest line that names no readable uri is ``<manifest
            uri>#line=<n>``.
        filename: The last part of the name. Undecodable bytes are shown as ``\\xNN``; such an item is never
            ready.
        size_bytes: Size in bytes, when the item could be opened.
        content_type: ``video``, ``image`` or ``audio``, told by the content.
        media_type: MIME type, told by the content (``video/mp4``).
        fingerprint: SHA-256 of the bytes, 64 hex digits.
        crc32c: CRC-32C (Castagnoli) of the bytes, as GCS computes it.
        title: From the sidecar or the manifest; never an empty string.
        description: From the sidecar or the manifest; never an empty string.
        version: Opaque identity of the file as fingerprinted (local: inode and mtime; GCS: generation). Good
            for ``open_content`` to notice a change before the first byte; not stable across copies of a file.
        error_code: A value of ``ErrorCode``; None when the item is ready.
        error: The reason in one sentence; None when the item is ready.
    """

    content_uri: str
    filename: str
    size_bytes: int | None = None
    content_type: str | None = None
    media_type: str | None = None
    fingerprint: str | None = None
    crc32c: int | None = None
    title: str | None = None
    description: str | None = None
    version: str | None = None
    error_code: str | None = None
    error: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the item can be submitted: it was read to its end and nothing is wrong with it."""
        return self.error_code is None
