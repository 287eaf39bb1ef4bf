"""The documentation's site: built as `make docs` builds it, complete, and at rest on a machine without a network.

Belongs here: what the build adds to the pages, and that a link that leads nowhere stops the build. Does not: what the
pages say.
"""

from __future__ import annotations

import ast
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pique_assets import lake as lake_room
from pique_assets.component import (
    BudgetModel,
    EvaluationModel,
    ExecutorModel,
    LimitsModel,
    PiqueEvaluations,
    PiqueModel,
    SensorModel,
)

PROJECT = Path(__file__).parents[2]
# What a browser fetches by itself; a link that a reader may follow is none of these.
FETCHED = re.compile(r"""<(?:script|img|link)[^>]*?\s(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")

pytestmark = pytest.mark.slow


def build(site: Path, *, config: Path = PROJECT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    mkdocs = [Path(sys.executable).with_name("mkdocs"), "build", "--strict"]
    command = [*mkdocs, "--config-file", config, "--site-dir", site]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=config.parent, env=env, timeout=600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_data_dictionary_has_every_column_of_every_table(site: Path) -> None:
    page = (site / "tables.html").read_text(encoding="utf-8")
    sections = dict(zip(re.findall(r'<h2 id="(\w+)"', page), page.split("<h2 id=")[1:], strict=True))
    assert set(sections) == set(lake_room.TABLES)
    for table, schema in lake_room.SCHEMAS.items():
        assert re.findall(r"<tr>\s*<td><code>(\w+)</code></td>", sections[table]) == schema.names


def test_the_page_about_yaml_has_every_field_with_its_description(site: Path) -> None:
    page = (site / "yaml.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr>\s*<td><code>(\w+)</code></td>\s*<td>.*?</td>\s*<td>(.+?)</td>", page)
    models = (PiqueEvaluations, EvaluationModel, LimitsModel, BudgetModel, SensorModel, PiqueModel, ExecutorModel)
    fields = [name for model in models for name in model.model().model_fields]
    assert [name for name, _ in rows] == fields


def test_the_reference_has_every_public_name_with_its_docstring(site: Path) -> None:
    page = (site / "reference.html").read_text(encoding="utf-8")
    front_door = ast.parse((PROJECT / "pique_assets" / "__init__.py").read_text(encoding="utf-8"))
    lines = [node for node in ast.walk(front_door) if isinstance(node, ast.ImportFrom)]
    public = {alias.name for line in lines for alias in line.names if alias.asname}
    assert set(re.findall(r'<h2 id="(\w+)"', page)) == {name.lower().strip("_") for name in public}
    for argument in ("judge_id", "failure_rate_warn_above", "new_evaluations_per_day"):
        assert re.search(rf"<td><code>(?:<span[^>]*>)?{argument}<", page)


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 10
    fetched = {
        (page.name, url)
        for page in pages
        for url in FETCHED.findall(page.read_text(encoding="utf-8"))
        if 'rel="canonical"' not in url
    }
    assert fetched == set()


def test_examples_stand_in_the_pages_as_they_are_executed(site: Path) -> None:
    words = re.sub(r"<[^>]+>", "", (site / "downstream.html").read_text(encoding="utf-8"))
    example = (PROJECT / "examples" / "downstream" / "definitions.py").read_text(encoding="utf-8")
    for line in example.splitlines():
        assert html.escape(line, quote=False) in words.replace("&#34;", '"').replace("&#39;", "'")


WARNED_OF = "[a](nowhere.md) [b](operations.md#nowhere) ![c](images/nowhere.png)"


@pytest.mark.parametrize(
    ("markdown", "said"),
    [
        (WARNED_OF, ("'nowhere.md'", "'operations.md#nowhere'", "'images/nowhere.png'")),
        ("[a file of the repository](../pique_assets/nowhere.py)", ("../pique_assets/nowhere.py",)),
        ('--8<-- "nowhere.py"', ("nowhere.py",)),
    ],
)
def test_the_build_stops_at_what_leads_nowhere(markdown: str, said: tuple[str, ...], tmp_path: Path) -> None:
    for folder in ("docs", "pique_assets", "examples", "tests", "notebooks"):
        if folder == "docs":
            shutil.copytree(PROJECT / folder, tmp_path / folder)
        else:
            (tmp_path / folder).symlink_to(PROJECT / folder)
    shutil.copy(PROJECT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    page = tmp_path / "docs" / "index.md"
    page.write_text(f"{page.read_text(encoding='utf-8')}\n\n{markdown}\n", encoding="utf-8")
    done = build(tmp_path / "site", config=tmp_path / "mkdocs.yml")
    assert done.returncode != 0
    assert [what for what in said if what not in done.stdout + done.stderr] == []
