"""Audio: from a judge of audio over an upload to `audio_noise`, which measures what was put into the sound."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pique_assets.decoding.facts import VideoFacts
from pique_assets.decoding.media import Media
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.audio_noise import AudioNoise
from pique_assets.local.detectors.base import Material
from pique_assets.local.detectors.registry import reason_refused

CONTRACT = Path(__file__).parents[1] / "contract"
RATE = 16_000
CODINGS = {"ogg": "flac", "wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame", "m4a": "aac"}
JUDGE = {
    "id": "judge_noise",
    "name": "Noise",
    "description": "speech above noise",
    "content_type": "audio",
    "detectors": [
        {"detector_name": "audio_noise", "config": {}, "weight": 3},
        {"detector_name": "title_and_description", "config": {"required_hashtags": ["#bunny"]}},
    ],
}


def talking(*, seconds: float = 8.0, amplitude: float = 0.2, pauses: bool = True) -> np.ndarray:
    """Like speech: a gliding tone with its harmonics, in words of 0.7 s with 0.5 s between them."""
    moments = np.arange(int(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * moments)) / RATE
    voice = sum(np.sin(number * pitch) / number for number in range(1, 12))
    voice = amplitude * voice / np.sqrt((voice**2).mean())
    return voice * (moments % 1.2 < 0.7) if pauses else voice


def hissing(rms: float, *, seconds: float = 8.0) -> np.ndarray:
    return rms * np.random.default_rng(5).standard_normal(int(seconds * RATE))


def encoded(sound: np.ndarray, kind: str = "wav", *, layout: str = "mono") -> bytes:
    output = io.BytesIO()
    with av.open(output, "w", format={"m4a": "mp4"}.get(kind, kind)) as container:
        stream = container.add_stream(CODINGS[kind], rate=RATE, layout=layout)
        step = stream.codec_context.frame_size or 1024
        channels = {"mono": 1, "stereo": 2}[layout]
        whole = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE, frame_size=step)
        frame = av.AudioFrame.from_ndarray(np.repeat(whole, channels)[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode())
    return output.getvalue()


def measured(sound: np.ndarray, tmp_path: Path, *, kind: str = "wav", layout: str = "mono", **options: float):
    path = tmp_path / f"sound.{kind}"
    path.write_bytes(encoded(sound, kind, layout=layout))
    material = Material(media=read_media(path, content_type="audio"), title=None, description=None)
    return AudioNoise(**options).judge(material)


@pytest.fixture(scope="module")
def audio(start_pique, tmp_path_factory) -> Iterator:
    folder = tmp_path_factory.mktemp("audio")
    seeds = folder / "judges.json"
    seeds.write_text(json.dumps({"judges": [JUDGE]}))
    with start_pique(folder / "pique", seed_judges=seeds) as pique:
        yield pique


@pytest.mark.parametrize("kind", CODINGS)
def test_an_upload_of_audio_is_evaluated_as_documented(audio, kind):
    body = encoded(talking() + hissing(0.005), kind)
    order = {"judge_id": "judge_noise", "content_type": "audio", "filename": f"talk.{kind}"}
    result = audio.evaluated(body, description="a #Bunny", **order)
    assert result["event"] == "evaluation.completed", result["error"]
    noise, text = result["detector_results"]
    example = json.loads((CONTRACT / "detectors" / "audio_noise.json").read_text())
    assert noise["detector_name"] == example["detector_name"]
    assert example["metrics"].keys() <= noise["metrics"].keys()
    for part in ("snr", "music"):
        assert noise["metrics"][part].keys() == example["metrics"][part].keys()
    assert (noise["pass_check"], text["pass_check"]) == (True, True)
    assert result["overall_score"] == pytest.approx((3 * noise["score"] + 1) / 4, abs=1e-3)


def test_two_recordings_with_different_noise_come_to_different_verdicts(audio):
    order = {"judge_id": "judge_noise", "content_type": "audio", "filename": "talk.wav"}
    clear, noisy = (
        audio.evaluated(encoded(talking() + hissing(rms)), **order)["detector_results"][0] for rms in (0.002, 0.08)
    )
    assert (clear["pass_check"], noisy["pass_check"]) == (True, False)
    assert clear["score"] > 0.9 > 0.5 > noisy["score"]
    assert "wanted at least 12 dB" in noisy["rationale"]


@pytest.mark.parametrize("ratio_db", [8, 10, 15, 20, 30, 40])
def test_the_ratio_is_the_one_that_was_put_in(tmp_path, ratio_db):
    verdict = measured(talking(amplitude=0.1) + hissing(0.1 / 10 ** (ratio_db / 20)), tmp_path)
    assert verdict.metrics["snr"]["snr_db"] == pytest.approx(ratio_db, abs=0.5)
    assert verdict.pass_check is (ratio_db > 12)


@pytest.mark.parametrize("kind", CODINGS)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_the_coding_does_not_matter_much(tmp_path, kind, layout):
    verdict = measured(talking() + hissing(0.01), tmp_path, kind=kind, layout=layout)
    expected = 20 * math.log10(0.2 / 0.01)
    assert verdict.metrics["snr"]["snr_db"] == pytest.approx(expected, abs=2.5)
    assert verdict.metrics["speech_segments_count"] == 7
    assert verdict.metrics["total_speech_duration_sec"] == pytest.approx(7 * 0.7 - 0.1, abs=0.5)
    assert verdict.metrics["levels"]["duration_sec"] == pytest.approx(8.0, abs=0.2)
    assert verdict.metrics["levels"]["sample_rate"] == RATE


def test_the_limit_is_an_option(tmp_path):
    sound = talking() + hissing(0.01)
    assert measured(sound, tmp_path, min_snr_db_threshold=20.0).pass_check is True
    strict = measured(sound, tmp_path, min_snr_db_threshold=40.0)
    assert (strict.pass_check, strict.metrics["snr"]["min_snr_db_threshold"]) == (False, 40.0)
    assert strict.score < 0.5


def test_pauses_of_digital_silence_are_the_best_there_is(tmp_path):
    verdict = measured(talking(), tmp_path)
    assert verdict.metrics["snr"]["snr_db"] > 70
    assert verdict.metrics["levels"]["silence_ratio"] == pytest.approx(5 / 12, abs=0.05)
    assert verdict.score > 0.99


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (hissing(0.05), "nothing stands out"),
        (np.zeros(RATE * 3), "nothing is to be heard: all of it (3.0s) is silent"),
        (talking(pauses=False), "nothing stands out"),
    ],
    ids=["noise", "silence", "no pauses"],
)
def test_where_nothing_can_be_compared_nothing_passes(tmp_path, sound, why):
    verdict = measured(sound, tmp_path)
    assert (verdict.pass_check, verdict.score) == (False, 0.0)
    assert verdict.metrics["snr"]["snr_db"] is None
    assert why in verdict.rationale


def test_too_short_a_pause_is_no_noise(tmp_path):
    sound = talking(seconds=2.0, pauses=False)
    sound[: RATE // 4] = 0
    verdict = measured(sound, tmp_path)
    assert (verdict.pass_check, verdict.metrics["snr"]["noise_rms"]) == (False, None)
    assert "no pause" in verdict.rationale


def test_clipping_and_peaks_are_counted(tmp_path):
    quiet, loud = (measured(talking(amplitude=amplitude), tmp_path).metrics["levels"] for amplitude in (0.02, 2.0))
    assert quiet["clipped_ratio"] == 0
    assert quiet["peak_dbfs"] < -15
    assert loud["clipped_ratio"] > 0.1
    assert loud["peak_dbfs"] == pytest.approx(0.0, abs=0.1)


def test_a_rate_that_changes_on_the_way_is_in_metrics_and_rationale(tmp_path):
    sound = talking() + hissing(0.01)
    (tmp_path / "a.ogg").write_bytes(encoded(sound, "ogg") + encoded(sound, "ogg", layout="stereo"))
    material = Material(media=read_media(tmp_path / "a.ogg", content_type="audio"), title=None, description=None)
    verdict = AudioNoise().judge(material)
    assert verdict.metrics["levels"]["duration_sec"] == pytest.approx(16.0, abs=0.1)
    assert len(verdict.metrics["levels"]["notes"]) == 2
    assert verdict.rationale.endswith("the sound changes from 16000 Hz mono to 16000 Hz stereo")


def test_music_is_not_measured_and_says_so(tmp_path):
    assert set(measured(talking(), tmp_path).metrics["music"].values()) == {None}


def test_one_moment_of_sound_is_measured(tmp_path):
    assert measured(hissing(0.1)[:100], tmp_path).metrics["levels"]["duration_sec"] == pytest.approx(0.01, abs=0.01)


def test_a_picture_without_sound_is_no_audio(audio, clip):
    order = {"judge_id": "judge_noise", "content_type": "audio", "filename": "a.mp4"}
    result = audio.evaluated(clip, **order)
    assert (result["event"], "no audio stream" in result["error"]) == ("evaluation.failed", True)


def test_another_content_type_than_the_judges_is_refused(audio):
    order = {"judge_id": "judge_noise", "filename": "a.mp4", "file_size_bytes": 10}
    answer = audio.http.post("/v1/evaluations/presigned-upload", json={**order, "content_type": "video"})
    assert (answer.status_code, "evaluates audio, not video" in answer.json()["detail"]) == (400, True)
    social = {"judge_id": "judge_noise", "video_urls": ["http://example.com/v"]}
    answer = audio.http.post("/v1/evaluations/social-media", json=social)
    assert (answer.status_code, "evaluates audio, not video" in answer.json()["detail"]) == (400, True)


def test_a_judge_of_text_can_be_made_and_never_works(audio):
    order = {**JUDGE, "content_type": "text"}
    created = audio.http.post("/v1/judges", json=order).json()
    assert created["status"] == "failed"
    assert "audio_noise: measures audio, not text" in created["status_reason"]
    upload = {"judge_id": created["id"], "content_type": "text", "filename": "a.txt", "file_size_bytes": 10}
    answer = audio.http.post("/v1/evaluations/presigned-upload", json=upload)
    assert (answer.status_code, "content type 'text'" in answer.json()["detail"]) == (400, True)
    answer = audio.http.post("/v1/evaluations/presigned-upload", json={**upload, "content_type": "audio"})
    assert (answer.status_code, "evaluates text" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("config", [{"min_snr_db_threshold": -1}, {"min_snr_db_threshold": "12"}, {"min_snr": 3}])
def test_an_option_that_can_not_be_is_refused(config):
    assert reason_refused("audio_noise", config, content_type="audio")


def test_audio_noise_measures_audio_only():
    assert "measures audio, not video" in reason_refused("audio_noise", {}, content_type="video")
    video = VideoFacts(
        width=1,
        height=1,
        aspect_ratio=1.0,
        fps=1.0,
        duration_sec=1.0,
        declared_duration_sec=None,
        audio_sample_rate=None,
    )
    with pytest.raises(TypeError, match="needs audio"):
        AudioNoise().judge(Material(media=Media(facts=video), title=None, description=None))
