"""Sending content: exactly as signed, once, checked on the way, and honest about what may have landed."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import google_crc32c
import pytest
from hypothesis import given, strategies as st

from pique_assets.api import Timeouts
from pique_assets.api.body import CHUNK_BYTES, UploadBody
from pique_assets.api.errors import (
    ContentChanged,
    UploadCorrupted,
    UploadExpired,
    UploadForbidden,
    UploadInterrupted,
    UploadRejected,
)
from pique_assets.api.models import PresignedUpload

PATH = "/bucket/org/pending/job_1/clip.mp4"
PUT = f"PUT {PATH}"
QUERY = "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%2Fb&X-Goog-Signature=5ecret"
CONTENT = bytes(range(256)) * 4096


def prepared(storage, **headers):
    given_headers = headers or {"Content-Type": "video/mp4"}
    return PresignedUpload(
        job_id="job_1",
        upload_url=f"{storage.url}{PATH}?{QUERY}",
        upload_headers=given_headers,
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


def send(client, upload, content=CONTENT, *, size=None, crc32c=None):
    size = len(content) if size is None else size
    return client.upload(upload, open_body=lambda: io.BytesIO(content), size_bytes=size, crc32c=crc32c)


class Zeros(io.RawIOBase):
    """As many zeros as one likes, in no memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        return count


def send_zeros(client, upload, size=64 << 20):
    return client.upload(upload, open_body=lambda: Zeros(size), size_bytes=size, crc32c=None)


def test_content_arrives_whole_and_is_verified(storage, client, steps):
    storage.on(PUT, steps.store())
    receipt = send(client, prepared(storage), crc32c=google_crc32c.value(CONTENT))
    (request,) = storage.requests
    assert (request.body, request.query) == (CONTENT, QUERY)
    assert receipt.verified
    assert receipt.crc32c == google_crc32c.value(CONTENT)


def test_a_storage_host_without_a_checksum_leaves_the_upload_unverified(storage, client, steps):
    storage.on(PUT, steps.store(hashed=False))
    receipt = send(client, prepared(storage))
    assert (receipt.verified, receipt.crc32c) == (False, google_crc32c.value(CONTENT))


def test_headers_go_exactly_as_given_and_no_others(storage, client, steps):
    storage.on(PUT, steps.store())
    headers = {"content-TYPE": "video/mp4", "x-goog-content-length-range": "0,99999999", "X-Odd": "é  b"}
    send(client, prepared(storage, **headers))
    (request,) = storage.requests
    latin = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    assert dict(request.headers) == {
        **latin,
        "Host": f"127.0.0.1:{storage.port}",
        "Content-Length": str(len(CONTENT)),
    }
    assert len(request.headers) == 5


def test_a_content_length_among_the_given_headers_is_not_doubled(storage, client, steps):
    storage.on(PUT, steps.store())
    send(client, prepared(storage, **{"content-length": str(len(CONTENT))}))
    names = [name.lower() for name, _ in storage.requests[0].headers]
    assert sorted(names) == ["content-length", "host"]


@pytest.mark.parametrize("announced", [str(CHUNK_BYTES), "0", str(len(CONTENT) + 1), f"{len(CONTENT)}, 0", ""])
def test_a_beginning_of_the_content_is_never_sent_as_all_of_it(announced, storage, client, steps):
    """Content of four chunks under the length of one would arrive as a complete upload of its first quarter."""
    storage.on(PUT, steps.store())
    with pytest.raises(UploadRejected, match="announce another size") as caught:
        send(client, prepared(storage, **{"content-Length": announced}))
    assert not caught.value.may_have_taken_effect
    assert storage.requests == []


def test_an_empty_content_item_is_sent_as_such(storage, client, steps):
    storage.on(PUT, steps.store())
    assert send(client, prepared(storage), b"", crc32c=0).verified
    assert storage.requests[0].header("Content-Length") == "0"


