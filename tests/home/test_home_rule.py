"""The rule by which everything finds the same ledger and lake."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pique_assets.home import (
    PROJECT_FILES,
    FoundAddress,
    HomeUnknown,
    LedgerNotMade,
    find_address,
    home,
    project_root,
    require_intended,
)
from pique_assets.resources import LakeResource, LedgerResource, resources_for

VARIABLES = ("PIQUE_HOME", "PIQUE_LEDGER_URL", "PIQUE_LAKE")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a folder in it, and a folder beside it that is none."""
    root = tmp_path / "project"
    (root / "notebooks" / "old").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (tmp_path / "elsewhere").mkdir()
    return root


def addresses() -> tuple[str, str]:
    return find_address("ledger").address, find_address("lake").address


@pytest.mark.parametrize("folder", ["", "notebooks", "notebooks/old"])
def test_every_folder_of_a_project_finds_the_same_ledger_and_lake(project, folder, monkeypatch):
    monkeypatch.chdir(project / folder)
    assert addresses() == (str(project / ".pique" / "ledger.db"), str(project / ".pique" / "lake"))
    assert str(project) in find_address("ledger").because


@pytest.mark.parametrize("name", PROJECT_FILES)
def test_the_nearest_folder_with_a_projects_file_is_its_root(project, name):
    inner = project / "notebooks"
    (inner / name).touch()
    assert project_root(inner / "old") == inner
    assert project_root(inner / "old" / "analysis.ipynb") == inner


def test_outside_of_a_project_the_working_directory_decides_nothing(project, monkeypatch):
    monkeypatch.chdir(project.parent / "elsewhere")
    for ask in (home, partial(find_address, "ledger"), partial(find_address, "lake")):
        with pytest.raises(HomeUnknown, match="PIQUE_HOME"):
            ask()


def test_the_variables_count_before_the_project_and_each_for_its_own(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("PIQUE_HOME", str(tmp_path / "data"))
    assert addresses() == (str(tmp_path / "data" / "ledger.db"), str(tmp_path / "data" / "lake"))
    monkeypatch.setenv("PIQUE_LEDGER_URL", "postgresql://host/ledger")
    assert addresses() == ("postgresql://host/ledger", str(tmp_path / "data" / "lake"))
    monkeypatch.setenv("PIQUE_LAKE", "gs://bucket/lake")
    assert addresses() == ("postgresql://host/ledger", "gs://bucket/lake")


def test_a_file_of_variables_that_dagster_reads_counts_for_everybody(project, tmp_path, monkeypatch):
    (project / ".env").write_text(f"PIQUE_HOME={tmp_path / 'from file'}\nPIQUE_LAKE='gs://bucket/lake'\n")
    monkeypatch.chdir(project / "notebooks")
    assert addresses() == (str(tmp_path / "from file" / "ledger.db"), "gs://bucket/lake")
    monkeypatch.setenv("PIQUE_HOME", str(tmp_path / "from shell"))
    assert find_address("ledger").address == str(tmp_path / "from shell" / "ledger.db")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIQUE_HOME", ".pique"),
        ("PIQUE_LEDGER_URL", "ledger.db"),
        ("PIQUE_LEDGER_URL", "sqlite:///ledger.db"),
        ("PIQUE_LEDGER_URL", "sqlite+pysqlite:///data/ledger.db"),
        ("PIQUE_LAKE", "lake"),
    ],
)
def test_a_relative_path_in_the_environment_is_refused_by_its_name(project, name, value, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv(name, value)
    with pytest.raises(HomeUnknown, match=f"{name} is '[^/].*', a relative path"):
        find_address("lake" if name == "PIQUE_LAKE" else "ledger")


@pytest.mark.parametrize(
    "resource", [LedgerResource(url="sqlite:///ledger.db"), LedgerResource(url="ledger.db"), LakeResource(root="lake")]
)
def test_a_relative_path_in_a_code_location_is_refused(resource):
    with pytest.raises(HomeUnknown, match="relative path"):
        resource.place()


def test_a_code_location_finds_its_own_project_wherever_dagster_was_started(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "elsewhere")
    resources = resources_for("production", project=project / "definitions.py")
    assert resources["ledger"].place().address == str(project / ".pique" / "ledger.db")
    assert resources["lake"].place().address == str(project / ".pique" / "lake")
    relative = resources_for("local", home="data", project=project / "definitions.py")
    assert relative["ledger"].place().address == str(project / "data" / "ledger.db")
    # This file's own project, since nothing else was said.
    here = resources_for("local")["ledger"].place()
    assert here.address == str(project_root(__file__) / ".pique" / "ledger.db")


def test_every_environment_has_the_same_home(project):
    places = {
        name: resources_for(name, project=project)["ledger"].place().address
        for name in ("local", "sandbox", "production")
    }
    assert set(places.values()) == {str(project / ".pique" / "ledger.db")}


@pytest.mark.parametrize("because", ["--ledger", "PIQUE_LEDGER_URL", "PIQUE_HOME"])
@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_ledger_is_not_begun_where_that_looks_like_a_typing_error(tmp_path, because, form):
    mistyped = FoundAddress(address=form.format(tmp_path / "dta" / "ledger.db"), because=because)
    with pytest.raises(LedgerNotMade, match=r"dta/ledger\.db.*nor its folder.*ledger create"):
        require_intended(mistyped)
    (tmp_path / "ledger.db").write_bytes(b"SQLite")
    mistyped = FoundAddress(address=form.format(tmp_path / "ledgr.db"), because=because)
    with pytest.raises(LedgerNotMade, match=r"ledgr\.db.*but ledger\.db beside it.*ledger create"):
        require_intended(mistyped)
    require_intended(FoundAddress(address=form.format(tmp_path / "ledger.db"), because=because))
    (tmp_path / "new").mkdir()
    require_intended(FoundAddress(address=form.format(tmp_path / "new" / "ledger.db"), because=because))


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_a_ledger_of_an_earlier_release_is_not_passed_over(project, environment):
    folder = project / ".pique" / environment
    folder.mkdir(parents=True)
    (folder / "ledger.db").write_bytes(b"SQLite")
    with (
        pytest.raises(LedgerNotMade, match=f"earlier release at {folder}"),
        resources_for(environment, project=project)["ledger"].ledger(),
    ):
        pass
    assert not (project / ".pique" / "ledger.db").exists()
