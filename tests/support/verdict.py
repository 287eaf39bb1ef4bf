"""What a server that was tortured has to say: what was evaluated twice, what never.

Belongs here: counting, from the server's own record and from the ledgers. Does not: making things go wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.local.record import evaluations_by_content, read_record
from pique_assets.media import ContentItem
from pique_assets.testing import SubmissionRecord


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Counts over one server's whole history.

    Attributes:
        crashes: Processes that were killed.
        contents: Contents that were to be evaluated once each.
        double_evaluations: Evaluations beyond the first of a content.
        double_uploads: Complete PUTs beyond the first of a content.
        unwanted: Evaluations of what nobody wanted evaluated.
        lost: Contents that were never evaluated to an end.
    """

    crashes: int
    contents: int
    double_evaluations: int
    double_uploads: int
    unwanted: int
    lost: int

    @classmethod
    def of(cls, data_dir: Path, *, wanted: Iterable[ContentItem], crashes: int) -> Self:
        """Ask the local Pique of this folder."""
        records = read_record(data_dir)
        begun: Counter[str] = Counter()
        for (_, fingerprint), count in evaluations_by_content(records).items():
            begun[fingerprint] += count
        puts: Counter[str] = Counter()
        for record in records:
            if record.content_sha256 is not None:
                puts[record.content_sha256] += record.complete_puts
        ended = {
            evaluation.content_sha256
            for record in records
            for evaluation in record.evaluations
            if evaluation.state in ("completed", "failed")
        }
        fingerprints = {item.fingerprint for item in wanted if item.fingerprint is not None}
        return cls(
            crashes=crashes,
            contents=len(fingerprints),
            double_evaluations=sum(count - 1 for count in begun.values()),
            double_uploads=sum(count - 1 for count in puts.values()),
            unwanted=len(set(begun) - fingerprints),
            lost=len(fingerprints - ended),
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost and nothing evaluated twice."""
        return not (self.double_evaluations or self.double_uploads or self.unwanted or self.lost)

    def __str__(self) -> str:
        return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in asdict(self).items())


def total(verdicts: Iterable[Verdict]) -> Verdict:
    """The sum of verdicts over different servers."""
    found = list(verdicts)
    names = [field.name for field in fields(Verdict)]
    return Verdict(**{name: sum(getattr(verdict, name) for verdict in found) for name in names})


def missing_results(ledger: Ledger, *, evaluation: str, partition: str, wanted: Iterable[ContentItem]) -> list[str]:
    """Contents of a partition for which the ledger has no payload, in words."""
    rows = {row.item.content_uri: row for row in ledger.partition_state(evaluation=evaluation, partition=partition)}
    kept = Counter(payload.job_id for payload in ledger.partition_payloads(evaluation=evaluation, partition=partition))
    missing = []
    for item in wanted:
        row = rows.get(item.content_uri)
        submission = row.submission if row else None
        state = submission.state if submission else None
        payloads = kept[submission.job_id] if submission and submission.job_id else 0
        if state is not SubmissionState.COMPLETED or payloads != 1:
            missing.append(f"{item.filename}: {state}, {payloads} payloads")
    return missing


def submission_records(ledger: Ledger, *, evaluation: str, partition: str) -> list[SubmissionRecord]:
    """Every attempt at what a partition wants, in the checker's words."""
    rows = ledger.partition_state(evaluation=evaluation, partition=partition)
    keys = {row.item.work_key for row in rows if row.item.work_key is not None}
    return [
        SubmissionRecord(
            work=key, state=attempt.state.value, job_id=attempt.job_id, reason=attempt.evidence or attempt.error
        )
        for key in sorted(keys)
        for attempt in ledger.attempts(work_key=key)
    ]
