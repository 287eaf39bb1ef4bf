"""The answer to a social media POST, in whatever shape it comes: each job id in it may be of an evaluation that runs.

Belongs here: finding jobs in an answer that is not as documented. Does not: which URL a job is of, when the answer does
not say so in the URL's own spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

_JOB_ID: Final = "job_id"
_URL_NAMES: Final = ("url", "video_url", "source_url")
_TEXTS: Final = ("status", "error_message")
_NAMED_JOB = re.compile(r'"job_id"\s*:\s*("(?:[^"\\]|\\.)*"|[0-9]+)')


def with_documented_jobs(document: object) -> object:
    """An answer with its jobs as Pique documents them: a list ``jobs`` of objects with ``job_id`` and ``url``.

    Jobs are found by URL or as bare ids, wherever they stand, and ids that are numbers become text. A document without
    any job is returned as it is.
    """
    given = document if isinstance(document, Mapping) else {}
    inside = given.get("jobs")
    jobs = [_documented(job) for job in _jobs(document if inside is None else inside, within_jobs=inside is not None)]
    return {**given, "batch_id": _text(given.get("batch_id")), "jobs": jobs} if jobs else document


def named_jobs(body: bytes) -> tuple[str, ...]:
    """The job ids that an answer names, each once, also where its JSON is cut short or broken."""
    found = (match.group(1) for match in _NAMED_JOB.finditer(body.decode("utf-8", errors="replace")))
    return tuple(dict.fromkeys(_read(text) for text in found if text != '""'))


def _jobs(value: object, *, within_jobs: bool, name: str | None = None) -> Iterator[dict[str, object]]:
    if isinstance(value, Mapping):
        if _JOB_ID in value or (within_jobs and ("id" in value or any(key in value for key in _URL_NAMES))):
            yield {"url": name if _is_url(name) else None, **value}
            return
        for key, inner in value.items():
            yield from _jobs(inner, within_jobs=within_jobs, name=str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _jobs(inner, within_jobs=within_jobs, name=name)
    elif within_jobs and isinstance(value, str) and value and not _is_url(value):
        # A bare id, or the id beside its URL.
        yield {_JOB_ID: value, "url": name if _is_url(name) else None}


def _documented(job: Mapping[str, object]) -> dict[str, object]:
    url = next((job[name] for name in _URL_NAMES if job.get(name) is not None), None)
    return {
        **job,
        _JOB_ID: _text(job.get(_JOB_ID, job.get("id"))),
        "url": _text(url),
        **{name: _text(job.get(name)) for name in _TEXTS},
    }


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _is_url(name: str | None) -> bool:
    return name is not None and name.lower().startswith(("http://", "https://"))


def _read(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')
