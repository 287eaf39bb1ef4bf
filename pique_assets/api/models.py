"""What Pique says and what it is told, as frozen models.

Belongs here: the shapes of the API's requests and answers, and nothing that talks to a network. Every model
keeps the fields it does not know in ``model_extra``, so that what Pique adds tomorrow flows through. In every
answer, absent and null both mean missing: a missing field is its default. The exact bytes of a result are
kept by whoever received them; these models are for deciding what to do next.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from pique_assets.api.fields import (
    LENIENT,
    LONGEST_ID,
    Count,
    Flag,
    Id,
    Items,
    Number,
    OptionalId,
    Text,
    Time,
    UtcDatetime,
    WireModel,
    canonical_json,
    renamed,
)


class JobStatus:
    """The known states of a job. Others may appear: a job's status is an open string."""

    AWAITING_UPLOAD: Final = "awaiting_upload"
    PENDING: Final = "pending"
    PROCESSING: Final = "processing"
    COMPLETED: Final = "completed"
    FAILED: Final = "failed"
    TERMINAL: Final = frozenset({"completed", "failed"})


class JudgeStatus:
    """The known states of a judge. Others may appear: a judge's status is an open string."""

    READY: Final = "ready"
    PENDING: Final = "pending"
    FAILED: Final = "failed"


class DetectorConfig(WireModel):
    """One detector of a judge, with its settings.

    Attributes:
        id: Unique within the judge, where the same detector may stand twice.
        config: The detector's own settings, free-form.
        weight: Its weight in the overall score; no page says how the weights make a score.
    """

    id: str
    detector_name: str
    config: dict[str, object] = Field(default_factory=dict)
    weight: float | None = None


class Judge(WireModel):
    """A judge: a kind of content and the detectors that look at it.

    Attributes:
        content_type: ``video`` or ``image``; creation also knows ``audio`` and ``text``.
        status: See `JudgeStatus`.
        is_active: Separate from the status: a ready judge can be inactive.
    """

    id: str
    name: str = ""
    description: str | None = None
    content_type: str
    status: str
    detector_configs: tuple[DetectorConfig, ...] = ()
    is_active: bool = True
    created_at: Time = None
    updated_at: Time = None

    @property
    def is_usable(self) -> bool:
        """Whether content can be submitted to this judge now."""
        return self.status == JudgeStatus.READY and self.is_active

    def configuration_hash(self) -> str:
        """Name what this judge measures, so that a changed judge is noticed.

        Results carry no version of their judge, so the hash is recorded at submission. Names,
        descriptions, states and times do not count; neither does the order of detectors, nor whether a number
        came as 30 or as 30.0: Pique writes either, and that must not look like a new judge.

        Returns:
            The SHA-256, 64 hex digits, of the canonical JSON of the content type and the detector configs.
        """
        detectors = sorted(
            (config.id, config.detector_name, canonical_json(config.config), canonical_json(config.weight))
            for config in self.detector_configs
        )
        return hashlib.sha256(canonical_json([self.content_type, detectors]).encode()).hexdigest()


class JudgePage(WireModel):
    """One page of judges, newest first."""

    judges: tuple[Judge, ...] = ()
    total: Count = None
    has_more: bool = False


class DetectorRequest(WireModel):
    """A detector wanted in a new judge."""

    detector_name: str = Field(min_length=1)
    config: dict[str, object] = Field(default_factory=dict)


class JudgeRequest(WireModel):
    """A judge to be created, within the limits that Pique documents."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(min_length=1, max_length=2000)
    content_type: str = Field(pattern="^(video|image|audio|text)$")
    detectors: tuple[DetectorRequest, ...] = Field(min_length=1)


class CreatedJudge(WireModel):
    """The answer to a judge's creation: it exists, and may still be pending."""

    id: str
    status: str


class ReferenceContentRequest(WireModel):
    """A wish to upload reference content for a detector's config; the extension comes without its dot."""

    file_extension: str = Field(min_length=1, max_length=10, pattern=r"^[^.]+$")


class ReferenceContent(WireModel):
    """Where reference content is put, and the ``gs://`` name it then has in a detector's config.

    Attributes:
        upload_url: A signed URL, a credential for about 5 minutes: never in the repr.
        upload_headers: To be sent with the bytes, as for content; none are documented.
    """

    upload_url: str = Field(min_length=1, repr=False)
    upload_headers: dict[str, str] = Field(default_factory=dict, repr=False)
    reference_content_uri: str


