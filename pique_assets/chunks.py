"""An iterable cut into lists of bounded length, so that memory does not grow with a date's content.

Belongs here: the cutting. Does not: what a caller does with a piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")

CHUNK = 500
"""Below what both databases take in one ``IN (...)``, above what makes round trips matter."""


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut into lists of at most `CHUNK`, each made when it is asked for."""
    left = iter(values)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
