"""The seven calls of the API, and the upload they prepare, as a blocking, thread-safe client.

Belongs here: the addresses, and the reading of answers into models. How requests travel and when they are
repeated is the transport's subject; what to do with the answers is the caller's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from pique_assets.api.address import pique_at
from pique_assets.api.answers import Answer, ApiRequest
from pique_assets.api.batch_answer import named_jobs, with_documented_jobs
from pique_assets.api.body import UploadBody
from pique_assets.api.concurrency import Concurrency
from pique_assets.api.errors import UnexpectedAnswer, UploadCorrupted
from pique_assets.api.fields import parsed
from pique_assets.api.models import (
    CreatedJudge,
    EvaluationResult,
    Judge,
    JudgePage,
    JudgeRequest,
    PresignedUpload,
    PresignedUploadRequest,
    ReferenceContent,
    ReferenceContentRequest,
    SocialMediaBatch,
    SocialMediaRequest,
)
from pique_assets.api.policy import API_TIMEOUTS, DEFAULT_RETRIES, UPLOAD_TIMEOUTS, Repeat, RetryPolicy, Timeouts
from pique_assets.api.redaction import Secret
from pique_assets.api.storage_transport import StorageTransport
from pique_assets.api.transport import ApiTransport

_PAGE_SIZE: Final = 100
# docs/contract.md, "Judges": the answer names no end of the URL's life, which is about five minutes.
_REFERENCE_URL_LIFE: Final = timedelta(minutes=5)

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A job's result, as a model and as it came.

    Attributes:
        body: The bytes as received: what is kept, and what tables are made of.
        received_at: When the answer was complete, UTC.
    """

    result: EvaluationResult
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReceipt:
    """What is known of an upload that was accepted.

    Attributes:
        crc32c: Of the bytes sent.
        verified: Whether the storage host named the same checksum; False when it named none.
    """

    crc32c: int
    verified: bool


