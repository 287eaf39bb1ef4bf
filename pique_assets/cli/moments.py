"""Times as people read them. Nothing else belongs here."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"))


def shown_time(moment: datetime | None) -> str:
    """A time in UTC to the second; nothing for None."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def duration(seconds: float) -> str:
    """A length of time in the largest unit that fits it: `42 s`, `3 min`, `5 h`, `2 d`."""
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
