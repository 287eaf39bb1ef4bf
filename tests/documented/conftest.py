"""Servers for the words of Pique's pages: one that answers with the documented payloads, and the local Pique."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest
from desk import LIMITS
from documented_page import documented
from documented_pique import Answer, DocumentedPique, Request, documented_pique
from graph import Graph, video_evaluation
from whole_media import clip, picture

from pique_assets.api import PiqueClient, RetryPolicy
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.media import DatedFolder, SocialUrls

DATE = "2026-03-02"
PATIENT = replace(LIMITS, lease_s=60, results_wait_s=100)
QUICK = RetryPolicy(attempts=3, base_s=0.001, cap_s=0.002)
PAGE_JUDGES = {
    "judges": [
        {
            "id": "judge_abc123",
            "name": "Brand Video Judge",
            "description": "videos",
            "content_type": "video",
            "detectors": [
                {"detector_name": "video_specs", "config": {"min_width": 100, "allowed_aspect_ratios": ["4:3"]}},
                {"detector_name": "title_and_description", "config": {"required_hashtags": ["#acme"]}, "weight": 5},
            ],
        },
        {
            "id": "judge_images",
            "name": "Images",
            "description": "images",
            "content_type": "image",
            "detectors": [{"detector_name": "image_specs", "config": {"min_width": 10}}],
        },
        {
            "id": "judge_sounds",
            "name": "Sounds",
            "description": "sounds",
            "content_type": "audio",
            "detectors": [{"detector_name": "title_and_description", "config": {}}],
        },
        {
            "id": "judge_broken",
            "name": "Broken",
            "description": "a detector that is not there",
            "content_type": "video",
            "detectors": [{"detector_name": "no_such_detector", "config": {}}],
        },
    ]
}


@pytest.fixture
def server() -> Iterator[DocumentedPique]:
    with documented_pique() as pique:
        yield pique


@pytest.fixture(scope="session")
def new_client() -> Iterator[Callable[..., PiqueClient]]:
    """Clients of either server, which lose no time between attempts."""
    with ExitStack() as stack:
        yield lambda pique, **options: stack.enter_context(
            PiqueClient(base_url=pique.base_url, **{"api_key": pique.api_key, "retries": QUICK, **options})
        )


@pytest.fixture
def client(server: DocumentedPique, new_client: Callable[..., PiqueClient]) -> PiqueClient:
    return new_client(server)


@pytest.fixture(scope="session")
def video_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site with a video, `video.mp4`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    folder = tmp_path_factory.mktemp("site")
    (folder / "video.mp4").write_bytes(clip())
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def local(video_site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    folder = tmp_path_factory.mktemp("local_pique")
    seeds = folder / "judges.json"
    seeds.write_text(json.dumps(PAGE_JUDGES))
    with running_local_pique(
        data_dir=folder / "data",
        seed_judges=seeds,
        workers=1,
        downloads=1,
        social_allow_hosts=[video_site],
        webhook_retry_base_s=0.05,
    ) as process:
        yield process


@pytest.fixture
def local_client(local: LocalPiqueProcess, new_client: Callable[..., PiqueClient]) -> PiqueClient:
    return new_client(local)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day with the documented video, one whose evaluation fails, one that is refused, and an image."""
    root = tmp_path_factory.mktemp("media")
    wish = documented("presigned_upload_request")
    (root / DATE).mkdir()
    bodies = {wish["filename"]: clip(), "broken.mp4": clip(".mp4", faststart=True), "refused.webm": webm()}
    for name, body in bodies.items():
        (root / DATE / name).write_bytes(body)
    (root / DATE / "still.jpg").write_bytes(picture())
    words = {"title": wish["title"], "description": wish["description"]}
    (root / DATE / f"{wish['filename']}.json").write_text(json.dumps(words))
    return root


def webm() -> bytes:
    return clip(".webm", codec="libvpx")


