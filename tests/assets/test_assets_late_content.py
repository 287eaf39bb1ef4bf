"""What was not delivered is told from what is empty, and what came late is noticed; nothing of it is sent unasked."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, video_evaluation

from pique_assets import late_content
from pique_assets.media import DatedFolder, SocialUrls

DATE = "2026-03-02"


@pytest.fixture
def media(tmp_path) -> Path:
    shutil.copytree(DEMO / "media" / "brand_videos" / DATE, tmp_path / "media" / DATE)
    return tmp_path / "media"


@pytest.fixture
def graph(media, pique, instance) -> Graph:
    # One date alone, so that it is looked at each time.
    evaluation = video_evaluation(media=DatedFolder(media), end_date="2026-03-03")
    return Graph.over(evaluation, home=media.parent, pique=pique, instance=instance)


def observations(graph: Graph, *, tick: int = 0) -> list[dg.AssetObservation]:
    return list(graph.tick(cursor=str(tick)).asset_events)


def test_files_that_came_after_the_run_are_noticed_with_what_to_do(graph, media):
    assert graph.run(DATE).success
    assert observations(graph) == []
    (media / DATE / "late").mkdir()
    (media / DATE / "late" / "clip.mp4").write_bytes(b"not looked at")
    result = graph.tick()
    (observation,) = result.asset_events
    assert observation.asset_key == graph.evaluation.asset_key("raw_media")
    assert observation.partition == DATE
    assert observation.metadata["not_submitted"].value == 1
    uri = (media / DATE / "late" / "clip.mp4").as_uri()
    assert observation.metadata["first_not_submitted"].value == [uri]
    said = result.skip_reason.skip_message
    assert uri in said
    assert "run brand_videos_submit of this date to submit them" in said


def test_a_file_that_was_being_written_during_the_run_comes_late_once_it_is_whole(graph, media):
    clip, record = media / DATE / "late.mp4", media / DATE / "late.mp4.aria2"
    clip.write_bytes(b"not looked at")
    record.write_bytes(b"which pieces are there")
    assert graph.run(DATE, job="submit").success
    (media / DATE / "more.mp4.part").write_bytes(b"half")
    assert observations(graph) == []
    record.unlink()
    (observation,) = observations(graph)
    assert observation.metadata["first_not_submitted"].value == [clip.as_uri()]


@pytest.mark.parametrize("there", ["", "half of a clip"])
def test_a_copy_that_ended_after_the_run_comes_late(there, graph, media):
    whole = next((media / DATE).glob("*.mp4")).read_bytes()
    clip = media / DATE / "copied.mp4"
    clip.write_bytes(whole[: len(there) and len(whole) // 2])
    assert graph.run(DATE, job="submit").success
    assert observations(graph) == []
    clip.write_bytes(whole)
    (observation,) = observations(graph)
    assert observation.metadata["first_not_submitted"].value == [clip.as_uri()]
    assert graph.run(DATE, job="submit").success
    assert observations(graph) == []


def test_late_files_are_looked_for_now_and_then(graph, media):
    assert graph.run(DATE, job="submit").success
    (media / DATE / "late.mp4").write_bytes(b"not looked at")
    assert [bool(observations(graph, tick=number)) for number in (0, 1, late_content.TICKS_BETWEEN - 1)] == [
        True,
        False,
        False,
    ]
    assert observations(graph, tick=late_content.TICKS_BETWEEN)


def test_a_date_that_nobody_submitted_has_no_late_files(graph):
    assert observations(graph) == []


def test_a_source_that_cannot_be_listed_fails_no_tick(graph, media):
    assert graph.run(DATE, job="submit").success
    shutil.rmtree(media)
    assert observations(graph) == []


def test_urls_that_came_late_are_noticed_too(pique, tmp_path, instance):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / f"{DATE}.txt").write_text("https://video.example/watch?v=1\n")
    evaluation = video_evaluation(media=None, social=SocialUrls(lists), end_date="2026-03-03")
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert graph.run(DATE, job="submit").success
    repeated = "https://video.example/watch?v=1\n" * 2
    (lists / f"{DATE}.txt").write_text(f"{repeated}https://video.example/watch?v=2\n")
    (observation,) = observations(graph)
    assert observation.asset_key == evaluation.asset_key("raw_social_urls")
    assert observation.metadata["first_not_submitted"].value == ["https://video.example/watch?v=2"]


def delivered(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = (one for one in result.get_asset_check_evaluations() if one.check_name == "date_was_delivered")
    return found


def test_a_missing_folder_is_told_from_an_empty_one(graph, media):
    shutil.rmtree(media / DATE)
    missing = graph.run(DATE, job="submit")
    assert missing.success
    found = delivered(missing)
    assert (found.passed, found.severity, found.partition) == (False, dg.AssetCheckSeverity.WARN, DATE)
    assert found.metadata["missing"].value == (media / DATE).as_uri()
    (media / DATE).mkdir()
    empty = graph.run(DATE, job="submit")
    assert delivered(empty).passed


@pytest.mark.parametrize("kind", ["list", "folder of lists"])
def test_a_missing_list_is_told_from_an_empty_one(kind, pique, tmp_path, instance):
    lists = tmp_path / "lists"
    lists.mkdir()
    path = lists / "{date}.txt" if kind == "list" else lists
    evaluation = video_evaluation(media=None, social=SocialUrls(path))
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert not delivered(graph.run(DATE, job="submit")).passed
    (lists / f"{DATE}.txt").write_text("# nothing today\n")
    assert delivered(graph.run(DATE, job="submit")).passed


def test_one_date_after_the_other_is_looked_at(pique, tmp_path, instance):
    for date in ("2026-03-02", "2026-03-03"):
        (tmp_path / "media" / date).mkdir(parents=True)
    evaluation = video_evaluation(media=DatedFolder(tmp_path / "media"), end_date="2026-03-04")
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    for date in ("2026-03-02", "2026-03-03"):
        assert graph.run(date, job="submit").success
        (tmp_path / "media" / date / "late.mp4").write_bytes(b"not looked at")
    seen = [
        one.partition for number in range(2) for one in observations(graph, tick=number * late_content.TICKS_BETWEEN)
    ]
    assert sorted(seen) == ["2026-03-02", "2026-03-03"]
    assert dt.date.fromisoformat(seen[0])
