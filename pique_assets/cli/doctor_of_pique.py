"""What `doctor` finds of Pique: address, key, clock, judges, and storage. Nothing is evaluated.

Belongs here: asking Pique, once each. Does not: the one evaluation of `--spend-one` (`spend_one`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from pique_assets.api.address import pique_at
from pique_assets.api.answers import Answer, ApiRequest
from pique_assets.api.errors import NoAnswer, PiqueError, Unauthorized
from pique_assets.api.fields import parsed
from pique_assets.api.models import Judge, PresignedUpload
from pique_assets.api.policy import Repeat, RetryPolicy, parse_http_date
from pique_assets.api.redaction import Secret
from pique_assets.api.transport import ApiTransport
from pique_assets.api.wire import Reply, Wire
from pique_assets.cli.common import API_KEY_VARIABLE, BASE_URL_VARIABLE, ENVIRONMENT_VARIABLE, base_url
from pique_assets.cli.doctor_of_machine import ENOUGH_BYTES, SOON
from pique_assets.cli.findings import Diagnosis, ok, warn, wrong
from pique_assets.home import setting

MOST_CLOCK_SKEW = timedelta(minutes=2)
EXTENSIONS: Final = {"video": "mp4", "image": "png", "audio": "wav"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A Pique that answered, and where to ask it more."""

    transport: ApiTransport
    pique: str

    def get(self, path: str, **query: str | int) -> Answer:
        """Read something.

        Raises:
            PiqueError: Pique refused, or nothing came back.
        """
        return self.transport.send(ApiRequest(method="GET", path=path, query=query, repeat=Repeat.HARMLESS))

    def post(self, path: str, body: dict[str, object]) -> Answer:
        """Prepare something that costs nothing.

        Raises:
            PiqueError: Pique refused, or nothing came back.
        """
        request = ApiRequest(method="POST", path=path, body=json.dumps(body).encode(), repeat=Repeat.HARMLESS)
        return self.transport.send(request)