class PresignedUploadRequest(WireModel):
    """A job to be prepared for one content item; nothing is evaluated until its bytes arrive.

    Attributes:
        content_type: ``video``, ``image`` or ``audio``.
        filename: 1 to 255 characters.
        webhook_url: Overrides the organisation's; may hold a token, so it is never in the repr.
    """

    judge_id: str = Field(min_length=1)
    content_type: str = Field(pattern="^(video|image|audio)$")
    filename: str = Field(min_length=1, max_length=255)
    file_size_bytes: int = Field(ge=0)
    title: str | None = None
    description: str | None = None
    webhook_url: str | None = Field(default=None, repr=False)


class PresignedUpload(WireModel):
    """A prepared job and the credential to send it its bytes.

    Attributes:
        upload_url: A signed URL, valid until `expires_at`: never in the repr.
        upload_headers: Every one of them must be sent with the bytes, exactly as given.
        expires_at: What to trust: the documentation names both 15 minutes and an hour.
    """

    job_id: Id
    upload_url: str = Field(min_length=1, repr=False)
    upload_headers: dict[str, str] = Field(default_factory=dict, repr=False)
    expires_at: UtcDatetime


class SocialMediaRequest(WireModel):
    """Videos to be fetched from the web and evaluated by a video judge: 1 to 20 http(s) URLs."""

    judge_id: str = Field(min_length=1)
    video_urls: tuple[Annotated[str, Field(pattern=r"^(?i:https?)://[^\s/]\S*$")], ...] = Field(
        min_length=1, max_length=20
    )
    webhook_url: str | None = Field(default=None, repr=False)


class SocialMediaJob(WireModel):
    """One video of a batch; it can have failed although the batch was accepted.

    The batch is committed to, whatever one of its videos looks like: what is odd about one reads as missing.
    """

    job_id: OptionalId = None
    url: Text = None
    status: Text = None
    error_message: Text = None


def _nameless_if_unreadable(value: object, read: ValidatorFunctionWrapHandler) -> SocialMediaJob:
    try:
        job: SocialMediaJob = read(value)
    except ValidationError:
        return SocialMediaJob()
    return job


class SocialMediaBatch(WireModel):
    """The answer to a submission of social media URLs."""

    batch_id: Text = None
    jobs: tuple[Annotated[SocialMediaJob, WrapValidator(_nameless_if_unreadable)], ...] = ()
    total_videos: Count = None
    webhook_id: Text = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.batch_id is None and not self.jobs:
            raise ValueError("it names neither a batch nor a job")
        return self


class DetectorResult(WireModel):
    """What one detector found, in the words of a polled result or of a webhook (docs/contract.md, trap 1).

    Attributes:
        detector_config_id: Webhooks call it ``criterion_id``.
        pass_check: The detector's verdict; it cannot be derived from `score` (docs/contract.md, trap 3).
        metrics: Whatever the detector measured, as sent.
        timestamps: Seconds; what they mark depends on the detector (docs/contract.md, trap 9).
        flagged_frames: Of undocumented shape.
    """

    detector_name: Text = None
    detector_config_id: Text = None
    pass_check: Flag = None
    score: Number = None
    rationale: Text = None
    metrics: object = None
    timestamps: Items = None
    flagged_frames: Items = None

    @model_validator(mode="before")
    @classmethod
    def _one_vocabulary(cls, data: object) -> object:
        return renamed(data, {"criterion_id": "detector_config_id"})


class EvaluationResult(WireModel):
    """Where a job stands, read from a polled result or from either kind of webhook.

    Attributes:
        status: See `JobStatus`.
        overall_score: As sent: 0.85 and 85.5 both occur (docs/contract.md, trap 2).
        detector_results: Webhooks call them ``results``.
        timestamp: When the job finished, or was created while unfinished. Social webhooks call it
            ``completed_at``.
        batch_id: Only social webhooks name it, and `url`.
    """

    job_id: str = Field(min_length=1)
    status: str = Field(min_length=1, max_length=LONGEST_ID)
    event: Text = None
    evaluation_id: Text = None
    content_id: Text = None
    judge_id: Text = None
    batch_id: Text = None
    url: Text = None
    overall_score: Number = None
    detector_results: Annotated[tuple[DetectorResult, ...] | None, LENIENT] = None
    error: Text = None
    timestamp: Time = None

    @model_validator(mode="before")
    @classmethod
    def _one_vocabulary(cls, data: object) -> object:
        return renamed(data, {"results": "detector_results", "completed_at": "timestamp"})

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended. A failed evaluation is an end like any other."""
        return self.status in JobStatus.TERMINAL
