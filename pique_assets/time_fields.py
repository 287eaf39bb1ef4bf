"""The fields of a declaration that speak of time: dates, a time zone, a cron expression, whole weeks and months.

Belongs here: whether such a value can be meant, and the sentence where it can't. Does not: the partitions and schedules
that are made of these fields (`partitions`, `jobs`).
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg

from pique_assets.declared_values import DeclarationInvalid

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def date_text(value: str | dt.date, *, field: str, owner: str) -> str:
    """The date as `YYYY-MM-DD`.

    Raises:
        DeclarationInvalid: The value is no date, or has a time of the day.
    """
    try:
        if isinstance(value, dt.datetime):
            raise ValueError
        text = value if isinstance(value, str) else value.isoformat()
        if dt.date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    shown = repr(value) if isinstance(value, str) else str(value)
    raise DeclarationInvalid(
        f"{owner}{field} is {shown}, no date: give a date, or YYYY-MM-DD as text, such as '2026-03-02'", field=field
    )


def require_timezone(name: str, *, owner: str) -> None:
    """Refuse a time zone that this host does not know.

    Raises:
        DeclarationInvalid: The sentence names the closest one there is.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Needed for this sentence alone.
        from difflib import get_close_matches

        known = {zone.lower(): zone for zone in available_timezones()}
        close = get_close_matches(name.lower(), known, n=1)
        wanted = f"did you mean {known[close[0]]!r}?" if close else "give one such as 'Europe/Berlin' or 'UTC'"
        raise DeclarationInvalid(
            f"{owner}timezone is {name!r}, which is no time zone of the IANA database: {wanted}", field="timezone"
        ) from None


def require_cron(schedule: str, *, owner: str) -> None:
    """Refuse what is no cron expression.

    Raises:
        DeclarationInvalid: Dagster does not take the expression.
    """
    try:
        ticks_of(schedule, timezone="UTC")
    except dg.DagsterInvalidDefinitionError:
        raise DeclarationInvalid(
            f"{owner}schedule is {schedule!r}, no cron expression: give five fields, such as '0 6 * * *' for six in "
            "the morning",
            field="schedule",
        ) from None


def ticks_of(schedule: str, *, timezone: str) -> dg.TimeWindowPartitionsDefinition:
    """The time from tick to tick of a cron expression, as windows: what lets us ask for the tick before another."""
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=schedule, start=dt.datetime(2000, 1, 1), fmt="%Y-%m-%dT%H:%M:%S%z", timezone=timezone
    )


def require_whole_windows(cadence: str, *, start: str, end: str | None, owner: str) -> None:
    """Refuse weeks or months that would be cut off: Dagster would leave their days out without a word.

    Raises:
        DeclarationInvalid: The sentence names the nearest dates that can be given.
    """
    first = dt.date.fromisoformat(start)
    last = None if end is None else dt.date.fromisoformat(end)
    if cadence == "monthly":
        for field, date in (("start_date", first), ("end_date", last)):
            if date is not None and date.day != 1:
                _refuse(field, date, near=_months_around(date), why="months are whole", owner=owner)
    elif last is not None and (days := (last - first).days % 7):
        near = (last - dt.timedelta(days=days), last + dt.timedelta(days=7 - days))
        why = f"weeks are whole, and begin on a {_DAYS[first.weekday()]} as start_date {start} does"
        _refuse("end_date", last, near=near, why=why, owner=owner)


def _months_around(date: dt.date) -> tuple[dt.date, dt.date]:
    first = date.replace(day=1)
    return first, (first + dt.timedelta(days=31)).replace(day=1)


def _refuse(field: str, date: dt.date, *, near: tuple[dt.date, dt.date], why: str, owner: str) -> None:
    raise DeclarationInvalid(f"{owner}{field} is '{date}', and {why}: give '{near[0]}' or '{near[1]}'", field=field)
