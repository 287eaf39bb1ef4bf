"""What a text that was read in a picture is, by its letters: the same as another one, a number, a sentence, noise.

Belongs here: judging texts without their place. Does not: places and times (`captions`).
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

SAME_TEXT = 0.75
"""Similarity, 0..1, from which two readings are of one text."""

# The end of a sentence in Latin, Chinese or Japanese letters, closing quotation marks included.
_STOP = re.compile("[.,!?…;\u3002\u3001\uff01\uff1f][\"'”»)]?\\s*$")


def is_same(one: str, other: str) -> bool:
    """Whether two readings are of one text, numbers in the text aside."""
    first, second = letters_of(one), letters_of(other)
    if first == second:
        return True
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= SAME_TEXT


def letters_of(text: str | None) -> str:
    """What stays of a text whatever the counting in it: its letters alone."""
    return "".join(letter for letter in (text or "").casefold() if letter.isalpha())


def is_number(text: str | None) -> bool:
    """Whether there are more digits than letters, as in a timecode."""
    digits = sum(letter.isdigit() for letter in text or "")
    return digits > len(letters_of(text)) and not is_garbled(text)


def is_garbled(text: str | None) -> bool:
    """Whether it is what the model makes of a script that it can't read: no letters, or round ones alone."""
    if text is None:
        return False
    signs = [sign for sign in text.casefold() if sign.isalnum()]
    round_ones = sum(sign in "0o" for sign in signs)
    return not signs or (len(signs) >= 5 and ":" not in text and round_ones > 0.6 * len(signs))


def is_known(letter: str) -> bool:
    """Whether a letter is of a script that is read: Latin, Chinese, Japanese."""
    return (
        letter < "\u0250"
        or "\u1e00" <= letter <= "\u1eff"
        or "\u3040" <= letter <= "\u30ff"
        or "\u3400" <= letter <= "\u9fff"
    )


def is_sentence(text: str) -> bool:
    """Whether it reads like something said: a word in small letters, the end of a sentence, or Chinese characters."""
    words = [word for word in text.split() if len(word) >= 3 and word[0].islower()]
    return bool(words) or _STOP.search(text) is not None or sum("\u3040" <= letter <= "\u9fff" for letter in text) >= 4
