"""Text from strangers, safe to print: what would command a terminal, or turn its line around, is shown as an escape.

For every room. Not here: tables and lines (`cli.text_table`), secrets (`api.redaction`), and what is stored, which
stays as it came.
"""

from __future__ import annotations

import re
from typing import Final

# Control characters but for tab and line feed, the marks and overrides of direction, line separators, characters that
# have no shape of their own, and halves of characters. The joiners stay: emoji and several scripts need them.
# `re` compiles and keeps it at its first use: the code location is loaded more often than it prints.
_COMMANDS: Final = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with every character that a terminal would obey written out, as ``\u001b``.

    A document of JSON stays one, with the same values.
    """
    return re.sub(_COMMANDS, _escape, text)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
