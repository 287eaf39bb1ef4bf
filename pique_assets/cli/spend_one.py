"""`doctor --spend-one`: one tiny content item through create, PUT, poll and result, each answer compared.

Belongs here: the order of the calls, and which documented answer each is compared with. Does not: the documentation
(`documented_answers`). The evaluation is in no ledger and in no table.
"""

from __future__ import annotations

import io
import struct
import time
import wave
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from pique_assets.api.answers import Answer
from pique_assets.api.body import UploadBody
from pique_assets.api.errors import NotFound, PiqueError
from pique_assets.api.fields import parsed
from pique_assets.api.models import JobStatus, Judge, PresignedUpload
from pique_assets.api.policy import UPLOAD_TIMEOUTS
from pique_assets.api.storage_transport import StorageTransport
from pique_assets.cli.doctor_of_pique import EXTENSIONS, Asked
from pique_assets.cli.documented_answers import (
    DETECTOR_CONFIG,
    DETECTOR_RESULT,
    ERROR,
    JUDGE,
    PREPARED_UPLOAD,
    Fields,
    differences,
    result_fields,
)
from pique_assets.cli.findings import Diagnosis, ok, warn, wrong

CLIP = Path(__file__).with_name("one_second.mp4")
"""A second of grey, made for this package."""

POLL_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEvaluation:
    """One evaluation that is spent to learn how Pique answers.

    Attributes:
        wait_s: How long its result is waited for.
        say: Hears of progress.
    """

    asked: Asked
    judge: Judge
    wait_s: float
    say: Callable[[str], None]

    def findings(self) -> Iterator[Diagnosis]:
        """One finding for each answer that is as documented, and one for each difference."""
        try:
            yield from self._judge()
            yield from self._unknown_judge()
            content = tiny_content(self.judge.content_type)
            answer = self.asked.post("/v1/evaluations/presigned-upload", self._order(content))
            yield from _compared("prepared upload", answer, PREPARED_UPLOAD)
            prepared = PresignedUpload.model_validate(parsed(answer.body))
            self.say(f"spending one evaluation: job {prepared.job_id}, in no ledger and in no table")
            yield from self._waiting(prepared.job_id)
            yield self._upload(prepared, content)
            yield from self._result(prepared.job_id)
        except ValidationError as error:
            # The comparison has named what is missing.
            yield wrong("spend one", f"ended early, because an answer can't be used: {error.errors()[0]['msg']}")
        except (PiqueError, ValueError) as error:
            yield wrong("spend one", f"ended early: {error}")

    def _order(self, content: bytes) -> dict[str, object]:
        content_type = self.judge.content_type
        return {
            "judge_id": self.judge.id,
            "content_type": content_type,
            "filename": f"pique-assets-doctor.{EXTENSIONS[content_type]}",
            "file_size_bytes": len(content),
            "title": "pique-assets doctor",
        }

    def _judge(self) -> Iterator[Diagnosis]:
        answer = self.asked.get(f"/v1/judges/{quote(self.judge.id, safe='')}")
        yield from _compared("judge", answer, JUDGE, each=("detector_configs", DETECTOR_CONFIG))

    def _unknown_judge(self) -> Iterator[Diagnosis]:
        """How Pique says that something is not there."""
        try:
            self.asked.get("/v1/judges/judge_that_nobody_has")
        except NotFound as error:
            yield from _verdict("unknown judge", [] if error.detail else ["its body has no detail"])
        except PiqueError as error:
            yield warn("unknown judge", f"documented is 404 with {', '.join(ERROR)}: {error}")
        else:
            yield warn("unknown judge", "a judge that nobody has is answered by 200, documented is 404")

    def _waiting(self, job_id: str) -> Iterator[Diagnosis]:
        answer = self._asked_for(job_id)
        status = _field(answer, "status")
        yield from _compared("result before the upload", answer, result_fields(status))
        if status != JobStatus.AWAITING_UPLOAD:
            yield warn("result before the upload", f"status is {status!r}, documented is 'awaiting_upload'")

    def _upload(self, prepared: PresignedUpload, content: bytes) -> Diagnosis:
        storage = StorageTransport(timeouts=UPLOAD_TIMEOUTS, max_connections=1, longest_pause_s=60.0)
        try:
            body = UploadBody(
                io.BytesIO(content), size_bytes=len(content), expected_crc32c=None, job_id=prepared.job_id
            )
            checksum = storage.put(prepared, body, begin_before=prepared.expires_at)
        finally:
            storage.close()
        if checksum is None:
            return warn("upload", f"{len(content)} bytes are taken; the answer names no checksum (x-goog-hash)")
        if checksum != body.crc32c:
            return wrong("upload", f"the checksum in the answer is {checksum:08x}, that of the bytes {body.crc32c:08x}")
        return ok("upload", f"{len(content)} bytes are taken, and the answer names their checksum")

    def _result(self, job_id: str) -> Iterator[Diagnosis]:
        give_up = time.monotonic() + self.wait_s
        unheard: set[object] = set()
        while True:
            answer = self._asked_for(job_id)
            status, error = _field(answer, "status"), _field(answer, "error")
            if status in JobStatus.TERMINAL:
                break
            if status not in unheard:
                unheard.add(status)
                self.say(f"job {job_id} is {status}")
                yield from _compared(f"result while {status}", answer, result_fields(status))
            if time.monotonic() > give_up:
                yield warn("result", f"job {job_id} has none within {self.wait_s:g} s: ask Pique, or wait longer")
                return
            time.sleep(POLL_INTERVAL_S)
        fields = result_fields(status)
        yield from _compared("result", answer, fields, each=("detector_results", DETECTOR_RESULT))
        if status == "failed":
            yield warn("result", f"Pique could not evaluate the content: {error}")

    def _asked_for(self, job_id: str) -> Answer:
        return self.asked.get(f"/v1/evaluations/results/{quote(job_id, safe='')}")


def tiny_content(content_type: str) -> bytes:
    """Content of a type, small and ours.

    Raises:
        ValueError: There is none of that type.
    """
    if content_type == "video":
        return CLIP.read_bytes()
    if content_type == "image":
        return _png(size=64)
    if content_type == "audio":
        return _silence()
    raise ValueError(f"{content_type} content is not uploaded")


def _field(answer: Answer, name: str) -> object:
    found = parsed(answer.body)
    return found.get(name) if isinstance(found, dict) else None


def _compared(
    what: str, answer: Answer, fields: Fields, *, each: tuple[str, Fields] | None = None
) -> Iterator[Diagnosis]:
    found = parsed(answer.body)
    different = [f"{answer.status} instead of 200"] if answer.status != 200 else []
    different += differences(found, fields, where=what.split()[0])
    if each is not None and isinstance(found, dict) and isinstance(found.get(each[0]), list):
        for place, element in enumerate(found[each[0]]):
            different += differences(element, each[1], where=f"{what}.{each[0]}[{place}]")
    yield from _verdict(what, different)


def _verdict(what: str, different: list[str]) -> Iterator[Diagnosis]:
    for difference in different:
        yield warn(what, f"differs from docs/contract.md: {difference}")
    if not different:
        yield ok(what, "as docs/contract.md has it")


def _png(*, size: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\x80" * size for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _silence() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000))
    return written.getvalue()
