"""The words of the ledger: states, their transitions, and the frozen records that go in and out.

Belongs here: everything a caller needs to know about a submission without knowing that there is a database; the work
key, which says whether two orders are for the same work. Does not: SQL (`tables.py` and the parts of the ledger).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple


class SubmissionState(StrEnum):
    """Where one submission stands. One submission is one job attempt at Pique."""

    INTENDED = "INTENDED"
    """Written down before the POST; Pique may or may not have heard of it. No job id, nothing to bill."""
    PREPARED = "PREPARED"
    """Pique named a job and gave an upload URL; no byte has been sent."""
    UPLOADING = "UPLOADING"
    """A PUT has been started: the bytes may have landed, and with them the evaluation may have begun."""
    SUBMITTING = "SUBMITTING"
    """A social media POST has been started, which Pique may or may not have got. Often no job id; never sent again
    until it is certain that Pique did not get it."""
    UPLOADED = "UPLOADED"
    """Pique has the bytes; the result is polled for."""
    COMPLETED = "COMPLETED"
    """Terminal: Pique scored the content; the payload is stored."""
    FAILED = "FAILED"
    """Terminal: Pique reported a failed evaluation (a business outcome); the payload is stored."""
    REJECTED = "REJECTED"
    """Terminal: it could not be submitted; a typed failure, and no evaluation happened."""
    ABANDONED = "ABANDONED"
    """Proven dead, so a further attempt is allowed. Still watched: a late result is recorded."""
    IN_DOUBT = "IN_DOUBT"
    """A social media POST whose answer never came: not resent unless a person says that Pique never got it. What Pique
    says later is still recorded."""
    GIVEN_UP = "GIVEN_UP"
    """Pique has it, or may have it, and it never ended: nobody waits for it any more. Never sent again unless a person
    says so. Still watched: a late result is recorded."""


_S = SubmissionState

TRANSITIONS: Mapping[SubmissionState, frozenset[SubmissionState]] = MappingProxyType(
    {
        _S.INTENDED: frozenset({_S.PREPARED, _S.SUBMITTING, _S.REJECTED}),
        _S.PREPARED: frozenset({_S.UPLOADING, _S.UPLOADED, _S.COMPLETED, _S.FAILED, _S.ABANDONED}),
        _S.UPLOADING: frozenset({_S.UPLOADING, _S.UPLOADED, _S.COMPLETED, _S.FAILED, _S.ABANDONED, _S.GIVEN_UP}),
        _S.SUBMITTING: frozenset(
            {_S.SUBMITTING, _S.INTENDED, _S.UPLOADED, _S.COMPLETED, _S.FAILED, _S.REJECTED, _S.IN_DOUBT}
        ),
        _S.UPLOADED: frozenset({_S.UPLOADED, _S.COMPLETED, _S.FAILED, _S.ABANDONED, _S.GIVEN_UP}),
        # Abandoned, and so sent again, only when a person says that Pique will never finish it.
        _S.GIVEN_UP: frozenset({_S.GIVEN_UP, _S.COMPLETED, _S.FAILED, _S.ABANDONED}),
        _S.ABANDONED: frozenset({_S.ABANDONED, _S.COMPLETED, _S.FAILED}),
        # Back to INTENDED only when a person says that Pique never got it.
        _S.IN_DOUBT: frozenset({_S.INTENDED, _S.UPLOADED, _S.COMPLETED, _S.FAILED}),
        _S.COMPLETED: frozenset(),
        _S.FAILED: frozenset(),
        _S.REJECTED: frozenset(),
    }
)
"""Every write the ledger allows, as data: ``TRANSITIONS[from_state]`` holds the states that may follow."""

TERMINAL_STATES = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""Nothing follows these."""

FINISHED_STATES = frozenset({_S.COMPLETED, _S.FAILED})
"""Pique evaluated the content: a payload is stored, and nothing is sent again under this work key."""

UNSENT_STATES = frozenset({_S.INTENDED, _S.PREPARED, _S.UPLOADING})
"""A worker with a lease has something to do here before Pique can start."""

UNANSWERED_STATES = frozenset({_S.SUBMITTING, _S.IN_DOUBT})
"""A social media POST was begun, and which job it made, if any, is not known."""

OPEN_STATES = UNSENT_STATES | {_S.SUBMITTING, _S.UPLOADED}
"""More is still to come without anybody's decision."""

SETTLED_STATES = TERMINAL_STATES | {_S.IN_DOUBT, _S.GIVEN_UP}
"""What a partition's tables may be built from: waiting longer brings nothing by itself."""

POLLED_STATES = frozenset({_S.UPLOADED, _S.ABANDONED, _S.GIVEN_UP})
"""Pique is asked about these: because the result is waited for, or because one may come after all."""

DEAD_STATES = frozenset({_S.REJECTED, _S.ABANDONED})
"""Not live: a further attempt for the same work key may be made."""

Source = Literal["direct", "social"]
"""How the content reaches Pique: uploaded by us, or fetched by Pique from a social media URL."""

