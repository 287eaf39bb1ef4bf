"""Taking fields out of a JSON object without losing any: what fits its column is taken, the rest stays.

Belongs here: when a value fits a column. Which fields there are is `bodies`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from pique_assets.lake.json_text import is_storable, to_json

_T = TypeVar("_T")

# Beyond this, neighbouring integers share a double.
_EXACT_INT: Final = 2**53


class Fields:
    """The fields of one object that nobody has taken yet.

    Absent and null both mean missing (contract, results), so a null field that has a column counts as taken.
    A value that does not fit stays, and is told in `rest`.
    """

    def __init__(self, fields: dict[str, object]) -> None:
        self._left = dict(fields)

    def text(self, *names: str) -> str | None:
        """The first of these fields that is text UTF-8 can hold."""
        return self._take(names, _as_text)

    def boolean(self, name: str) -> bool | None:
        """The field, if it is true or false."""
        return self._take((name,), _as_boolean)

    def number(self, name: str) -> float | None:
        """The field, if a double holds exactly the number that was sent."""
        return self._take((name,), as_double)

    def instant(self, *names: str) -> datetime | None:
        """The first of these fields that is an ISO 8601 time with a zone; as UTC."""
        return self._take(names, _as_instant)

    def items(self, *names: str) -> list[object] | None:
        """The first of these fields that is a list."""
        return self._take(names, _as_list)

    def anything(self, name: str) -> tuple[object] | None:
        """The field alone in a tuple, whatever it holds, null included; None when it is absent."""
        return (self._left.pop(name),) if name in self._left else None

    def drop(self, name: str, value: str) -> None:
        """Forget a field that only repeats what is known."""
        if self._left.get(name) == value:
            del self._left[name]

    def rest(self) -> str | None:
        """JSON object of the fields nobody took; None when there are none.

        Raises:
            NotReadable: nested too deep to be written.
        """
        return to_json(self._left) if self._left else None

    def _take(self, names: tuple[str, ...], fit: Callable[[object], _T | None]) -> _T | None:
        for name in names:
            value = self._left.get(name)
            fitted = None if value is None else fit(value)
            if value is None or fitted is not None:
                self._left.pop(name, None)
            if fitted is not None:
                return fitted
        return None


def as_double(value: object) -> float | None:
    """The number, if it is one and a double holds it exactly; true, NaN and infinities are none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT_INT:
        return float(value)
    return None


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) and is_storable(value) else None


def _as_boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _as_list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def _as_instant(value: object) -> datetime | None:
    # Times come with and without microseconds (contract trap 12); without a zone, the instant is a guess.
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
