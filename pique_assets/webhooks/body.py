"""What a receiver reads of a webhook's body: which job it is about, and which URL of a social media batch.

Belongs here: finding these two. All three kinds of webhook name their job in the same place (docs/contract.md,
Webhooks). Does not: anything else of a body, which is kept as it came; the polled result decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

LONGEST_JOB_ID = 255
LONGEST_URL = 8192


class UnreadableWebhook(ValueError):
    """The body is not a webhook's: no JSON object with a job id. The text repeats nothing the sender wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSubject:
    """What a webhook is about; ``url`` only in those of social media batches."""

    job_id: str
    url: str | None


def webhook_subject(body: bytes) -> WebhookSubject:
    """Read what a webhook is about.

    Raises:
        UnreadableWebhook: It is not UTF-8, not JSON or nested too deep, not an object, names a key twice or no job.
    """
    try:
        # The body is about to name a row that will be changed: what two readers could read differently is refused.
        # Numbers are of no interest here, so none can be too long or too large.
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unambiguous, parse_int=_no_number, parse_float=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableWebhook(f"the body is not readable as JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise UnreadableWebhook("the body is JSON, but not an object")
    job_id = _name(document.get("job_id"), longest=LONGEST_JOB_ID)
    if job_id is None:
        raise UnreadableWebhook("the body names no job")
    return WebhookSubject(job_id=job_id, url=_name(document.get("url"), longest=LONGEST_URL))


class _RepeatedKey(ValueError):
    """An object has a key twice."""


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKey
    return found


def _no_number(digits: str) -> None:
    return None


def _name(value: object, *, longest: int) -> str | None:
    """The value, if every ledger can hold it and every log show it: no control characters, no half surrogates."""
    if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
        return value
    return None
