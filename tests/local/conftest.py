"""A running local Pique, a client that speaks plain HTTP to it, and real media made on the spot."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from made_media import image_bytes, make_sound, make_video
from waiting import eventually

from pique_assets.local.process import LocalPiqueProcess, running_local_pique

SEEDS = {
    "judges": [
        {
            "id": "judge_videos",
            "name": "Videos",
            "description": "size, shape and hashtags",
            "content_type": "video",
            "detectors": [
                {
                    "detector_name": "video_specs",
                    "config": {"min_width": 200, "min_duration_sec": 1, "allowed_aspect_ratios": ["4:3"]},
                    "weight": 3,
                },
                {"detector_name": "title_and_description", "config": {"required_hashtags": ["#bunny"]}},
            ],
        },
        {
            "id": "judge_images",
            "name": "Images",
            "description": "size",
            "content_type": "image",
            "detectors": [{"detector_name": "image_specs", "config": {"min_width": 100}}],
        },
        {
            "id": "judge_sounds",
            "name": "Sounds",
            "description": "hashtags of audio",
            "content_type": "audio",
            "detectors": [{"detector_name": "title_and_description", "config": {"required_hashtags": ["#bunny"]}}],
        },
        {
            "id": "judge_failed",
            "name": "Too much",
            "description": "asks for what is not there",
            "content_type": "video",
            "detectors": [{"detector_name": "lighting", "config": {}}],
        },
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job that awaits its upload."""

    job_id: str
    upload_url: str
    upload_headers: dict[str, str]
    expires_at: str


class Pique:
    """What a client does, without the package's own client: a second reading of what Pique documents."""

    def __init__(self, process: LocalPiqueProcess, *, http: httpx.Client, storage: httpx.Client) -> None:
        self.process = process
        self.http = http
        self.storage = storage

    def prepare(self, body: bytes, *, judge_id: str = "judge_videos", **fields: object) -> Prepared:
        order = {
            "judge_id": judge_id,
            "content_type": "video",
            "filename": "clip.mp4",
            "file_size_bytes": len(body),
            **fields,
        }
        answer = self.http.post("/v1/evaluations/presigned-upload", json=order)
        assert answer.status_code == 200, answer.text
        return Prepared(**answer.json())

    def put(self, prepared: Prepared, body: bytes) -> httpx.Response:
        return self.storage.put(prepared.upload_url, content=body, headers=prepared.upload_headers)

    def submit(self, body: bytes, **fields: object) -> str:
        prepared = self.prepare(body, **fields)
        assert self.put(prepared, body).status_code == 200
        return prepared.job_id

    def result(self, job_id: str) -> dict:
        answer = self.http.get(f"/v1/evaluations/results/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, job_id: str, *, status: str | None = None) -> dict:
        """The job's result once it has this status; without one, once it has ended."""

        def is_there(result: dict) -> bool:
            return result["event"] != "evaluation.pending" if status is None else result["status"] == status

        return eventually(lambda: self.result(job_id), is_there, every_s=0.04)

    def evaluated(self, body: bytes, **fields: object) -> dict:
        return self.wait_for(self.submit(body, **fields))

    def stop_worker(self) -> int:
        """Freeze the only worker, as native code in an endless loop would; it has proved to be ready before."""
        self.evaluated(b"not media", filename="warm-up")
        (worker,) = self.worker_pids()
        os.kill(worker, signal.SIGSTOP)
        return worker

    def worker_pids(self, *, count: int = 1) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task")
        return eventually(
            lambda: sorted(int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()),
            lambda pids: len(pids) >= count,
        )


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable:
    return eventually


@pytest.fixture(scope="session")
def seed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seeds") / "judges.json"
    path.write_text(json.dumps(SEEDS))
    return path


@pytest.fixture(scope="session")
def start_pique(seed_file: Path) -> Callable:
    """A context manager for a server of the test's own."""
    from contextlib import contextmanager

    @contextmanager
    def start(data_dir: Path, **options: object) -> Iterator[Pique]:
        with (
            running_local_pique(data_dir=data_dir, **{"seed_judges": seed_file, "workers": 1, **options}) as process,
            httpx.Client(trust_env=False, verify=False) as storage,
            httpx.Client(base_url=process.base_url, headers={"X-API-Key": process.api_key}, trust_env=False) as http,
        ):
            yield Pique(process, http=http, storage=storage)

    return start


@pytest.fixture(scope="session")
def pique(start_pique: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pique]:
    """One server for all tests that leave it as it was."""
    with start_pique(tmp_path_factory.mktemp("pique")) as running:
        yield running


@pytest.fixture(scope="session")
def video_maker() -> Callable:
    return make_video


@pytest.fixture(scope="session")
def sound_maker() -> Callable:
    return make_sound


@pytest.fixture(scope="session")
def image_maker() -> Callable:
    return image_bytes


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good video: 320x240, 25 frames a second, 2 s."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4").read_bytes()
