"""A date always completes: jobs that never end are rows that say so, and what comes late replaces them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from desk import LIMITS, poll_until
from endless_pique import OddPique, body, odd_pique, refused, status
from graph import Graph, video_evaluation
from tiny_images import Studio

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.results import ResultPoller
from pique_assets.ledger import OPEN_STATES, Ledger
from pique_assets.media import DatedFolder

DATE = "2026-03-02"
NEVER_ENDING = {
    "cancelled.png": status("cancelled", error="somebody thought better of it"),
    "paused.png": status("paused"),
    "processing.png": status("processing"),
    "unknown.png": refused(404),
    "not_json.png": body(b"<html>502</html>"),
    "too_large.png": body(b" " * 300_000),
    "of_another_job.png": body(b'{"job_id": "job_x", "status": "completed"}'),
}
SAID = {
    "cancelled.png": "Pique says 'cancelled': somebody thought better of it",
    "paused.png": "Pique says 'paused'",
    "processing.png": "Pique says 'processing'",
    "unknown.png": "Pique does not know the job (404)",
    "not_json.png": "not readable as JSON (16 bytes)",
    "too_large.png": "more than 200000 bytes",
    "of_another_job.png": "it is about job job_x",
}
GOOD = ("a.png", "b.png")


@pytest.fixture
def odd(pique, monkeypatch) -> Iterator[OddPique]:
    monkeypatch.setattr("pique_assets.api.transport.MAX_ANSWER_BYTES", 200_000)
    with odd_pique(pique) as odd:
        yield odd


@pytest.fixture
def media(tmp_path) -> Path:
    """A date with two good images, and one for each kind of never ending."""
    folder = tmp_path / "media" / DATE
    folder.mkdir(parents=True)
    studio = Studio(folder, seed=7)
    for name, item in zip((*GOOD, *NEVER_ENDING), studio.images(len(GOOD) + len(NEVER_ENDING)), strict=True):
        (folder / item.filename).rename(folder / name)
    return tmp_path / "media"


def graph_over(media: Path, *, odd: OddPique, instance: dg.DagsterInstance, **limits: float) -> Graph:
    evaluation = video_evaluation(
        name="images",
        judge_id="judge_demo_images",
        media=DatedFolder(media),
        limits=replace(LIMITS, results_wait_s=0, **limits),
    )
    return Graph.over(evaluation, home=media.parent, pique=odd, instance=instance)


def record_results(graph: Graph, *, odd: OddPique, count: int) -> None:
    """Ask until so many results are in the ledger, as the sensor does."""
    with (
        Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}") as ledger,
        PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as client,
    ):
        poll_until(
            lambda progress: progress.completed >= count,
            ledger=ledger,
            client=client,
            evaluation=graph.evaluation.name,
            partition=DATE,
            limits=graph.evaluation.limits,
        )


def rows_of(graph: Graph) -> dict[str, dict[str, object]]:
    return {row["filename"]: row for row in graph.table("submissions", DATE).to_pylist()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def test_the_first_run_has_all_other_scores_whatever_some_jobs_do(media, odd, instance):
    odd.answers = NEVER_ENDING
    graph = graph_over(media, odd=odd, instance=instance)
    assert graph.run(DATE, job="submit").success
    record_results(graph, odd=odd, count=len(GOOD))

    result = graph.run(DATE, job="results")

    assert result.success
    rows = rows_of(graph)
    assert {rows[name]["state"] for name in GOOD} == {"completed"}
    assert {row["job_id"] for row in graph.table("evaluations", DATE).to_pylist()} == {
        odd.job_of(name) for name in GOOD
    }
    assert {(rows[name]["state"], rows[name]["error_code"]) for name in NEVER_ENDING} == {("uploaded", "no_result_yet")}
    assert rows["cancelled.png"]["error"] == "no result yet. Pique says 'cancelled'"
    warned = checks_of(result)["every_job_has_ended"]
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert odd.job_of("paused.png").replace("_", "\\_") in warned.metadata["first_found"].value
    assert checks_of(result)["every_content_item_has_an_outcome"].passed
    assert graph.table("partition_status", DATE).to_pylist()[0]["completed_count"] == len(GOOD)
    pending = graph.materialization("evaluation_results", DATE).metadata["pending_job_ids"].value
    assert set(pending) == {odd.job_of(name) for name in NEVER_ENDING}


def test_what_never_ends_is_given_up_with_what_pique_said_and_replaced_by_what_comes_late(media, odd, instance):
    odd.answers = NEVER_ENDING
    submitted = graph_over(media, odd=odd, instance=instance)
    assert submitted.run(DATE, job="submit").success
    record_results(submitted, odd=odd, count=len(GOOD))
    impatient = graph_over(media, odd=odd, instance=instance, longest_job_s=0)
    ledger = Ledger.open(f"sqlite:///{media.parent / 'ledger.db'}")
    with ledger:
        ledger.make_due([odd.job_of(name) for name in NEVER_ENDING])
        record_results(impatient, odd=odd, count=len(GOOD))
        with PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as client:
            ResultPoller(Engine(client=client, ledger=ledger, limits=impatient.evaluation.limits, say=print)).poll_due()

        assert impatient.run(DATE, job="results").success
        rows = rows_of(impatient)
        assert {rows[name]["state"] for name in NEVER_ENDING} == {"given_up"}
        assert {rows[name]["error_code"] for name in NEVER_ENDING} == {"never_ended"}
        assert {name: said for name, said in SAID.items() if said not in rows[name]["error"]} == {}
        assert ledger.uncollected_partitions() == []

        # Nothing is sent again, though nobody waits any more.
        assert impatient.run(DATE, job="submit").success
        assert len(odd.files) == len(GOOD) + len(NEVER_ENDING)
        assert impatient.run(DATE, job="results").success
        assert ledger.uncollected_partitions() == []

        odd.answers = {}
        record_results(impatient, odd=odd, count=len(GOOD))
        ledger.make_due([odd.job_of(name) for name in NEVER_ENDING])
        record_results(impatient, odd=odd, count=len(GOOD) + len(NEVER_ENDING))
        assert [one.partition for one in ledger.uncollected_partitions()] == [DATE]
        assert impatient.run(DATE, job="results").success
        assert {row["state"] for row in rows_of(impatient).values()} == {"completed"}
        assert impatient.table("evaluations", DATE).num_rows == len(GOOD) + len(NEVER_ENDING)


def test_an_open_job_hides_nothing_of_a_date_that_was_collected_before(media, odd, instance):
    for name in ("paused.png", *[name for name in NEVER_ENDING if name != "paused.png"]):
        (media / DATE / name).rename(media / name)
    graph = graph_over(media, odd=odd, instance=instance)
    assert graph.run(DATE, job="submit").success
    record_results(graph, odd=odd, count=len(GOOD))
    assert graph.run(DATE, job="results").success
    odd.answers = NEVER_ENDING
    (media / "paused.png").rename(media / DATE / "paused.png")
    assert graph.run(DATE, job="submit").success
    assert graph.run(DATE, job="results").success
    rows = rows_of(graph)
    assert {name: row["state"] for name, row in rows.items()} == {
        "a.png": "completed",
        "b.png": "completed",
        "paused.png": "uploaded",
    }
    assert graph.table("evaluations", DATE).num_rows == len(GOOD)


def test_completed_without_a_result_is_asked_again_until_it_has_one(media, odd, instance):
    odd.answers = {name: status("completed") for name in GOOD}
    for name in NEVER_ENDING:
        (media / DATE / name).unlink()
    graph = graph_over(media, odd=odd, instance=instance, empty_result_wait_s=3000)
    assert graph.run(DATE, job="submit").success
    with (
        Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}") as ledger,
        PiqueClient(base_url=odd.base_url, api_key=odd.api_key) as client,
    ):
        for limits in (graph.evaluation.limits, replace(graph.evaluation.limits, empty_result_wait_s=0)):
            jobs = [odd.job_of(name) for name in GOOD]
            ledger.make_due(jobs)
            ResultPoller(Engine(client=client, ledger=ledger, limits=limits, say=print)).poll_due()
            found = [ledger.find_job(job_id) for job_id in jobs]
            if limits.empty_result_wait_s:
                assert {one.pique_status for one in found} == {"completed without a result"}
                assert all(one.state in OPEN_STATES and one.empty_since is not None for one in found)
                del odd.answers["a.png"]
                record_results(graph, odd=odd, count=1)
        assert {one.state for one in found} == {"COMPLETED"}
    assert graph.run(DATE, job="results").success
    scores = {row["job_id"]: row["overall_score"] for row in graph.table("evaluations", DATE).to_pylist()}
    assert scores[odd.job_of("b.png")] is None
    assert scores[odd.job_of("a.png")] is not None


def test_a_date_that_nobody_submitted_is_no_empty_date(media, odd, instance):
    graph = graph_over(media, odd=odd, instance=instance)
    result = graph.run(DATE, job="results")
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert "nothing of images 2026-03-02 was submitted" in failure.user_failure_data.description
