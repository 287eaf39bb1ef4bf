"""Jobs, the content put for them, and their evaluations: every change of state, each one transaction.

Belongs here: the statements. The rule that makes the record honest: a complete PUT and the evaluation it starts are
written together, and an evaluation that a stopped server left behind is taken up again as the same row. Does not:
evaluating (`evaluation_pool`).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from pique_assets.local import webhook_outbox
from pique_assets.local.answers import webhook_body
from pique_assets.local.bodies import PresignedUploadBody, SocialMediaBody
from pique_assets.local.database import LocalDatabase, now_text
from pique_assets.local.job import Job
from pique_assets.local.orders import EvaluationAnswer

AWAITING_UPLOAD = "awaiting_upload"
FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredContent:
    """Content as a PUT or a download brought it; ``generation`` grows with every PUT, as in Cloud Storage."""

    generation: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvaluation:
    """An evaluation taken up by a worker, and the job it is for."""

    id: int
    generation: int
    job: Job


class JobStore:
    """The tables of jobs, complete PUTs and evaluations."""

    def __init__(self, database: LocalDatabase) -> None:
        """Keep jobs in ``database``."""
        self._database = database

    def get(self, job_id: str) -> Job | None:
        """The job with this id, if there is one."""
        row = self._database.row("SELECT * FROM jobs WHERE job_id = ?", job_id)
        return None if row is None else _job(row)

    def create_direct(self, body: PresignedUploadBody, *, webhook_url: str | None) -> Job:
        """A job that waits for its content."""
        job = Job(
            job_id=_new_job_id(),
            judge_id=body.judge_id,
            content_type=body.content_type,
            filename=body.filename,
            file_size_bytes=body.file_size_bytes,
            title=body.title,
            description=body.description,
            webhook_url=webhook_url,
            status=AWAITING_UPLOAD,
            created_at=now_text(),
        )
        with self._database.transaction() as connection:
            _insert(connection, job)
        return job

    def create_social(
        self, body: SocialMediaBody, *, batch_id: str, webhook_url: str | None, refused: Mapping[str, str]
    ) -> list[Job]:
        """A job for each URL of a batch; those with a reason in ``refused`` have failed already."""
        jobs = []
        with self._database.transaction() as connection:
            for url in body.video_urls:
                now = now_text()
                job = Job(
                    job_id=_new_job_id(),
                    judge_id=body.judge_id,
                    content_type="video",
                    batch_id=batch_id,
                    url=url,
                    webhook_url=webhook_url,
                    status=FAILED if url in refused else AWAITING_UPLOAD,
                    error=refused.get(url),
                    created_at=now,
                    finished_at=now if url in refused else None,
                )
                _insert(connection, job)
                jobs.append(job)
        return jobs

    def awaiting_download(self) -> list[Job]:
        """Every job whose video is still to be downloaded, the oldest first."""
        rows = self._database.rows(
            "SELECT * FROM jobs WHERE url IS NOT NULL AND status = ? ORDER BY created_at, rowid", AWAITING_UPLOAD
        )
        return [_job(row) for row in rows]

    def next_generation(self, job: Job) -> int:
        """A number for the content about to replace what the job has, if it has any."""
        return max(job.generation + 1, time.time_ns() // 1000)

    def record_put(self, job_id: str, content: StoredContent) -> None:
        """Note a complete PUT, and queue the evaluation that it starts."""
        with self._database.transaction() as connection:
            _start_evaluation(connection, job_id, content=content)

    def record_download(
        self, job_id: str, content: StoredContent, *, title: str | None, description: str | None
    ) -> None:
        """Note a complete download with the text that came with it, and queue the evaluation that it starts."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET title = ?, description = ? WHERE job_id = ?", (title, description, job_id)
            )
            _start_evaluation(connection, job_id, content=content)

    def fail(self, job_id: str, answer: EvaluationAnswer) -> None:
        """End a job that never came to an evaluation."""
        with self._database.transaction() as connection:
            _finish_job(connection, self._existing(job_id), answer)

    def take_up(self) -> QueuedEvaluation | None:
        """Start the evaluation that waits longest, if any waits."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "UPDATE evaluations SET state = 'running', started_at = coalesce(started_at, ?)"
                " WHERE id = (SELECT id FROM evaluations WHERE state = 'queued' ORDER BY id LIMIT 1)"
                " RETURNING id, job_id, generation",
                (now_text(),),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET status = 'processing', content_id = coalesce(content_id, ?) WHERE job_id = ?",
                (str(uuid4()), row["job_id"]),
            )
        return QueuedEvaluation(id=row["id"], generation=row["generation"], job=self._existing(row["job_id"]))

    def finish(self, evaluation: QueuedEvaluation, answer: EvaluationAnswer) -> None:
        """End an evaluation; its job ends with it, unless newer content came meanwhile."""
        state = "completed" if answer.error is None else "failed"
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE evaluations SET state = ?, finished_at = ? WHERE id = ?",
                (state, now_text(), evaluation.id),
            )
            job = self._existing(evaluation.job.job_id)
            if job.generation == evaluation.generation:
                _finish_job(connection, job, answer)

    def requeue_interrupted(self) -> None:
        """After a start: what the last server could not finish waits again, still as the same evaluation."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE evaluations SET state = CASE WHEN generation = (SELECT generation FROM jobs WHERE"
                " jobs.job_id = evaluations.job_id) THEN 'queued' ELSE 'superseded' END"
                " WHERE state = 'running'"
            )

    def content_in_use(self) -> set[tuple[str, int]]:
        """Job id and generation of all content that an evaluation still needs."""
        rows = self._database.rows("SELECT job_id, generation FROM evaluations WHERE state IN ('queued', 'running')")
        return {(row["job_id"], row["generation"]) for row in rows}

    def _existing(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job is None:
            raise LookupError(f"job {job_id} has vanished from the database")
        return job


def _start_evaluation(connection: sqlite3.Connection, job_id: str, *, content: StoredContent) -> None:
    now = now_text()
    connection.execute(
        "INSERT INTO complete_puts (job_id, generation, size_bytes, content_sha256, completed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (job_id, content.generation, content.size_bytes, content.sha256, now),
    )
    _supersede_waiting(connection, job_id)
    connection.execute(
        "INSERT INTO evaluations (job_id, generation, content_sha256, state, queued_at) VALUES (?, ?, ?, 'queued', ?)",
        (job_id, content.generation, content.sha256, now),
    )
    connection.execute(
        "UPDATE jobs SET status = 'pending', generation = ?, overall_score = NULL,"
        " detector_results = NULL, error = NULL, finished_at = NULL WHERE job_id = ?",
        (content.generation, job_id),
    )


def _supersede_waiting(connection: sqlite3.Connection, job_id: str) -> None:
    """Make way for newer content.

    An evaluation that never started is replaced; one that a restart interrupted has happened and counts.
    """
    connection.execute(
        "DELETE FROM evaluations WHERE job_id = ? AND state = 'queued' AND started_at IS NULL", (job_id,)
    )
    connection.execute(
        "UPDATE evaluations SET state = 'superseded', finished_at = ? WHERE job_id = ? AND state = 'queued'",
        (now_text(), job_id),
    )


def _finish_job(connection: sqlite3.Connection, job: Job, answer: EvaluationAnswer) -> None:
    results = None if answer.detector_results is None else json.dumps(answer.detector_results)
    row = connection.execute(
        "UPDATE jobs SET status = ?, overall_score = ?, detector_results = ?, error = ?, finished_at = ?"
        " WHERE job_id = ? RETURNING *",
        (
            "completed" if answer.error is None else "failed",
            answer.overall_score,
            results,
            answer.error,
            now_text(),
            job.job_id,
        ),
    ).fetchone()
    finished = _job(row)
    if finished.webhook_url is not None:
        webhook_outbox.add(connection, job_id=finished.job_id, url=finished.webhook_url, body=webhook_body(finished))


def _new_job_id() -> str:
    return "job_" + secrets.token_urlsafe(16)


def _insert(connection: sqlite3.Connection, job: Job) -> None:
    """A new job; the columns that only an upload or an evaluation fills keep their defaults."""
    connection.execute(
        "INSERT INTO jobs (job_id, judge_id, batch_id, url, content_type, filename, file_size_bytes, title,"
        " description, webhook_url, status, error, created_at, finished_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.job_id,
            job.judge_id,
            job.batch_id,
            job.url,
            job.content_type,
            job.filename,
            job.file_size_bytes,
            job.title,
            job.description,
            job.webhook_url,
            job.status,
            job.error,
            job.created_at,
            job.finished_at,
        ),
    )


def _job(row: sqlite3.Row) -> Job:
    columns = dict(row)
    results = columns.pop("detector_results")
    return Job(**columns, detector_results=None if results is None else tuple(json.loads(results)))
