"""Errors say what happened without saying secrets, and survive a journey between processes."""

from __future__ import annotations

import logging
import pickle
import time

import pytest
from hypothesis import given, strategies as st

from pique_assets.api import errors
from pique_assets.api.redaction import RedactingFilter, Secret, install_redaction, redact

SIGNATURE = "ab12cd34ef56"
SIGNED_URL = (
    "https://storage.googleapis.com/b/o.mp4?X-Goog-Algorithm=GOOG4-RSA-SHA256"
    f"&X-Goog-Credential=acc%40proj&X-Goog-Expires=900&X-Goog-Signature={SIGNATURE}"
)
KEY = "pk_live_Zx9-_secret"


def examples():
    api = {"status": 400, "detail": f"{KEY} {SIGNED_URL}", "request": "GET /v1/judges"}
    return [
        errors.PiqueError(f"{KEY} {SIGNED_URL}"),
        errors.BrokenEnvironment("NO_PROXY", f"{KEY} {SIGNED_URL}"),
        errors.NoAnswer(request="GET /v1/judges", reason=f"{KEY} {SIGNED_URL}", request_sent=True),
        errors.PiqueApiError(**api),
        errors.InvalidRequest(**api),
        errors.Unauthorized(**api),
        errors.NotFound(**api),
        errors.NotReached(**api),
        errors.RateLimited(**api, retry_after_s=3.5),
        errors.ServerError(**api, retry_after_s=None),
        errors.UnexpectedAnswer(**api),
        errors.UploadForbidden(SIGNED_URL, job_id="job_1", status=403, code="SignatureDoesNotMatch"),
        errors.UploadExpired(KEY, job_id="job_1", status=400, code="ExpiredToken"),
        errors.UploadRejected(KEY, job_id="job_1", status=412),
        errors.UploadInterrupted(SIGNED_URL, job_id="job_1", request_sent=False),
        errors.UploadCorrupted(SIGNED_URL, job_id="job_1"),
        errors.ContentChanged(SIGNED_URL, job_id="job_1"),
    ]


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_it_knows(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
    assert copy.may_have_taken_effect is error.may_have_taken_effect


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
def test_an_error_carries_no_secret(error):
    carried = f"{error} {error!r} {error.__dict__} {pickle.dumps(error)!r}"
    assert KEY not in carried
    assert SIGNATURE not in carried


def test_what_may_have_taken_effect():
    doubtful = {type(error).__name__ for error in examples() if error.may_have_taken_effect}
    assert doubtful == {"NoAnswer", "ServerError", "UnexpectedAnswer", "UploadCorrupted"}
    assert errors.UploadInterrupted("", job_id="j", request_sent=True).may_have_taken_effect
    assert not errors.NoAnswer(request="r", reason="", request_sent=False).may_have_taken_effect


@pytest.mark.parametrize("status", [402, 405, 413, 415, 431])
def test_a_status_that_refuses_to_begin_leaves_no_doubt(status):
    assert not errors.PiqueApiError(status=status, detail="", request="r").may_have_taken_effect


@pytest.mark.parametrize("status", [408, 409, 410, 418, 425, 451, 499])
def test_any_other_refusal_may_come_after_the_work(status):
    assert errors.PiqueApiError(status=status, detail="", request="r").may_have_taken_effect


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (f"PUT {SIGNED_URL} failed", SIGNATURE),
        (f"PUT {SIGNED_URL} failed", "acc%40proj"),
        (f'"{SIGNED_URL}"', SIGNATURE),
        (f"/b/o?x=1&X-Goog-Signature={SIGNATURE}", SIGNATURE),
        (f"header x-goog-signature: {SIGNATURE}", SIGNATURE),
        ("https://b.s3.test/o?AWSAccessKeyId=A&Signature=zzz999", "zzz999"),
        ("https://s.test/o?upload_id=zzz999", "zzz999"),
        ("https://h.test/hook?token=zzz999", "zzz999"),
        (f"the key {KEY} is wrong", KEY),
        (f"key={KEY}.", KEY),
        ("the key pq_zzz999zzz", "zzz999"),
        ("X-API-Key: zzz999", "zzz999"),
        ("{'x-api-key': 'zzz999'}", "zzz999"),
        ("[(b'X-API-Key', b'zzz999')]", "zzz999"),
        ("postgresql://user:zzz999@db/x", "zzz999"),
    ],
)
def test_secrets_are_redacted(text, gone):
    assert gone not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3",
        "Pique answered 404 to GET /v1/evaluations/results/job_3vp2mT7dJh5vhZmpk2G_yg: Job not found",
        "GET /v1/judges?limit=100&offset=0",
        "Is it there? Mostly.",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_a_known_secret_is_hidden_whatever_it_looks_like():
    assert redact("no such key: hunter2!", secrets=[Secret("hunter2"), Secret("")]) == "no such key: ***!"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("piece", ["?", "a", "a.", "a://", "?x-goog-", "x-api-key ", "pk_", "://@", " "])
def test_a_long_text_is_redacted_in_time_linear_in_it(piece):
    started = time.process_time()
    redact(piece * 100_000)
    assert time.process_time() - started < 1


def test_installing_redaction_twice_filters_once(caplog):
    for _ in range(2):
        install_redaction("pique_test_logger")
    logger = logging.getLogger("pique_test_logger")
    assert sum(isinstance(known, RedactingFilter) for known in logger.filters) == 1
    with caplog.at_level(logging.INFO):
        logger.info("PUT %s with %r", SIGNED_URL, KEY)
    assert caplog.messages == ["PUT https://storage.googleapis.com/b/o.mp4?*** with 'pk_***'"]
