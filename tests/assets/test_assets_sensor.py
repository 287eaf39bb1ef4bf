"""Daily work without waiting: the submit job ends, the sensor notices results and asks for the run that collects."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
from desk import LIMITS
from graph import Graph, resources_at, video_evaluation
from waiting import eventually

from pique_assets.definitions import build_defs
from pique_assets.media import SocialUrls


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


@contextlib.contextmanager
def nobody_else_writes(graph: Graph) -> Iterator[None]:
    """Keep the ledger's one write lock: whoever wants to write meanwhile waits in vain, even to write nothing."""
    with contextlib.closing(sqlite3.connect(graph.home / "ledger.db", isolation_level=None)) as connection:
        (before,) = connection.execute("PRAGMA data_version").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
        assert connection.execute("PRAGMA data_version").fetchone() == (before,)


def test_a_tick_that_finds_everything_collected_writes_nothing(graph):
    assert graph.run("2026-03-02").success
    with nobody_else_writes(graph):
        for tick in ("1", "2"):
            assert not graph.tick(cursor=tick).run_requests


def test_a_tick_that_finds_open_jobs_which_are_not_due_writes_nothing(pique, tmp_path, instance):
    patient = video_evaluation(limits=replace(LIMITS, results_wait_s=3600))
    graph = Graph.over(patient, home=tmp_path, pique=pique, instance=instance)
    assert graph.run("2026-03-02", job="submit").success
    with contextlib.closing(sqlite3.connect(graph.home / "ledger.db")) as connection, connection:
        connection.execute("UPDATE submissions SET next_poll_at = '2999-01-01 00:00:00.000000'")
    # Notes when to look at the date again, once.
    assert "asked Pique for 0 results" in graph.tick(cursor="1").skip_reason.skip_message
    with nobody_else_writes(graph):
        for tick in ("2", "3"):
            assert "asked Pique for 0 results" in graph.tick(cursor=tick).skip_reason.skip_message


def test_a_tick_that_waits_for_social_media_writes_nothing(pique, tmp_path, instance):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "2026-03-02.txt").write_text("https://video.example/watch?v=1\n")
    evaluation = video_evaluation(media=None, social=SocialUrls(lists), limits=replace(LIMITS, results_wait_s=3600))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert graph.run("2026-03-02", job="submit").success
    with contextlib.closing(sqlite3.connect(graph.home / "ledger.db")) as connection, connection:
        # As if no answer to the POST had come.
        connection.execute("UPDATE submissions SET state = 'SUBMITTING', job_id = NULL, next_poll_at = NULL")
    graph.tick(cursor="1")
    with nobody_else_writes(graph):
        for tick in ("2", "3"):
            assert not graph.tick(cursor=tick).run_requests
