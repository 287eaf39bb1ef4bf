"""`video_matching`: copies made on the spot are found, whatever was done to them; strangers are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from pique_assets.decoding.media import Part
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.registry import reason_refused
from pique_assets.local.detectors.video_matching import VideoMatching
from pique_assets.local.detectors.video_signature import LARGEST_DISTANCE, picture_hashes, without_bars

URI = "gs://brand/reference.mp4"
WIDTH, HEIGHT, FPS = 320, 180, 10

Picture = np.ndarray


def scene(seed: int, moment: float, *, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """A picture of large and small soft shapes that change from second to second, in grey."""
    rows, columns = np.arange(height) / height, np.arange(width) / height
    picture = np.zeros((height, width))
    for second, share in ((int(moment), 1 - moment % 1), (int(moment) + 1, moment % 1)):
        shapes = np.random.default_rng([seed, second])
        for number in range(60):
            x, y, light = shapes.random(3) * (width / height, 1, 2) - (0, 0, 1)
            size = 0.3 / (1 + number / 5)
            down, across = (
                np.exp(-((line - middle) ** 2) / (2 * size**2)) for line, middle in ((rows, y), (columns, x))
            )
            picture += share * light * np.outer(down, across)
    return np.clip(128 + 40 * picture, 0, 255).astype(np.uint8)


@cache
def film(seed: int, *, seconds: float = 8, start: float = 0) -> list[Picture]:
    return [scene(seed, start + number / FPS) for number in range(round(seconds * FPS))]


def written(path: Path, pictures: list[Picture], *, codec: str = "libx264", fps: int = FPS) -> Path:
    with av.open(path, "w") as output:
        height, width = pictures[0].shape
        stream = output.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[: stream.height, : stream.width]), "gray")
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    return path


def resized(picture: Picture, *, width: int, height: int) -> Picture:
    return (
        av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "gray")
        .reformat(width=width, height=height)
        .to_ndarray()
    )


def padded(picture: Picture, *, top: int = 0, left: int = 0, value: int = 0) -> Picture:
    return np.pad(picture, ((top, top), (left, left)), constant_values=value)


def blurred_sides(picture: Picture) -> Picture:
    """The picture in the middle of an upright one, over a copy of itself that fills the rest."""
    tall = resized(resized(picture, width=6, height=6), width=320, height=568)
    tall[194:374] = picture
    return tall


def overlaid(picture: Picture) -> Picture:
    shown = picture.copy()
    shown[8:26, 8:46] = 255
    shown[156:170, 60:260] = 230
    return shown


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda one: one,
    "crop to 85 %": lambda one: one[13:-13, 24:-24],
    "9:16 from the middle": lambda one: one[:, 110:210],
    "9:16 from the left": lambda one: one[:, 20:120],
    "letterbox": lambda one: padded(one, top=70),
    "pillarbox": lambda one: padded(one, left=60, value=255),
    "blurred padding": blurred_sides,
    "overlay": overlaid,
    "mirror": lambda one: one[:, ::-1],
    "mirrored crop": lambda one: one[13:-13, 24:-24][:, ::-1],
    "half the size": lambda one: resized(one, width=160, height=90),
    "darker": lambda one: (one * 0.7).astype(np.uint8),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("reference") / "reference.mp4", film(1))


def judged(path: Path, *references: Path) -> Verdict:
    uris = {f"gs://brand/{number}.mp4": reference for number, reference in enumerate(references)}
    media = read_media(path, content_type="video", parts=frozenset({Part.FRAMES}))
    return VideoMatching(reference_videos=list(uris)).judge(Material(media=media, references=uris))


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found(tmp_path, reference, change):
    copy = written(tmp_path / "copy.mp4", [CHANGES[change](picture) for picture in film(1)])
    verdict = judged(copy, reference)
    assert verdict.pass_check is True, verdict.rationale
    assert verdict.score == verdict.metrics["sources"]["reference_0"]["score"] >= 0.8
    assert set(verdict.timestamps) <= set(np.arange(0, 8, 0.5))


def test_a_piece_is_found_where_it_is(tmp_path, reference):
    verdict = judged(written(tmp_path / "piece.webm", film(1, seconds=4, start=3), codec="libvpx-vp9"), reference)
    source = verdict.metrics["sources"]["reference_0"]
    assert (verdict.pass_check, source["reference_offset_sec"], source["first_match_sec"]) == (True, 3.0, 0.0)


def test_a_reference_in_the_middle_of_a_longer_film_is_found(tmp_path, reference):
    verdict = judged(written(tmp_path / "long.mp4", [*film(2), *film(1), *film(3)]), reference)
    assert verdict.pass_check is True
    assert verdict.timestamps[0] == pytest.approx(8, abs=0.5)
    assert verdict.timestamps[-1] == pytest.approx(15.5, abs=0.5)


def test_a_faster_copy_is_found(tmp_path, reference):
    assert judged(written(tmp_path / "fast.mp4", film(1)[::5], fps=2), reference).pass_check is True
    assert judged(written(tmp_path / "faster.mp4", film(1), fps=11), reference).pass_check is True


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_stranger_is_not_found(tmp_path, reference, seed):
    verdict = judged(written(tmp_path / "stranger.mp4", film(seed)), reference)
    assert (verdict.pass_check, verdict.timestamps) == (False, [])
    assert verdict.rationale.startswith("no reference is shown: the nearest reaches ")


def test_the_one_of_several_references_is_named(tmp_path, reference):
    other = written(tmp_path / "other.mp4", film(5))
    verdict = judged(written(tmp_path / "copy.mp4", film(1)), other, reference)
    assert (verdict.pass_check, "gs://brand/1.mp4 is shown from 0 s" in verdict.rationale) == (True, True)
    assert verdict.metrics["sources"]["reference_0"]["score"] < 0.5


def test_two_still_pictures_are_not_each_other(tmp_path):
    first, second = ([scene(seed, 0)] * 60 for seed in (6, 7))
    still = written(tmp_path / "still.mp4", first)
    assert judged(written(tmp_path / "other.mp4", second), still).pass_check is False


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_can_be_said_of_blank_pictures(tmp_path, reference, value):
    blank = written(tmp_path / "blank.mp4", [np.full((HEIGHT, WIDTH), value, np.uint8)] * 40)
    content = judged(blank, reference)
    assert (content.pass_check, content.score, content.metrics["outcome"]) == (None, None, "undetermined")
    assert "only 0 frames of the video show anything" in content.rationale
    with_blank_reference = judged(written(tmp_path / "film.mp4", film(1)), blank)
    assert (with_blank_reference.pass_check, "can't be compared" in with_blank_reference.rationale) == (None, True)


def test_seconds_of_black_that_the_reference_has_not_fail_a_copy(tmp_path, reference):
    black = [np.zeros((HEIGHT, WIDTH), np.uint8)] * (3 * FPS)
    verdict = judged(written(tmp_path / "interrupted.mp4", [*film(1), *black]), reference)
    assert (verdict.pass_check, verdict.score) == (False, 1.0)
    assert verdict.metrics["blank_frame_failure"] is True
    assert verdict.flagged_frames[0] == {"timestamp": 8.0, "reason": "blank"}
    assert verdict.rationale.endswith("s are blank where the reference is not")
    with_black = written(tmp_path / "with_black.mp4", [*film(1), *black])
    assert judged(with_black, with_black).pass_check is True


def test_a_reference_that_is_no_video_is_named(tmp_path, reference):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    verdict = judged(reference, broken)
    assert verdict.pass_check is None
    assert verdict.rationale.startswith("the reference gs://brand/0.mp4 can't be compared: it cannot be opened: ")


def test_a_reference_that_can_not_be_compared_may_be_the_one_that_is_shown(tmp_path, reference):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    stranger = written(tmp_path / "stranger.mp4", film(2))
    verdict = judged(stranger, reference, broken)
    assert (verdict.pass_check, verdict.score) == (None, None)
    assert verdict.rationale.startswith("the reference gs://brand/1.mp4 can't be compared")
    assert judged(reference, reference, broken).pass_check is True


def test_a_reference_whose_middle_is_blank_is_compared_by_the_rest(tmp_path):
    framed = [picture.copy() for picture in film(1)]
    for picture in framed:
        picture[20:160, 40:280] = 255
    path = written(tmp_path / "framed.mp4", framed)
    assert judged(path, path).pass_check is True
    assert judged(written(tmp_path / "stranger.mp4", film(2)), path).pass_check is False


def test_frames_that_are_blank_in_the_reference_too_are_not_counted_as_compared(tmp_path):
    black = [np.zeros((HEIGHT, WIDTH), np.uint8)] * (2 * FPS)
    path = written(tmp_path / "with_black.mp4", [*film(1), *black])
    assert judged(path, path).metrics["frames_compared"] == 16


@pytest.mark.parametrize("videos", [[], ["https://brand/a.mp4"], "gs://brand/a.mp4", [1]])
def test_options_that_name_no_reference_are_refused(videos):
    reason = reason_refused("video_matching", {"reference_videos": videos}, content_type="video")
    assert reason is not None and reason.startswith("video_matching: option reference_videos")


def test_a_judge_is_ready_once_its_reference_is_uploaded(start_pique, tmp_path, reference):
    copy = written(tmp_path / "copy.mp4", [picture[:, ::-1] for picture in film(1)]).read_bytes()
    with start_pique(tmp_path / "pique") as pique:
        content = pique.http.post("/v1/judges/reference_content", json={"file_extension": "mp4"}).json()
        judge = {
            "name": "Matching",
            "description": "the film of the brand",
            "content_type": "video",
            "detectors": [
                {
                    "detector_name": "video_matching",
                    "config": {"reference_videos": [content["reference_content_uri"]]},
                }
            ],
        }
        early = pique.http.post("/v1/judges", json=judge).json()
        assert early["status"] == "failed"
        assert f"{content['reference_content_uri']} is not here: upload it" in early["status_reason"]
        pique.storage.put(content["upload_url"], content=reference.read_bytes()).raise_for_status()
        assert pique.http.get(f"/v1/judges/{early['id']}").json()["status"] == "ready"
        result = pique.evaluated(copy, judge_id=early["id"])
    (found,) = result["detector_results"]
    assert (found["pass_check"], "mirrored" in found["rationale"]) == (True, True)
    assert json.loads(json.dumps(found["metrics"])) == found["metrics"]


@given(seed=st.integers(0, 2**32), height=st.integers(1, 200), width=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_a_picture_of_any_size_has_a_hash_and_the_same_one_each_time(seed, height, width):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    first, again = picture_hashes([picture, picture])
    assert first == again
    assert without_bars([picture])[0].size > 0


@given(seed=st.integers(0, 2**16), light=st.floats(0.5, 1.0), shift=st.integers(-20, 20))
@settings(max_examples=30, deadline=None)
def test_brightness_and_contrast_change_little_of_a_hash(seed, light, shift):
    picture = scene(seed, 0, width=128, height=72)
    changed = np.clip(picture * light + shift, 0, 255).astype(np.uint8)
    one, other = picture_hashes([picture, changed])
    assert int(one ^ other).bit_count() <= LARGEST_DISTANCE
