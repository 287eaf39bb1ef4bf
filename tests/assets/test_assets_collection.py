"""A results run that came to nothing is asked for again, at growing intervals; open jobs keep no date from tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from desk import LIMITS, poll_until
from endless_pique import odd_pique, status
from graph import Graph, video_evaluation

from pique_assets import collection
from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger

DATE = "2026-03-02"
WHERE = {"evaluation": "brand_videos", "partition": DATE}


@pytest.fixture
def at_once(monkeypatch) -> None:
    """Nothing waits for the next attempt."""
    monkeypatch.setattr(collection, "FIRST_PAUSE", timedelta(0))


def ledger_of(graph: Graph) -> Ledger:
    return Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}")


def empty_date(graph: Graph) -> None:
    """A date whose inventory was taken and has nothing: settled, and not collected."""
    with ledger_of(graph) as ledger:
        ledger.record_inventory(**WHERE, items=[])


def request_of(graph: Graph) -> dg.RunRequest:
    (request,) = graph.tick().run_requests
    return request


def run(graph: Graph, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """What the daemon does with a request."""
    return graph.run(request.partition_key, job="results", tags={**request.tags, "dagster/run_key": request.run_key})


def break_lake(graph: Graph) -> None:
    (graph.home / "lake").write_text("a disk that is not there")


def mend_lake(graph: Graph) -> None:
    (graph.home / "lake").unlink()


def collected(graph: Graph) -> bool:
    with ledger_of(graph) as ledger:
        return ledger.uncollected_partitions() == []


def said(result: dg.SensorResult) -> str:
    return result.skip_reason.skip_message


def test_a_run_that_failed_is_asked_for_again_until_the_date_is_collected(graph, at_once):
    empty_date(graph)
    break_lake(graph)
    keys = []
    for attempt in ("1", "2", "3"):
        request = request_of(graph)
        assert request.tags["pique_assets/attempt"] == attempt
        keys.append(request.run_key)
        assert not run(graph, request).success
    mend_lake(graph)
    request = request_of(graph)
    assert run(graph, request).success
    assert len({*keys, request.run_key}) == 4
    assert request.run_key.endswith("|attempt 4")
    assert collected(graph)
    assert not graph.tick().run_requests


def test_the_pauses_grow_and_the_tick_says_when_it_asks_again(graph, monkeypatch):
    monkeypatch.setattr(collection, "FIRST_PAUSE", timedelta(hours=1))
    monkeypatch.setattr(collection, "LONGEST_PAUSE", timedelta(hours=3))
    empty_date(graph)
    break_lake(graph)
    pauses = []
    request = request_of(graph)
    for attempt in range(1, 5):
        failed = run(graph, replace_attempt(request, attempt))
        result = graph.tick()
        assert not result.run_requests
        assert f"brand_videos 2026-03-02: results run {failed.run_id[:8]} failed; another is asked for at" in said(
            result
        )
        with ledger_of(graph) as ledger, ledger._database.read() as connection:
            until = datetime.fromisoformat(
                connection.exec_driver_sql("SELECT postponed_until FROM partitions").scalar_one()
            ).replace(tzinfo=UTC)
            pauses.append(round((until - datetime.now(UTC)).total_seconds() / 3600))
            ledger.postpone_collection(**WHERE, until=datetime.now(UTC), while_open=False)
    assert pauses == [1, 2, 3, 3]


def replace_attempt(request: dg.RunRequest, attempt: int) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=request.partition_key,
        run_key=f"{request.run_key}|{attempt}",
        tags={**request.tags, "pique_assets/attempt": str(attempt)},
    )


def test_a_date_that_waits_costs_a_tick_nothing(graph, monkeypatch):
    monkeypatch.setattr(collection, "FIRST_PAUSE", timedelta(hours=1))
    empty_date(graph)
    break_lake(graph)
    assert not run(graph, request_of(graph)).success
    assert "failed" in said(graph.tick())
    asked = []
    monkeypatch.setattr(dg.DagsterInstance, "get_run_records", lambda *_, **__: asked.append(1) or [])
    assert not graph.tick().run_requests
    assert asked == []


@pytest.mark.parametrize("state", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_a_run_whose_process_was_killed_is_asked_for_again_once_it_is_silent(graph, state, monkeypatch):
    empty_date(graph)
    request = request_of(graph)
    graph.instance.create_run_for_job(
        graph.defs.resolve_job_def("brand_videos_results"),
        tags={**request.tags, "dagster/partition": DATE, "dagster/run_key": request.run_key},
        status=state,
    )
    assert not graph.tick().run_requests
    with ledger_of(graph) as ledger:
        ledger.postpone_collection(**WHERE, until=datetime.now(UTC), while_open=False)
    monkeypatch.setattr(collection, "SILENT_FOR", timedelta(0))
    assert request_of(graph).tags["pique_assets/attempt"] == "2"


def test_a_run_whose_last_steps_failed_leaves_the_date_uncollected(graph, at_once):
    empty_date(graph)
    request = request_of(graph)
    (graph.home / "lake" / "partition_status").parent.mkdir(parents=True)
    (graph.home / "lake" / "partition_status").write_text("no folder")
    assert not run(graph, request).success
    assert graph.table("payloads", DATE).num_rows == 0
    assert not collected(graph)
    (graph.home / "lake" / "partition_status").unlink()
    assert run(graph, request_of(graph)).success
    assert collected(graph)


def test_a_date_whose_jobs_do_not_end_is_collected_all_the_same_once_nothing_of_it_moves(
    pique, tmp_path, instance, at_once
):
    with odd_pique(pique) as odd:
        evaluation = video_evaluation(limits=replace(LIMITS, results_wait_s=3000))
        graph = Graph.over(evaluation, home=tmp_path, pique=odd, instance=instance)
        assert graph.run(DATE, job="submit").success
        stuck = sorted(odd.files.values())[0]
        odd.answers = {stuck: status("paused")}
        with ledger_of(graph) as ledger, PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as client:
            poll_until(lambda progress: progress.completed == 2, ledger=ledger, client=client, **WHERE)
            # It might still end, as far as anybody knows.
            assert not graph.tick().run_requests
            sent_long_ago(ledger)

            first = request_of(graph)
            assert run(graph, first).success
            assert graph.table("evaluations", DATE).num_rows == 2
            assert not collected_with_open_jobs(ledger)
            # Nothing has changed since: nothing to write anew.
            assert not graph.tick().run_requests

            odd.answers = {}
            poll_until(lambda progress: progress.open == 0, ledger=ledger, client=client, **WHERE)
            last = request_of(graph)
            assert last.run_key != first.run_key
            assert run(graph, last).success
            assert graph.table("evaluations", DATE).num_rows == 3
            assert collected(graph)


def sent_long_ago(ledger: Ledger) -> None:
    """As if all of it had been sent an hour ago."""
    with ledger._database.long_write() as connection:
        connection.exec_driver_sql("UPDATE submissions SET uploaded_at = '2026-01-01 00:00:00.000000'")
        connection.exec_driver_sql("UPDATE partitions SET open_postponed_until = NULL")


def collected_with_open_jobs(ledger: Ledger) -> bool:
    return ledger.open_partitions(evaluations=["brand_videos"], at_most=9) == []
