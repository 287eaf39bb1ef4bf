"""JSON as it comes and as it is kept: reading bytes strictly, writing text that any column can hold.

Belongs here: what is JSON and what is storable text. Does not: what the JSON means (`normalised`).
"""

from __future__ import annotations

import json
from typing import Final

# What was parsed holds no circles, so nothing has to look for them.
_encode: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_encode_ascii: Final = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


class NotReadable(ValueError):
    """Bytes that are no JSON we can read; the message says why."""


def parse_json(body: bytes) -> object:
    """The value a body holds, as Python's `json` reads it.

    `NaN` and `Infinity`, which are not JSON but which Python servers send, are read as floats: refusing them
    would lose a whole evaluation for one silent audio track.

    Raises:
        NotReadable: not JSON, not valid Unicode, nested too deep, or with an integer of thousands of digits.
    """
    try:
        # Decoded strictly: json.loads(bytes) lets encoded surrogates pass, which no text column can hold.
        return json.loads(body.decode(json.detect_encoding(body)))
    except RecursionError:
        raise NotReadable("the JSON is nested too deep") from None
    except ValueError as error:
        raise NotReadable(f"not readable as JSON: {error}") from None


def to_json(value: object) -> str:
    """Exact, compact JSON text of a parsed value; letters stay readable unless UTF-8 cannot hold them.

    Raises:
        NotReadable: nested too deep to be written.
    """
    try:
        text = _encode(value)
        return text if is_storable(text) else _encode_ascii(value)
    except RecursionError:
        raise NotReadable("the JSON is nested too deep") from None


def is_storable(text: str) -> bool:
    """Whether UTF-8, and so a column of text, can hold it: false for lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
