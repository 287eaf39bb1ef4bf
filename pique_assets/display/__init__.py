"""What people see of a date in the Dagster UI beyond its rows: numbers that plot, a chart, pictures of content.

Belongs here: metadata of materialisations that is made for the eye. Does not: previews of rows and the columns of a
table (`metadata`), nor what is read or computed to get there (`assets`, the room `lake`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.display.numbers import (
        as_metadata as as_metadata,
        scorecard_numbers as scorecard_numbers,
        status_numbers as status_numbers,
        submission_numbers as submission_numbers,
    )
    from pique_assets.display.pictures import (
        pass_rate_chart as pass_rate_chart,
        worst_items as worst_items,
        worst_items_metadata as worst_items_metadata,
    )
else:
    __getattr__ = lazy_names(__name__)
