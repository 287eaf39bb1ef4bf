"""Which lake is read: the one given, or the one that every command and run of the project finds.

Belongs here: finding the lake. Reading it is `frames` and `query`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pique_assets.analysis.errors import NoLake
from pique_assets.home import LAKE_VARIABLE, HomeUnknown, find_address
from pique_assets.lake import Lake

LakeLike = Lake | str | Path
"""A lake, or its address."""

DateLike = dt.date | str
"""A date, or its YYYY-MM-DD."""


def open_lake(lake: LakeLike | None = None) -> Lake:
    """The lake to read: `lake`, else the one every command and run of the project finds (`pique_assets.home`).

    Raises:
        NoLake: nothing says where it is, or the project has none yet; the message says what to do.
    """
    if isinstance(lake, Lake):
        return lake
    if lake is not None:
        return Lake(str(lake))
    try:
        place = find_address("lake")
    except HomeUnknown as unknown:
        raise NoLake(f"{unknown} that `make run` fills (.pique); or give lake=..., or set PIQUE_LAKE") from None
    # Whoever names a lake may read it before anything is written: its tables are empty then.
    if place.because != LAKE_VARIABLE and not Path(place.address).is_dir():
        raise NoLake(
            f"no lake at {place.address} yet ({place.because}). Give lake=..., set PIQUE_LAKE to its address, or fill "
            "one with `make run`."
        )
    return Lake(place.address)
