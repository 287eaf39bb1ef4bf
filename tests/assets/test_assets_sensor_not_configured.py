"""A sensor that can't do anything skips with one sentence that says why, and raises nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, resources_at, video_evaluation

from pique_assets.definitions import build_defs
from pique_assets.local.process import running_local_pique
from pique_assets.resources import LedgerResource, PiqueResource

CURSOR = "7"
KEY = "key-of-a-test"
PIQUE = PiqueResource(base_url=dg.EnvVar("PIQUE_BASE_URL"), api_key=dg.EnvVar("PIQUE_API_KEY"))


def tick_of_the_daemon(defs: dg.Definitions, instance: dg.DagsterInstance) -> tuple[str | None, str | None]:
    """One tick as the daemon has it evaluated: why it skipped, and the cursor afterwards."""
    sensor = defs.resolve_sensor_def("pique_results_brand_videos")
    context = dg.build_sensor_context(
        instance=instance, cursor=CURSOR, repository_def=defs.get_repository_def(), resources=dict(defs.resources or {})
    )
    ticked = sensor.evaluate_tick(context)
    assert not ticked.run_requests
    return ticked.skip_message, ticked.cursor


@dataclass(frozen=True)
class Case:
    """What is wrong, and what the sentence names."""

    wrong: Callable[[Path], dict[str, Any]]
    says: str
    environment: tuple[tuple[str, str], ...] = (("PIQUE_API_KEY", KEY), ("PIQUE_BASE_URL", "http://127.0.0.1:1"))


def in_the_way(home: Path) -> dict[str, Any]:
    (home / "file").write_text("no database " * 100)
    return {"ledger": LedgerResource(url=str(home / "file"))}


CASES = {
    "no key": Case(
        lambda home: {}, "set the environment variable PIQUE_API_KEY for", (("PIQUE_BASE_URL", "http://x"),)
    ),
    "no address": Case(lambda home: {}, "set the environment variable PIQUE_BASE_URL for", (("PIQUE_API_KEY", KEY),)),
    "neither": Case(lambda home: {}, "set the environment variables PIQUE_BASE_URL and PIQUE_API_KEY for", ()),
    "ledger's variable": Case(
        lambda home: {"ledger": LedgerResource(url=dg.EnvVar("LEDGER_OF_A_TEST"))}, "variable LEDGER_OF_A_TEST for"
    ),
    "no safe address": Case(
        lambda home: {},
        "must be https",
        (("PIQUE_API_KEY", KEY), ("PIQUE_BASE_URL", "http://pique.example")),
    ),
    "home unknown": Case(
        lambda home: {"ledger": LedgerResource(project="/")}, "nothing says where ledger and lake are"
    ),
    "relative ledger": Case(lambda home: {"ledger": LedgerResource(url="here/ledger.db")}, "a relative path"),
    "no ledger's address": Case(lambda home: {"ledger": LedgerResource(url="mysql://host/db")}, "must be sqlite://"),
    "no database": Case(in_the_way, "the file is no SQLite database"),
    "no server": Case(
        lambda home: {"ledger": LedgerResource(url="postgresql://user@127.0.0.1:1/db")}, "nothing listens at its port"
    ),
    "no ledger yet": Case(lambda home: {}, "nothing was submitted yet"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_tick_that_is_not_configured_skips_with_a_sentence(case, tmp_path, pique, instance, monkeypatch):
    for name in ("PIQUE_API_KEY", "PIQUE_BASE_URL", "PIQUE_HOME", "PIQUE_LEDGER_URL", "LEDGER_OF_A_TEST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in case.environment:
        monkeypatch.setenv(name, value)
    resources = {**resources_at(tmp_path, pique), "pique": PIQUE, **case.wrong(tmp_path)}
    defs = build_defs(evaluations=[video_evaluation()], resources=resources)
    skipped, cursor = tick_of_the_daemon(defs, instance)
    assert case.says in skipped
    assert "\n" not in skipped and "Traceback" not in skipped and KEY not in skipped
    assert cursor == CURSOR


def test_a_tick_that_does_not_reach_pique_skips_and_says_whom(tmp_path, instance):
    with running_local_pique(data_dir=tmp_path / "pique", seed_judges=DEMO / "judges.json", workers=1) as pique:
        graph = Graph.over(video_evaluation(), home=tmp_path, pique=pique, instance=instance)
        assert graph.run("2026-03-02", job="submit").success
    skipped, _ = tick_of_the_daemon(graph.defs, instance)
    host = pique.base_url.removeprefix("http://")
    assert f"results could not be had from {host}: no answer from Pique" in skipped
    assert "\n" not in skipped


def test_a_tick_whose_ledger_turns_to_nonsense_skips(graph, instance):
    assert graph.run("2026-03-04", job="submit").success
    for file in graph.home.glob("ledger.db*"):
        shutil.copy(DEMO / "judges.json", file)
    skipped, _ = tick_of_the_daemon(graph.defs, instance)
    assert f"ledger {graph.home / 'ledger.db'}" in skipped
    assert "\n" not in skipped


def test_a_mistake_in_the_code_of_a_tick_is_still_an_error(graph, instance, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake")

    assert graph.run("2026-03-04", job="submit").success
    monkeypatch.setattr("pique_assets.tick.wanted_runs", broken)
    with pytest.raises(RuntimeError, match="a mistake"):
        tick_of_the_daemon(graph.defs, instance)
