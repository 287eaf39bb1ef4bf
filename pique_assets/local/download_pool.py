"""Downloading the videos of social-media jobs: a fixed number of guarded processes, each fed one job at a time.

Belongs here: the server's side. A job waits with the status ``awaiting_upload``; a complete download is for the job
what the PUT is for an upload. A process that dies or exceeds the deadline fails the one job it had; a server that
dies leaves its downloads to the next start, which begins them again. Processes are started when the first job comes.
Does not: fetching a video (`download_child`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pique_assets.local.child_process import WorkerLost, WorkerProcess
from pique_assets.local.job import Job
from pique_assets.local.job_store import JobStore, StoredContent
from pique_assets.local.orders import DownloadAnswer, DownloadedVideo, DownloadOrder, EvaluationAnswer
from pique_assets.local.settings import Settings
from pique_assets.visible import visible

SILENCE_S = 20.0
"""Seconds a host may be silent, where the deadline leaves that much."""

_KEPT_VARIABLES = ("PYTHONPATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")

_log = logging.getLogger(__name__)


class Downloader:
    """Takes up jobs that name an address, and brings their content or fails them."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        settings: Settings,
        on_content: Callable[[], None],
        on_failed: Callable[[], None],
    ) -> None:
        """Download for ``jobs``; the callbacks are called after each download, as it ended."""
        self._jobs = jobs
        self._settings = settings
        self._on_content = on_content
        self._on_failed = on_failed
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def add(self, job: Job) -> None:
        """Download this job's video when its turn comes."""
        self._waiting.put_nowait(job.job_id)

    async def run(self) -> None:
        """Download until cancelled; every process is gone afterwards."""
        for job in self._jobs.awaiting_download():
            self.add(job)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.downloads):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        worker: WorkerProcess | None = None
        try:
            while True:
                job = self._jobs.get(await self._waiting.get())
                if job is None or job.url is None:
                    continue
                try:
                    if worker is None or not worker.is_alive:
                        worker = await self._started_worker()
                    answer = await self._ask(worker, job_id=job.job_id, url=job.url)
                except WorkerLost as lost:
                    answer = DownloadAnswer(reason=str(lost))
                    if worker is not None:
                        await worker.kill()
                self._settle(job, answer)
        finally:
            if worker is not None:
                await worker.kill()

    async def _ask(self, worker: WorkerProcess, *, job_id: str, url: str) -> DownloadAnswer:
        folder = self._folder(job_id)
        folder.mkdir()
        deadline_s = self._settings.download_deadline_s
        order = DownloadOrder(
            url=url,
            folder=folder,
            max_bytes=self._settings.max_download_bytes,
            silence_s=min(SILENCE_S, deadline_s),
        )
        return await worker.ask(order, answer=DownloadAnswer, deadline_s=deadline_s)

    def _settle(self, job: Job, answer: DownloadAnswer) -> None:
        if answer.video is not None:
            self._keep(job, answer.video)
            self._on_content()
        else:
            _log.warning("download for job %s failed: %s", job.job_id, visible(answer.reason or ""))
            self._jobs.fail(job.job_id, EvaluationAnswer(error=f"Video download failed: {answer.reason}"))
            self._on_failed()
        shutil.rmtree(self._folder(job.job_id), ignore_errors=True)

    def _keep(self, job: Job, video: DownloadedVideo) -> None:
        # Content first, record second: killed in between, the download has not happened.
        generation = self._jobs.next_generation(job)
        video.path.replace(self._settings.content_dir / f"{job.job_id}.{generation}")
        content = StoredContent(generation=generation, size_bytes=video.size_bytes, sha256=video.sha256)
        self._jobs.record_download(job.job_id, content, title=video.title, description=video.description)

    def _folder(self, job_id: str) -> Path:
        return self._settings.download_dir / job_id

    async def _started_worker(self) -> WorkerProcess:
        arguments = [part for endpoint in self._settings.social_allow_hosts for part in ("--allow", str(endpoint))]
        folder = str(self._settings.download_dir)
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        # Nothing of the user's: no proxies, no folder of programs, no home with settings, cookies or plugins.
        environment = {**kept, "PATH": "", "HOME": folder, "TMPDIR": folder, "YTDLP_NO_PLUGINS": "1"}
        return await WorkerProcess.start(
            "pique_assets.local.download_child", work="download", arguments=arguments, environment=environment
        )
