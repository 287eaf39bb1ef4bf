"""What a run of Dagster prints commands no terminal, whatever the API and the names of files hold."""

from __future__ import annotations

import json
import shutil

import pytest
from desk import DEMO
from graph import Graph, video_evaluation

from pique_assets.local.process import running_local_pique
from pique_assets.media import DatedFolder

COMMAND = "\x1b]0;owned\x07\u202e"
SHOWN = r"\u001b]0;owned\u0007\u202e"
DATE = "2026-03-02"


@pytest.mark.slow
def test_a_run_prints_no_command(tmp_path, instance, capfd):
    judges = json.loads((DEMO / "judges.json").read_text())
    for judge in judges["judges"]:
        judge["name"] = f"red {COMMAND}"
    (tmp_path / "judges.json").write_text(json.dumps(judges))
    day = tmp_path / "media" / DATE
    day.mkdir(parents=True)
    clip = next((DEMO / "media" / "brand_videos" / DATE).glob("*.mp4"))
    shutil.copy(clip, day / f"{COMMAND}.mp4")
    shutil.copy(clip, day / "\u202egood.mp4")
    evaluation = video_evaluation(media=DatedFolder(tmp_path / "media"))
    with running_local_pique(data_dir=tmp_path / "pique", seed_judges=tmp_path / "judges.json", workers=1) as pique:
        graph = Graph.over(evaluation, home=tmp_path / "home", pique=pique, instance=instance)
        job = graph.defs.resolve_job_def("brand_videos_everything")
        run_config = {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}}
        assert job.execute_in_process(instance=instance, partition_key=DATE, run_config=run_config).success
    printed = "".join(capfd.readouterr())
    assert f"(red {SHOWN}) is ready" in printed
    assert "\x1b]0;" not in printed
    assert "\x07" not in printed
    assert "\u202e" not in printed
    # The tables have it as it is.
    assert sorted(graph.table("content", DATE)["filename"].to_pylist()) == sorted([f"{COMMAND}.mp4", "\u202egood.mp4"])
