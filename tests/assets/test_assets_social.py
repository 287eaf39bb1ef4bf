"""Social media URLs through the asset graph: beside files, alone, with two judges, and with answers that were lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from desk import DEMO
from graph import Graph, resources_at, video_evaluation
from social_desk import (
    IMAGE_JUDGE,
    JUDGE,
    OTHER_JUDGE,
    PATIENT_LIMITS,
    hear_of,
    running_social_pique,
    serving_files,
    urls,
)
from waiting import eventually

from pique_assets.cli import main
from pique_assets.component import PiqueEvaluations
from pique_assets.definitions import build_defs
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import read_record
from pique_assets.media import DatedFolder, SocialUrls
from pique_assets.testing import Fault, FaultKind, FaultScript, Route
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy

DATE, EMPTY_DATE = "2026-03-02", "2026-03-04"
VIDEOS = DEMO / "media" / "brand_videos" / DATE


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with serving_files(VIDEOS) as host:
        yield host


@pytest.fixture(scope="module")
def pique(tmp_path_factory: pytest.TempPathFactory, host: str) -> Iterator[LocalPiqueProcess]:
    with running_social_pique(tmp_path_factory.mktemp("social"), allow=[host]) as process:
        yield process


@pytest.fixture
def listing(tmp_path: Path):
    """``listing(lines)``: the list of the date; returns its source."""

    def write(lines: list[str]) -> SocialUrls:
        folder = tmp_path / "urls"
        folder.mkdir()
        (folder / f"{DATE}.txt").write_text("\n".join(lines))
        return SocialUrls(folder)

    return write


def social_evaluation(**changes):
    return video_evaluation(
        **({"name": "social_videos", "judge_id": JUDGE, "media": None, "limits": PATIENT_LIMITS} | changes)
    )


def rows_of(graph: Graph, *, date: str = DATE) -> list[dict]:
    return graph.table("submissions", date).to_pylist()


def counts(graph: Graph, *, date: str = DATE) -> dict[str, int]:
    (status,) = graph.table("partition_status", date).to_pylist()
    return {name: value for name, value in status.items() if name.endswith("_count")}


def test_a_day_of_urls_and_files_meets_in_the_same_tables(listing, host, pique, tmp_path, instance):
    seen = [f"http://{host}/{name}" for name in ("teaser_vertical.mp4", "loop_square.webm")]
    missing = f"http://{host}/gone.mp4"
    refused = urls(42)
    source = listing([*seen, "# nothing", missing, *refused, seen[0] + "#t=10", "ftp://x", "http://me:pw@x/"])
    media = DatedFolder(DEMO / "media" / "brand_videos")
    evaluation = social_evaluation(media=media, social=source)
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    result = graph.run(DATE)
    assert result.success
    rows = rows_of(graph)
    assert Counter((row["source"], row["state"]) for row in rows) == {
        ("direct", "completed"): 3,
        ("social", "completed"): 2,
        ("social", "failed"): 43,
        ("social", "unreadable"): 3,
    }
    by_uri = {row["content_uri"]: row for row in rows}
    assert "404" in by_uri[missing]["error"]
    assert all("not a public address" in by_uri[url]["error"] for url in refused)
    social = [row for row in rows if row["source"] == "social" and row["job_id"]]
    assert sorted(Counter(row["batch_id"] for row in social).values()) == [5, 20, 20]
    assert all(row["size_bytes"] is None and row["content_type"] == "video" for row in social)
    evaluations = {row["job_id"]: row["status"] for row in graph.table("evaluations", DATE).to_pylist()}
    assert evaluations.keys() == {row["job_id"] for row in rows if row["job_id"]}
    scorecard = {row["detector_name"]: row for row in graph.table("scorecard_daily", DATE).to_pylist()}
    assert scorecard["title_and_description"]["n"] == 5
    assert counts(graph)["content_count"] == 51
    submitted = graph.materialization("social_submissions", DATE)
    assert {name: submitted.metadata[name].value for name in ("urls", "accepted", "unusable", "unanswered")} == {
        "urls": 45,
        "accepted": 45,
        "unusable": 3,
        "unanswered": 0,
    }
    assert "Line 48" in submitted.metadata["wrong_lines"].value and "pw" not in submitted.metadata["wrong_lines"].value
    before = len(read_record(pique.data_dir))
    assert graph.run(DATE, job="submit").success
    assert len(read_record(pique.data_dir)) == before
    again = graph.materialization("social_submissions", DATE)
    assert again.metadata["already_known"].value == 45
    assert again.tags["dagster/data_version"] == submitted.tags["dagster/data_version"]


def test_urls_alone_need_no_media_and_a_day_without_a_list_completes(listing, pique, tmp_path, instance):
    evaluation = social_evaluation(social=listing([]))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    keys = {spec.key.path[-1] for spec in graph.defs.resolve_all_asset_specs()}
    assert {"raw_social_urls", "social_submissions"} <= keys
    assert not {"raw_media", "content", "uploads"} & keys
    assert graph.run(EMPTY_DATE).success
    assert counts(graph, date=EMPTY_DATE)["content_count"] == 0
    for asset in keys - {"raw_social_urls", "judge", "social_submissions"}:
        lineage = graph.materialization(asset, EMPTY_DATE).metadata["dagster/column_lineage"].value
        for deps in lineage.deps_by_column.values():
            assert {dep.asset_key.path[-1] for dep in deps} <= keys


def test_two_judges_over_one_list_have_jobs_of_their_own(listing, pique, tmp_path, instance):
    addresses = urls(2)
    source = listing(addresses)
    evaluations = [
        social_evaluation(name="first", social=source),
        social_evaluation(name="second", judge_id=OTHER_JUDGE, social=source),
    ]
    defs = build_defs(evaluations=evaluations, resources=resources_at(tmp_path, pique))
    graphs = [Graph(home=tmp_path, defs=defs, instance=instance, evaluation=one) for one in evaluations]
    assert all(graph.run(DATE, job="submit").success for graph in graphs)
    made = Counter(job.judge_id for job in read_record(pique.data_dir) if job.url in addresses)
    assert made == {JUDGE: 2, OTHER_JUDGE: 2}


def test_a_judge_that_takes_no_video_stops_the_run_before_anything_is_sent(listing, pique, tmp_path, instance):
    addresses = urls(1)
    evaluation = social_evaluation(judge_id=IMAGE_JUDGE, social=listing(addresses))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    result = graph.run(DATE, job="submit")
    failures = [event.step_failure_data.error.to_string() for event in result.all_events if event.is_step_failure]
    assert any("social media needs a judge of content type video" in failure for failure in failures)
    assert not [job for job in read_record(pique.data_dir) if job.url in addresses]


@contextmanager
def without_an_answer(pique: LocalPiqueProcess) -> Iterator[LocalPiqueProcess]:
    """This Pique, except that its answer to the first batch is lost."""
    script = FaultScript([Fault(route=Route.SOCIAL_MEDIA, kind=FaultKind.LOST_ANSWER)])
    with (
        FaultProxy(script=script, history=History()) as proxy,
        proxy.serving(pique_url=pique.base_url, api_key=pique.api_key),
    ):
        yield replace(pique, base_url=proxy.base_url)
    script.require_consumed()


def tick(graph: Graph) -> list[str]:
    """What the sensor asks for, as partition keys."""
    return [request.partition_key for request in graph.tick().run_requests or ()]


def tick_until_requested(graph: Graph) -> list[str]:
    return eventually(lambda: tick(graph), every_s=0.2)


def test_the_sensor_finds_a_lost_job_by_its_webhook_even_after_it_was_in_doubt(listing, pique, tmp_path, instance):
    (url,) = addresses = urls(1)
    evaluation = social_evaluation(social=listing(addresses), limits=replace(PATIENT_LIMITS, in_doubt_wait_s=0))
    with without_an_answer(pique) as silent:
        graph = Graph.over(evaluation, home=tmp_path, pique=silent, instance=instance)
        assert graph.run(DATE, job="submit").success
        assert graph.materialization("social_submissions", DATE).metadata["unanswered"].value == 1
        assert tick(graph) == [DATE]
        assert graph.run(DATE, job="results").success
        (row,) = rows_of(graph)
        assert (row["state"], row["error_code"], row["job_id"]) == ("in_doubt", "in_doubt", None)
        assert "POST was begun" in row["error"]
        assert counts(graph)["in_doubt_count"] == 1
        assert tick(graph) == []
        (job,) = [job for job in read_record(pique.data_dir) if job.url == url]
        with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
            hear_of(job, ledger=ledger)
        assert tick_until_requested(graph) == [DATE]
        assert graph.run(DATE, job="results").success
    (row,) = rows_of(graph)
    assert (row["state"], row["job_id"], row["batch_id"]) == ("failed", job.job_id, job.batch_id)


@pytest.mark.slow
@pytest.mark.long
def test_after_a_lost_ledger_no_url_is_sent_again(listing, pique, tmp_path, instance, capsys):
    addresses = urls(21)
    limits = replace(PATIENT_LIMITS, in_doubt_wait_s=0)
    with without_an_answer(pique) as silent:
        evaluation = social_evaluation(social=listing([*addresses, "no url"]), limits=limits)
        graph = Graph.over(evaluation, home=tmp_path, pique=silent, instance=instance)
        assert graph.run(DATE).success
        before, record = rows_of(graph), read_record(pique.data_dir)
        assert Counter(row["state"] for row in before) == {"in_doubt": 20, "failed": 1, "unreadable": 1}
        for path in tmp_path.glob("ledger.db*"):
            path.unlink()
        restored = main(
            ["ledger", "restore", "--lake", str(tmp_path / "lake"), "--ledger", str(tmp_path / "ledger.db")]
        )
        assert restored == 0
        assert "restored 21 jobs and 1 results of 1 dates" in capsys.readouterr().out
        assert graph.run(DATE).success
    assert read_record(pique.data_dir) == record
    told = ("content_uri", "state", "job_id", "batch_id", "error_code", "error", "work_key", "attempt")
    assert [[row[name] for name in told] for row in rows_of(graph)] == [[row[name] for name in told] for row in before]


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")
def test_yaml_names_a_list_beside_media_or_alone(tmp_path):
    declared = {"name": "social_videos", "judge_id": JUDGE, "start_date": DATE, "social": "urls"}

    def evaluation(**more):
        attributes = {"environment": "production", "evaluations": [declared | more]}
        return PiqueEvaluations.resolve_from_dict(attributes).evaluations[0].to_evaluation(base=tmp_path)

    alone = evaluation(limits={"social_in_doubt": "wait", "in_doubt_wait_s": 60})
    assert (alone.social, alone.media) == (SocialUrls(str(tmp_path / "urls")), None)
    assert (alone.limits.social_in_doubt, alone.limits.in_doubt_wait_s) == ("wait", 60)
    assert evaluation(dated_folder="media").submitting_assets == ("uploads", "social_submissions")


def test_an_evaluation_without_content_is_refused():
    with pytest.raises(ValueError, match="media, social, or both"):
        social_evaluation()
