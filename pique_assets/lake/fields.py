"""Fields of JSON objects as columns: what fits its column is taken, and nothing of the rest is lost.

Belongs here: when a value fits a column. Does not: which columns there are (`normalised`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from pique_assets.lake.json_text import is_storable, to_json

_T = TypeVar("_T")

ABSENT: Final = object()
"""Stands for a field that was not sent; null is a value."""

# Beyond this, neighbouring integers share a double.
_EXACT_INT: Final = 2**53


class Fields:
    """JSON objects side by side, from which each column takes its field.

    Absent and null are one to Pique, so a null field that has a column counts as taken. A value that does not fit its
    column stays, and is told in `rest`.

    Attributes:
        left: The fields of each object that no column has taken yet.
    """

    def __init__(self, objects: Sequence[dict[str, object]]) -> None:
        self._sent = objects
        self.left = [fields.copy() for fields in objects]

    def take(self, *names: str, fit: Callable[[object], _T | None]) -> list[_T | None]:
        """Of each object, the first of these fields that fits; None where none does.

        Args:
            names: The field's names in the several vocabularies of Pique, the first one preferred.
            fit: Gives the cell for a value, or None for a value that does not fit.
        """
        column = self._take(names[0], range(len(self.left)), fit=fit)
        for name in names[1:]:
            rows = [row for row, cell in enumerate(column) if cell is None]
            for row, cell in zip(rows, self._take(name, rows, fit=fit), strict=True):
                column[row] = cell
        return column

    def take_as_sent(self, name: str) -> list[object]:
        """The field of each object whatever it holds, null included; `ABSENT` where there is none."""
        return [left.pop(name, ABSENT) for left in self.left]

    def rest(self) -> list[str | None]:
        """Of each object, JSON of the fields that no column took, in the order they were sent; None where none is left.

        Raises:
            NotReadable: One is nested too deep to be written.
        """
        return [
            to_json({name: value for name, value in sent.items() if name in left}) if left else None
            for sent, left in zip(self._sent, self.left, strict=True)
        ]

    def _take(self, name: str, rows: Sequence[int], *, fit: Callable[[object], _T | None]) -> list[_T | None]:
        sent = [self.left[row].pop(name, None) for row in rows]
        cells = list(map(fit, sent))
        # Nearly always the cells are what was sent, and nothing has to be put back.
        if cells != sent:
            for row, value, cell in zip(rows, sent, cells, strict=True):
                if cell is None and value is not None:
                    self.left[row][name] = value
        return cells


def as_text(value: object) -> str | None:
    """The value, if it is text that UTF-8 can hold."""
    return value if isinstance(value, str) and (value.isascii() or is_storable(value)) else None


def as_boolean(value: object) -> bool | None:
    """The value, if it is true or false."""
    return value if isinstance(value, bool) else None


def as_list(value: object) -> list[object] | None:
    """The value, if it is a list."""
    return value if isinstance(value, list) else None


def as_number(value: object) -> float | None:
    """The number, if it is one and a double holds it exactly; true, NaN and infinities are none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT_INT:
        return float(value)
    return None


def as_instant(value: object) -> datetime | None:
    """The time in UTC, if the value is an ISO 8601 time with a zone; which time it is without one is a guess."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
