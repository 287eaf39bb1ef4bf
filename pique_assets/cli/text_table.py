"""Rows and times as text for a terminal.

Belongs here: columns, widths, times as people read them, and that nothing in a cell can break the table or the
terminal. Does not: what is shown.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime

from pique_assets.visible import visible

GAP = "  "
SHORTEST_LAST_CELL = 20
WIDTH_WITHOUT_TERMINAL = 160
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns side by side under their names; the last one is shortened to the width of the terminal.

    Args:
        columns: Names, at least one.
        rows: As many cells each; None is shown as nothing.
    """
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    taken = sum(widths[:-1]) + len(GAP) * (len(columns) - 1)
    terminal = shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 0)).columns
    widths[-1] = min(widths[-1], max(SHORTEST_LAST_CELL, terminal - taken))
    return "\n".join(_line(row, widths=widths) for row in cells)


def one_line(text: str) -> str:
    """Text from anywhere as one line that no terminal takes for a command; other blanks than spaces are spaces."""
    return " ".join("".join(one if one.isprintable() else " " for one in visible(text)).split())


def shown_time(time: datetime | None) -> str:
    """A time in UTC to the second; nothing for None."""
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def duration(seconds: float) -> str:
    """A length of time in the largest unit that fits it: `42 s`, `3 min`, `5 h`, `2 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value))


def _line(row: Sequence[str], *, widths: Sequence[int]) -> str:
    *first, last = row
    if len(last) > widths[-1]:
        last = last[: widths[-1] - 1] + "…"
    padded = [cell.ljust(width) for cell, width in zip(first, widths, strict=False)]
    return GAP.join([*padded, last]).rstrip()
