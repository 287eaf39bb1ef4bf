"""How a job is written: polled results, and the bodies of webhooks.

Belongs here: the field names. Pique has other names in a polled result, in a webhook of an upload and in one of a
social-media job, and this server keeps to them exactly: the client's tolerance is only worth something when the
server it is tried against is as uneven as the real one. Does not: what the outcome is (`job_store`).
"""

from __future__ import annotations

import json
from uuid import NAMESPACE_URL, uuid5

from pique_assets.local.job import Job

_EVENTS = {"completed": "evaluation.completed", "failed": "evaluation.failed"}


def polled_result(job: Job) -> dict[str, object]:
    """The answer of ``GET /v1/evaluations/results/{job_id}``.

    Its time has no microseconds, as documented; webhooks have them.
    """
    return {
        "event": _EVENTS.get(job.status, "evaluation.pending"),
        "job_id": job.job_id,
        "content_id": job.content_id,
        "judge_id": job.judge_id,
        "status": job.status,
        "overall_score": job.overall_score,
        "detector_results": None if job.detector_results is None else list(job.detector_results),
        "error": job.error,
        "timestamp": _whole_seconds(job.finished_at or job.created_at),
    }


def webhook_body(job: Job) -> bytes:
    """The webhook that tells a job's end, in the words of its kind of submission."""
    body = _direct_webhook(job) if job.batch_id is None else _social_webhook(job)
    return json.dumps(body, ensure_ascii=False).encode()


def _direct_webhook(job: Job) -> dict[str, object]:
    if job.status == "failed":
        return {
            "event": _EVENTS[job.status],
            "job_id": job.job_id,
            "status": job.status,
            "timestamp": job.finished_at,
            "error": job.error,
            "judge_id": job.judge_id,
        }
    return {
        "evaluation_id": str(uuid5(NAMESPACE_URL, f"pique-local:{job.job_id}")),
        "job_id": job.job_id,
        "content_id": job.content_id,
        "judge_id": job.judge_id,
        "status": job.status,
        "overall_score": job.overall_score,
        "timestamp": job.finished_at,
        "results": _criteria(job),
    }


def _social_webhook(job: Job) -> dict[str, object]:
    body: dict[str, object] = {
        "job_id": job.job_id,
        "batch_id": job.batch_id,
        "status": job.status,
        "url": job.url,
        # A social webhook alone tells its score out of a hundred.
        "overall_score": None if job.overall_score is None else round(job.overall_score * 100, 2),
        "results": _criteria(job),
        "completed_at": None if job.finished_at is None else _whole_seconds(job.finished_at),
    }
    # How a failure is told is not documented: the same shape, with the error beside it.
    return body if job.error is None else {**body, "error": job.error}


def _criteria(job: Job) -> list[dict[str, object]]:
    return [
        {
            "criterion_id": result["detector_config_id"],
            **{key: result[key] for key in ("detector_name", "pass_check", "score", "rationale", "metrics")},
        }
        for result in job.detector_results or ()
    ]


def _whole_seconds(time: str) -> str:
    return time.partition(".")[0].removesuffix("Z") + "Z"
