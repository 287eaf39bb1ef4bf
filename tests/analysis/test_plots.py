"""The scorecard can be seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pique_assets.analysis import ExtraMissing, plot_scorecard
from pique_assets.lake import Lake


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_each_detector_has_a_line_with_its_rates(lake: Lake, tmp_path: Path) -> None:
    axes = plot_scorecard(lake=lake, judge="brand")
    rates = {bars.get_label(): list(bars.lines[0].get_ydata()) for bars in axes.containers}
    assert rates == {"logo": [1.0], "video_specs": [0.5, 1.0]}
    axes.figure.savefig(tmp_path / "card.png")
    assert (tmp_path / "card.png").stat().st_size > 5_000


def test_judges_are_told_apart_in_the_legend(lake: Lake) -> None:
    axes = plot_scorecard(lake=lake, detectors=["video_specs"])
    assert [bars.get_label() for bars in axes.containers] == ["007: video_specs", "brand: video_specs"]


def test_evaluations_that_share_a_judge_are_told_apart_in_the_legend(lake: Lake) -> None:
    where = {"judge": "brand", "date": "2026-03-02"}
    lake.write("scorecard_daily", lake.read("scorecard_daily", **where, evaluation="demo"), **where, evaluation="other")
    axes = plot_scorecard(lake=lake, detectors=["video_specs"], judge="brand")
    assert [bars.get_label() for bars in axes.containers] == ["demo: video_specs", "other: video_specs"]


def test_days_without_verdicts_are_said_to_be_so(lake: Lake) -> None:
    axes = plot_scorecard(lake=lake, start="2026-03-04")
    assert [text.get_text() for text in axes.texts] == ["no verdicts in these dates"]


def test_without_matplotlib_the_extra_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ExtraMissing, match=r"pique_assets\[analysis\]"):
        plot_scorecard(lake=lake)
