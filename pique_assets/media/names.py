"""Rules about file names, the same on disks and in buckets.

Belongs here: which names are litter, which no upload can carry. Does not: what a name says about the content
(`content_type`).
"""

from __future__ import annotations

import os
import unicodedata

from pique_assets.media.content import ErrorCode, Problem

MAX_FILENAME_CHARACTERS = 255
"""The most characters the API takes in a file name."""

SYSTEM_LITTER = frozenset(
    {
        "#recycle",
        "$RECYCLE.BIN",
        ".AppleDouble",
        ".DS_Store",
        ".DocumentRevisions-V100",
        ".Spotlight-V100",
        ".TemporaryItems",
        ".Trashes",
        ".apdisk",
        ".directory",
        ".fseventsd",
        ".localized",
        ".nomedia",
        "@Recycle",
        "@eaDir",
        "Desktop.ini",
        "Icon\r",
        "System Volume Information",
        "Thumbs.db",
        "__MACOSX",
        "desktop.ini",
        "ehthumbs.db",
        "lost+found",
    }
)
"""Files and folders that operating systems and file servers leave behind. They get no row."""

_BRIEF_CHARACTERS = 80
_APPLE_DOUBLE_PREFIX = "._"
# Control characters, and the line and paragraph separators that many readers treat like a newline.
_REFUSED_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})


def is_litter(name: str) -> bool:
    """Whether an operating system left this behind (``.DS_Store``, ``Thumbs.db``, ``._clip.mp4``)."""
    return name in SYSTEM_LITTER or name.startswith(_APPLE_DOUBLE_PREFIX)


def shown(name: str) -> str:
    """Return a name as valid Unicode: undecodable bytes become ``\\xNN``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def brief(text: str) -> str:
    """Return the beginning of a text as valid Unicode, for a sentence that is read by people and kept in tables."""
    return shown(text if len(text) <= _BRIEF_CHARACTERS else f"{text[:_BRIEF_CHARACTERS]}\u2026")


def name_problem(name: str) -> Problem | None:
    """Return why no upload can carry this file name; None when one can.

    Args:
        name: The last part of a path, undecodable bytes as surrogates.
    """
    if name.startswith("."):
        return Problem(
            code=ErrorCode.HIDDEN,
            error=f"{shown(name)!r} is hidden by its leading dot: rename it to have it read.",
        )
    reason = _refusal(name)
    if reason is None:
        return None
    return Problem(code=ErrorCode.BAD_NAME, error=f"The name {shown(name)[:80]!r} {reason}: rename the file.")


def _refusal(name: str) -> str | None:
    if not name:
        return "is empty"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "is not valid UTF-8"
    if len(name) > MAX_FILENAME_CHARACTERS:
        return f"has {len(name)} characters, more than the {MAX_FILENAME_CHARACTERS} the API takes"
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in name):
        return "contains a line break or another control character"
    return None
