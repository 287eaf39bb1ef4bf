"""The storage host: signed URLs are honoured, and refused, as Google Cloud Storage does it."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree

import google_crc32c
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pique_assets.local.signed_urls import Refusal, SignedRequest, object_path, sign_put, verify

BODY = b"not a video, but bytes"


def error_code(answer: httpx.Response) -> str | None:
    assert answer.headers["content-type"].startswith("application/xml")
    return ElementTree.fromstring(answer.content).findtext("Code")


def test_a_put_is_answered_with_the_checksums_of_what_was_stored(pique):
    answer = pique.put(pique.prepare(BODY), BODY)
    assert answer.status_code == 200
    assert answer.content == b""
    crc32c = base64.b64encode(google_crc32c.value(BODY).to_bytes(4, "big")).decode()
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    assert answer.headers.get_list("x-goog-hash") == [f"crc32c={crc32c}", f"md5={md5}"]
    assert answer.headers["x-goog-stored-content-length"] == str(len(BODY))
    assert int(answer.headers["x-goog-generation"]) > 0
    assert "x-api-key" not in answer.request.headers


def test_every_header_that_is_asked_for_must_be_sent(pique):
    prepared = pique.prepare(BODY)
    for missing in prepared.upload_headers:
        headers = {name: value for name, value in prepared.upload_headers.items() if name != missing}
        answer = httpx.put(prepared.upload_url, content=BODY, headers=headers)
        assert (answer.status_code, error_code(answer)) == (400, "MalformedSecurityHeader")
    assert pique.result(prepared.job_id)["status"] == "awaiting_upload"


def test_a_header_of_another_value_is_refused(pique):
    prepared = pique.prepare(BODY)
    for changed in prepared.upload_headers:
        headers = {**prepared.upload_headers, changed: "0,99999999"}
        answer = httpx.put(prepared.upload_url, content=BODY, headers=headers)
        assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")
    assert pique.result(prepared.job_id)["status"] == "awaiting_upload"


def test_a_storage_header_that_was_not_signed_is_refused(pique):
    prepared = pique.prepare(BODY)
    headers = {**prepared.upload_headers, "x-goog-meta-extra": "1"}
    answer = httpx.put(prepared.upload_url, content=BODY, headers=headers)
    assert (answer.status_code, error_code(answer)) == (400, "MalformedSecurityHeader")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_url_is_good_for_nothing_but_a_put(pique, method):
    prepared = pique.prepare(BODY)
    answer = httpx.request(method, prepared.upload_url, headers=prepared.upload_headers)
    assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")


def altered_urls(url: str) -> list[str]:
    """The URL with one thing changed each time: every signed parameter, the signature, the path."""
    parts = urlsplit(url)
    pairs = parts.query.split("&")
    changed = []
    for number, pair in enumerate(pairs):
        name, _, value = pair.partition("=")
        last = "0" if value[-1] != "0" else "1"
        changed.append("&".join([*pairs[:number], f"{name}={value[:-1]}{last}", *pairs[number + 1 :]]))
        changed.append("&".join(pairs[:number] + pairs[number + 1 :]))
        changed.append("&".join([*pairs, pair]))
    changed.append(parts.query + "&extra=1")
    urls = [urlunsplit(parts._replace(query=query)) for query in changed]
    return [*urls, urlunsplit(parts._replace(path=parts.path + "x")), urlunsplit(parts._replace(query=""))]


REFUSALS = {
    "SignatureDoesNotMatch": 403,
    "AccessDenied": 403,
    "InvalidArgument": 400,
    "MalformedSecurityHeader": 400,
}


def test_no_altered_url_is_accepted(pique):
    prepared = pique.prepare(BODY)
    for url in altered_urls(prepared.upload_url):
        answer = httpx.put(url, content=BODY, headers=prepared.upload_headers)
        assert answer.status_code == REFUSALS[error_code(answer)], url
    assert pique.result(prepared.job_id)["status"] == "awaiting_upload"


def test_a_url_of_another_job_does_not_open_this_one(pique):
    mine, other = pique.prepare(BODY), pique.prepare(BODY)
    url = other.upload_url.replace(other.job_id, mine.job_id)
    answer = httpx.put(url, content=BODY, headers=other.upload_headers)
    assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")


@pytest.mark.slow
def test_an_expired_url_is_refused(start_pique, tmp_path, eventually):
    with start_pique(tmp_path, upload_url_life_s=1) as pique:
        prepared = pique.prepare(BODY)
        # Its end has whole seconds.
        over_at = datetime.fromisoformat(prepared.expires_at) + timedelta(seconds=1)
        eventually(lambda: datetime.now(UTC) > over_at)
        answer = pique.put(prepared, BODY)
        assert (answer.status_code, error_code(answer)) == (400, "ExpiredToken")
        assert pique.result(prepared.job_id)["status"] == "awaiting_upload"


def test_more_bytes_than_announced_are_refused(pique):
    prepared = pique.prepare(BODY)
    answer = pique.put(prepared, BODY + b"!")
    assert (answer.status_code, error_code(answer)) == (400, "EntityTooLarge")

    def chunks():
        yield BODY
        yield b"!"

    answer = httpx.put(prepared.upload_url, content=chunks(), headers=prepared.upload_headers)
    assert (answer.status_code, error_code(answer)) == (400, "EntityTooLarge")
    assert pique.result(prepared.job_id)["status"] == "awaiting_upload"
    assert list((pique.process.data_dir / "incoming").iterdir()) == []


def test_an_upload_that_breaks_off_has_no_effect(pique, eventually):
    prepared = pique.prepare(b"x" * 1000)
    parts = urlsplit(prepared.upload_url)
    head = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", "Content-Length: 1000"]
    head += [f"{name}: {value}" for name, value in prepared.upload_headers.items()]
    incoming = pique.process.data_dir / "incoming"
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode() + b"x" * 999)
        eventually(lambda: list(incoming.iterdir()))
    eventually(lambda: list(incoming.iterdir()), lambda left: not left)
    assert pique.result(prepared.job_id)["status"] == "awaiting_upload"
    assert pique.put(prepared, b"x" * 1000).status_code == 200


@pytest.mark.parametrize(
    "filename",
    [
        "ünï çødé 視頻.mp4",
        "a b+c%20&d=e?f#g.mp4",
        "../../up.mp4",
        ".",
        "..",
        "a/b\\c.mp4",
        "new\nline.mp4",
        "nul\0.mp4",
        "~" * 255,
        "é" * 255,
    ],
)
def test_any_file_name_can_be_uploaded(pique, filename):
    prepared = pique.prepare(BODY, filename=filename)
    answer = pique.put(prepared, BODY)
    assert answer.status_code == 200, answer.text
    assert pique.wait_for(prepared.job_id)["status"] == "failed"


def test_the_client_library_of_cloud_storage_signs_urls_that_are_accepted(pique):
    """The same key in google-cloud-storage's own signer: our verifier is no private dialect."""
    from google.cloud.storage import Client
    from google.oauth2.service_account import Credentials

    prepared = pique.prepare(BODY, filename="ünï çødé & more.mp4")
    key_text = (pique.process.data_dir / "signing_key.pem").read_text()
    credentials = Credentials.from_service_account_info(
        {
            "client_email": "someone@example.com",
            "private_key": key_text,
            "token_uri": "http://127.0.0.1:9/none",
        }
    )
    client = Client(project="none", credentials=credentials)
    from urllib.parse import unquote

    bucket, _, name = unquote(urlsplit(prepared.upload_url).path)[1:].partition("/")
    url = (
        client.bucket(bucket)
        .blob(name)
        .generate_signed_url(
            version="v4",
            method="PUT",
            expiration=timedelta(minutes=5),
            content_type=prepared.upload_headers["Content-Type"],
            headers={"x-goog-content-length-range": prepared.upload_headers["x-goog-content-length-range"]},
            api_access_endpoint=pique.process.base_url,
        )
    )
    assert httpx.put(url + "0", content=BODY, headers=prepared.upload_headers).status_code == 403
    assert httpx.put(url, content=BODY, headers=prepared.upload_headers).status_code == 200
    client.close()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def signed(key) -> Callable[..., SignedRequest]:
    def sign(*, now: datetime, life_s: int = 60) -> SignedRequest:
        path = object_path("bucket", "a b")
        url = sign_put("http://127.0.0.1:80", path, headers={"Content-Type": "x/y"}, life_s=life_s, key=key, now=now)
        headers = {"HOST": "127.0.0.1:80", "content-type": "  x/y "}
        return SignedRequest(method="PUT", raw_path=path, raw_query=urlsplit(url).query, headers=headers)

    return sign


def test_a_signed_url_is_good_from_now_to_its_last_second(key, signed):
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    request = signed(now=now)
    verify(request, key=key.public_key(), now=now)
    verify(request, key=key.public_key(), now=now + timedelta(seconds=60))
    with pytest.raises(Refusal, match="ExpiredToken"):
        verify(request, key=key.public_key(), now=now + timedelta(seconds=61))
    with pytest.raises(Refusal, match="RequestTimeTooSkewed"):
        verify(request, key=key.public_key(), now=now - timedelta(minutes=16))


@pytest.mark.parametrize("life_s", [0, 604_801])
def test_a_life_outside_the_limits_of_cloud_storage_is_refused(key, signed, life_s):
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    with pytest.raises(Refusal, match="InvalidArgument"):
        verify(signed(now=now, life_s=life_s), key=key.public_key(), now=now)


def test_another_key_is_refused(signed):
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(Refusal, match="SignatureDoesNotMatch"):
        verify(signed(now=now), key=other.public_key(), now=now)


def test_a_signed_request_shows_no_signature_when_printed(signed):
    assert "X-Goog" not in repr(signed(now=datetime(2026, 3, 2, tzinfo=UTC)))
