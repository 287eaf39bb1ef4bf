"""Which lake is read: the one given, the one the environment names, or the one `make run` fills.

Belongs here: finding the lake. Reading it is `frames` and `query`.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Final

from pique_assets.analysis.errors import NoLake
from pique_assets.lake import Lake

LAKE_VARIABLE: Final = "PIQUE_LAKE"
"""Environment variable with the address of the lake: a folder, or a URL such as gs://bucket/lake."""

DEFAULT_LAKE: Final = Path(".pique") / "lake"
"""Where `make run` and `make dev` keep their lake, from the project's folder or one below it."""

LakeLike = Lake | str | Path
"""A lake, or its address."""

DateLike = dt.date | str
"""A date, or its YYYY-MM-DD."""


def open_lake(lake: LakeLike | None = None) -> Lake:
    """The lake to read: `lake`, else `PIQUE_LAKE`, else `.pique/lake` of this folder or the nearest one above it.

    Raises:
        NoLake: none of these exists; the message says what to do.
    """
    if isinstance(lake, Lake):
        return lake
    if lake is not None:
        return Lake(str(lake))
    if address := os.environ.get(LAKE_VARIABLE):
        return Lake(address)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DEFAULT_LAKE).is_dir():
            return Lake(str(folder / DEFAULT_LAKE))
    raise NoLake(
        f"no lake here: neither {here} nor a folder above it has {DEFAULT_LAKE}. Give lake=..., set {LAKE_VARIABLE} to "
        "its address, or fill one with `make run` and start the notebook in the project's folder."
    )
