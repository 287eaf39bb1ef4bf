"""Social-media jobs: downloaded from a real host, evaluated like an upload, told in their own words."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import pytest
import video_site
from hook import receiver
from video_site import VideoSite

from pique_assets.local.record import JobRecord, evaluations_by_content, read_record

CONTRACT = Path(__file__).parents[1] / "contract" / "payloads"
CLIP = video_site.WING_BEAT.read_bytes()


def evaluations_by_url(records: Iterable[JobRecord]) -> Counter[tuple[str, str]]:
    """Evaluations of social-media videos started, by (judge id, URL); above one, a video was paid for twice."""
    return Counter(
        (record.judge_id, record.url)
        for record in records
        for evaluation in record.evaluations
        if evaluation.started_at is not None and record.url is not None
    )


@pytest.fixture(scope="module")
def site() -> Iterator[VideoSite]:
    with video_site.serving() as serving:
        yield serving


@pytest.fixture(scope="module")
def social(start_pique, tmp_path_factory, site):
    with start_pique(tmp_path_factory.mktemp("social"), downloads=1, social_allow_hosts=[site.endpoint]) as pique:
        yield pique


def submitted(pique, *urls: str, **fields: object) -> dict:
    order = {"judge_id": "judge_videos", "video_urls": list(urls), **fields}
    answer = pique.http.post("/v1/evaluations/social-media", json=order)
    assert answer.status_code == 202, answer.text
    return answer.json()


def record_of(pique, url: str):
    (found,) = (record for record in read_record(pique.process.data_dir) if record.url == url)
    return found


def test_a_batch_is_accepted_as_documented(social, site):
    """docs/contract.md, Social media: the answer."""
    urls = [site.file("/batch-1.mp4", CLIP), site.file("/batch-2.mp4", CLIP)]
    batch = submitted(social, *urls)
    example = json.loads((CONTRACT / "social_media_response.json").read_text())
    assert batch.keys() == example.keys()
    assert [job.keys() for job in batch["jobs"]] == [example["jobs"][0].keys()] * 2
    assert [(job["url"], job["status"], job["error_message"]) for job in batch["jobs"]] == [
        (url, "awaiting_upload", None) for url in urls
    ]
    assert batch["total_videos"] == 2
    assert batch["webhook_id"] is None
    assert [social.wait_for(job["job_id"])["status"] for job in batch["jobs"]] == ["completed"] * 2


def test_a_video_file_is_evaluated_by_the_detectors_of_the_judge(social, site):
    url = site.file("/wings.mp4", CLIP)
    result = social.wait_for(submitted(social, url)["jobs"][0]["job_id"])
    specs, text = result["detector_results"]
    assert (result["event"], result["judge_id"]) == ("evaluation.completed", "judge_videos")
    with av.open(str(video_site.WING_BEAT)) as container:
        stream = container.streams.video[0]
        assert specs["metrics"]["video_specs"]["width"] == stream.width
        assert specs["metrics"]["video_specs"]["height"] == stream.height
    assert text["pass_check"] is False
    record = record_of(social, url)
    assert record.content_sha256 == hashlib.sha256(CLIP).hexdigest()
    assert (record.evaluations_started, record.complete_puts, record.status) == (1, 0, "completed")
    assert record.batch_id is not None
    assert evaluations_by_url([record]) == {("judge_videos", url): 1}
    assert evaluations_by_content([record]) == {}


def test_title_and_description_come_from_the_page(social, site):
    site.file("/bunny.mp4", CLIP)
    url = site.page(
        "/watch",
        "<html><head><title>A day outside</title><meta property='og:description' content='with the #bunny'></head>"
        "<body><video src='/bunny.mp4'></video></body></html>",
    )
    result = social.wait_for(submitted(social, url)["jobs"][0]["job_id"])
    text = result["detector_results"][1]
    assert text["metrics"]["found_hashtags"] == ["#bunny"]
    record = record_of(social, url)
    assert record.title.startswith("A day outside")
    assert record.description == "with the #bunny"


def test_a_stream_in_segments_is_put_together(social, site, video_maker, tmp_path):
    segments = [video_maker(tmp_path / f"{number}.ts", count=25).read_bytes() for number in range(2)]
    for number, segment in enumerate(segments):
        site.file(f"/segment-{number}.ts", segment, media_type="video/mp2t")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "segment-0.ts", "#EXTINF:1,", "segment-1.ts"]
    url = site.file(
        "/stream.m3u8", "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode(), media_type="application/x-mpegurl"
    )
    result = social.wait_for(submitted(social, url)["jobs"][0]["job_id"])
    assert result["status"] == "completed", result["error"]
    assert record_of(social, url).content_sha256 == hashlib.sha256(b"".join(segments)).hexdigest()


def test_a_redirect_to_where_it_is_allowed_is_followed(social, site):
    site.file("/moved.mp4", CLIP)
    url = site.redirect("/old.mp4", f"http://localhost:{site.port}/moved.mp4")
    assert social.wait_for(submitted(social, url)["jobs"][0]["job_id"])["status"] == "completed"


def test_a_url_that_can_not_be_taken_is_a_failed_job_of_an_accepted_batch(social, site):
    good = site.file("/good.mp4", CLIP)
    bad = ["http://10.0.0.1/v.mp4", "https://[::1]/v.mp4", "http://127.0.0.1/v.mp4", "http://169.254.169.254/"]
    batch = submitted(social, bad[0], good, *bad[1:])
    assert [job["status"] for job in batch["jobs"]] == ["failed", "awaiting_upload", "failed", "failed", "failed"]
    for job in batch["jobs"]:
        result = social.wait_for(job["job_id"])
        if job["url"] == good:
            assert (job["error_message"], result["status"]) == (None, "completed")
        else:
            assert "is not a public address" in job["error_message"]
            assert (result["event"], result["error"]) == ("evaluation.failed", job["error_message"])


def test_the_end_of_a_job_is_told_as_documented(social, site, eventually):
    """docs/contract.md, Webhooks; the score is out of a hundred."""
    url = site.file("/told.mp4", CLIP)
    with receiver() as hook:
        batch = submitted(social, url, "http://10.0.0.1/", webhook_url=hook.url)
        eventually(lambda: hook.received)
        result = social.wait_for(batch["jobs"][0]["job_id"])
    (told,) = hook.received
    body = json.loads(told.body)
    example = json.loads((CONTRACT / "webhook_social_completed.results_elided.json").read_text())
    assert body.keys() == example.keys()
    assert (body["job_id"], body["batch_id"], body["url"]) == (result["job_id"], batch["batch_id"], url)
    assert (body["status"], body["completed_at"]) == ("completed", result["timestamp"])
    assert 1 < body["overall_score"] <= 100
    assert body["overall_score"] == pytest.approx(100 * result["overall_score"])
    assert [found["metrics"] for found in body["results"]] == [found["metrics"] for found in result["detector_results"]]
    assert told.headers["x-webhook-signature"] == told.headers["x-pique-signature"]
    assert batch["webhook_id"] is not None


def test_a_failed_download_is_told_with_its_reason(social, site, eventually):
    url = site.page("/forbidden", "bots stay outside", status=403)
    with receiver() as hook:
        submitted(social, url, webhook_url=hook.url)
        eventually(lambda: hook.received)
    body = json.loads(hook.received[0].body)
    assert (body["status"], body["url"], body["overall_score"], body["results"]) == ("failed", url, None, [])
    assert "403" in body["error"]


def test_a_download_that_a_stopped_server_left_is_begun_again(start_pique, tmp_path, eventually):
    released = threading.Event()
    with video_site.serving() as site:
        url = site.held("/held.mp4", CLIP, until=released)
        later = site.file("/later.mp4", CLIP)
        options = {"downloads": 1, "social_allow_hosts": [site.endpoint]}
        with start_pique(tmp_path, **options) as pique:
            jobs = submitted(pique, url, later)["jobs"]
            # Each second request is the download itself.
            eventually(lambda: site.count("/held.mp4") == 2)
            assert pique.result(jobs[0]["job_id"])["status"] == "awaiting_upload"
        with start_pique(tmp_path, **options) as pique:
            eventually(lambda: site.count("/held.mp4") == 4)
            os.kill(pique.process.pid, signal.SIGKILL)
        released.set()
        with start_pique(tmp_path, **options) as pique:
            assert [pique.wait_for(job["job_id"])["status"] for job in jobs] == ["completed"] * 2
            assert [record.evaluations_started for record in read_record(tmp_path)] == [1, 1]
            assert list((tmp_path / "downloading").iterdir()) == []
    assert (site.count("/held.mp4"), site.count("/later.mp4")) == (6, 2)


def test_a_download_process_that_dies_fails_its_job_only(social, site, eventually):
    url, later = site.held("/deadly.mp4", CLIP, until=threading.Event()), site.file("/after-it.mp4", CLIP)
    jobs = submitted(social, url, later)["jobs"]
    eventually(lambda: site.count("/deadly.mp4") == 2)
    (downloader,) = (
        pid for pid in social.worker_pids() if b"local.download_child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(downloader, signal.SIGKILL)
    failed, completed = (social.wait_for(job["job_id"]) for job in jobs)
    assert "SIGKILL" in failed["error"]
    assert completed["status"] == "completed"


def test_uploads_go_on_while_a_download_hangs(social, site, eventually, clip):
    released = threading.Event()
    url = site.held("/hanging.mp4", CLIP, until=released)
    (job,) = submitted(social, url)["jobs"]
    eventually(lambda: site.count("/hanging.mp4") == 2)
    assert social.evaluated(clip)["status"] == "completed"
    assert social.result(job["job_id"])["status"] == "awaiting_upload"
    released.set()
    assert social.wait_for(job["job_id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({"video_urls": []}, 400, "1 to 20"),
        ({"video_urls": ["http://e.com/v"] * 21}, 400, "1 to 20"),
        ({"video_urls": ["http://e.com/v", "file:///etc/passwd"]}, 400, "video_urls[1]"),
        ({"video_urls": ["ftp://e.com/v"]}, 400, "video_urls[0]"),
        ({"video_urls": ["http://"]}, 400, "video_urls[0]"),
        ({"judge_id": "judge_images"}, 400, "image, not video"),
        ({"judge_id": "judge_nobody"}, 404, "judge_nobody"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_as_documented(
    pique, changes: dict[str, object], status: int, why: str
):
    """docs/contract.md, Social media: what is answered with 400."""
    order = {"judge_id": "judge_videos", "video_urls": ["http://example.com/v"]} | changes
    answer = pique.http.post("/v1/evaluations/social-media", json=order)
    assert answer.status_code == status
    assert why in answer.json()["detail"]
    assert not any(record.batch_id for record in read_record(pique.process.data_dir))


def test_twenty_videos_are_not_too_many(social):
    urls = [f"http://10.0.0.1/{number}" for number in range(20)]
    batch = submitted(social, *urls)
    assert batch["total_videos"] == len(batch["jobs"]) == 20
    assert [job["url"] for job in batch["jobs"]] == urls
