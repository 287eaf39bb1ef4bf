"""A payload: one answer of Pique about one job, exactly as it was received.

Belongs here: the value every table is computed from. Reading its body is `bodies`; keeping it is the
ledger's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

SOURCE_POLLED: Final = "polled"
"""The answer to a GET of the job's results."""

SOURCE_WEBHOOK: Final = "webhook"
"""A notification Pique sent us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One raw answer about a job.

    Attributes:
        job_id: the job we know this answer belongs to; a `job_id` inside the body is not trusted over it.
        source: how it reached us: `polled`, `webhook`, or another word that names a webhook.
        received_at: when, as an aware datetime; kept as UTC.
        body: the bytes as received, readable or not.

    Raises:
        ValueError: an empty job id, one that UTF-8 cannot hold, or a naive `received_at`.
    """

    job_id: str
    source: str
    received_at: datetime
    body: bytes

    def __post_init__(self) -> None:
        if not self.job_id:
            raise ValueError("a payload needs the job_id it belongs to")
        try:
            (self.job_id + self.source).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"job_id {self.job_id!a} or source {self.source!a} is not valid text") from error
        if self.received_at.tzinfo is None:
            raise ValueError(f"received_at of job {self.job_id!r} has no time zone; use datetime.now(UTC)")
        object.__setattr__(self, "received_at", self.received_at.astimezone(UTC))

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the body; every row made from it carries it as `payload_sha256`."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def is_webhook(self) -> bool:
        """Whether it was pushed to us; the polled answer decides where both exist (design section 7)."""
        return SOURCE_WEBHOOK in self.source
