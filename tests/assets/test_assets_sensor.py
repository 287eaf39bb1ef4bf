"""Daily work without waiting: the submit job ends, the sensor notices results and asks for the run that collects."""

from __future__ import annotations

import dagster as dg
import pytest
from graph import Graph, resources_at, video_evaluation
from waiting import eventually

from pique_assets.definitions import build_defs


def tick_until_requested(graph: Graph) -> list[dg.RunRequest]:
    return list(eventually(lambda: graph.tick().run_requests, every_s=0.2))


def test_the_sensor_collects_what_the_submit_job_left(graph, pique):
    assert graph.run("2026-03-02", job="submit").success
    (request,) = tick_until_requested(graph)
    assert (request.job_name, request.partition_key) == ("brand_videos_results", "2026-03-02")
    assert request.run_key.startswith("brand_videos|2026-03-02|")
    assert graph.run("2026-03-02", job="results").success
    assert not graph.tick().run_requests


def test_ticks_that_repeat_ask_for_the_same_run(graph, pique):
    assert graph.run("2026-03-02", job="submit").success
    first = tick_until_requested(graph)
    again = tick_until_requested(graph)
    assert [request.run_key for request in first] == [request.run_key for request in again]


def test_a_day_without_media_is_collected_too(graph, pique):
    assert graph.run("2026-03-04", job="submit").success
    (request,) = tick_until_requested(graph)
    assert request.partition_key == "2026-03-04"


def test_nothing_is_asked_for_after_a_run_of_everything(graph, pique):
    assert graph.run("2026-03-02").success
    result = graph.tick()
    assert not result.run_requests
    assert "not yet collected" in result.skip_reason.skip_message


def test_a_partition_this_code_location_does_not_know_is_left_alone(graph, pique, instance):
    assert graph.run("2026-03-04", job="submit").success
    later = Graph(
        home=graph.home,
        defs=build_defs(
            evaluations=[video_evaluation(start_date="2026-03-05")], resources=resources_at(graph.home, pique)
        ),
        instance=instance,
        evaluation=graph.evaluation,
    )
    assert not later.tick().run_requests


@pytest.mark.parametrize("cursor", [None, "7", "not a number"])
def test_the_cursor_is_only_a_convenience(graph, pique, cursor):
    assert graph.run("2026-03-04", job="submit").success
    result = graph.tick(cursor=cursor)
    assert [request.partition_key for request in result.run_requests] == ["2026-03-04"]
    assert result.cursor.isdigit()


def test_a_tick_before_anything_was_submitted_makes_no_ledger(graph):
    skipped = graph.tick().skip_reason
    assert f"no ledger at {graph.home / 'ledger.db'}: nothing was submitted yet" in skipped.skip_message
    assert not list(graph.home.glob("ledger.db*"))
