"""A file that changes between the inventory and the upload: nothing of it leaves, and its row says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, video_evaluation
from whole_media import clip

from pique_assets.media import DatedFolder
from pique_assets.testing import FaultyPique, Route, running_faulty_pique

DATE = "2026-03-02"
# More than any buffer between the file and the socket: without a look beforehand, part of it would have left.
PADDING = 6_000_000


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPique]:
    """A Pique whose every byte received is counted."""
    folder = tmp_path_factory.mktemp("pique")
    with running_faulty_pique(data_dir=folder, seed_judges=DEMO / "judges.json") as pique:
        yield pique


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media" / DATE
    folder.mkdir(parents=True)
    (folder / "same.mp4").write_bytes(clip())
    (folder / "victim.mp4").write_bytes(clip() + bytes(PADDING))
    return folder


def overwrite_the_end(path: Path) -> None:
    """Other bytes, the same size: only the file's time tells."""
    with path.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"other bytes")


def replace_by_one_of_the_same_size(path: Path) -> None:
    other = path.with_name(".other")
    other.write_bytes(path.read_bytes()[:-1] + b"\1")
    other.replace(path)


@pytest.mark.parametrize("change", [overwrite_the_end, replace_by_one_of_the_same_size])
def test_no_byte_of_a_changed_file_leaves_and_its_row_says_so(media, watched, tmp_path, change):
    evaluation = video_evaluation(media=DatedFolder(media.parent))
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(evaluation, home=tmp_path / "home", pique=watched, instance=instance)
        assert materialise(graph, "content").success
        change(media / "victim.mp4")
        before = len(watched.history)
        assert materialise(graph, "judge", "uploads").success
        assert graph.run(DATE, job="results").success
        rows = {row["filename"]: row for row in graph.table("submissions", DATE).to_pylist()}

    put = [exchange.body_bytes for exchange in watched.history[before:] if exchange.route is Route.UPLOAD]
    assert put == [len(clip())]
    assert (rows["same.mp4"]["state"], rows["same.mp4"]["error_code"]) == ("completed", None)
    assert rows["victim.mp4"]["error_code"] == "changed"
    assert "not the file that was fingerprinted any more" in rows["victim.mp4"]["error"]


def materialise(graph: Graph, *assets: str) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("some", selection=[graph.evaluation.asset_key(asset) for asset in assets])
    defs = dg.Definitions.merge(graph.defs, dg.Definitions(jobs=[job]))
    return defs.resolve_job_def("some").execute_in_process(
        instance=graph.instance,
        partition_key=DATE,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
    )
