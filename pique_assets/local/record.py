"""The server's own history, read from its folder: what was put, what was evaluated, how often.

Belongs here: what tests and summaries ask; this history, and not a client's opinion, says whether content was
evaluated twice. It may be read while the server runs. Does not: writing it (`job_store`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pique_assets.local.database import LocalDatabase
from pique_assets.local.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """One evaluation: queued, running, completed, failed, or superseded by newer content of its job."""

    content_sha256: str
    state: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job and everything that happened to it; times are aware, in UTC.

    Attributes:
        batch_id: Its batch, for a social-media job; None for a direct upload.
        url: The video's address, for a social-media job.
        content_sha256: Hash of the content it has now, or None while it awaits its upload or its download.
        complete_puts: PUTs that brought every byte; more than one is a client's mistake. A download is none.
        evaluations: In the order they were queued; one that a restart interrupted and took up again is one.
    """

    job_id: str
    judge_id: str
    batch_id: str | None = None
    url: str | None = None
    filename: str | None
    title: str | None
    description: str | None
    content_sha256: str | None
    complete_puts: int
    evaluations: tuple[EvaluationRecord, ...]
    status: str
    created_at: datetime
    uploaded_at: datetime | None
    finished_at: datetime | None

    @property
    def refused_at_once(self) -> bool:
        """Whether it failed as it was made, as a job of an accepted batch can."""
        return self.status == "failed" and self.finished_at == self.created_at

    @property
    def evaluations_started(self) -> int:
        """Evaluations a worker began."""
        return sum(evaluation.started_at is not None for evaluation in self.evaluations)

    @property
    def evaluations_finished(self) -> int:
        """Evaluations that came to a result, good or bad."""
        return sum(evaluation.state in ("completed", "failed") for evaluation in self.evaluations)


def read_record(data_dir: Path) -> list[JobRecord]:
    """All jobs of the local Pique in ``data_dir``, oldest first.

    Raises:
        FileNotFoundError: No server has run with this folder.
        sqlite3.Error: The database cannot be read.
    """
    database = LocalDatabase.open(Settings(data_dir=data_dir).database_path, create=False)
    try:
        return [
            _job_record(database, job_id=row["job_id"])
            for row in database.rows("SELECT job_id FROM jobs ORDER BY created_at, rowid")
        ]
    finally:
        database.close()


def evaluations_by_content(records: Iterable[JobRecord]) -> Counter[tuple[str, str]]:
    """Evaluations of uploads started, by (judge id, content sha256); above one, the same bytes were paid for twice."""
    return Counter(
        (record.judge_id, evaluation.content_sha256)
        for record in records
        for evaluation in record.evaluations
        if evaluation.started_at is not None and record.url is None
    )


def _job_record(database: LocalDatabase, *, job_id: str) -> JobRecord:
    job = database.rows("SELECT * FROM jobs WHERE job_id = ?", job_id)[0]
    puts = database.rows("SELECT * FROM complete_puts WHERE job_id = ? ORDER BY generation", job_id)
    evaluations = database.rows("SELECT * FROM evaluations WHERE job_id = ? ORDER BY id", job_id)
    return JobRecord(
        job_id=job_id,
        judge_id=job["judge_id"],
        batch_id=job["batch_id"],
        url=job["url"],
        filename=job["filename"],
        title=job["title"],
        description=job["description"],
        content_sha256=puts[-1]["content_sha256"] if puts else None,
        complete_puts=len(puts) if job["url"] is None else 0,
        evaluations=tuple(
            EvaluationRecord(
                content_sha256=row["content_sha256"],
                state=row["state"],
                queued_at=datetime.fromisoformat(row["queued_at"]),
                started_at=_time(row["started_at"]),
                finished_at=_time(row["finished_at"]),
            )
            for row in evaluations
        ),
        status=job["status"],
        created_at=datetime.fromisoformat(job["created_at"]),
        uploaded_at=_time(puts[0]["completed_at"]) if puts else None,
        finished_at=_time(job["finished_at"]),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