@pytest.mark.parametrize(
    ("content", "size", "crc32c", "reason"),
    [
        (CONTENT[:-1], len(CONTENT), None, "1048575 bytes instead of 1048576"),
        (b"", 5, None, "0 bytes instead of 5"),
        (CONTENT + b"x", len(CONTENT), None, "more than 1048576 bytes"),
        (b"x", 0, None, "more than 0 bytes"),
        (CONTENT, len(CONTENT), 1, "another checksum"),
    ],
)
def test_content_that_changed_never_lands(content, size, crc32c, reason, storage, client, steps):
    storage.on(PUT, steps.store())
    with pytest.raises(ContentChanged, match=reason) as caught:
        send(client, prepared(storage), content, size=size, crc32c=crc32c)
    assert not caught.value.may_have_taken_effect
    assert storage.effects[PUT] == 0


def test_an_error_of_the_content_passes_unchanged_and_nothing_lands(storage, client, steps):
    class Vanishing(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError(5, "the disk is gone")
            return super().read(size)

    storage.on(PUT, steps.store())
    with pytest.raises(OSError, match="the disk is gone"):
        client.upload(prepared(storage), open_body=lambda: Vanishing(CONTENT), size_bytes=len(CONTENT))
    assert storage.effects[PUT] == 0


def test_the_content_is_closed_whatever_happens(storage, client, steps):
    storage.on(PUT, steps.store(), steps.reset(after_effect=False))
    opened = []

    def open_body():
        opened.append(io.BytesIO(CONTENT))
        return opened[-1]

    client.upload(prepared(storage), open_body=open_body, size_bytes=len(CONTENT))
    with pytest.raises(UploadInterrupted):
        client.upload(prepared(storage), open_body=open_body, size_bytes=len(CONTENT))
    assert [source.closed for source in opened] == [True, True]


def test_bytes_that_arrive_changed_are_noticed(storage, client, steps):
    storage.on(PUT, steps.store(corrupt=True))
    with pytest.raises(UploadCorrupted) as caught:
        send(client, prepared(storage))
    assert caught.value.may_have_taken_effect


XML = "<?xml version='1.0'?><Error><Code>{}</Code><StringToSign>5ecret</StringToSign></Error>"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "SignatureDoesNotMatch", UploadForbidden),
        (401, "AuthenticationRequired", UploadForbidden),
        (403, "ExpiredToken", UploadExpired),
        (400, "ExpiredToken", UploadExpired),
        (400, "EntityTooLarge", UploadRejected),
        (412, "PreconditionFailed", UploadRejected),
        (302, "Moved", UploadRejected),
    ],
)
def test_a_refusal_of_the_storage_host_is_typed(status, code, kind, storage, client, steps):
    storage.on(PUT, steps.reply(status, raw=XML.format(code).encode(), Location="http://127.0.0.1:1/"))
    with pytest.raises(kind, match=code) as caught:
        send(client, prepared(storage))
    assert (caught.value.status, caught.value.code, caught.value.job_id) == (status, code, "job_1")
    assert caught.value.may_have_taken_effect, "all bytes were handed over"
    assert "5ecret" not in str(caught.value)
    assert len(storage.requests) == 1


def test_nothing_is_sent_once_its_time_is_over(storage, client, steps):
    storage.on(PUT, steps.store())
    late = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(UploadExpired, match="nothing was sent") as caught:
        client.upload(
            prepared(storage), open_body=lambda: io.BytesIO(CONTENT), size_bytes=len(CONTENT), begin_before=late
        )
    assert not caught.value.may_have_taken_effect
    assert storage.requests == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_failing_storage_host_leaves_doubt_and_is_not_asked_twice(status, storage, client, steps):
    storage.on(PUT, steps.reply(status, raw=b"no XML at all"))
    with pytest.raises(UploadInterrupted, match=str(status)) as caught:
        send(client, prepared(storage))
    assert caught.value.may_have_taken_effect
    assert caught.value.code is None
    assert len(storage.requests) == 1


@pytest.mark.parametrize("then", ["close", "drain"])
@pytest.mark.parametrize("after_bytes", [0, 3_000_000])
def test_a_refusal_while_the_body_is_still_being_sent_is_seen(then, after_bytes, storage, client, steps):
    refusal = steps.refuse_early(403, code="SignatureDoesNotMatch", then=then, after_bytes=after_bytes)
    storage.on(PUT, refusal)
    for _ in range(5):
        with pytest.raises(UploadForbidden, match="SignatureDoesNotMatch") as caught:
            send_zeros(client, prepared(storage), size=32 << 20)
        assert caught.value.may_have_taken_effect is (then == "drain"), "only who takes them all may keep them"


