"""What every detector said of every content item, with the item's name: the first table most people look for.

Belongs here: joining `submissions` and `detector_results`. No verdict is derived: they are Pique's.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from pique_assets.analysis.frames import load
from pique_assets.analysis.sources import DateLike, LakeLike, open_lake

_JOB: Final = ("judge", "date", "evaluation", "job_id")
_CONTENT: Final = ("judge", "date", "evaluation", "filename", "title", "content_uri", "state", "error", "job_id")
_VERDICT: Final = ("detector_index", "detector_name", "detector_config_id", "pass_check", "score", "rationale")


def verdicts(
    *,
    detector: str | None = None,
    lake: LakeLike | None = None,
    judge: str | None = None,
    start: DateLike | None = None,
    end: DateLike | None = None,
) -> pd.DataFrame:
    """One row per content item and detector: which file, what was said of it, and why.

    An item without detector results (it could not be read, was refused, or its evaluation failed) has one row, whose
    `state` and `error` say why, and nothing in the detector's columns. Content that was found twice, on two dates or
    under two names, has rows in both places and one `job_id`.

    Args:
        detector: only what this detector said; items it said nothing of are left out.
        lake: the lake or its address, as for `load`.
        judge: only this judge's rows.
        start: first date wanted.
        end: last date wanted (included).

    Raises:
        NoLake: no lake was given or found.
    """
    source = open_lake(lake)
    content = load("submissions", lake=source, judge=judge, start=start, end=end)[list(_CONTENT)]
    results = load("detector_results", lake=source, judge=judge, start=start, end=end)[[*_JOB, *_VERDICT]]
    if detector is not None:
        results = results[results["detector_name"] == detector]
    frame = content.merge(results, on=list(_JOB), how="left" if detector is None else "inner")
    by = ["judge", "date", "evaluation", "filename", "content_uri", "detector_index"]
    return frame.sort_values(by, ignore_index=True)