@pytest.fixture(scope="session")
def documented_day(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Graph, DocumentedPique]]:
    """One date through the whole asset graph, answered by the documents: every status of a job, and a refusal."""
    judge = documented("get_judge_response")
    with documented_pique() as pique, dg.DagsterInstance.ephemeral() as instance:
        answer_as_documented(pique)
        evaluation = video_evaluation(judge_id=judge["id"], media=DatedFolder(media), name="documented", limits=PATIENT)
        graph = Graph.over(evaluation, home=tmp_path_factory.mktemp("home"), pique=pique, instance=instance)
        result = graph.run(DATE)
        assert result.success, result.all_events
        yield graph, pique


@pytest.fixture
def documented_urls(tmp_path: Path, server: DocumentedPique) -> Iterator[Graph]:
    """One date of the documented URLs through the whole asset graph, answered by the documents."""
    judge, accepted = documented("get_judge_response"), documented("social_media_response")
    completed = documented("results_completed")
    server.on(f"GET /v1/judges/{judge['id']}", judge)
    server.on("POST /v1/evaluations/social-media", Answer(status=202, document=accepted))
    for job in accepted["jobs"]:
        server.on(f"GET /v1/evaluations/results/{job['job_id']}", completed | {"job_id": job["job_id"]})
    (tmp_path / f"{DATE}.txt").write_text("\n".join(documented("social_media_request")["video_urls"]))
    with dg.DagsterInstance.ephemeral() as instance:
        evaluation = video_evaluation(
            judge_id=judge["id"],
            media=None,
            social=SocialUrls(tmp_path / "{date}.txt"),
            name="documented_urls",
            limits=PATIENT,
        )
        graph = Graph.over(evaluation, home=tmp_path, pique=server, instance=instance)
        result = graph.run(DATE)
        assert result.success, result.all_events
        yield graph


@pytest.fixture
def documented_graph(media: Path, tmp_path: Path, server: DocumentedPique) -> Iterator[Graph]:
    """A graph over the same day and a server that may still be told to answer otherwise."""
    evaluation = video_evaluation(
        judge_id=documented("get_judge_response")["id"], media=DatedFolder(media), name="documented", limits=PATIENT
    )
    answer_as_documented(server)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Graph.over(evaluation, home=tmp_path, pique=server, instance=instance)


def answer_as_documented(pique: DocumentedPique) -> None:
    """Let a server answer what the documents show; only what is out of date or elsewhere is brought here and now."""
    judge, failed = documented("get_judge_response"), documented("results_failed")
    completed, pending = documented("results_completed"), documented("results_pending")
    prepared = documented("presigned_upload_response")
    pique.on(f"GET /v1/judges/{judge['id']}", judge)
    storage = urlsplit(prepared["upload_url"])

    def prepare(request: Request) -> Answer:
        filename = request.json()["filename"]
        if filename.startswith("refused"):
            return Answer(status=400, document={"detail": "Invalid request parameters"})
        job_id = failed["job_id"] if filename.startswith("broken") else prepared["job_id"]
        path = storage.path.replace(prepared["job_id"], job_id)
        pique.on(f"PUT {path}", Answer())
        return Answer(
            document=prepared
            | {
                "job_id": job_id,
                "upload_url": f"{pique.base_url}{path}?{storage.query}",
                "expires_at": f"{datetime.now(UTC) + timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}",
            }
        )

    pique.on("POST /v1/evaluations/presigned-upload", prepare)
    unfinished = [Answer(document=pending | {"status": status}) for status in ("awaiting_upload", "pending")]
    server_error = Answer(status=500, document={"detail": "Server error while fetching results"})
    pique.on(
        f"GET /v1/evaluations/results/{completed['job_id']}",
        *unfinished,
        Answer(document=pending),
        server_error,
        Answer(document=completed),
    )
    pique.on(f"GET /v1/evaluations/results/{failed['job_id']}", failed)
