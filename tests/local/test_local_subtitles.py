"""The detector of subtitles on files made on the spot: tracks, captions in the picture, and what is neither."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import clips_with_text
import hidden_captions
import pytest
from clip_rendering import Track

from pique_assets.decoding.media import SubtitleCue, SubtitleTrack
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.soft_subtitles import judged
from pique_assets.local.detectors.subtitles import Subtitles, _Found, _metrics, _moments, _rationale

SAID = (
    "Où sont les clés du garage,",
    "Je croyais que tu les avais,",
    "alors nous attendons ici.",
    "Mais ça ne va pas être long.",
)
# ruff: noqa: RUF001 - Cyrillic letters are meant.
UNREAD = ("Где ты оставил ключи?", "Я думала, они у тебя.", "Тогда подождём здесь.", "Это ненадолго.")
CUES = tuple(SubtitleCue(start_s=number * 1.0, end_s=number + 0.75, text=text) for number, text in enumerate(SAID))


def verdict(path: Path, *, require_subtitles: bool = True) -> Verdict:
    media = read_media(path, content_type="video", parts=Subtitles.parts)
    return Subtitles(require_subtitles=require_subtitles).judge(Material(media=media))


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "mov_text"), (".mkv", "subrip"), (".mkv", "ass"), (".mkv", "webvtt")]
)
def test_a_subtitle_track_passes(tmp_path, suffix, codec):
    path = tmp_path / f"clip{suffix}"
    clips_with_text.write(path, seconds=4, tracks=[Track(codec=codec, cues=CUES, language="fra")])
    found = verdict(path)
    assert (found.pass_check, found.score) == (True, 1.0)
    metrics = found.metrics
    assert (metrics["outcome"], metrics["kind"], metrics["language"]) == ("passed", "soft", "fra")
    assert (metrics["cues_count"], metrics["coverage"], metrics["picture"]) == (4, 0.75, None)
    assert metrics["cues"][1] == {"start": 1.0, "end": 1.75, "text": SAID[1]}
    assert "track (fra) with 4 cues covers 75% of the video" in found.rationale


def test_shapes_that_a_track_draws_are_no_text(tmp_path):
    shapes = [
        replace(cue, text=f"{{\\an7\\p1}}m 0 0 l {number} 0{{\\p0}}{{\\pos(1,2)}}") for number, cue in enumerate(CUES)
    ]
    path = tmp_path / "clip.mkv"
    clips_with_text.write(path, seconds=4, tracks=[Track(codec="ass", cues=tuple(shapes), language="eng")])
    assert verdict(path).rationale.startswith("no subtitles: the ssa track does not count, it shows nothing while")


@pytest.mark.parametrize("name", ["clip.ts", "clip.mov"])
def test_closed_captions_beside_the_pictures_or_in_a_track_pass(tmp_path, name):
    sent = {
        1.0: hidden_captions.pop_on("Where are the keys?"),
        2.5: hidden_captions.ERASE,
        4.0: hidden_captions.pop_on("You had them."),
        6.0: hidden_captions.pop_on("Then we wait here."),
    }
    found = verdict(hidden_captions.write(tmp_path / name, seconds=8, sent=sent))
    assert (found.pass_check, found.metrics["kind"]) == (True, "soft")
    assert found.rationale.startswith("the eia_608 track (no language) with 3 cues covers ")
    cues = found.metrics["cues"]
    assert [cue["text"] for cue in cues] == ["Where are the keys?", "You had them.", "Then we wait here."]
    # Commands are sent twice, in one picture after the other.
    assert [cue["start"] for cue in cues] == pytest.approx([1.0, 4.0, 6.0], abs=0.1)
    assert [cue["end"] for cue in cues] == pytest.approx([2.5, 6.0, 8.0], abs=0.1)


def test_a_stream_with_room_for_closed_captions_has_none(tmp_path):
    found = verdict(hidden_captions.write(tmp_path / "clip.ts", seconds=3, sent={1.0: hidden_captions.ERASE}))
    assert (found.pass_check, found.metrics["tracks"]) == (False, [])


def test_a_forced_track_and_a_watermark_are_no_subtitles(tmp_path):
    path = clips_with_text.write(
        tmp_path / "clip.mp4",
        seconds=9,
        draw=clips_with_text.spoken(["preview copy of acme"], each_s=9),
        tracks=[Track(codec="mov_text", cues=CUES, forced=True)],
    )
    found = verdict(path)
    assert (found.pass_check, found.score, found.metrics["kind"]) == (False, 0.0, "none")
    assert found.rationale.startswith("no subtitles: the mov_text track does not count, it is a forced track")
    assert "the text in the picture is no caption: it stays unchanged" in found.rationale
    assert [moment["timestamp"] for moment in found.flagged_frames] == list(found.timestamps) == [0.0]
    assert "'preview copy of acme' stays unchanged" in str(found.flagged_frames[0]["reason"])
    lenient = verdict(path, require_subtitles=False)
    assert (lenient.pass_check, lenient.metrics["kind"]) == (True, "none")
    assert lenient.rationale.endswith("(not required)")


def test_captions_in_the_picture_pass(tmp_path):
    path = clips_with_text.write(tmp_path / "clip.mp4", seconds=13, draw=clips_with_text.spoken(SAID, each_s=3))
    found = verdict(path)
    assert (found.pass_check, found.metrics["kind"], found.metrics["cues_count"]) == (True, "burned_in", 4)
    assert [cue["text"] for cue in found.metrics["cues"]] == list(SAID)
    assert found.metrics["cues"][1]["start"] == 3.0
    assert 0.8 < found.metrics["coverage"] < 1.0
    assert found == verdict(path)


def test_captions_in_a_script_that_is_not_read_are_undetermined(tmp_path):
    path = clips_with_text.write(tmp_path / "clip.mp4", seconds=12, draw=clips_with_text.spoken(UNREAD, each_s=3))
    found = verdict(path)
    assert (found.pass_check, found.score, found.metrics["outcome"]) == (None, None, "undetermined")
    assert found.metrics["kind"] == "unclear"
    assert "in a script that is not read" in found.rationale
    assert found.metrics["cues"] == []
    assert found.flagged_frames and found.timestamps == ()
    assert verdict(path, require_subtitles=False).pass_check is True


def test_a_video_without_text_fails(tmp_path):
    found = verdict(clips_with_text.write(tmp_path / "clip.mp4", seconds=4))
    assert found.pass_check is False
    assert found.rationale == "no subtitles: the file has no subtitle track; no text is seen in the picture"


def test_speech_without_a_cue_is_pointed_at_and_counted():
    cues = tuple(SubtitleCue(start_s=start, end_s=start + 1.0, text=f"{start}") for start in (0.0, 1.0, 2.0))
    track = SubtitleTrack(codec="mov_text", language="eng", is_forced=False, cues=cues)
    told = _Found(
        end_s=10.0,
        least_cues=3,
        tracks=(),
        track=judged(track, end_s=10.0, least_cues=3),
        text=None,
        stills_count=0,
        speech=((1.0, 3.0), (5.0, 7.0), (8.0, 8.4)),
    )
    assert _moments(told) == [{"timestamp": 5.0, "reason": "2.0s of speech without a cue"}]
    assert _metrics(told, required=True)["speech"] == {"duration_sec": 4.4, "coverage": 0.4545}
    assert _rationale(told, required=True).endswith("covers 30% of the video and 45% of the speech")


def test_another_model_file_is_refused(tmp_path):
    models = tmp_path / "rapidocr" / "models"
    models.mkdir(parents=True)
    (tmp_path / "rapidocr" / "__init__.py").touch()
    said = _python("print(Subtitles().reason_not_ready())", tmp_path)
    assert said.startswith(f"the model {models / 'PP-OCRv6_det_small.onnx'} is missing: pip install --force-reinstall")
    for name in ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"):
        (models / name).write_bytes(b"another")
    said = _python("print(Subtitles().reason_not_ready())", tmp_path)
    assert "PP-OCRv6_det_small.onnx has the SHA-256 " in said and "pip install --force-reinstall" in said


OFFLINE = """
import logging, socket, warnings
import numpy as np
warnings.simplefilter("error")
def refuse(*_):
    raise AssertionError("the network is not to be used")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
before = (logging.root.level, list(logging.root.handlers), logging.root.manager.disable)
from PIL import Image, ImageDraw
from pique_assets.decoding.media import Frame
from pique_assets.local.detectors.text_in_pictures import text_in
import clips_with_text
image = Image.new("L", (640, 360), 60)
ImageDraw.Draw(image).text((320, 330), "Nothing leaves the house.", font=clips_with_text.font(22),
                          fill=255, anchor="md")
print([line.text for line in text_in([Frame(time_s=0.0, gray=np.asarray(image))])[0].lines])
assert (logging.root.level, list(logging.root.handlers), logging.root.manager.disable) == before
"""


def test_reading_uses_no_network_and_leaves_logging_alone():
    assert _python(OFFLINE) == "['Nothing leaves the house.']"


def _python(script: str, *paths: Path) -> str:
    """What a script says in a process of its own, which must end well and complain of nothing."""
    root = Path(__file__).parents[2]
    search = [*paths, root / "tests" / "support", root / "benchmarks" / "detectors", root]
    head = "from pique_assets.local.detectors.subtitles import Subtitles\n"
    done = subprocess.run(
        [sys.executable, "-c", head + script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, search))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()
