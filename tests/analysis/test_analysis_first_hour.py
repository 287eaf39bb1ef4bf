"""An analyst's first hour: every snippet of the documentation, and the notebook, on a lake that real runs filled."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from desk import DEMO, LIMITS
from graph import Graph, resources_at, video_evaluation

from pique_assets.analysis import load, verdicts
from pique_assets.definitions import build_defs
from pique_assets.local.process import running_local_pique
from pique_assets.media import DatedFolder

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
NOTEBOOK = PROJECT / "notebooks" / "first_scores.ipynb"
RUNS = (("brand_videos", "2026-03-03"), ("brand_images", "2026-03-03"))


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with `.pique/lake`, filled as `make run` does, with fewer dates."""
    home = tmp_path_factory.mktemp("demo")
    limits = replace(LIMITS, lease_s=60, results_wait_s=100)
    images = {"judge_id": "judge_demo_images", "media": DatedFolder(DEMO / "media" / "brand_images")}
    evaluations = {
        "brand_videos": video_evaluation(limits=limits),
        "brand_images": video_evaluation(name="brand_images", limits=limits, **images),
    }
    data = home / ".pique"
    data.mkdir()
    (home / "pyproject.toml").touch()
    with (
        running_local_pique(data_dir=data / "local_pique", seed_judges=DEMO / "judges.json", workers=1) as pique,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        defs = build_defs(evaluations=list(evaluations.values()), resources=resources_at(data, pique))
        for name, date in RUNS:
            assert Graph(home=data, defs=defs, instance=instance, evaluation=evaluations[name]).run(date).success
    return home


@pytest.fixture(autouse=True)
def in_the_demos_home(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import matplotlib as mpl

    mpl.use("Agg")
    monkeypatch.delenv("PIQUE_LAKE", raising=False)
    monkeypatch.chdir(demo_home)
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def snippets(page: Path, *, below: str = "") -> list[str]:
    """The Python blocks of a page, or of its section with this heading."""
    text = page.read_text()
    if below:
        text = re.split(r"^## ", text.partition(f"## {below}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^( *)```python\n(.*?)^\1```$", text, flags=re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(code) for _, code in blocks]


def shown(code: str, *, namespace: dict[str, object]) -> object:
    """Run a cell, and return what a notebook would show: the value of its last line, if that is an expression."""
    cell = ast.parse(code)
    last = cell.body.pop() if isinstance(cell.body[-1], ast.Expr) else None
    exec(compile(cell, "<cell>", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace) if last else None


@pytest.mark.parametrize(
    ("page", "section", "fewest"), [("docs/analysis.md", "", 12), ("README.md", "In a notebook", 1)]
)
def test_every_snippet_of_the_documentation_runs_and_shows_rows(page, section, fewest):
    codes = snippets(PROJECT / page, below=section)
    assert len(codes) >= fewest
    namespace: dict[str, object] = {}
    for code in codes:
        answer = shown(code, namespace=namespace)
        if isinstance(answer, pd.DataFrame):
            assert len(answer), code
            assert repr(answer), code


def test_the_notebook_runs_from_its_first_cell_to_its_last():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    namespace: dict[str, object] = {}
    answers = [shown("".join(cell["source"]), namespace=namespace) for cell in cells]
    frames = [answer for answer in answers if isinstance(answer, pd.DataFrame)]
    assert len(frames) == 6
    assert all(len(frame) for frame in frames)
    assert namespace["totals"].loc[("brand_videos", "video_specs")].tolist() == [2, 1, 1]


def test_the_notebook_is_kept_without_outputs():
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_verdicts_name_the_file_and_the_reason_and_leave_no_file_out():
    frame = verdicts(judge="brand_videos")
    assert list(frame["filename"]) == [
        "interrupted_export.mp4",
        "meadow_classic.mkv",
        "meadow_classic.mkv",
        "meadow_vertical.mov",
        "meadow_vertical.mov",
        "never_written.mp4",
    ]
    by_file = frame.groupby("filename")
    assert by_file["pass_check"].sum().to_dict() == {
        "interrupted_export.mp4": 0,
        "meadow_classic.mkv": 0,
        "meadow_vertical.mov": 2,
        "never_written.mp4": 0,
    }
    empty = frame[frame["filename"] == "never_written.mp4"].iloc[0]
    assert (empty["state"], empty["error"]) == ("unreadable", "The file is empty.")
    assert pd.isna(empty["detector_name"])
    assert frame["rationale"].notna().sum() == 4


def test_verdicts_of_one_detector_leave_out_what_it_said_nothing_of():
    frame = verdicts(detector="video_specs")
    assert sorted(frame["filename"]) == ["meadow_classic.mkv", "meadow_vertical.mov"]
    assert set(frame["detector_name"]) == {"video_specs"}


def test_verdicts_have_the_same_types_on_a_day_without_any():
    assert verdicts(start="2031-01-01").empty
    assert verdicts(start="2031-01-01").dtypes.to_dict() == verdicts().dtypes.to_dict()


def test_verdicts_count_as_many_results_as_there_are():
    assert verdicts()["detector_name"].notna().sum() == len(load("detector_results"))
