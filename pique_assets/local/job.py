"""The job as a value: what the database keeps of it and the answers are written from.

Belongs here: the value. Does not: how it changes (`job_store`), and how it is told (`answers`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One evaluation job; times are ISO 8601 text in UTC.

    Attributes:
        batch_id: Its batch, for a social-media job; None for a direct upload.
        url: The video's address, for a social-media job.
        webhook_url: Where its end is told, the organisation's own webhook included; not for printing.
        generation: Number of the content it has; 0 while it has none.
    """

    job_id: str
    judge_id: str
    content_type: str
    status: str
    created_at: str
    batch_id: str | None = None
    url: str | None = None
    filename: str | None = None
    file_size_bytes: int | None = None
    title: str | None = None
    description: str | None = None
    webhook_url: str | None = field(default=None, repr=False)
    generation: int = 0
    content_id: str | None = None
    overall_score: float | None = None
    detector_results: tuple[dict[str, object], ...] | None = None
    error: str | None = None
    finished_at: str | None = None

    @property
    def content_name(self) -> str:
        """File name of the content it has, distinct for every generation."""
        return f"{self.job_id}.{self.generation}"
