"""Nothing is sent where ledger, lake, Pique and evaluation don't belong together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO, JUDGE
from graph import Graph, resources_at, video_evaluation
from settled_record import settled_record
from waiting import eventually

from pique_assets.api.models import DetectorRequest, JudgeRequest
from pique_assets.cli import main
from pique_assets.definitions import build_defs
from pique_assets.lake import Lake
from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import JobRecord, read_record
from pique_assets.media import DatedFolder, SocialUrls
from pique_assets.resources import PiqueResource

FIRST, SECOND = "2026-03-02", "2026-03-03"


@pytest.fixture
def sent(pique: LocalPiqueProcess) -> Callable[[], list[JobRecord]]:
    """A function that returns the jobs made since the test began."""
    before = {job.job_id for job in read_record(pique.data_dir)}
    return lambda: [job for job in settled_record(pique.data_dir) if job.job_id not in before]


def refusal(result: dg.ExecuteInProcessResult) -> str:
    """What the run said when it refused to submit."""
    assert not result.success
    failed = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    error = failed[0].step_failure_data.error
    assert error is not None
    cause = error.cause or error
    return f"{cause.cls_name}: {cause.message}"


def forget(home: Path, *, keep: Path | None = None) -> None:
    """Lose the ledger, or put an old copy of it in its place."""
    for path in home.glob("ledger.db*"):
        path.unlink()
    if keep is not None:
        shutil.copy(keep, home / "ledger.db")


def another_video_judge(pique: LocalPiqueProcess) -> str:
    """The id of a judge that can evaluate the same content."""
    wish = JudgeRequest(
        name="another",
        description="of the same content",
        content_type="video",
        detectors=(DetectorRequest(detector_name="video_specs"),),
    )
    with PiqueResource(base_url=pique.base_url, api_key=pique.api_key).client() as client:
        judge_id = client.create_judge(wish).id
        eventually(lambda: client.get_judge(judge_id).status, lambda status: status == "ready")
    return judge_id


def restored(home: Path) -> int:
    return main(["ledger", "restore", "--lake", str(home / "lake"), "--ledger", str(home / "ledger.db")])


@pytest.mark.parametrize("date", [FIRST, SECOND])
def test_a_lost_ledger_buys_nothing_until_it_is_restored(graph, sent, date):
    assert graph.run(FIRST).success
    bought = sent()
    forget(graph.home)
    said = refusal(graph.run(date))
    assert "LedgerKnowsLess" in said
    assert "ledger restore" in said
    assert bought[0].job_id in said
    assert sent() == bought
    assert restored(graph.home) == 0
    assert graph.run(date).success
    contents = [evaluation.content_sha256 for job in sent() for evaluation in job.evaluations]
    assert len(contents) == len(set(contents))


def test_an_old_backup_of_the_ledger_buys_nothing(graph, sent, tmp_path):
    assert graph.run(FIRST).success
    backup = tmp_path / "backup.db"
    shutil.copy(graph.home / "ledger.db", backup)
    assert graph.run(SECOND).success
    bought = sent()
    forget(graph.home, keep=backup)
    for date in (FIRST, SECOND):
        assert "ledger restore" in refusal(graph.run(date, job="submit"))
    assert sent() == bought
    assert restored(graph.home) == 0
    assert graph.run(SECOND).success
    assert sent() == bought


def test_the_files_of_a_lake_are_read_once_and_not_at_each_run(graph, pique):
    assert graph.run(FIRST).success
    assert graph.run(FIRST, job="submit").success
    ledger_file, lake = str(graph.home / "ledger.db"), Lake(str(graph.home / "lake"))
    with Ledger.open(ledger_file) as ledger:
        assert list(ledger.known_lake_files().values()) == list(lake.versions("submissions").values())
    # A file that is damaged is not looked at while it is the one that was read; replaced, it is.
    path = Path(
        lake.uri("submissions", judge=graph.evaluation.judge_folder, date=FIRST, evaluation=graph.evaluation.name)
    )
    path.write_bytes(b"no Parquet")
    assert "FileUnreadable" in refusal(graph.run(SECOND, job="submit"))


def test_two_teams_with_a_ledger_each_share_a_lake(pique, tmp_path, sent):
    lake = tmp_path / "lake"
    for team, name in (("one", "brand_videos"), ("two", "other_videos")):
        evaluation = video_evaluation(name=name)
        resources = resources_at(tmp_path / team, pique)
        resources["lake"] = type(resources["lake"])(root=str(lake))
        with dg.DagsterInstance.ephemeral() as instance:
            defs = build_defs(evaluations=[evaluation], resources=resources)
            graph = Graph(home=tmp_path, defs=defs, instance=instance, evaluation=evaluation)
            assert graph.run(FIRST).success
    assert {file.evaluation for file in Lake(str(lake)).partitions("submissions")} == {"brand_videos", "other_videos"}


def test_a_command_line_with_an_empty_ledger_buys_nothing_that_the_lake_knows(
    graph, pique, sent, tmp_path, monkeypatch, capsys
):
    assert graph.run(FIRST).success
    bought = sent()
    monkeypatch.setenv("PIQUE_BASE_URL", pique.base_url)
    monkeypatch.setenv("PIQUE_API_KEY", pique.api_key)
    monkeypatch.setenv("PIQUE_LAKE", str(graph.home / "lake"))
    files = sorted((DEMO / "media" / "brand_videos" / FIRST).glob("*.m*"))
    (tmp_path / "mine").mkdir()
    empty = str(tmp_path / "mine" / "ledger.db")
    assert main(["evaluate", *map(str, files), "--judge", JUDGE, "--ledger", empty]) == 1
    said = capsys.readouterr().err
    assert f"made a new, empty ledger {empty}" in said
    assert "ledger restore" in said
    assert sent() == bought
    ours = str(graph.home / "ledger.db")
    assert main(["evaluate", *map(str, files), "--judge", JUDGE, "--ledger", ours]) == 0
    assert sent() == bought


def test_a_ledger_and_a_lake_of_one_pique_refuse_another(graph, sent):
    with Ledger.open(str(graph.home / "ledger.db")) as ledger:
        ledger.belong_to("production")
    said = refusal(graph.run(FIRST, job="submit"))
    assert "LedgerOfAnotherPique" in said
    assert "'production', and this is 'local'" in said
    assert "PIQUE_HOME" in said
    forget(graph.home)
    (graph.home / "lake" / "_pique.json").unlink()
    Lake(str(graph.home / "lake")).belong_to("sandbox")
    said = refusal(graph.run(FIRST, job="submit"))
    assert "LakeOfAnotherPique" in said
    assert "'sandbox', and this is 'local'" in said
    assert sent() == []


@pytest.mark.parametrize("other", ["judge", "media", "source"])
def test_one_name_for_two_judges_or_sources_on_one_ledger_is_refused(graph, pique, instance, sent, tmp_path, other):
    assert graph.run(FIRST, job="submit").success
    bought = sent()
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / f"{FIRST}.txt").write_text("https://www.example.org/watch?v=1\n")
    changes, what = {
        "judge": ({"judge_id": (judge := another_video_judge(pique))}, f"judge judge_demo_videos, and now {judge}"),
        "media": ({"media": DatedFolder(tmp_path)}, f"and now {tmp_path}"),
        "source": ({"media": None, "social": SocialUrls(tmp_path / "lists")}, "and now none"),
    }[other]
    foreign = Graph.over(video_evaluation(**changes), home=graph.home, pique=pique, instance=instance)
    said = refusal(foreign.run(FIRST, job="submit"))
    assert "DeclaredDifferently" in said
    assert what in said
    assert "ledger redeclare brand_videos" in said
    assert sent() == bought


def test_a_changed_declaration_is_taken_when_somebody_says_so(graph, pique, instance, tmp_path, capsys):
    assert graph.run(FIRST, job="submit").success
    moved = tmp_path / "moved"
    shutil.copytree(DEMO / "media" / "brand_videos" / FIRST, moved / FIRST)
    other = Graph.over(video_evaluation(media=DatedFolder(moved)), home=graph.home, pique=pique, instance=instance)
    assert f"and now {moved}" in refusal(other.run(FIRST, job="submit"))
    ledger = str(graph.home / "ledger.db")
    assert main(["ledger", "redeclare", "brand_videos", "--ledger", ledger]) == 0
    assert other.run(FIRST, job="submit").success
    assert "and now" in refusal(graph.run(FIRST, job="submit"))
    assert main(["ledger", "redeclare", "nobody", "--ledger", ledger]) == 1
    assert "no record of an evaluation 'nobody'" in capsys.readouterr().err
