"""From the PUT to the result: what is measured, what fails, and what survives crashes of every kind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pique_assets.local.record import evaluations_by_content, read_record

CONTRACT = Path(__file__).parents[1] / "contract" / "payloads"


def record_of(pique, job_id: str):
    return {record.job_id: record for record in read_record(pique.process.data_dir)}[job_id]


def processor_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_good_video_is_completed_as_documented(pique, clip):
    # Some times come in whole seconds.
    began = datetime.now(UTC).replace(microsecond=0)
    result = pique.evaluated(clip, title="The #Bunny")
    example = json.loads((CONTRACT / "results_completed.json").read_text())
    assert result.keys() == example.keys()
    assert (result["event"], result["status"]) == ("evaluation.completed", "completed")
    specs, text = result["detector_results"]
    assert specs.keys() == example["detector_results"][0].keys()
    assert specs["metrics"]["video_specs"]["width"] == 320
    assert (specs["pass_check"], text["pass_check"], result["overall_score"]) == (True, True, 1.0)
    judge = pique.http.get("/v1/judges/judge_videos").json()
    config_ids = [detector["id"] for detector in judge["detector_configs"]]
    assert [specs["detector_config_id"], text["detector_config_id"]] == config_ids
    assert began <= datetime.fromisoformat(result["timestamp"]) <= datetime.now(UTC)


def test_the_overall_score_is_weighted(pique, clip):
    result = pique.evaluated(clip, title="no hashtag")
    assert [found["pass_check"] for found in result["detector_results"]] == [True, False]
    assert result["overall_score"] == 0.75


def test_images_and_sounds_are_evaluated(pique, image_maker, sound_maker, tmp_path):
    image = pique.evaluated(image_maker(), judge_id="judge_images", content_type="image", filename="a.png")
    assert image["detector_results"][0]["metrics"]["image_metadata"]["format"] == "PNG"
    small = pique.evaluated(image_maker(50, 50), judge_id="judge_images", content_type="image", filename="b.png")
    assert small["detector_results"][0]["pass_check"] is False
    sound = sound_maker(tmp_path / "a.m4a").read_bytes()
    heard = pique.evaluated(
        sound, judge_id="judge_sounds", content_type="audio", filename="a.m4a", description="#bunny"
    )
    assert heard["overall_score"] == 1.0


@pytest.mark.parametrize("body", [b"not media", b"\x89PNG\r\n\x1a\n", b"#EXTM3U\nhttp://127.0.0.1:9/a\n"])
def test_what_cannot_be_decoded_fails_with_a_reason(pique, body):
    result = pique.evaluated(body)
    assert result.keys() == json.loads((CONTRACT / "results_failed.json").read_text()).keys()
    assert (result["event"], result["status"]) == ("evaluation.failed", "failed")
    assert result["error"].startswith("Media processing failed: ")
    assert result["overall_score"] is result["detector_results"] is None


def test_a_small_clip_costs_little_to_evaluate(pique, clip):
    pique.evaluated(clip)
    (worker,) = pique.worker_pids()
    times = []
    # The best of some, and of the processor's time: other tests may share the machine.
    for _ in range(4):
        before_s = processor_s(worker)
        pique.evaluated(clip)
        times.append(processor_s(worker) - before_s)
    assert min(times) < 0.5


def test_the_record_tells_what_happened(pique, clip):
    before = datetime.now(UTC)
    job_id = pique.submit(clip, filename="known.mp4")
    pique.wait_for(job_id)
    record = record_of(pique, job_id)
    assert (record.judge_id, record.filename, record.status) == ("judge_videos", "known.mp4", "completed")
    assert record.content_sha256 == sha256(clip)
    assert (record.complete_puts, record.evaluations_started, record.evaluations_finished) == (1, 1, 1)
    assert before <= record.created_at <= record.uploaded_at <= record.finished_at
    assert record.evaluations[0].started_at <= record.evaluations[0].finished_at


def test_evaluated_content_is_not_kept(pique, clip, eventually):
    job_id = pique.submit(clip)
    pique.wait_for(job_id)
    content = pique.process.data_dir / "content"
    eventually(lambda: [path for path in content.iterdir() if path.name.startswith(job_id)], lambda kept: not kept)


def test_a_put_to_an_evaluated_job_is_another_evaluation(pique, clip):
    prepared = pique.prepare(clip)
    pique.put(prepared, clip)
    pique.wait_for(prepared.job_id)
    first = pique.put(prepared, clip).headers["x-goog-generation"]
    pique.wait_for(prepared.job_id)
    record = record_of(pique, prepared.job_id)
    assert (record.complete_puts, record.evaluations_started, record.evaluations_finished) == (2, 2, 2)
    assert evaluations_by_content([record]) == {("judge_videos", sha256(clip)): 2}
    assert int(pique.put(prepared, clip).headers["x-goog-generation"]) > int(first)
    pique.wait_for(prepared.job_id)


def test_a_put_during_the_evaluation_is_another_one_and_the_newer_content_wins(start_pique, tmp_path, clip):
    with start_pique(tmp_path) as pique:
        prepared = pique.prepare(clip)
        worker = pique.stop_worker()
        pique.put(prepared, clip)
        pique.wait_for(prepared.job_id, status="processing")
        other = b"x" * len(clip)
        pique.put(prepared, other)
        assert pique.result(prepared.job_id)["status"] == "pending"
        os.kill(worker, signal.SIGCONT)
        assert pique.wait_for(prepared.job_id)["status"] == "failed"
        record = record_of(pique, prepared.job_id)
    assert record.content_sha256 == sha256(other)
    assert (record.complete_puts, record.evaluations_started, record.evaluations_finished) == (2, 2, 2)
    assert [evaluation.content_sha256 for evaluation in record.evaluations] == [sha256(clip), sha256(other)]


def test_a_put_before_the_evaluation_started_replaces_the_content(start_pique, tmp_path, clip):
    with start_pique(tmp_path) as pique:
        worker = pique.stop_worker()
        busy = pique.submit(clip)
        pique.wait_for(busy, status="processing")
        prepared = pique.prepare(clip)
        for body in (b"first", clip):
            pique.put(prepared, body)
        assert pique.result(prepared.job_id)["status"] == "pending"
        os.kill(worker, signal.SIGCONT)
        assert pique.wait_for(prepared.job_id)["status"] == "completed"
        record = record_of(pique, prepared.job_id)
    assert (record.complete_puts, record.evaluations_started) == (2, 1)
    assert evaluations_by_content([record]) == {("judge_videos", sha256(clip)): 1}


@pytest.mark.slow
def test_kill_9_in_the_middle_loses_no_job_and_evaluates_none_twice(start_pique, tmp_path, clip, eventually):
    with start_pique(tmp_path) as pique:
        worker = pique.stop_worker()
        running, waiting, unsent = pique.submit(clip), pique.submit(clip[:-1]), pique.prepare(clip)
        pique.wait_for(running, status="processing")
        os.kill(pique.process.pid, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{worker}").exists())
    statuses = {record.job_id: record.status for record in read_record(tmp_path)}
    assert [statuses[job] for job in (running, waiting, unsent.job_id)] == [
        "processing",
        "pending",
        "awaiting_upload",
    ]
    (tmp_path / "content" / "job_lost.1").write_bytes(b"renamed, and killed before it was recorded")
    with start_pique(tmp_path) as pique:
        assert [pique.wait_for(job)["status"] for job in (running, waiting)] == ["completed", "completed"]
        assert pique.result(unsent.job_id)["status"] == "awaiting_upload"
        assert pique.put(unsent, clip).status_code == 200
        pique.wait_for(unsent.job_id)
        assert list((tmp_path / "content").iterdir()) == []
    for record in read_record(tmp_path):
        assert (record.complete_puts, record.evaluations_started, record.evaluations_finished) == (1, 1, 1)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_worker_that_crashes_fails_its_own_job_only(start_pique, tmp_path, clip, number):
    with start_pique(tmp_path) as pique:
        worker = pique.stop_worker()
        crashed, next_one = pique.submit(clip), pique.submit(clip)
        pique.wait_for(crashed, status="processing")
        os.kill(worker, number)
        os.kill(worker, signal.SIGCONT)
        assert number.name in pique.wait_for(crashed)["error"]
        assert pique.wait_for(next_one)["status"] == "completed"


def test_a_worker_that_died_while_idle_fails_no_job(start_pique, tmp_path, clip, eventually):
    with start_pique(tmp_path) as pique:
        pique.evaluated(clip)
        (worker,) = pique.worker_pids()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{worker}").exists())
        assert pique.evaluated(clip)["status"] == "completed"


def test_a_worker_that_hangs_is_killed_at_the_deadline(start_pique, tmp_path, clip, eventually):
    with start_pique(tmp_path, evaluation_deadline_s=1.0) as pique:
        worker = pique.stop_worker()
        hung, next_one = pique.submit(clip), pique.submit(clip)
        # Two seconds more for each megabyte.
        assert f"within {1 + 2 * (len(clip) // 1_000_000)} s" in pique.wait_for(hung)["error"]
        assert pique.wait_for(next_one)["status"] == "completed"
        eventually(lambda: not Path(f"/proc/{worker}").exists())


@pytest.mark.slow
def test_many_uploads_at_once_are_all_evaluated(start_pique, tmp_path, clip):
    from concurrent.futures import ThreadPoolExecutor

    with start_pique(tmp_path, workers=2) as pique, ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(lambda number: pique.submit(clip, filename=f"{number}.mp4"), range(40)))
        assert {pique.wait_for(job)["status"] for job in jobs} == {"completed"}
        records = read_record(tmp_path)
    assert {record.evaluations_started for record in records} == {1}
    assert evaluations_by_content(records) == {("judge_videos", sha256(clip)): 40}


def test_a_job_is_told_why_no_evaluation_process_starts(start_pique, tmp_path, clip, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "av.py").write_text("raise ImportError('libavcodec.so.61: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with start_pique(tmp_path / "data") as pique:
        result = pique.evaluated(clip)
        again = pique.evaluated(clip)
    assert result["status"] == again["status"] == "failed"
    for told in ("the evaluation process died", "ImportError: libavcodec.so.61: cannot open shared object file"):
        assert told in result["error"]
    # The whole traceback is in the log all the same.
    assert "Traceback" in (tmp_path / "data" / "server.log").read_text()


def test_a_worker_is_told_no_secret(start_pique, tmp_path, clip, monkeypatch):
    for name in ("PIQUE_WEBHOOK_SECRET", "PIQUE_LEDGER_URL", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "bait-of-a-test")
    monkeypatch.setenv("PIQUE_WHISPER_MODEL", "/models/whisper")
    with start_pique(tmp_path) as pique:
        pique.evaluated(clip)
        (worker,) = pique.worker_pids()
        told = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    assert not [one for one in told if b"bait-of-a-test" in one]
    assert {b"OMP_NUM_THREADS=1", b"PIQUE_WHISPER_MODEL=/models/whisper"} <= set(told)
