"""Request bodies as the server accepts them (pydantic), and the seed file of judges.

Belongs here: the shapes. Shape errors are answered 422 with a list, as the API's framework does; rules that the
documented API answers with 400 raise `InvalidBody`. Does not: the client's models, on purpose; two ends that share
one reading of the API can't find each other's mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

UPLOAD_CONTENT_TYPES = ("video", "image", "audio")
JUDGE_CONTENT_TYPES = ("video", "image", "audio", "text")
MAX_SOCIAL_URLS = 20


class InvalidBody(ValueError):
    """The request breaks a documented rule; answered 400 with this text as ``detail``."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class DetectorBody(_Body):
    """One detector of a judge to be created."""

    detector_name: str = Field(min_length=1, max_length=200)
    config: dict[str, object] = {}
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)


class JudgeBody(_Body):
    """Body of ``POST /v1/judges``."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(min_length=1, max_length=2000)
    content_type: str
    detectors: Annotated[Sequence[DetectorBody], Field(min_length=1)]

    def check(self) -> None:
        """Raise `InvalidBody` for a content type that no judge can have."""
        _one_of(self.content_type, JUDGE_CONTENT_TYPES)


class SeedDetector(DetectorBody):
    """One detector of a judge of the seed file, with an id of its own where it was saved from a Pique."""

    id: str | None = Field(default=None, min_length=1, max_length=200)


class SeedJudge(JudgeBody):
    """A judge of the seed file: as created over HTTP, but with an id of its own; or as a Pique answers it.

    So what ``GET /v1/judges/{judge_id}`` says of a judge runs here as it is. Its status and its times do not count.
    """

    id: str = Field(min_length=1, max_length=200)
    detectors: Annotated[
        Sequence[SeedDetector], Field(min_length=1, validation_alias=AliasChoices("detectors", "detector_configs"))
    ]
    is_active: bool = True


class SeedFile(_Body):
    """The seed file: ``{"judges": [...]}``, or one judge alone."""

    judges: list[SeedJudge]

    @model_validator(mode="before")
    @classmethod
    def _one_judge_alone(cls, read: object) -> object:
        return {"judges": [read]} if isinstance(read, dict) and "judges" not in read else read


class ListJudgesQuery(_Body):
    """Query of ``GET /v1/judges``."""

    limit: int = Field(default=50, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=2**53)
    content_type: str | None = None


class ReferenceContentBody(_Body):
    """Body of ``POST /v1/judges/reference_content``."""

    file_extension: str = Field(min_length=1, max_length=10, pattern=r"^[A-Za-z0-9]+$")


class PresignedUploadBody(_Body):
    """Body of ``POST /v1/evaluations/presigned-upload``."""

    judge_id: str
    content_type: str
    filename: str = Field(min_length=1, max_length=255)
    file_size_bytes: int = Field(ge=1)
    title: str | None = None
    description: str | None = None
    webhook_url: str | None = None

    def check(self, *, max_upload_bytes: int) -> None:
        """Raise `InvalidBody` for what the documented API answers with 400 to a direct upload."""
        _one_of(self.content_type, UPLOAD_CONTENT_TYPES)
        if self.file_size_bytes > max_upload_bytes:
            raise InvalidBody(f"file_size_bytes is {self.file_size_bytes}; at most {max_upload_bytes} are accepted")
        _check_webhook_url(self.webhook_url)


class SocialMediaBody(_Body):
    """Body of ``POST /v1/evaluations/social-media``."""

    judge_id: str
    video_urls: list[str]
    webhook_url: str | None = None

    def check(self) -> None:
        """Raise `InvalidBody` for what the documented API answers with 400 to social-media URLs."""
        if not 1 <= len(self.video_urls) <= MAX_SOCIAL_URLS:
            raise InvalidBody(f"video_urls must hold 1 to {MAX_SOCIAL_URLS} URLs, not {len(self.video_urls)}")
        for position, url in enumerate(self.video_urls):
            if not is_http_url(url):
                raise InvalidBody(f"video_urls[{position}] is not an http or https URL")
        _check_webhook_url(self.webhook_url)


def _one_of(content_type: str, allowed: tuple[str, ...]) -> None:
    if content_type not in allowed:
        raise InvalidBody(f"Invalid content type {content_type!r}: must be one of {', '.join(allowed)}")


def _check_webhook_url(url: str | None) -> None:
    if url is not None and not is_http_url(url):
        raise InvalidBody("webhook_url is not an http or https URL")


def is_http_url(url: str) -> bool:
    """Whether this is an http or https URL as the API takes them: with a host, printable, in ASCII."""
    try:
        parts = urlsplit(url)
        port_is_readable = parts.port is None or parts.port > 0
    except ValueError:
        return False
    printable = url.isascii() and url.isprintable() and " " not in url
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_readable and printable