def test_a_success_before_all_bytes_were_sent_is_not_believed(storage, client, steps):
    storage.on(PUT, steps.refuse_early(200, code="Odd", then="close"))
    with pytest.raises(UploadInterrupted, match="before all bytes were sent"):
        send_zeros(client, prepared(storage))


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_connection_that_is_cut_leaves_doubt(after_effect, storage, client, steps):
    storage.on(PUT, steps.reset(after_effect=after_effect))
    with pytest.raises(UploadInterrupted) as caught:
        send_zeros(client, prepared(storage))
    assert caught.value.request_sent


def test_a_storage_host_that_stops_reading_leaves_doubt(storage, new_client, steps):
    storage.on(PUT, steps.ignore_body())
    client = new_client(storage.url, upload_timeouts=Timeouts(write_s=0.3, read_s=0.3))
    with pytest.raises(UploadInterrupted, match=r"no byte was taken for 0\.3 s") as caught:
        send_zeros(client, prepared(storage))
    assert caught.value.request_sent


def test_a_storage_host_that_never_answers_leaves_doubt(storage, new_client, steps):
    storage.on(PUT, steps.stall())
    client = new_client(storage.url, upload_timeouts=Timeouts(read_s=0.2))
    with pytest.raises(UploadInterrupted, match="silence"):
        send(client, prepared(storage))
    assert storage.effects[PUT] == 1


def test_a_storage_host_that_is_not_there_received_nothing(client, new_server, steps):
    storage = new_server()
    upload = prepared(storage)
    storage.close()
    with pytest.raises(UploadInterrupted, match="refused") as caught:
        send(client, upload)
    assert not caught.value.request_sent
    assert not caught.value.may_have_taken_effect


@pytest.mark.parametrize("url", ["http://storage.test/o?sig=5ecret", "gs://b/o", "https:///o", "o"])
def test_an_upload_url_that_is_not_secure_is_refused(url, client):
    upload = PresignedUpload(job_id="job_1", upload_url=url, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(UploadRejected, match="not https") as caught:
        send(client, upload)
    assert "5ecret" not in str(caught.value)


def test_a_header_that_is_none_is_refused_without_being_shown(storage, client):
    with pytest.raises(UploadInterrupted, match="not valid HTTP") as caught:
        send(client, prepared(storage, **{"X-A": "5ecret\r\nX-B: 1"}))
    assert "5ecret" not in str(caught.value)
    assert storage.requests == []


@given(
    content=st.binary(max_size=50),
    copies=st.integers(1, 30_000),
    read_limit=st.integers(1, 2 * CHUNK_BYTES),
)
def test_the_body_is_the_content_however_it_is_read(content, copies, read_limit):
    whole = (content * copies)[: 4 * CHUNK_BYTES]

    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, max(read_limit, 1000)))

    expected = google_crc32c.value(whole)
    body = UploadBody(Slow(whole), size_bytes=len(whole), expected_crc32c=expected, job_id="j")
    chunks = list(body)
    assert b"".join(chunks) == whole
    assert (body.crc32c, body.is_complete) == (expected, True)
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)


class NoLongerAllowed(Exception):
    """What the sender's confirmation raises."""


@pytest.mark.parametrize("content", [CONTENT, b"one chunk"], ids=["several chunks", "one chunk"])
def test_the_last_chunk_is_sent_only_when_the_sender_may_still_finish(content, storage, client, steps):
    storage.on(PUT, steps.store())

    def refuse() -> None:
        raise NoLongerAllowed

    def upload(*, before_last_chunk) -> None:
        client.upload(
            prepared(storage),
            open_body=lambda: io.BytesIO(content),
            size_bytes=len(content),
            before_last_chunk=before_last_chunk,
        )

    with pytest.raises(NoLongerAllowed):
        upload(before_last_chunk=refuse)
    assert storage.effects[PUT] == 0
    asked = []
    upload(before_last_chunk=lambda: asked.append(storage.effects[PUT]))
    assert (asked, storage.effects[PUT]) == ([0], 1)
    # The host may note the upload that broke off after the one that did not.
    assert [request.body for request in storage.requests if len(request.body) == len(content)] == [content]
