"""What the issue says about webhooks, read a second time and written another way: the judge of the property tests.

Belongs here: a verifier that walks the header character by character and builds HMAC out of SHA-256 by hand (RFC
2104), and a reader of bodies on a grammar of its own. Nothing of `pique_assets` is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def accepts(body: object, header: object, secrets: Sequence[bytes], *, tolerance_s: int, now: int) -> bool:
    """Whether a webhook with this header and body is Pique's, and of now."""
    if type(header) is not str or type(body) is not bytes:
        return False
    parts = _scan(header)
    if parts is None:
        return False
    times = [value for key, value in parts if key == "t"]
    algorithms = [value for key, value in parts if key == "alg"]
    signatures = [value for key, value in parts if key == "v1"]
    if len(times) != 1 or len(algorithms) != 1 or not signatures:
        return False
    (moment,) = times
    if not 1 <= len(moment) <= 12 or any(character not in "0123456789" for character in moment):
        return False
    if algorithms[0] != "sha256":
        return False
    distance = now - sum("0123456789".index(digit) * 10**place for place, digit in enumerate(reversed(moment)))
    if not -tolerance_s <= distance <= tolerance_s:
        return False
    message = bytes(map(ord, moment)) + b"\x2e" + body
    return not {_hmac_hex(secret, message) for secret in secrets}.isdisjoint(signatures)


def _scan(header: str) -> list[tuple[str, str]] | None:
    """Key and value of each part, by a machine with three states; None for a part without ``=``."""
    parts: list[tuple[str, str]] = []
    key: list[str] = []
    value: list[str] = []
    state = "before"
    for character in header + ",":
        if character == ",":
            if state != "value":
                return None
            parts.append(("".join(key), "".join(value).rstrip("\x20")))
            key, value, state = [], [], "before"
        elif state == "value":
            value.append(character)
        elif character == "=":
            state = "value"
        elif state == "key" or character != "\x20":
            state = "key"
            key.append(character)
    return parts


def _hmac_hex(secret: bytes, message: bytes) -> str:
    if len(secret) > _BLOCK:
        secret = sha256(secret).digest()
    padded = secret.ljust(_BLOCK, b"\0")
    inner = sha256(padded.translate(_INNER) + message).digest()
    return "".join(f"{byte:02x}" for byte in sha256(padded.translate(_OUTER) + inner).digest())


_TOKEN = re.compile(
    r'[ \t\n\r]*(?:([{}\[\]:,])|("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")'
    r"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|-?Infinity|NaN|true|false|null))"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def job_of(body: bytes) -> str | None:
    """The job a body names, if it is an unambiguous JSON object in UTF-8 that names one."""
    try:
        text = str(body, "utf-8", "strict")
        value, end = _value(text, 0)
    except (UnicodeDecodeError, _Unreadable):
        return None
    if text[end:].strip(" \t\n\r") or not isinstance(value, dict):
        return None
    job = value.get("job_id")
    usable = isinstance(job, str) and 1 <= len(job) <= 255 and all(letter.isprintable() for letter in job)
    return job if usable else None


class _Unreadable(Exception):
    """No JSON, or an object with a key twice."""


def _value(text: str, at: int) -> tuple[object, int]:
    match = _TOKEN.match(text, at)
    if match is None:
        raise _Unreadable
    mark, string, _ = match.groups()
    if string is not None:
        return _unquoted(string), match.end()
    if mark == "{":
        return _object(text, match.end())
    if mark == "[":
        return _array(text, match.end())
    if mark is not None:
        raise _Unreadable
    return None, match.end()


def _object(text: str, at: int) -> tuple[dict[str, object], int]:
    found: dict[str, object] = {}
    mark, end = _mark(text, at)
    if mark == "}":
        return found, end
    while True:
        key, at = _value(text, at)
        mark, at = _mark(text, at)
        if type(key) is not str or mark != ":" or key in found:
            raise _Unreadable
        found[key], at = _value(text, at)
        mark, at = _mark(text, at)
        if mark == "}":
            return found, at
        if mark != ",":
            raise _Unreadable


def _array(text: str, at: int) -> tuple[list[object], int]:
    found: list[object] = []
    mark, end = _mark(text, at)
    if mark == "]":
        return found, end
    while True:
        item, at = _value(text, at)
        found.append(item)
        mark, at = _mark(text, at)
        if mark == "]":
            return found, at
        if mark != ",":
            raise _Unreadable


def _mark(text: str, at: int) -> tuple[str | None, int]:
    match = _TOKEN.match(text, at)
    return (None, at) if match is None else (match.group(1), match.end())


def _unquoted(string: str) -> str:
    """What a JSON string says; two escapes that are halves of one letter are that letter."""
    plain = _ESCAPE.sub(_letter, string[1:-1])
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _letter(escape: re.Match[str]) -> str:
    number, short = escape.groups()
    return chr(int(number, 16)) if number else _SHORT_ESCAPES.get(short, short)
