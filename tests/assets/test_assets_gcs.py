"""Media and lake in a bucket: gs:// is a setting, the graph is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from desk import DEMO
from gcs_server import running_gcs_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from graph import Graph, resources_at, video_evaluation

from pique_assets.analysis import load
from pique_assets.definitions import build_defs
from pique_assets.lake import Lake
from pique_assets.media import DatedFolder
from pique_assets.resources import LakeResource, MediaStorageResource

pytestmark = pytest.mark.slow


@pytest.fixture
def buckets(tmp_path, monkeypatch) -> Iterator[None]:
    """Buckets `media`, with a day of the demo, and `lake`, empty."""
    with running_gcs_server(tmp_path) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        # Read when gcsfs is imported: without it every new bucket costs a minute of waiting for an emulator.
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        with storage.Client(
            project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        ) as client:
            client.create_bucket("lake")
            media = client.create_bucket("media")
            for path in (DEMO / "media" / "brand_videos" / "2026-03-03").rglob("*.*"):
                name = path.relative_to(DEMO / "media").as_posix()
                media.blob(name).upload_from_filename(path)
            yield


def test_a_day_goes_from_a_bucket_of_media_to_a_bucket_of_tables(buckets, pique, instance, tmp_path):
    evaluation = video_evaluation(media=DatedFolder("gs://media/brand_videos"))
    options = {"token": "anon"}
    resources = resources_at(tmp_path, pique) | {
        "lake": LakeResource(root="gs://lake/tables", storage_options=options),
        "media_storage": MediaStorageResource(gcs_project="test"),
    }
    defs = build_defs(evaluations=[evaluation], resources=resources)
    graph = Graph(home=tmp_path, defs=defs, instance=instance, evaluation=evaluation)
    result = graph.run("2026-03-03")
    assert result.success
    passed = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert passed["columns_are_as_declared"] and passed["keys_are_unique"]
    lake = Lake("gs://lake/tables", storage_options=options)
    states = load("submissions", lake=lake).set_index("filename").state.to_dict()
    assert states == {
        "interrupted_export.mp4": "failed",
        "meadow_classic.mkv": "completed",
        "meadow_vertical.mov": "completed",
        "never_written.mp4": "unreadable",
    }
    assert graph.materialization("evaluations", "2026-03-03").metadata["dagster/uri"].value.startswith("gs://lake/")
