"""Video, image and audio in one folder, and a judge of each type: every judge gets its own, and says so of the rest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import dagster as dg
import numpy as np
import pytest
from desk import LIMITS
from documented_pique import documented_pique
from graph import Graph, resources_at, video_evaluation
from whole_media import clip, picture

from pique_assets.analysis import load
from pique_assets.definitions import build_defs
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import evaluations_by_content, read_record
from pique_assets.media import DatedFolder

pytestmark = pytest.mark.slow

DATE = "2026-03-02"
TITLE = "Meadow #bunny"
RATE_HZ = 48_000
DETECTORS = {
    "video": {"detector_name": "video_specs", "config": {"min_width": 100}},
    "image": {"detector_name": "image_specs", "config": {"min_width": 10}},
    "audio": {"detector_name": "audio_noise", "config": {"min_snr_db_threshold": 10}},
}
TEXTS = {
    "notes.txt": "Call the agency about the meadow.\n" * 9,
    "captions.srt": "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "table.csv": "title,views\nmeadow,12\n",
    "page.html": "<!doctype html><html><body>Meadow</body></html>",
}


def sound(container: str, codec: str, *, layout: str = "mono") -> bytes:
    """Three seconds of something like speech: loud and quiet by turns, over a little noise."""
    file = io.BytesIO()
    times_s = np.arange(3 * RATE_HZ) / RATE_HZ
    loud = np.sin(times_s * 440 * 2 * np.pi) * (times_s % 1 < 0.5)
    hiss = np.random.default_rng(7).normal(scale=0.01, size=times_s.size)
    samples = (20_000 * (0.9 * loud + hiss)).astype(np.int16)
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE_HZ, layout=layout)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=RATE_HZ, frame_size=960)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, bytes]]:
    """What lies in the folder, by content type; names say what the bytes are, except where they may say anything."""
    return {
        "video": {
            "clip.mp4": clip(),
            "clip.mkv": clip(".mkv"),
        },
        "image": {"still.jpg": picture(), "still.png": picture("PNG")},
        "audio": {
            "song.mp3": sound("mp3", "libmp3lame"),
            "wave.wav": sound("wav", "pcm_s16le"),
            "loss.flac": sound("flac", "flac"),
            "memo.m4a": sound("ipod", "aac"),
            "raw.aac": sound("adts", "aac"),
            "voice.ogg": sound("ogg", "libopus"),
            "voice.opus": sound("opus", "libopus"),
            "sound alone.mp4": sound("mp4", "aac", layout="stereo"),
            "sound alone.webm": sound("webm", "libopus"),
        },
    }


@dataclass(frozen=True, kw_only=True)
class Day:
    """The folder's date under a judge of each type, after its runs."""

    pique: LocalPiqueProcess
    lake: Path
    runs: dict[str, dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    folder = tmp_path_factory.mktemp("pique")
    judges = [
        {
            "id": f"judge_{content_type}",
            "name": f"A judge of {content_type}",
            "description": "its own",
            "content_type": content_type,
            "detectors": [detector],
        }
        for content_type, detector in DETECTORS.items()
    ]
    (folder / "judges.json").write_text(json.dumps({"judges": judges}))
    with running_local_pique(data_dir=folder / "data", seed_judges=folder / "judges.json", workers=1) as process:
        yield process


@pytest.fixture(scope="module")
def day(pique, files, tmp_path_factory: pytest.TempPathFactory) -> Day:
    home = tmp_path_factory.mktemp("home")
    folder = home / "media" / DATE
    folder.mkdir(parents=True)
    for bodies in files.values():
        for name, body in bodies.items():
            (folder / name).write_bytes(body)
            (folder / f"{name}.json").write_text(json.dumps({"title": TITLE}))
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    evaluations = [
        video_evaluation(
            name=content_type,
            judge_id=f"judge_{content_type}",
            media=DatedFolder(home / "media"),
            limits=replace(LIMITS, lease_s=60, results_wait_s=100),
        )
        for content_type in DETECTORS
    ]
    defs = build_defs(evaluations=evaluations, resources=resources_at(home, pique))
    with dg.DagsterInstance.ephemeral() as instance:
        graphs = [Graph(home=home, defs=defs, instance=instance, evaluation=one) for one in evaluations]
        return Day(pique=pique, lake=home / "lake", runs={graph.evaluation.name: graph.run(DATE) for graph in graphs})


def test_each_judge_evaluates_its_own_type_to_the_end(day, files):
    assert all(run.success for run in day.runs.values())
    results = load("detector_results", lake=day.lake)
    for content_type, bodies in files.items():
        rows = load("submissions", lake=day.lake, judge=content_type).set_index("filename")
        own = rows.loc[list(bodies)]
        assert own["state"].to_dict() == dict.fromkeys(bodies, "completed")
        assert set(own["content_type"]) == {content_type}
        passed = results[results["job_id"].isin(own["job_id"])]
        assert passed["pass_check"].tolist() == [True] * len(bodies)
        assert set(passed["detector_name"]) == {DETECTORS[content_type]["detector_name"]}


def test_items_of_another_type_are_rows_that_say_so(day, files):
    for judge in files:
        rows = load("submissions", lake=day.lake, judge=judge).set_index("filename")
        for content_type, bodies in files.items():
            for name in bodies if content_type != judge else ():
                row = rows.loc[name]
                assert (row["state"], row["error_code"]) == ("unreadable", "wrong_content_type")
                assert row["error"] == (f"this is {content_type} content, and judge judge_{judge} evaluates {judge}")


def test_nothing_is_uploaded_for_items_of_another_type(day, files):
    evaluated = evaluations_by_content(read_record(day.pique.data_dir))
    own = {
        (f"judge_{content_type}", hashlib.sha256(body).hexdigest()): 1
        for content_type, bodies in files.items()
        for body in bodies.values()
    }
    assert evaluated == own
    assert len(read_record(day.pique.data_dir)) == len(own)


def test_text_is_refused_file_by_file_with_its_reason(day):
    for judge in DETECTORS:
        rows = load("submissions", lake=day.lake, judge=judge).set_index("filename").loc[list(TEXTS)]
        assert set(rows["error_code"]) == {"unsupported_type"}
        assert rows["error"].str.startswith("It is no video, image or audio file").all()
        assert rows["job_id"].isna().all()


def test_a_judge_of_text_is_refused_before_anything_is_sent(day, tmp_path):
    answer = {"id": "judge_text", "name": "Scripts", "content_type": "text", "status": "ready", "is_active": True}
    evaluation = video_evaluation(judge_id="judge_text", media=DatedFolder(day.lake.parent / "media"))
    with documented_pique() as server, dg.DagsterInstance.ephemeral() as instance:
        server.on("GET /v1/judges/judge_text", answer)
        graph = Graph.over(evaluation, home=tmp_path, pique=server, instance=instance)
        run = graph.run(DATE, job="submit")
        assert not run.success
        failure = next(event for event in run.all_events if event.is_step_failure)
        said = failure.step_failure_data.error_display_string
        assert "judge judge_text (Scripts) evaluates text, and content of that type can't be submitted" in said
        assert "use a judge of video, image, audio" in said
        assert {request.method for request in server.requests} == {"GET"}
