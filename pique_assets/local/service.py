"""What the endpoints do, without HTTP: judges, uploads to be expected, results.

Belongs here: the decisions; a request that is turned down raises `RequestRefused` (an HTTP status and a ``detail``).
Does not: how an answer is sent (`app`).
"""

from __future__ import annotations

import mimetypes
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import uuid4

from pique_assets.local.addresses import endpoint_of, is_public
from pique_assets.local.answers import polled_result
from pique_assets.local.bodies import JudgeBody, PresignedUploadBody, ReferenceContentBody, SocialMediaBody
from pique_assets.local.download_pool import Downloader
from pique_assets.local.evaluation_pool import Evaluator
from pique_assets.local.job_store import AWAITING_UPLOAD, JobStore, StoredContent
from pique_assets.local.judges import READY, JudgeStore, StoredJudge
from pique_assets.local.secret_files import Secrets
from pique_assets.local.settings import CONTENT_BUCKET, ORGANISATION, REFERENCE_BUCKET, Settings
from pique_assets.local.signed_urls import object_path, sign_put
from pique_assets.local.storage import ReceivedBody, SignedUpload

REFERENCE_URL_LIFE_S = 300
MAX_REFERENCE_BYTES = 1024**3


class RequestRefused(Exception):
    """The request cannot be served; answered with ``status`` and ``{"detail": ...}``."""

    def __init__(self, status: int, detail: str) -> None:
        """A refusal of HTTP ``status``."""
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Service:
    """The seven endpoints, and the effect of a complete PUT."""

    def __init__(
        self,
        *,
        settings: Settings,
        secret_values: Secrets,
        base_url: str,
        judges: JudgeStore,
        jobs: JobStore,
        evaluator: Evaluator,
        downloader: Downloader,
    ) -> None:
        """Serve from these stores; upload URLs start with ``base_url``."""
        self._settings = settings
        self._key = secret_values.signing_key
        self._base_url = base_url
        self._judges = judges
        self._jobs = jobs
        self._evaluator = evaluator
        self._downloader = downloader

    def judge(self, judge_id: str) -> dict[str, object]:
        """``GET /v1/judges/{judge_id}``."""
        return self._existing_judge(judge_id).as_json()

    def judge_page(self, *, limit: int, offset: int, content_type: str | None) -> dict[str, object]:
        """``GET /v1/judges``."""
        judges, total = self._judges.page(limit=limit, offset=offset, content_type=content_type)
        return {
            "judges": [judge.as_json() for judge in judges],
            "total": total,
            "has_more": offset + len(judges) < total,
        }

    def create_judge(self, body: JudgeBody) -> dict[str, object]:
        """``POST /v1/judges``; a judge that cannot work here says why in ``status_reason``."""
        body.check()
        judge = self._judges.create(body)
        created: dict[str, object] = {"id": judge.id, "status": judge.status}
        return created if judge.status_reason is None else {**created, "status_reason": judge.status_reason}

    def reference_content(self, body: ReferenceContentBody) -> dict[str, object]:
        """``POST /v1/judges/reference_content``."""
        name = f"{ORGANISATION}/reference_uploads/{uuid4()}.{body.file_extension}"
        url = sign_put(
            self._base_url,
            object_path(REFERENCE_BUCKET, name),
            headers={},
            life_s=REFERENCE_URL_LIFE_S,
            key=self._key,
            now=datetime.now(UTC),
        )
        return {"upload_url": url, "reference_content_uri": f"gs://{REFERENCE_BUCKET}/{name}"}

    def presigned_upload(self, body: PresignedUploadBody) -> dict[str, object]:
        """``POST /v1/evaluations/presigned-upload``."""
        body.check(max_upload_bytes=self._settings.max_upload_bytes)
        self._usable_judge(body.judge_id, content_type=body.content_type)
        job = self._jobs.create_direct(body, webhook_url=body.webhook_url or self._settings.webhook_url)
        # Whole seconds, as the signature counts: the URL must never end before expires_at says so.
        now = datetime.now(UTC).replace(microsecond=0)
        headers = {
            "Content-Type": _media_type(body.filename, body.content_type),
            "x-goog-content-length-range": f"0,{body.file_size_bytes}",
        }
        path = object_path(CONTENT_BUCKET, f"{ORGANISATION}/pending/{job.job_id}/{_object_name(body.filename)}")
        life_s = self._settings.upload_url_life_s
        return {
            "job_id": job.job_id,
            "upload_url": sign_put(self._base_url, path, headers=headers, life_s=life_s, key=self._key, now=now),
            "upload_headers": headers,
            "expires_at": (now + timedelta(seconds=life_s)).isoformat().replace("+00:00", "Z"),
        }

    def social_media(self, body: SocialMediaBody) -> dict[str, object]:
        """``POST /v1/evaluations/social-media``."""
        body.check()
        self._usable_judge(body.judge_id, content_type="video")
        batch_id = "batch_" + secrets.token_urlsafe(12)
        webhook_url = body.webhook_url or self._settings.webhook_url
        refused = {url: reason for url in body.video_urls if (reason := self._reason_not_taken(url)) is not None}
        jobs = self._jobs.create_social(body, batch_id=batch_id, webhook_url=webhook_url, refused=refused)
        for job in jobs:
            if job.status == AWAITING_UPLOAD:
                self._downloader.add(job)
        return {
            "batch_id": batch_id,
            "jobs": [
                {"job_id": job.job_id, "url": job.url, "status": job.status, "error_message": job.error} for job in jobs
            ],
            "total_videos": len(jobs),
            "webhook_id": None if webhook_url is None else "webhook_local",
        }

    def result(self, job_id: str) -> dict[str, object]:
        """``GET /v1/evaluations/results/{job_id}``."""
        job = self._jobs.get(job_id)
        if job is None:
            raise RequestRefused(404, f"Job {job_id} not found")
        return polled_result(job)

    def find_target(self, path: str) -> SignedUpload | None:
        """Where a PUT to this object path goes; the signature has vouched for the path already."""
        parts = PurePosixPath(path).parts[1:]
        if len(parts) == 5 and parts[:3] == (CONTENT_BUCKET, ORGANISATION, "pending"):
            return self._content_target(parts[3])
        if len(parts) == 4 and parts[:3] == (REFERENCE_BUCKET, ORGANISATION, "reference_uploads"):
            return SignedUpload(max_bytes=MAX_REFERENCE_BYTES, accept=lambda body: self._keep_reference(body, parts[3]))
        return None

    def _content_target(self, job_id: str) -> SignedUpload | None:
        job = self._jobs.get(job_id)
        if job is None or job.file_size_bytes is None:
            return None
        return SignedUpload(max_bytes=job.file_size_bytes, accept=lambda body: self._start_evaluation(job_id, body))

    def _start_evaluation(self, job_id: str, body: ReceivedBody) -> int:
        """Keep the content and queue its evaluation."""
        # Content first, record second: killed in between, the PUT has not happened.
        job = self._jobs.get(job_id)
        if job is None:
            raise LookupError(f"job {job_id} has vanished from the database")
        generation = self._jobs.next_generation(job)
        body.path.replace(self._settings.content_dir / f"{job_id}.{generation}")
        self._jobs.record_put(
            job_id, StoredContent(generation=generation, size_bytes=body.size_bytes, sha256=body.sha256)
        )
        self._evaluator.wake()
        return generation

    def _keep_reference(self, body: ReceivedBody, name: str) -> int:
        path = self._settings.reference_dir / name
        body.path.replace(path)
        # A judge may have named it before.
        self._judges.look_again()
        return path.stat().st_mtime_ns // 1000

    def _reason_not_taken(self, url: str) -> str | None:
        """Why a URL is refused before anything is asked of the network, or None if it may be tried."""
        endpoint = endpoint_of(url)
        if endpoint is None or is_public(endpoint.address) or endpoint in self._settings.social_allow_hosts:
            return None
        return f"Video cannot be downloaded: {endpoint} is not a public address"

    def _existing_judge(self, judge_id: str) -> StoredJudge:
        judge = self._judges.get(judge_id)
        if judge is None:
            raise RequestRefused(404, f"Judge {judge_id} not found")
        return judge

    def _usable_judge(self, judge_id: str, *, content_type: str) -> None:
        judge = self._existing_judge(judge_id)
        if judge.content_type != content_type:
            raise RequestRefused(400, f"Judge {judge_id} evaluates {judge.content_type}, not {content_type}")
        if judge.status != READY:
            raise RequestRefused(400, f"Judge {judge_id} is {judge.status}, not ready: {judge.status_reason}")
        if not judge.is_active:
            raise RequestRefused(400, f"Judge {judge_id} is not active")


def _object_name(filename: str) -> str:
    """One printable path segment: no slash, line break or dot-only name may lead the object elsewhere."""
    flat = "".join("_" if letter == "/" or not letter.isprintable() else letter for letter in filename)
    return f"_{flat}" if set(flat) == {"."} else flat


def _media_type(filename: str, content_type: str) -> str:
    # A fresh table, because the system's own differs between machines.
    guessed, _ = mimetypes.MimeTypes().guess_type(filename, strict=False)
    return guessed if guessed and guessed.startswith(f"{content_type}/") else "application/octet-stream"
