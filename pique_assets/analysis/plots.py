"""Pictures of the tables, for a notebook.

Belongs here: plotting what `load` gives; no statistic is computed here that is not in a table.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pandas as pd

from pique_assets.analysis.frames import load
from pique_assets.analysis.sources import DateLike, LakeLike
from pique_assets.extras import ExtraMissing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# With more dates than this their labels run into each other; matplotlib then chooses which to show.
_MOST_TICKS: Final = 14


def plot_scorecard(
    *,
    detectors: Collection[str] | None = None,
    lake: LakeLike | None = None,
    judge: str | None = None,
    start: DateLike | None = None,
    end: DateLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Pass rate of each detector by date, with its 95 % Wilson interval.

    Days on which a detector decided nothing have no point. Points of one day are set slightly apart.

    Args:
        detectors: only these detectors; by default all.
        lake: the lake or its address, as for `load`.
        judge: only this judge; otherwise judges are told apart in the legend, and so are evaluations that share one.
        start: first date wanted.
        end: last date wanted (included).
        ax: where to draw; by default a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ExtraMissing: matplotlib is not installed; the message names the extra that brings it.
        NoLake: no lake was given or found.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ExtraMissing("analysis", "matplotlib") from None
    card = load("scorecard_daily", lake=lake, judge=judge, start=start, end=end)
    card = card[card["pass_rate"].notna()]
    if detectors is not None:
        card = card[card["detector_name"].isin(list(detectors))]
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 4.5))
    lines = list(card.assign(line=_labels(card)).groupby("line", sort=True))
    for number, (label, line) in enumerate(lines):
        shift = timedelta(hours=1.5 * (number - (len(lines) - 1) / 2))
        rate = line["pass_rate"].to_numpy()
        spread = [rate - line["wilson_low"].to_numpy(), line["wilson_high"].to_numpy() - rate]
        ax.errorbar(line["date"] + shift, rate, yerr=spread, fmt="o-", capsize=3, label=str(label))
    ax.set(ylim=(-0.03, 1.03), xlabel="date of the content", ylabel="pass rate")
    ax.set_title("Pass rate by detector, with 95 % interval")
    if not lines:
        ax.text(0.5, 0.5, "no verdicts in these dates", ha="center", transform=ax.transAxes)
        return ax
    dates = sorted(card["date"].unique())
    if len(dates) <= _MOST_TICKS:
        ax.set_xticks(dates)
    ax.tick_params(axis="x", rotation=30)
    ax.legend(loc="best", fontsize="small")
    return ax


def _labels(card: pd.DataFrame) -> pd.Series[str]:
    """The detector's name, with what is needed to tell lines apart: its config's id, the evaluation, the judge."""
    label = card["detector_name"].fillna("(unnamed)")
    configs = card.groupby(["judge", "detector_name"])["detector_config_id"].transform("nunique")
    label = label.where(configs <= 1, label + " " + card["detector_config_id"].fillna("").str[:8])
    if card.groupby("judge")["evaluation"].nunique().gt(1).any():
        label = card["evaluation"] + ": " + label
    elif card["judge"].nunique() > 1:
        label = card["judge"] + ": " + label
    return label
