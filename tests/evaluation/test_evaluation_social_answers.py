"""The answer to a batch of social media URLs: whose its jobs are, and that none of them is lost."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from social_desk import SocialDesk, desk_behind, submit_to, urls

from pique_assets.api.client import PiqueClient
from pique_assets.cli import main
from pique_assets.ledger import SubmissionState
from pique_assets.local.process import LocalPiqueProcess

_S = SubmissionState


@pytest.fixture
def pique(social_pique: LocalPiqueProcess) -> LocalPiqueProcess:
    return social_pique


@pytest.fixture
def desk(pique, tmp_path) -> Iterator[SocialDesk]:
    with desk_behind(pique=pique, ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}") as desk:
        yield desk


@contextmanager
def answering(jobs_for: Callable[[dict[str, Any]], list[dict[str, Any]]], *, cut_by: int = 0) -> Iterator[PiqueClient]:
    """A client of a Pique that answers 202 to every batch, with these jobs, and without the answer's last bytes."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            jobs = jobs_for(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            document = {"batch_id": "batch_1", "jobs": jobs, "total_videos": len(jobs)}
            answer = json.dumps(document).encode()[: -cut_by or None]
            self.send_response(202)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with PiqueClient(base_url=f"http://127.0.0.1:{server.server_port}", api_key="pk_any") as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_url_that_an_answer_does_not_name_stays_unanswered(desk):
    _, second, third = addresses = urls(3)
    jobs = [
        # Written otherwise, and in another order, it is the same URL.
        {"job_id": "job_2", "url": second.replace("http://", "HTTP://") + "#x", "status": "awaiting_upload"},
        {"job_id": None, "url": third, "status": "failed", "error_message": "private video"},
    ]
    with answering(lambda body: jobs) as client:
        report = submit_to(client, addresses, desk=desk)
    assert (report.sent, report.rejected, report.unanswered) == (1, 1, 1)
    assert [desk.submission(url).state for url in addresses] == [_S.SUBMITTING, _S.UPLOADED, _S.REJECTED]
    assert desk.submission(second).job_id == "job_2"
    assert desk.submission(third).error == "private video"


def test_urls_in_another_spelling_are_told_by_their_position(desk):
    addresses = urls(20)
    with answering(lambda body: [job(f"job_{n}", f"https://short.example/{n}") for n in range(20)]) as client:
        assert submit_to(client, addresses, desk=desk).sent == 20
    assert [desk.submission(url).job_id for url in addresses] == [f"job_{n}" for n in range(20)]


def test_jobs_that_are_nobodys_are_kept_with_the_urls_that_have_none_until_a_webhook_tells(desk, capsys):
    first, second, third = addresses = urls(3)
    strange = [job(f"job_{n}", f"https://short.example/{n}") for n in (7, 8)]
    with answering(lambda body: [*strange, job("job_1", first), job("job_2", first)]) as client:
        report = submit_to(client, addresses, desk=desk)
    assert (report.sent, report.unanswered) == (1, 2)
    for url in (second, third):
        kept = desk.submission(url)
        assert (kept.state, kept.batch_id) == (_S.SUBMITTING, "batch_1")
        assert all(name in kept.evidence for name in ("job_7", "job_8", "job_2"))
    assert main(["in-doubt", "--ledger", desk.ledger_url]) == 0
    assert "job_7 for https://short.example/7, job_8 for https://short.example/8" in capsys.readouterr().out
    # What nobody explains stays known.
    assert desk.waiting(in_doubt_wait_s=0, results_wait_s=0).give_up() == 2
    assert "job_7" in desk.submission(second).evidence


def test_jobs_beside_those_of_all_urls_are_kept_too(desk):
    (url,) = addresses = urls(1)
    with answering(lambda body: [job("job_1", url), job("job_2", url)]) as client:
        assert submit_to(client, addresses, desk=desk).sent == 1
    assert desk.submission(url).job_id == "job_1"
    assert f"job_2 for {url}" in desk.submission(url).evidence


def test_a_job_that_is_another_urls_already_is_nobodys_and_the_others_are_accepted(desk):
    first, second = urls(2)
    with answering(lambda body: [job("job_1", url) for url in body["video_urls"]]) as client:
        submit_to(client, [first], desk=desk)
    with answering(lambda body: [job("job_1", second), job("job_3", third)]) as client:
        (third,) = urls(1)
        report = submit_to(client, [second, third], desk=desk, partition="2026-03-03")
    assert (report.sent, report.unanswered) == (1, 1)
    standings = {one.filename: one for one in desk.ledger.submissions(states=[_S.SUBMITTING], limit=10)}
    assert "job_1" in standings[second.partition("://")[2]].evidence
    assert desk.submission(first).job_id == "job_1"


def test_jobs_in_an_answer_that_cannot_be_read_are_kept(desk):
    addresses = urls(2)
    with answering(lambda body: [{"job_id": "job_1"}, {"job_id": "job_2"}], cut_by=3) as client:
        assert submit_to(client, addresses, desk=desk).unanswered == 2
    for url in addresses:
        assert all(name in desk.submission(url).evidence for name in ("job_1", "job_2"))


def test_an_answer_that_comes_after_the_waiting_was_given_up_is_kept(desk):
    addresses = urls(1)

    def given_up_meanwhile(body):
        with closing(sqlite3.connect(desk.ledger_url.removeprefix("sqlite:///"))) as ledger, ledger:
            ledger.execute("UPDATE submissions SET lease_token = NULL, lease_expires_at = NULL")
        assert desk.waiting(in_doubt_wait_s=0).give_up() == 1
        return [job("job_1", url) for url in body["video_urls"]]

    with answering(given_up_meanwhile) as client:
        assert submit_to(client, addresses, desk=desk).sent == 1
    assert (desk.submission(addresses[0]).state, desk.submission(addresses[0]).job_id) == (_S.UPLOADED, "job_1")


def job(job_id: str, url: str) -> dict[str, str]:
    return {"job_id": job_id, "url": url, "status": "awaiting_upload"}


def test_a_single_job_without_a_url_is_that_of_the_single_url(desk):
    addresses = urls(1)
    with answering(lambda body: [{"job_id": "job_only", "status": "pending"}]) as client:
        assert submit_to(client, addresses, desk=desk).sent == 1
    assert desk.submission(addresses[0]).job_id == "job_only"


def test_the_webhook_url_goes_with_every_batch(desk):
    bodies = []
    with answering(lambda body: bodies.append(body) or []) as client:
        submit_to(client, urls(21), desk=desk, webhook_url="https://hooks.example/pique")
    assert [(body["webhook_url"], len(body["video_urls"])) for body in bodies] == [
        ("https://hooks.example/pique", 20),
        ("https://hooks.example/pique", 1),
    ]