class PiqueExamination:
    """The findings about one Pique, in order; what they found is kept for whatever follows."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        self.asked: Asked | None = None
        self.judges: list[Judge] = []
        self._transport: ApiTransport | None = None

    def findings(self, judge_ids: Sequence[str]) -> Iterator[Diagnosis]:
        """Look at the address, the key, the clock, the judges and the storage, as far as each lets one come.

        Args:
            judge_ids: The judges that evaluations have; without any, the newest judge is used to look at storage.
        """
        address = base_url()
        if address is None:
            yield wrong(
                "host",
                f"nothing says which: set {BASE_URL_VARIABLE}, or {ENVIRONMENT_VARIABLE} to production or sandbox",
            )
        if not setting(API_KEY_VARIABLE):
            yield wrong("key", f"{API_KEY_VARIABLE} is not set: set it, in the environment or in the project's .env")
        if address is None or not setting(API_KEY_VARIABLE):
            return
        try:
            transport = ApiTransport(
                base_url=address,
                api_key=Secret(setting(API_KEY_VARIABLE) or ""),
                timeouts=SOON,
                retries=RetryPolicy(attempts=1),
                max_connections=2,
            )
        except (ValueError, PiqueError) as error:
            yield wrong("key" if "API key" in str(error) else "host", str(error))
            return
        self._transport = transport
        asked = Asked(transport=transport, pique=pique_at(address))
        try:
            answer = asked.get("/v1/judges", limit=1)
            newest = _judges_of(answer)
        except Unauthorized as refused:
            yield ok("host", f"{address} answers")
            yield wrong("key", f"{refused}")
            return
        except NoAnswer as error:
            yield wrong("host", str(error))
            return
        except (PiqueError, ValidationError, ValueError) as error:
            yield wrong("host", f"{address} answers, but not as Pique does: {error}".split("\n", 1)[0])
            return
        self.asked = asked
        yield ok("host", f"{address} is a Pique, known as {asked.pique!r}")
        yield ok("key", f"{API_KEY_VARIABLE} is accepted")
        yield _clock(answer)
        yield from self._judges(asked, judge_ids)
        if usable := [judge for judge in [*self.judges, *newest] if judge.is_usable]:
            yield from _storage(asked, usable[0])
        else:
            yield warn("storage", "not looked at, because no judge is ready: name one with --judge")

    def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            self._transport.close()

    def _judges(self, asked: Asked, judge_ids: Sequence[str]) -> Iterator[Diagnosis]:
        for judge_id in judge_ids:
            try:
                judge = Judge.model_validate(parsed(asked.get(f"/v1/judges/{quote(judge_id, safe='')}").body))
            except (PiqueError, ValidationError, ValueError) as error:
                yield wrong("judge", f"{judge_id}: {error}".split("\n", 1)[0])
                continue
            self.judges.append(judge)
            if judge.is_usable:
                detectors = ", ".join(config.detector_name for config in judge.detector_configs)
                yield ok("judge", f"{judge.id} is ready, for {judge.content_type}: {detectors}")
            else:
                inactive = "" if judge.is_active else " and not active"
                yield wrong("judge", f"{judge.id} is {judge.status}{inactive}: it can't evaluate now")
        if not judge_ids:
            yield warn("judge", "none is named: no evaluation of a code location was found, and there is no --judge")


def _judges_of(answer: Answer) -> list[Judge]:
    page = parsed(answer.body)
    if not isinstance(page, dict) or not isinstance(page.get("judges"), list):
        raise ValueError("its list of judges is none")
    return [Judge.model_validate(one) for one in page["judges"]]


def _clock(answer: Answer) -> Diagnosis:
    theirs = parse_http_date(answer.date)
    if theirs is None:
        return warn("clock", "Pique's answers have no Date, so the clock here can't be compared")
    # The header leaves out fractions of a second.
    skew = max(answer.asked_at - theirs - timedelta(seconds=1), theirs - answer.received_at, timedelta())
    if skew > MOST_CLOCK_SKEW:
        return warn("clock", f"it is {skew.total_seconds():.0f} s off Pique's: have the machine keep its time by NTP")
    return ok("clock", "agrees with Pique's")


def _storage(asked: Asked, judge: Judge) -> Iterator[Diagnosis]:
    """Prepare a job that never gets its byte, and knock at the host that would take it."""
    if judge.content_type not in EXTENSIONS:
        yield warn("storage", f"not looked at: judge {judge.id} is for {judge.content_type}, which is not uploaded")
        return
    body: dict[str, object] = {
        "judge_id": judge.id,
        "content_type": judge.content_type,
        "filename": f"pique-assets-doctor.{EXTENSIONS[judge.content_type]}",
        "file_size_bytes": 1,
    }
    try:
        prepared = PresignedUpload.model_validate(parsed(asked.post("/v1/evaluations/presigned-upload", body).body))
    except (PiqueError, ValidationError, ValueError) as error:
        yield wrong("storage", f"no upload can be prepared: {error}".split("\n", 1)[0])
        return
    parts = urlsplit(prepared.upload_url)
    host = f"{parts.scheme}://{parts.netloc}"
    wire = Wire(timeouts=SOON, max_connections=1, asked_with={})
    try:
        # Without the signature, so that nothing can be uploaded by mistake.
        outcome = wire.ask("GET", f"{host}/", query={}, headers={}, body=None, at_most=ENOUGH_BYTES)
    finally:
        wire.close()
    unused = f"job {prepared.job_id} was prepared for it and stays unused, which costs nothing"
    if isinstance(outcome, Reply):
        yield ok("storage", f"an upload can be prepared, and {host} answers ({unused})")
    else:
        reason = getattr(outcome, "reason", outcome)
        yield wrong("storage", f"{host}, which takes uploads, can't be reached: {reason}; let it through ({unused})")
