"""No secret is in anything that is said, stored or printed of a failure, variables of every frame included."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import urllib.parse
from dataclasses import replace
from functools import partial

import pytest
from desk import DEMO, LIMITS, demo_items

from pique_assets.api import RetryPolicy, Timeouts
from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import BrokenEnvironment, NoAnswer, Unauthorized, UploadForbidden, UploadInterrupted
from pique_assets.api.models import PresignedUploadRequest
from pique_assets.cli.common import opened_client
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.media import ContentError, MediaChanged, open_content
from pique_assets.media.local_files import LocalFile
from pique_assets.resources import PiqueResource

DATE = "2026-03-02"
IMPATIENT = replace(LIMITS, attempts=1, notification_lag_s=0.1, expiry_grace_s=0.1)


def fail(graph, expected, *, job="everything", date=DATE):
    """Run until it fails, and give what it fails with."""
    with pytest.raises(expected) as caught:
        graph.defs.resolve_job_def(f"brand_videos_{job}").execute_in_process(
            instance=graph.instance, partition_key=date, raise_on_error=True
        )
    return caught.value


@pytest.fixture
def diverted(monkeypatch):
    """Send all uploads to another storage host, under their own signatures."""

    def divert(storage_url):
        prepare = PiqueClient.create_presigned_upload

        def elsewhere(client, upload):
            prepared = prepare(client, upload)
            parts = urllib.parse.urlsplit(prepared.upload_url)
            here = f"{storage_url}{parts.path}?{parts.query}"
            return prepared.model_copy(update={"upload_url": here})

        monkeypatch.setattr(PiqueClient, "create_presigned_upload", elsewhere)

    return divert


def prepared_upload(client, item):
    wish = PresignedUploadRequest(
        judge_id="judge_demo_videos",
        content_type="video",
        filename=item.filename,
        file_size_bytes=item.size_bytes,
    )
    return client.create_presigned_upload(wish)


@pytest.fixture
def client(pique, canaries):
    with PiqueClient(base_url=pique.base_url, api_key=canaries.api_key, retries=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.mark.slow
def test_a_wrong_key_is_not_shown(new_graph, canaries, words, debug_log, tmp_path, monkeypatch):
    canaries.api_key = "canaryWrong5Jx8Pq2MfV6"
    monkeypatch.setenv("PIQUE_API_KEY", canaries.api_key)
    error = fail(new_graph(), Unauthorized)
    canaries.assert_silent(words.of(error))
    canaries.assert_silent(debug_log.read_text())
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}


@pytest.mark.slow
def test_a_server_that_is_down_gives_no_secret_away(new_graph, canaries, words, debug_log, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = fail(new_graph(base_url=f"http://127.0.0.1:{port}"), NoAnswer)
    canaries.assert_silent(words.of(error))
    canaries.assert_silent(debug_log.read_text())
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}


@pytest.mark.slow
@pytest.mark.parametrize("failure", ["refuses", "resets"])
def test_a_storage_host_that_fails_gives_no_secret_away(
    failure, new_graph, canaries, words, debug_log, tmp_path, storage_that, diverted
):
    diverted(storage_that(failure))
    error = fail(new_graph(limits=IMPATIENT), SubmissionsUnfinished)
    assert canaries.signatures
    canaries.assert_silent(words.of(error))
    canaries.assert_silent(debug_log.read_text())
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}


@pytest.mark.parametrize(("failure", "kind"), [("refuses", UploadForbidden), ("resets", UploadInterrupted)])
def test_a_failed_upload_itself_gives_no_secret_away(failure, kind, client, canaries, words, storage_that, diverted):
    (item, *_) = demo_items(DATE)
    diverted(storage_that(failure))
    upload = prepared_upload(client, item)
    with pytest.raises(kind) as caught:
        client.upload(upload, open_body=lambda: opened(item), size_bytes=item.size_bytes)
    canaries.assert_silent(words.of(caught.value))


def opened(item):
    return open_content(item.content_uri, size_bytes=item.size_bytes, fingerprint=item.fingerprint)


def test_content_that_changes_while_it_is_sent_gives_no_secret_away(client, canaries, words, tmp_path):
    (item, *_) = demo_items(DATE)
    copy = tmp_path / item.filename
    shutil.copy(DEMO / "media" / "brand_videos" / DATE / item.filename, copy)
    copied = replace(item, content_uri=copy.as_uri(), version=None)
    upload = prepared_upload(client, item)

    def open_then_change():
        stream = opened(copied)
        with copy.open("r+b") as file:
            file.seek(item.size_bytes - 1)
            file.write(b"!")
        return stream

    with pytest.raises(MediaChanged) as caught:
        client.upload(upload, open_body=open_then_change, size_bytes=item.size_bytes)
    canaries.assert_silent(words.of(caught.value))
    frames = traceback_names(caught.value)
    # Where it was noticed is still to be seen; only the sender's frames are left out.
    assert "readinto" in frames
    assert "send" not in frames


def traceback_names(error):
    names, trace = [], error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names


def test_a_disk_that_fails_while_content_is_sent_gives_no_secret_away(client, canaries, words, monkeypatch):
    (item, *_) = demo_items(DATE)
    upload = prepared_upload(client, item)

    def failing_read(self, size):
        raise ContentError("unreadable", "the disk is gone") from OSError(5, "Input/output error")

    monkeypatch.setattr(LocalFile, "read", failing_read)
    with pytest.raises(ContentError, match="the disk is gone") as caught:
        client.upload(upload, open_body=lambda: opened(item), size_bytes=item.size_bytes)
    # The sender did not touch it: it still says what it came from.
    assert isinstance(caught.value.__cause__, OSError)
    canaries.assert_silent(words.of(caught.value))


@pytest.mark.parametrize("key", ["canaryWrong5Jx8Pq2MfV6\n", "two canaryWrong5Jx8Pq2MfV6"])
def test_a_key_that_is_none_is_not_shown(key, canaries, words, pique):
    canaries.api_key = "canaryWrong5Jx8Pq2MfV6"
    with pytest.raises(ValueError, match="one word of printable ASCII") as caught:
        PiqueClient(base_url=pique.base_url, api_key=key)
    canaries.assert_silent(words.of(caught.value))


def test_an_address_that_is_none_does_not_show_the_key(canaries, words):
    with pytest.raises(ValueError, match="must be https") as caught:
        PiqueClient(base_url="http://example.test", api_key=canaries.api_key)
    canaries.assert_silent(words.of(caught.value))


def by_the_command_line(canaries):
    opened_client()


def by_a_resource(canaries):
    PiqueResource(base_url="https://api.getpique.ai", api_key=canaries.api_key).client()


def by_hand(canaries):
    PiqueClient(base_url="https://api.getpique.ai", api_key=canaries.api_key)


@pytest.mark.parametrize("made", [by_the_command_line, by_a_resource, by_hand], ids=lambda made: made.__name__)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_broken_environment_shows_neither_key_nor_password(made, variable, canaries, words, monkeypatch):
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("PIQUE_BASE_URL", "https://api.getpique.ai")
    monkeypatch.setenv("PIQUE_API_KEY", canaries.api_key)
    monkeypatch.setenv(variable, f"http://user:{canaries.database_password}#@proxy.test:8080")
    with pytest.raises(BrokenEnvironment, match=f"variable {variable} names ") as caught:
        made(canaries)
    canaries.assert_silent(words.of(caught.value))


@pytest.mark.parametrize("what", ["request", "upload"])
def test_an_interrupt_shows_no_secret(what, canaries, words, pique):
    """Ctrl-C, or Dagster ending a run, while an answer is waited for."""
    (item, *_) = demo_items(DATE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        base_url = url if what == "request" else pique.base_url
        with PiqueClient(base_url=base_url, api_key=canaries.api_key, timeouts=Timeouts(read_s=5)) as client:
            call = partial(client.get_judge, "j")
            if what == "upload":
                upload = prepared_upload(client, item)
                query = upload.upload_url.partition("?")[2]
                elsewhere = upload.model_copy(update={"upload_url": f"{url}/o?{query}"})
                call = partial(client.upload, elsewhere, open_body=partial(opened, item), size_bytes=item.size_bytes)
            here = threading.main_thread().ident
            interrupt = threading.Timer(0.3, lambda: signal.pthread_kill(here, signal.SIGINT))
            interrupt.start()
            with pytest.raises(KeyboardInterrupt) as caught:
                call()
            interrupt.join()
            assert client.concurrency.api.under_way == client.concurrency.storage.under_way == 0
    assert "while talking to Pique" in caught.value.__notes__[0]
    canaries.assert_silent(words.of(caught.value))
