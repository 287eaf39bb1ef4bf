"""Each fault is what a plain HTTP client sees, and the history says what it was."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from waiting import eventually

from pique_assets.testing import Fault, FaultKind, Route

# Longer than any test takes.
FOR_EVER_S = 10_000


def test_without_faults_nothing_is_changed(struck):
    with struck() as visitor:
        job_id = visitor.submit()
        assert visitor.result(job_id).json()["status"] != "awaiting_upload"
        prepare, put, result = visitor.history
    assert [exchange.route for exchange in (prepare, put, result)] == [Route.PREPARE, Route.UPLOAD, Route.RESULT]
    assert {exchange.job_id for exchange in (prepare, put, result)} == {job_id}
    assert all(exchange.status == exchange.pique_status == 200 for exchange in (prepare, put, result))
    assert put.body_complete and put.forwarded and not put.carried_api_key and prepare.carried_api_key
    assert prepare.expires_at > prepare.began_at


def test_the_history_knows_no_secret(struck):
    with struck() as visitor:
        visitor.submit()
        shown = repr(visitor.history)
    assert "X-Goog" not in shown and "pk_" not in shown


def test_storage_errors_of_pique_itself_come_through(struck):
    with struck() as visitor:
        prepared = visitor.prepare().json()
        altered = {**prepared, "upload_url": prepared["upload_url"][:-4] + "0000"}
        answer = visitor.put(altered)
    assert answer.status_code == 403 and "SignatureDoesNotMatch" in answer.text


def test_a_large_body_goes_through_unchanged_and_is_asked_for_with_100_continue(struck):
    body = bytes(range(256)) * 20_000
    with struck() as visitor:
        prepared = visitor.prepare(file_size_bytes=len(body)).json()
        patient = {**prepared, "upload_headers": {**prepared["upload_headers"], "Expect": "100-continue"}}
        with visitor.put_by_hand(patient, body=body, sent=0) as connection:
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert b" 200 OK\r\n" in connection.recv(4096)
        assert visitor.record(prepared["job_id"]).content_sha256 == hashlib.sha256(body).hexdigest()


def test_what_the_proxy_can_not_pass_on_is_refused_with_a_sentence(struck):
    with struck() as visitor:
        answer = visitor.api.post("/v1/judges", content=iter([b"a body without a length"]))
    assert (answer.status_code, "Content-Length" in answer.json()["detail"]) == (400, True)


def test_an_upload_that_breaks_off_has_no_effect(struck):
    with struck() as visitor:
        prepared = visitor.prepare().json()
        visitor.put_by_hand(prepared, sent=1000).close()
        assert visitor.put(prepared).status_code == 200
        assert visitor.record(prepared["job_id"]).complete_puts == 1
        # Each connection has a thread of its own, so that the second upload may end long before the first is read.
        puts = eventually(
            lambda: [one for one in visitor.history if one.route is Route.UPLOAD and one.ended_at is not None],
            lambda ended: len(ended) == 2,
        )
    broken, whole = sorted(puts, key=lambda put: put.body_bytes)
    assert (broken.body_bytes, broken.body_complete, broken.forwarded, broken.status) == (1000, False, False, None)
    assert (whole.body_complete, whole.forwarded, whole.status) == (True, True, 200)


def test_an_api_key_on_the_way_to_the_storage_is_noticed(struck):
    with struck() as visitor:
        prepared = visitor.prepare().json()
        key = visitor.api.headers["X-API-Key"]
        visitor.storage.put(prepared["upload_url"], content=b"", headers={"Authorization": f"Bearer {key}"})
        assert visitor.history[-1].carried_api_key


@pytest.mark.parametrize("status", [500, 503, 404])
def test_a_status_comes_before_the_effect(struck, status):
    with struck(Fault(route=Route.PREPARE, kind=FaultKind.STATUS, status=status)) as visitor:
        assert visitor.prepare().status_code == status
        assert visitor.prepare().status_code == 200
        first, second = visitor.history
    assert (first.forwarded, first.pique_status, first.status) == (False, None, status)
    assert second.forwarded


def test_a_status_after_the_effect_hides_a_job_that_exists(struck):
    with struck(Fault(route=Route.PREPARE, kind=FaultKind.STATUS, after_effect=True)) as visitor:
        assert visitor.prepare().status_code == 500
        (exchange,) = visitor.history
        assert visitor.record(exchange.job_id).status == "awaiting_upload"
    assert (exchange.pique_status, exchange.status) == (200, 500)


@pytest.mark.parametrize(
    ("wish", "sent"), [(3, "3"), (0.5, "0.5"), ("in a fortnight", "in a fortnight"), ("-1", "-1"), ("9" * 30, "9" * 30)]
)
def test_retry_after_is_sent_as_wished(struck, wish, sent):
    with struck(Fault(route=Route.JUDGES, kind=FaultKind.STATUS, status=429, retry_after=wish)) as visitor:
        answer = visitor.api.get("/v1/judges")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, sent)


def test_retry_after_may_be_a_date(struck):
    wish = timedelta(seconds=90)
    with struck(Fault(route=Route.JUDGES, kind=FaultKind.STATUS, status=429, retry_after=wish)) as visitor:
        answer = visitor.api.get("/v1/judges")
    ahead = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
    assert 60 < ahead.total_seconds() <= 90


def test_a_slow_answer_is_late_and_complete(struck):
    with struck(Fault(route=Route.JUDGES, kind=FaultKind.SLOW, seconds=0.5)) as visitor:
        began = time.monotonic()
        answer = visitor.api.get("/v1/judges")
        assert time.monotonic() - began >= 0.5
    assert answer.json()["total"] == 2


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_stalled_answer_never_comes(struck, after_effect):
    fault = Fault(route=Route.PREPARE, kind=FaultKind.STALLED, seconds=FOR_EVER_S, after_effect=after_effect)
    # That the block ends shows that the proxy does not sit out a silence that nobody listens to.
    with struck(fault) as visitor, pytest.raises(httpx.ReadTimeout):
        visitor.api.post("/v1/evaluations/presigned-upload", json={}, timeout=1.0)
    # Here, at the end of the proxy, Pique has answered however busy the machine is.
    (exchange,) = visitor.history
    assert exchange.forwarded is after_effect and exchange.status is None


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_reset_of_an_upload(struck, after_effect):
    with struck(
        Fault(route=Route.UPLOAD, kind=FaultKind.RESET, after_effect=after_effect, after_bytes=1000)
    ) as visitor:
        prepared = visitor.prepare().json()
        with visitor.put_by_hand(prepared) as connection, pytest.raises(ConnectionResetError):
            connection.recv(1)
        put = visitor.history[-1]
        assert visitor.record(prepared["job_id"]).complete_puts == int(after_effect)
    assert (put.forwarded, put.body_complete, put.status) == (after_effect, after_effect, None)


def test_a_lost_answer_ends_in_order_and_the_upload_has_happened(struck):
    with struck(Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)) as visitor:
        prepared = visitor.prepare().json()
        with visitor.put_by_hand(prepared) as connection:
            assert connection.recv(1) == b""
        assert visitor.record(prepared["job_id"]).complete_puts == 1


def test_a_cut_answer_ends_in_the_middle(struck):
    with (
        struck(Fault(route=Route.JUDGES, kind=FaultKind.CUT_ANSWER)) as visitor,
        pytest.raises(httpx.RemoteProtocolError, match="body"),
    ):
        visitor.api.get("/v1/judges")


def test_truncated_and_invalid_json_look_like_good_answers(struck):
    with struck(
        Fault(route=Route.JUDGES, kind=FaultKind.TRUNCATED_JSON),
        Fault(route=Route.JUDGES, kind=FaultKind.INVALID_JSON, hit=2),
    ) as visitor:
        answers = [visitor.api.get("/v1/judges") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    for answer in answers[:2]:
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    assert answers[0].content.startswith(b'{"judges"') and answers[1].headers["Content-Type"] == "text/html"
    assert answers[2].json()["total"] == 2


def test_an_early_403_comes_while_the_body_is_still_sent(struck):
    with struck(Fault(route=Route.UPLOAD, kind=FaultKind.EARLY_403)) as visitor:
        prepared = visitor.prepare().json()
        with visitor.put_by_hand(prepared, sent=10) as connection:
            assert b" 403 Forbidden\r\n" in connection.recv(4096)
        put = visitor.history[-1]
        assert (put.forwarded, put.body_complete, put.status) == (False, False, 403)
        assert visitor.put(prepared).status_code == 200


def test_an_expired_url_is_refused_as_the_storage_does(struck):
    with struck(Fault(route=Route.UPLOAD, kind=FaultKind.EXPIRED_URL)) as visitor:
        prepared = visitor.prepare().json()
        answer = visitor.put(prepared)
        assert (answer.status_code, "<Code>ExpiredToken</Code>" in answer.text) == (400, True)
        assert visitor.record(prepared["job_id"]).complete_puts == 0


def test_a_notification_lag_hides_a_good_upload_for_a_while(struck):
    with struck(
        Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, hit=1, seconds=FOR_EVER_S),
        Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, hit=2, seconds=0.5, required=False),
    ) as visitor:
        hidden, seen_soon = visitor.submit(), visitor.submit()
        told = visitor.result(hidden).json()
        assert (told["status"], told["event"], told["detector_results"]) == (
            "awaiting_upload",
            "evaluation.pending",
            None,
        )
        eventually(lambda: visitor.result(seen_soon).json()["status"], lambda status: status != "awaiting_upload")
        assert visitor.result(hidden).json()["status"] == "awaiting_upload"
        told_of = [exchange.told_status for exchange in visitor.history if exchange.job_id == hidden]
        assert told_of == [None, None, "awaiting_upload", "awaiting_upload"]


def test_a_new_job_is_not_found_for_a_while(struck):
    with struck(
        Fault(route=Route.PREPARE, kind=FaultKind.CREATION_LAG, hit=1, seconds=FOR_EVER_S),
        Fault(route=Route.PREPARE, kind=FaultKind.CREATION_LAG, hit=2, seconds=0.5, required=False),
    ) as visitor:
        hidden, seen_soon = (visitor.prepare().json()["job_id"] for _ in range(2))
        assert visitor.result(hidden).status_code == 404
        found = eventually(lambda: visitor.result(seen_soon), lambda answer: answer.status_code == 200)
        assert found.json()["status"] == "awaiting_upload"
        assert visitor.result(hidden).status_code == 404


@pytest.mark.parametrize("seconds", [600, -600])
def test_a_skewed_clock_moves_every_time_and_nothing_else(struck, seconds):
    with struck() as visitor:
        created_at = judge_created_at(visitor)
    began = datetime.now(UTC)
    with struck(Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=1, seconds=seconds)) as visitor:
        assert judge_created_at(visitor) == created_at + timedelta(seconds=seconds)
        answer = visitor.prepare()
        prepared = answer.json()
        about = [
            parsedate_to_datetime(answer.headers["Date"]),
            datetime.fromisoformat(prepared["expires_at"]) - timedelta(minutes=15),
            datetime.fromisoformat(visitor.result(prepared["job_id"]).json()["timestamp"]),
        ]
        assert visitor.put(prepared).status_code == 200
        assert visitor.history[1].expires_at == datetime.fromisoformat(prepared["expires_at"])
    # Some of them have whole seconds, and are rounded twice.
    earliest, latest = began - timedelta(seconds=2), datetime.now(UTC) + timedelta(seconds=2)
    for moment in about:
        assert earliest <= moment - timedelta(seconds=seconds) <= latest


def judge_created_at(visitor) -> datetime:
    return datetime.fromisoformat(visitor.api.get("/v1/judges").json()["judges"][0]["created_at"])


def test_faults_of_lag_and_connection_go_together(struck):
    with struck(
        Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, seconds=FOR_EVER_S),
        Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER),
    ) as visitor:
        prepared = visitor.prepare().json()
        with pytest.raises(httpx.RemoteProtocolError):
            visitor.put(prepared)
        assert visitor.result(prepared["job_id"]).json()["status"] == "awaiting_upload"
        assert visitor.record(prepared["job_id"]).complete_puts == 1
