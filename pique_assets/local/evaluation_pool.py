"""Evaluating queued content: a fixed number of child processes, each fed one evaluation at a time.

Belongs here: the server's side. A process that dies or exceeds the deadline fails the one job it had and is replaced;
one that does not start fails the job that wanted it, with the reason; a server that dies leaves its evaluations to the
next start (`job_store.JobStore.requeue_interrupted`). Does not: measuring (`evaluation_child`).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from pydantic import ValidationError

from pique_assets.local.child_process import WorkerLost, WorkerProcess
from pique_assets.local.detectors.registry import DetectorUnusable, references_of
from pique_assets.local.job_store import JobStore, QueuedEvaluation
from pique_assets.local.judges import JudgeStore
from pique_assets.local.orders import DetectorOrder, EvaluationAnswer, EvaluationOrder
from pique_assets.local.references import ReferenceMissing, References
from pique_assets.local.settings import DEADLINE_S_PER_MEGABYTE, Settings

EARLY_WORKERS = 2
"""Processes that wait for the first evaluations; further ones start when there is work for them."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Each process has one core's work: what models gain from more threads, the next evaluation loses."""

MODEL_VARIABLES = frozenset({"PIQUE_WHISPER_MODEL"})
SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "CREDENTIAL")

_log = logging.getLogger(__name__)


class Evaluator:
    """Takes up queued evaluations and finishes them."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        judges: JudgeStore,
        references: References,
        settings: Settings,
        on_finished: Callable[[], None],
    ) -> None:
        """Evaluate the queue of ``jobs``; ``on_finished`` is called after each end of a job."""
        self._jobs = jobs
        self._judges = judges
        self._references = references
        self._settings = settings
        self._on_finished = on_finished
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue now: something was added."""
        self._wake.set()

    async def run(self) -> None:
        """Evaluate until cancelled; every worker process is gone afterwards."""
        self._jobs.requeue_interrupted()
        self._remove_unused_content()
        async with asyncio.TaskGroup() as group:
            for number in range(self._settings.workers):
                group.create_task(self._serve(start_early=number < EARLY_WORKERS))

    async def _serve(self, *, start_early: bool) -> None:
        worker = await self._started_early() if start_early else None
        try:
            while True:
                evaluation = await self._next()
                try:
                    order = self._order(evaluation)
                    if worker is None or not worker.is_alive:
                        worker = await _started_worker()
                    answer = await worker.ask(order, answer=EvaluationAnswer, deadline_s=self._deadline_s(order))
                except (ReferenceMissing, DetectorUnusable, ValidationError) as unusable:
                    # The judge was ready when the content was uploaded.
                    answer = EvaluationAnswer(error=f"Media processing failed: {unusable}")
                except WorkerLost as lost:
                    if worker is not None:
                        await worker.kill()
                    _log.warning("evaluation of job %s failed: %s", evaluation.job.job_id, lost)
                    answer = EvaluationAnswer(error=f"Media processing failed: {lost}")
                self._finish(evaluation, answer)
        finally:
            if worker is not None:
                await worker.kill()

    def _deadline_s(self, order: EvaluationOrder) -> float:
        """Seconds for content and references of this size; a reference is read with the first content."""
        files = [order.path, *order.references.values()]
        size_bytes = sum(file.stat().st_size for file in files if file.exists())
        return self._settings.evaluation_deadline_s + DEADLINE_S_PER_MEGABYTE * (size_bytes // 1_000_000)

    async def _started_early(self) -> WorkerProcess | None:
        """A process that no job waits for; None where none starts, which the next job is told."""
        try:
            return await _started_worker()
        except WorkerLost as lost:
            _log.error("no evaluation can be made now: %s", lost)
            return None

    async def _next(self) -> QueuedEvaluation:
        while (evaluation := self._jobs.take_up()) is None:
            self._wake.clear()
            await self._wake.wait()
        return evaluation

    def _order(self, evaluation: QueuedEvaluation) -> EvaluationOrder:
        job = evaluation.job
        judge = self._judges.get(job.judge_id)
        if judge is None:
            raise LookupError(f"judge {job.judge_id} has vanished from the database")
        return EvaluationOrder(
            path=self._settings.content_dir / job.content_name,
            content_type=job.content_type,
            title=job.title,
            description=job.description,
            detectors=[
                DetectorOrder(
                    id=detector.id,
                    detector_name=detector.detector_name,
                    config=detector.config,
                    weight=detector.weight,
                )
                for detector in judge.detector_configs
            ],
            references={
                uri: self._references.file(uri)
                for detector in judge.detector_configs
                for uri in references_of(detector.detector_name, detector.config)
            },
        )

    def _finish(self, evaluation: QueuedEvaluation, answer: EvaluationAnswer) -> None:
        self._jobs.finish(evaluation, answer)
        (self._settings.content_dir / evaluation.job.content_name).unlink(missing_ok=True)
        self._on_finished()

    def _remove_unused_content(self) -> None:
        """Sweep content that ended, or whose PUT was not yet recorded, when the last server was stopped."""
        used = {f"{job_id}.{generation}" for job_id, generation in self._jobs.content_in_use()}
        for path in self._settings.content_dir.iterdir():
            if path.name not in used:
                path.unlink()


async def _started_worker() -> WorkerProcess:
    return await WorkerProcess.start(
        "pique_assets.local.evaluation_child", work="evaluation", environment=_environment()
    )


def _environment() -> dict[str, str]:
    """The server's, without what may be a secret: what decodes media from strangers is not to know any."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in MODEL_VARIABLES
        or not (name.startswith("PIQUE_") or any(word in name.upper() for word in SECRET_WORDS))
    } | ONE_THREAD
