"""A judge that is described otherwise for a moment buys nothing; a change that is meant is known before it costs."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from changeable_judge import (
    ChangeableJudge,
    as_it_is,
    changeable_judge,
    with_detectors,
    with_fewer_detectors,
)
from graph import Graph, video_evaluation

from pique_assets import PiqueTranslator
from pique_assets.analysis import load
from pique_assets.local.record import read_record

DATE = "2026-03-02"


@pytest.fixture
def front(pique) -> Iterator[ChangeableJudge]:
    with changeable_judge(pique) as front:
        yield front


@pytest.fixture
def graph(front, tmp_path, instance) -> Graph:
    return Graph.over(video_evaluation(), home=tmp_path, pique=front, instance=instance)


def submit(graph: Graph) -> dg.ExecuteInProcessResult:
    """Materialise `uploads` alone, as a schedule does whose judge is materialised elsewhere."""
    job = dg.define_asset_job("uploads_alone", selection=[graph.evaluation.asset_key("uploads")])
    return _run(graph, dg.Definitions.merge(graph.defs, dg.Definitions(jobs=[job])), "uploads_alone")


def _run(graph: Graph, defs: dg.Definitions, job: str) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        instance=graph.instance,
        partition_key=DATE,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    return "\n".join(event.step_failure_data.error.to_string() for event in result.all_events if event.is_step_failure)


@pytest.fixture
def evaluated(graph, pique) -> Iterator[None]:
    """A date whose content is submitted; whatever a test does afterwards must not add a job."""
    assert graph.run(DATE, job="submit").success
    before = read_jobs(pique)
    yield
    assert read_jobs(pique) == before, "nothing was bought"


def read_jobs(pique) -> set[str]:
    return {job.job_id for job in read_record(pique.data_dir)}


@pytest.mark.parametrize("detectors", [None, []], ids=["null", "none"])
def test_a_judge_that_comes_back_without_detectors_is_refused(detectors, evaluated, front, graph):
    front.answers(with_detectors(detectors))
    assert "has no detectors" in failure(submit(graph))
    # Also where nothing of the judge was known before.
    assert "has no detectors" in failure(graph.run(DATE, job="submit"))


def test_fewer_detectors_for_a_moment_buy_nothing_and_the_run_goes_on(evaluated, front, graph):
    front.answers(with_fewer_detectors, as_it_is)
    assert submit(graph).success
    assert front.asked == 2


def test_answers_that_go_on_to_differ_are_refused(evaluated, front, graph):
    many = [with_detectors([{"id": f"d{n}", "detector_name": "logo", "config": {}}]) for n in range(9)]
    front.answers(*many)
    said = failure(submit(graph))
    assert "no two in a row agree" in said and "Nothing was sent" in said
    assert front.asked == 5


@pytest.mark.parametrize("translator", [PiqueTranslator(), PiqueTranslator(key_prefix="marketing")], ids=["", "prefix"])
def test_a_judge_that_changes_within_a_run_is_not_mixed_in(front, pique, tmp_path, instance, translator):
    graph = Graph.over(video_evaluation(translator=translator), home=tmp_path, pique=front, instance=instance)
    before = read_jobs(pique)
    front.answers(as_it_is, with_fewer_detectors)
    assert "configured otherwise than when this run began" in failure(graph.run(DATE, job="submit"))
    assert read_jobs(pique) == before
    # The next run is of one piece again.
    assert graph.run(DATE, job="submit").success
    rows = load("judges", lake=graph.home / "lake").judge_configuration_hash
    assert rows.nunique() == 2


def test_a_judge_that_is_described_otherwise_for_a_moment_makes_nothing_stale(front, graph):
    job = dg.Definitions(jobs=[dg.define_asset_job("judge_alone", selection=[graph.evaluation.asset_key("judge")])])
    defs = dg.Definitions.merge(graph.defs, job)
    versions = []
    for answers in ([as_it_is], [with_fewer_detectors, as_it_is], [with_fewer_detectors]):
        front.answers(*answers)
        result = defs.resolve_job_def("judge_alone").execute_in_process(instance=graph.instance)
        (event,) = result.get_asset_materialization_events()
        versions.append(event.materialization.tags["dagster/data_version"])
    assert (versions[0] == versions[1], versions[1] == versions[2]) == (True, False)
