r"""Paths of metrics: keys joined with dots, so that no two sets of keys share a path.

Belongs here: joining and splitting. Keys are data (free text with dots and slashes, contract trap 7), so the
path escapes: `\\` a backslash, `\.` a dot, `\e` the empty key, `\uXXXX` NUL and lone surrogates. The empty
path is the root.
"""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = re.compile("[\\\\.\x00\ud800-\udfff]")
_SEGMENT: Final = re.compile(r"\\e|(?:[^\\.]|\\[\\.]|\\u[0-9a-f]{4})+")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-f]{4})|([\\.]))")


def escape_key(key: str) -> str:
    """One key as a segment of a path."""
    return _SPECIAL.sub(_escaped, key) if key else "\\e"


def join_path(keys: tuple[str, ...]) -> str:
    """The path of nested keys; no keys at all is the root."""
    return ".".join(escape_key(key) for key in keys)


def split_path(path: str) -> tuple[str, ...]:
    """The keys a path was joined from.

    Raises:
        ValueError: an unknown escape or an empty segment: `join_path` wrote no such path.
    """
    keys: list[str] = []
    position = -1
    while path and position < len(path):
        segment = _SEGMENT.match(path, position + 1)
        if segment is None or path[segment.end() : segment.end() + 1] not in ("", "."):
            raise ValueError(f"metric path {path!r} cannot be read after character {position + 1}")
        keys.append("" if segment[0] == "\\e" else _ESCAPE.sub(_unescaped, segment[0]))
        position = segment.end()
    return tuple(keys)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in "\\." else f"\\u{ord(character):04x}"


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]