PayloadSource = Literal["polled", "webhook"]
"""How a payload reached us; a webhook's body names the same facts otherwise than a polled result's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryItem:
    """One content item of a partition as the inventory saw it.

    ``work_key`` is None exactly when the item could not be read; ``error_code`` and ``error`` then say why.
    ``content_uri`` is the URL of social media content. ``size_bytes`` is in bytes, ``fingerprint`` the sha256 of the
    content in hex.
    """

    content_uri: str
    filename: str
    size_bytes: int | None = None
    fingerprint: str | None = None
    content_type: str | None = None
    title: str | None = None
    description: str | None = None
    work_key: str | None = None
    error_code: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        """Refuse an item that is both readable and unreadable, or neither.

        Raises:
            ValueError: exactly one of ``work_key`` and ``error_code`` must be given.
        """
        if (self.work_key is None) == (self.error_code is None):
            raise ValueError(
                f"inventory item {self.content_uri!r}: give a work_key for readable content, or an error_code"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionOrder:
    """What is wanted from Pique: this content from this judge as it is configured now.

    ``size_bytes`` is None where Pique fetches the content itself (``source`` is social).
    """

    work_key: str
    judge_id: str
    judge_configuration_hash: str
    content_type: str
    fingerprint: str
    filename: str
    size_bytes: int | None
    title: str | None = None
    description: str | None = None
    source: Source = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """A signed upload URL that may still be used: a bearer credential, therefore absent from every repr."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The durable record of one job attempt.

    ``upload_target`` is loaded only for the holder of a lease and only while it may be used (PREPARED,
    UPLOADING and not expired); ``upload_expires_at`` stays. ``upload_started_at`` is when the last PUT, or the social
    media POST, was begun: from then on Pique may be evaluating. ``finished_at`` is Pique's time of completion,
    ``settled_at`` ours. ``empty_since`` is when Pique called it completed for the first time without giving a result.
    """

    submission_id: int
    work_key: str
    attempt: int
    live: bool
    state: SubmissionState
    source: Source
    judge_id: str
    judge_configuration_hash: str
    content_type: str
    fingerprint: str
    filename: str
    size_bytes: int | None
    title: str | None
    description: str | None
    job_id: str | None
    batch_id: str | None
    upload_target: UploadTarget | None = field(repr=False)
    upload_expires_at: datetime | None
    next_poll_at: datetime | None
    poll_count: int
    pique_status: str | None
    evidence: str | None
    error_code: str | None
    error: str | None
    created_at: datetime
    prepared_at: datetime | None
    upload_started_at: datetime | None
    uploaded_at: datetime | None
    finished_at: datetime | None
    settled_at: datetime | None
    empty_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on one submission until ``expires_at``; every write shows its token."""

    submission_id: int
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer to an order: the submission that stands for it, and the lease if the caller may work on it.

    ``lease`` is None when nothing is to be done (uploaded, finished) or when another worker holds it.
    """

    submission: Submission
    created: bool
    lease: Lease | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedSubmission:
    """A submission the caller was given to work on."""

    submission: Submission
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionItem:
    """One inventory row with its current submission.

    ``present`` is False when the last inventory no longer found readable content there, but a submission
    had already been made for it: the row stays, so that what was paid for stays visible.
    """

    item: InventoryItem
    source: Source
    present: bool
    submission: Submission | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayload:
    """A result as it was received, byte for byte."""

    job_id: str
    source: PayloadSource
    received_at: datetime
    body: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceipt:
    """What became of a webhook: whether its job is one of this ledger's, and whether the same body came before."""

    known: bool
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """A webhook as it was received, byte for byte; ``url`` is the social media URL it names, if any."""

    job_id: str
    url: str | None
    received_at: datetime
    body: bytes = field(repr=False)


class InventoryEntry(NamedTuple):
    """One row of one partition's inventory, named."""

    evaluation: str
    partition: str
    content_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionProgress:
    """How far a partition is; counts are content items, so content that appears twice counts twice.

    ``unreadable + unsubmitted + open + completed + failed + rejected + abandoned + in_doubt + given_up == total``.
    ``open_job_ids`` are the distinct, sorted ids of the jobs that are waited for.
    """

    total: int
    unreadable: int
    unsubmitted: int
    open: int
    completed: int
    failed: int
    rejected: int
    abandoned: int
    in_doubt: int
    given_up: int
    open_job_ids: tuple[str, ...]

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come: no item open, unsubmitted or in need of a further attempt."""
        return self.open == self.unsubmitted == self.abandoned == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSummary:
    """A partition, counted.

    ``digest`` (sha256 hex) covers each item's uri, error and job with its outcome: it changes exactly when the tables
    of the partition would, so a run that was asked for with it need not be asked for again.
    """

    evaluation: str
    partition: str
    digest: str
    progress: PartitionProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledPartition(PartitionSummary):
    """A partition whose every submission is settled."""


_WORK_KEY_VERSION = 1


def work_key(
    *,
    fingerprint: str,
    judge_id: str,
    judge_configuration_hash: str,
    content_type: str,
    title: str | None,
    description: str | None,
) -> str:
    """Hash what Pique's answer depends on.

    Title and description belong to it because detectors read them; the file's name, place and date do not,
    so the same video on two dates is evaluated once. A missing title (None) and an empty one are different
    work.

    Args:
        fingerprint: sha256 of the content in hex.
        judge_id: the judge's id, opaque.
        judge_configuration_hash: hash of the judge's content type and detector configs.
        content_type: video, image or audio.
        title: title sent with the content, if any.
        description: description sent with the content, if any.

    Returns:
        64 hex digits. They must never change for the same input: a ledger lives longer than a release.
    """
    wanted = {
        "version": _WORK_KEY_VERSION,
        "fingerprint": fingerprint,
        "judge_id": judge_id,
        "judge_configuration_hash": judge_configuration_hash,
        "content_type": content_type,
        "title": title,
        "description": description,
    }
    canonical = json.dumps(wanted, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
