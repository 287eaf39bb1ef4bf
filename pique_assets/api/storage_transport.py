"""The way to a storage host: content, once, with the signed headers, and without any key.

Belongs here: one upload's way and what its end means for the job. Does not: the API (``transport``), connections
(``wire``), and what is done about an upload that failed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from pique_assets.api.answers import parse_goog_hash, report_to_limit, upload_error
from pique_assets.api.body import UploadBody
from pique_assets.api.concurrency import AdaptiveLimit, HostConcurrency, Slot
from pique_assets.api.errors import UploadError, UploadExpired, UploadInterrupted, UploadRejected
from pique_assets.api.models import PresignedUpload
from pique_assets.api.policy import Timeouts
from pique_assets.api.wire import Broken, Reply, Wire, is_secure_url

_MAX_ANSWER_BYTES: Final = 16 * 1024


class StorageTransport:
    """Sends content to a storage host. It has no API key to give away. Thread-safe."""

    def __init__(self, *, timeouts: Timeouts, max_connections: int, longest_pause_s: float) -> None:
        """Open nothing yet; the first upload does."""
        self._limit = AdaptiveLimit(most=max_connections, longest_pause_s=longest_pause_s)
        self._wire = Wire(timeouts=timeouts, max_connections=max_connections)

    def put(self, upload: PresignedUpload, body: UploadBody, *, begin_before: datetime) -> int | None:
        """Send content once, with exactly the headers given besides ``Host`` and ``Content-Length``.

        Args:
            upload: Where to, and with what.
            body: The content.
            begin_before: After this nothing is sent any more.

        Returns:
            The CRC32C the storage host found, or None when it names none.

        Raises:
            UploadError: In one of its kinds; see there which leave the upload in doubt.
            Exception: Whatever reading the content raises, unchanged.
        """
        life_s = (begin_before - datetime.now(UTC)).total_seconds()
        slot = self._limit.enter(until=time.monotonic() + life_s) if life_s > 0 else None
        if slot is None:
            raise self._no_turn(upload)
        with slot:
            outcome = self._put_once(upload, body, slot)
        if isinstance(outcome, BaseException):
            raise outcome
        return parse_goog_hash(outcome)

    def concurrency(self) -> HostConcurrency:
        """How things stand with the storage host."""
        return self._limit.snapshot()

    def end_at(self, moment: float) -> None:
        """Wait for no connection beyond this `time.monotonic()`, at which `cut` is going to be called."""
        self._wire.end_at(moment)

    def cut(self) -> None:
        """End whatever is under way or waits; nothing more is sent."""
        self._limit.stop()
        self._wire.cut()

    def close(self) -> None:
        """Close all connections, and send away all threads that wait for one."""
        self._limit.stop()
        self._wire.close()

    def _no_turn(self, upload: PresignedUpload) -> UploadError:
        if self._limit.is_stopped:
            return UploadInterrupted("the client is closed", job_id=upload.job_id, request_sent=False)
        over = f"{upload.expires_at:%Y-%m-%d %H:%M:%SZ} by our clock was too near or past before its turn came"
        return UploadExpired(f"{over}; nothing was sent", job_id=upload.job_id)

    def _put_once(self, upload: PresignedUpload, body: UploadBody, slot: Slot) -> BaseException | str | None:
        job_id = upload.job_id
        if not is_secure_url(upload.upload_url):
            return UploadRejected("the upload URL is not https (http only on loopback)", job_id=job_id)
        if _announces_another_size(upload, body):
            return UploadRejected("its headers announce another size than the content has", job_id=job_id)
        outcome = self._wire.put(upload.upload_url, body, headers=upload.upload_headers, at_most=_MAX_ANSWER_BYTES)
        if isinstance(outcome, Broken):
            return UploadInterrupted(outcome.reason, job_id=job_id, request_sent=outcome.request_sent)
        if not isinstance(outcome, Reply):
            return outcome
        report_to_limit(slot, status=outcome.status, retry_after=outcome.headers.get("retry-after"))
        failure = upload_error(status=outcome.status, body=outcome.body, job_id=job_id, all_sent=body.is_complete)
        if failure is None and not body.is_complete:
            reason = f"status {outcome.status} before all bytes were sent"
            return UploadInterrupted(reason, job_id=job_id, request_sent=True, status=outcome.status)
        return failure or outcome.headers.get("x-goog-hash")


def _announces_another_size(upload: PresignedUpload, body: UploadBody) -> bool:
    """Whether the storage host might take a beginning of the content for all of it."""
    given = [value for name, value in upload.upload_headers.items() if name.lower() == "content-length"]
    return any(value.strip() != str(body.size_bytes) for value in given)
