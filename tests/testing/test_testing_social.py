"""Faults of the social-media route: what the client sees, what Pique did, and that the history knows both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import video_site
from hook import receiver
from video_site import VideoSite
from waiting import eventually

from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import JobRecord, read_record
from pique_assets.testing import Fault, FaultKind, FaultScript, Route
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy

SOCIAL = Route.SOCIAL_MEDIA
JUDGE = {
    "id": "judge_social",
    "name": "Social",
    "description": "hashtags",
    "content_type": "video",
    "detectors": [{"detector_name": "title_and_description", "config": {}}],
}


@pytest.fixture(scope="module")
def site() -> Iterator[VideoSite]:
    with video_site.serving() as serving:
        yield serving


@pytest.fixture(scope="module")
def pique(tmp_path_factory, site) -> Iterator[LocalPiqueProcess]:
    folder = tmp_path_factory.mktemp("social")
    (folder / "judges.json").write_text(json.dumps({"judges": [JUDGE]}))
    with running_local_pique(
        data_dir=folder / "pique",
        seed_judges=folder / "judges.json",
        workers=1,
        downloads=1,
        social_allow_hosts=[site.endpoint],
    ) as process:
        yield process


@pytest.fixture
def behind(pique, visiting) -> Callable:
    """``with behind(fault, ..) as visitor``: the Pique behind these faults, which all have to show."""

    @contextmanager
    def start(*faults: Fault) -> Iterator:
        script, kept = FaultScript(faults), History()
        with (
            FaultProxy(script=script, history=kept) as proxy,
            proxy.serving(pique_url=pique.base_url, api_key=pique.api_key),
            visiting(base_url=proxy.base_url, api_key=pique.api_key, data_dir=pique.data_dir, kept=kept) as visitor,
        ):
            yield visitor
        script.require_consumed()

    return start


def post(visitor, *urls: str, **fields: object) -> httpx.Response:
    order = {"judge_id": "judge_social", "video_urls": list(urls), **fields}
    return visitor.api.post("/v1/evaluations/social-media", json=order)


def jobs_of(pique, url: str) -> list[JobRecord]:
    return [record for record in read_record(pique.data_dir) if record.url == url]


def ended(visitor, job_id: str) -> dict:
    return eventually(lambda: visitor.result(job_id).json(), lambda result: result["event"] != "evaluation.pending")


def test_without_faults_the_history_names_the_batch_and_its_jobs(behind, pique, site):
    urls = [site.file(f"/plain-{number}.mp4", video_site.WING_BEAT.read_bytes()) for number in range(2)]
    with behind() as visitor:
        batch = post(visitor, *urls).json()
        job_ids = [job["job_id"] for job in batch["jobs"]]
        (exchange,) = visitor.history
        assert [ended(visitor, job_id)["status"] for job_id in job_ids] == ["completed"] * 2
    assert (exchange.route, exchange.status, exchange.batch_id) == (SOCIAL, 202, batch["batch_id"])
    assert list(exchange.job_ids) == job_ids
    assert [job["url"] for job in batch["jobs"]] == urls


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Fault(route=SOCIAL, kind=FaultKind.LOST_ANSWER), None),
        (Fault(route=SOCIAL, kind=FaultKind.RESET, after_effect=True), None),
        (Fault(route=SOCIAL, kind=FaultKind.STALLED, seconds=0.2, after_effect=True), None),
        (Fault(route=SOCIAL, kind=FaultKind.STATUS, status=500, after_effect=True), 500),
        (Fault(route=SOCIAL, kind=FaultKind.TRUNCATED_JSON), 202),
        (Fault(route=SOCIAL, kind=FaultKind.CUT_ANSWER), None),
    ],
    ids=str,
)
def test_a_batch_that_was_taken_although_its_answer_says_nothing_of_it(behind, pique, site, fault, seen):
    url = site.url(f"/not-there/{fault.kind.replace(' ', '-')}")
    with behind(fault) as visitor:
        if seen is None:
            with pytest.raises(httpx.TransportError):
                post(visitor, url)
        else:
            assert post(visitor, url).status_code == seen
        (exchange,) = visitor.history
    (job,) = jobs_of(pique, url)
    assert (exchange.batch_id, exchange.job_ids) == (job.batch_id, (job.job_id,))
    assert (exchange.pique_status, exchange.status) == (202, seen)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(route=SOCIAL, kind=FaultKind.STATUS, status=500),
        Fault(route=SOCIAL, kind=FaultKind.STATUS, status=429, retry_after=1),
        Fault(route=SOCIAL, kind=FaultKind.RESET, after_bytes=10),
    ],
    ids=str,
)
def test_a_batch_that_pique_never_heard_of(behind, pique, site, fault):
    url = site.url(f"/unheard/{fault.kind}-{fault.status}")
    with behind(fault) as visitor:
        if fault.kind is FaultKind.RESET:
            with pytest.raises(httpx.TransportError):
                post(visitor, url)
        else:
            assert post(visitor, url).status_code == fault.status
        (exchange,) = visitor.history
    assert jobs_of(pique, url) == []
    assert (exchange.pique_status, exchange.batch_id, exchange.job_ids) == (None, None, ())


def test_some_videos_of_a_batch_are_refused_at_once(behind, pique, site):
    urls = [site.url(f"/not-there/of-three/{number}") for number in range(3)]
    with behind(Fault(route=SOCIAL, kind=FaultKind.REFUSED_VIDEOS, videos=2)) as visitor:
        answer = post(visitor, *urls)
        batch = answer.json()
        results = [ended(visitor, job["job_id"]) for job in batch["jobs"]]
    assert answer.status_code == 202
    assert [job["url"] for job in batch["jobs"]] == urls
    assert [job["status"] for job in batch["jobs"]] == ["failed", "failed", "awaiting_upload"]
    assert all(job["error_message"] for job in batch["jobs"][:2])
    assert [result["error"] for result in results[:2]] == [job["error_message"] for job in batch["jobs"][:2]]
    assert [len(jobs_of(pique, url)) for url in urls] == [0, 0, 1]


def test_a_job_of_a_batch_is_not_visible_yet(behind, pique, site):
    with behind(Fault(route=SOCIAL, kind=FaultKind.CREATION_LAG, seconds=30)) as visitor:
        job_id = post(visitor, site.url("/not-there/later")).json()["jobs"][0]["job_id"]
        assert visitor.result(job_id).status_code == 404


@pytest.mark.parametrize("of", ["a batch", "an upload"])
def test_webhooks_to_the_receiver_of_a_request_are_struck_too(behind, pique, site, of):
    duplicate = Fault(route=Route.WEBHOOK, kind=FaultKind.DUPLICATE)
    with receiver() as hook, behind(duplicate) as visitor:
        if of == "a batch":
            answer = post(visitor, site.url("/not-there/told"), webhook_url=hook.url)
            job_id = answer.json()["jobs"][0]["job_id"]
        else:
            prepared = visitor.prepare(
                judge_id="judge_social", content_type="video", filename="a.mp4", webhook_url=hook.url
            ).json()
            job_id = prepared["job_id"]
            assert visitor.put(prepared).status_code == 200
        eventually(lambda: len(hook.received) == 2)
        routes = [exchange.route for exchange in visitor.history]
        shown = repr(visitor.history)
    assert [json.loads(told.body)["job_id"] for told in hook.received] == [job_id] * 2
    assert {told.path for told in hook.received} == {"/hook?team=a"}
    assert hook.received[0].headers["x-pique-signature"] == hook.received[1].headers["x-pique-signature"]
    assert routes.count(Route.WEBHOOK) == 1
    assert "team=a" not in shown


@pytest.mark.parametrize(("bad", "status"), [("ftp://example.com/hook", 400), ("http://", 400), (7, 422)])
def test_what_pique_refuses_is_refused_through_the_proxy_too(behind, site, bad, status):
    with behind() as visitor:
        assert post(visitor, site.url("/x"), webhook_url=bad).status_code == status
        assert visitor.api.post("/v1/evaluations/social-media", content=b"{").status_code == 422