class PiqueClient:
    """Pique over HTTP. One client serves any number of threads; close it, or use it in a ``with``.

    All calls raise `PiqueApiError` in one of its kinds when Pique refuses, and `NoAnswer` when nothing
    comes back. Once Pique has refused the key, every call raises `Unauthorized` and nothing more is asked.
    Requests that only read or prepare are repeated by the retry policy; `create_judge` and
    `submit_social_media` are repeated only while it is certain that the request was not taken.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeouts: Timeouts = API_TIMEOUTS,
        upload_timeouts: Timeouts = UPLOAD_TIMEOUTS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        max_connections: int = 32,
    ) -> None:
        """Open nothing yet; the first call does.

        Args:
            base_url: ``https://api.getpique.ai`` or another host; http only on loopback.
            api_key: Sent to that host alone.
            timeouts: For the API.
            upload_timeouts: For the storage host.
            retries: For the API; uploads are never repeated here.
            max_connections: Requests at a time, to the API and to storage hosts each, while they take so many;
                fewer when they answer 429 or 503.

        Raises:
            ValueError: The URL or the key cannot be used; the message does not show the key.
            BrokenEnvironment: A variable of the environment about proxies or certificates cannot be used.
        """
        key = Secret(api_key)
        # A traceback with variables must not show it when the address or the key turns out to be useless.
        del api_key
        self._api = ApiTransport(
            base_url=base_url,
            api_key=key,
            timeouts=timeouts,
            retries=retries,
            max_connections=max_connections,
        )
        self._storage = StorageTransport(
            timeouts=upload_timeouts, max_connections=max_connections, longest_pause_s=retries.retry_after_cap_s
        )

    def __repr__(self) -> str:
        """Name the host, never the key; a client that is refused in the making has none yet."""
        api: ApiTransport | None = getattr(self, "_api", None)
        return f"PiqueClient(base_url={api.base_url!r})" if api else "PiqueClient()"

    @property
    def pique(self) -> str:
        """Which Pique it asks: production, sandbox, local, or another's host."""
        return pique_at(self._api.base_url)

    def __enter__(self) -> Self:
        """Use the client until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    def close(self) -> None:
        """Close all connections. Threads that wait for their turn raise at once; nothing of theirs was sent."""
        self._api.close()
        self._storage.close()

    @contextmanager
    def ending_at(self, moment: float) -> Iterator[None]:
        """Let nothing inside the block outlast a moment (of `time.monotonic()`), whatever the hosts do or don't.

        What is under way then raises as if its connection had broken, whatever waits raises too, and nothing more is
        sent: the client is of no further use.
        """
        alarm = threading.Timer(max(0.0, moment - time.monotonic()), self._cut)
        alarm.daemon = True
        for transport in (self._api, self._storage):
            transport.end_at(moment)
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()

    def _cut(self) -> None:
        for transport in (self._api, self._storage):
            transport.cut()

    @property
    def concurrency(self) -> Concurrency:
        """How many requests are under way and allowed at this moment, to the API and to storage hosts."""
        return Concurrency(api=self._api.concurrency(), storage=self._storage.concurrency())

    def list_judges(self, content_type: str | None = None) -> Iterator[Judge]:
        """Yield the organisation's judges, newest first, each once.

        Pages are asked for as they are needed. A judge created meanwhile shifts them, so that one is seen
        twice; it is yielded once.

        Args:
            content_type: Only judges of this type.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            page = self._judge_page(content_type=content_type, offset=offset)
            fresh = {judge.id: judge for judge in page.judges if judge.id not in seen}
            yield from fresh.values()
            seen.update(fresh)
            offset += len(page.judges)
            # A page without anything new is the end, whatever it says: else a confused server could hold us
            # for ever.
            if not page.has_more or not fresh:
                return

    def get_judge(self, judge_id: str) -> Judge:
        """Fetch one judge with its detector configs."""
        return self._read(self._get(f"/v1/judges/{_quoted(judge_id)}"), Judge)

    def create_judge(self, judge: JudgeRequest) -> CreatedJudge:
        """Create a judge. It may be pending for a while, and may come to fail.

        Not repeated once it may have been taken: a second judge would be created.
        """
        return self._read(self._post("/v1/judges", judge, Repeat.COMMIT), CreatedJudge)

    def create_reference_content(self, file_extension: str) -> ReferenceContent:
        """Prepare the upload of reference content for a detector's config.

        Args:
            file_extension: 1 to 10 characters, without a dot.

        Raises:
            ValueError: It is not such an extension; nothing was sent.
        """
        wish = ReferenceContentRequest(file_extension=file_extension)
        return self._read(self._post("/v1/judges/reference_content", wish, Repeat.HARMLESS), ReferenceContent)

    def create_presigned_upload(self, upload: PresignedUploadRequest) -> PresignedUpload:
        """Prepare a job for one content item. Nothing is evaluated until its bytes arrive.

        The request is repeated when no answer comes: a prepared job that is never used costs nothing.

        Returns:
            The prepared job; `expires_at` by our clock, however wrong ours or Pique's may be.
        """
        answer = self._post("/v1/evaluations/presigned-upload", upload, Repeat.HARMLESS)
        prepared = self._read(answer, PresignedUpload)
        return prepared.model_copy(update={"expires_at": answer.by_our_clock(prepared.expires_at)})

    def submit_social_media(self, videos: SocialMediaRequest) -> SocialMediaBatch:
        """Have videos fetched from the web and evaluated. This commits to their evaluation.

        The request is never repeated once Pique may have taken it. After an error whose `may_have_taken_effect` is
        true, the submission is in doubt: nobody may send it again unseen.

        Raises:
            UnexpectedAnswer: The answer cannot be read; the jobs it names all the same are in `named_jobs`.
        """
        answer = self._post("/v1/evaluations/social-media", videos, Repeat.COMMIT)
        return self._read(answer, SocialMediaBatch, tidied=with_documented_jobs, named_jobs=named_jobs)

    def get_result(self, job_id: str) -> ReceivedResult:
        """Fetch where a job stands. A failed evaluation is a result like any other.

        Raises:
            UnexpectedAnswer: The answer cannot be read, or is about another job.
        """
        answer = self._get(f"/v1/evaluations/results/{_quoted(job_id)}")
        result = self._read(answer, EvaluationResult)
        if result.job_id != job_id:
            raise _unreadable(answer, f"it is about job {result.job_id}")
        return ReceivedResult(result=result, body=answer.body, received_at=answer.received_at)

    def upload(
        self,
        upload: PresignedUpload,
        *,
        open_body: Callable[[], BinaryIO],
        size_bytes: int,
        crc32c: int | None = None,
        begin_before: datetime | None = None,
        before_last_chunk: Callable[[], None] | None = None,
    ) -> UploadReceipt:
        """Send a prepared job its bytes, once: this is what starts the evaluation.

        Memory stays flat in the size. The API key is not sent, nor any header but those that were given,
        ``Host`` and ``Content-Length``.

        Args:
            upload: The prepared job.
            open_body: Opens the content at its beginning; closed here.
            size_bytes: The size that was fingerprinted, and was announced.
            crc32c: The checksum that was fingerprinted, if known.
            begin_before: After this nothing is sent any more; the URL's expiry when left out.
            before_last_chunk: Called when all bytes but the last chunk are on their way; if it raises, the last chunk
                is not sent.

        Raises:
            ContentChanged: The bytes are not those that were fingerprinted; they did not land.
            UploadForbidden: The signature was refused.
            UploadExpired: The URL is past its time, or its turn would come too late.
            UploadRejected: The storage host will not take them. Of these three, `all_sent` says whether all bytes were
                on their way before the answer came: if so, ask for the job's status before anything else.
            UploadInterrupted: They may have landed: ask for the job's status before anything else.
            UploadCorrupted: Other bytes landed than were sent.
            Exception: Whatever opening or reading the content or `before_last_chunk` raises, unchanged; the bytes did
                not land.
        """
        with open_body() as source:
            body = UploadBody(
                source,
                size_bytes=size_bytes,
                expected_crc32c=crc32c,
                job_id=upload.job_id,
                before_last_chunk=before_last_chunk,
            )
            found = self._storage.put(upload, body, begin_before=begin_before or upload.expires_at)
        if found not in (None, body.crc32c):
            raise UploadCorrupted(f"crc32c {found:08x} instead of {body.crc32c:08x}", job_id=upload.job_id)
        return UploadReceipt(crc32c=body.crc32c, verified=found is not None)

    def upload_reference_content(
        self,
        reference: ReferenceContent,
        *,
        open_body: Callable[[], BinaryIO],
        size_bytes: int,
        crc32c: int | None = None,
    ) -> UploadReceipt:
        """Send reference content its bytes, once. It evaluates nothing, so it may be prepared and sent anew.

        Args:
            reference: The prepared upload.
            open_body: Opens the content at its beginning; closed here.
            size_bytes: Its size.
            crc32c: Its checksum, if known.

        Raises:
            UploadError, Exception: As `upload` does; where that names a job, this names the content's URI.
        """
        prepared = PresignedUpload(
            job_id=reference.reference_content_uri,
            upload_url=reference.upload_url,
            upload_headers=reference.upload_headers,
            expires_at=datetime.now(UTC) + _REFERENCE_URL_LIFE,
        )
        return self.upload(prepared, open_body=open_body, size_bytes=size_bytes, crc32c=crc32c)

    def _judge_page(self, *, content_type: str | None, offset: int) -> JudgePage:
        query: dict[str, str | int] = {"limit": _PAGE_SIZE, "offset": offset}
        if content_type is not None:
            query["content_type"] = content_type
        request = ApiRequest(method="GET", path="/v1/judges", query=query, repeat=Repeat.HARMLESS)
        return self._read(self._api.send(request), JudgePage)

    def _get(self, path: str) -> Answer:
        return self._api.send(ApiRequest(method="GET", path=path, repeat=Repeat.HARMLESS))

    def _post(self, path: str, model: BaseModel, repeat: Repeat) -> Answer:
        # The body goes straight into the request, whose repr hides it: a traceback may show variables.
        request = ApiRequest(
            method="POST",
            path=path,
            body=model.model_dump_json(exclude_none=True).encode(),
            repeat=repeat,
        )
        return self._api.send(request)

    @staticmethod
    def _read(
        answer: Answer,
        model: type[_Model],
        *,
        tidied: Callable[[object], object] = lambda document: document,
        named_jobs: Callable[[bytes], tuple[str, ...]] = lambda body: (),
    ) -> _Model:
        # Raised after, not inside, the except blocks: their errors quote the answer, which may hold a
        # signed URL.
        try:
            return model.model_validate(tidied(parsed(answer.body)))
        except ValidationError as error:
            problem = "; ".join(
                f"{'.'.join(str(part) for part in item['loc']) or 'answer'}: {item['msg']}"
                for item in error.errors(include_input=False, include_context=False, include_url=False)
            )
        except (ValueError, RecursionError):
            problem = f"not readable as JSON ({len(answer.body)} bytes)"
        raise _unreadable(answer, problem, named_jobs=named_jobs(answer.body))


def _unreadable(answer: Answer, problem: str, *, named_jobs: tuple[str, ...] = ()) -> UnexpectedAnswer:
    return UnexpectedAnswer(status=answer.status, detail=problem, request=answer.request, named_jobs=named_jobs)


def _quoted(identifier: str) -> str:
    """Make an id one segment of a path; ids are opaque and may hold any character."""
    if identifier in ("", ".", ".."):
        raise ValueError(f"not an id: {identifier!r}")
    return quote(identifier, safe="")
