"""Detectors by entry point: a user's own beside those of the package, and the reasons why one can't be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pique_assets.extras import EXTRAS, Extra
from pique_assets.local.detectors import registry
from pique_assets.local.detectors.registry import DetectorUnusable, detector_names, reason_refused, references_of

OWN = '''
"""A detector of somebody else's package."""
from typing import ClassVar

from pique_assets.decoding.media import Part
from pique_assets.local.detectors.base import Detector, Material, Verdict, undetermined


class FrameCount(Detector):
    detector_name: ClassVar[str] = "frame_count"
    content_types: ClassVar[frozenset[str]] = frozenset({"video"})
    parts: ClassVar[frozenset[Part]] = frozenset({Part.FRAMES})

    at_least: int
    say_nothing: bool = False

    def judge(self, material: Material) -> Verdict:
        count = len(material.media.frames)
        if self.say_nothing:
            return undetermined("it was told to say nothing", metrics={"frames": count})
        return Verdict(
            pass_check=count >= self.at_least,
            score=1.0,
            rationale=f"{count} frames",
            metrics={"frames": count},
            timestamps=[frame.time_s for frame in material.media.frames],
            flagged_frames=[{"timestamp": 0.0, "reason": "the first"}],
        )


class NeedsMore(FrameCount):
    detector_name: ClassVar[str] = "needs_more"
    extras: ClassVar[tuple[str, ...]] = ("local", "of_a_test")


class NeedsTheUnknown(FrameCount):
    detector_name: ClassVar[str] = "needs_the_unknown"
    extras: ClassVar[tuple[str, ...]] = ("local-sight",)


class NotReady(FrameCount):
    detector_name: ClassVar[str] = "not_ready"

    def reason_not_ready(self) -> str:
        return "its model is missing: fetch it with `own fetch`"


class Broken(FrameCount):
    detector_name: ClassVar[str] = "broken"

    at_least: int = 1
    how: str

    def references(self):
        if self.how == "references":
            raise RuntimeError("no list today")
        return "gs://bucket/a.mp4" if self.how == "one reference" else ()

    def reason_not_ready(self):
        if self.how == "readiness":
            raise RuntimeError("nobody knows")

    def judge(self, material: Material) -> Verdict:
        import numpy as np

        said = {"pass_check": True, "score": 1.0, "rationale": "fine", "metrics": {}}
        if self.how == "raises":
            raise RuntimeError("out of ideas")
        if self.how == "nothing":
            return None
        if self.how == "numpy":
            print("by the way")
            said = {**said, "pass_check": np.bool_(True), "score": np.float32(0.5), "metrics": {"all": np.arange(2)}}
        return Verdict(**{
            **said,
            **{
                "seven": {"score": 7.0},
                "no number": {"score": float("nan")},
                "half undetermined": {"pass_check": None},
                "no sentence": {"rationale": None},
                "no json": {"metrics": {"a": object()}},
                "before the start": {"timestamps": [-1.0]},
            }.get(self.how, {}),
        })


NOTHING = object()
'''
ENTRY_POINTS = """
[pique_assets.detectors]
frame_count = own_detectors:FrameCount
needs_more = own_detectors:NeedsMore
needs_the_unknown = own_detectors:NeedsTheUnknown
not_ready = own_detectors:NotReady
broken = own_detectors:Broken
no_detector = own_detectors:NOTHING
vanished = own_detectors_of_old:Vanished
video_specs = own_detectors:FrameCount
"""


@pytest.fixture
def own_package(tmp_path: Path) -> Path:
    """A folder as `pip install --target` leaves one."""
    folder = tmp_path / "installed"
    metadata = folder / "own_detectors-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "own_detectors.py").write_text(OWN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own-detectors\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
def own_registry(own_package, monkeypatch):
    monkeypatch.syspath_prepend(str(own_package))
    for cached in (registry._registered, registry.detector_named):
        cached.cache_clear()
    yield
    for cached in (registry._registered, registry.detector_named):
        cached.cache_clear()


def judge(name: str, **config: object) -> dict[str, object]:
    return {
        "id": f"judge_{name}",
        "name": name,
        "description": "of a test",
        "content_type": "video",
        "detectors": [
            {"detector_name": name, "config": config, "weight": 1},
            {"detector_name": "title_and_description", "config": {}, "weight": 3},
        ],
    }


def test_a_detector_of_another_package_judges(own_package, tmp_path, start_pique, clip, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(own_package))
    seeds = tmp_path / "judges.json"
    judges = [judge("frame_count", at_least=3), {**judge("frame_count", at_least=3, say_nothing=True), "id": "silent"}]
    seeds.write_text(json.dumps({"judges": judges}))
    with start_pique(tmp_path / "pique", seed_judges=seeds) as pique:
        found = pique.evaluated(clip, judge_id="judge_frame_count")["detector_results"][0]
        assert (found["detector_name"], found["pass_check"], found["metrics"]) == ("frame_count", True, {"frames": 4})
        assert (found["timestamps"], found["flagged_frames"]) == (
            [0.0, 0.5, 1.0, 1.5],
            [{"timestamp": 0.0, "reason": "the first"}],
        )
        silent = pique.evaluated(clip, judge_id="silent")
    nothing = silent["detector_results"][0]
    assert (nothing["pass_check"], nothing["score"]) == (None, None)
    assert nothing["metrics"] == {"outcome": "undetermined", "frames": 4}
    # What can't be said does not count as if it held.
    assert silent["overall_score"] == 0.75


BROKEN = {
    "raises": "the detector broken raised RuntimeError: out of ideas",
    "nothing": "the detector broken returned NoneType, no Verdict",
    "seven": "the detector broken gave no usable verdict: score: Input should be less than or equal to 1",
    "no number": "the detector broken gave no usable verdict: score: Input should be a finite number",
    "half undetermined": "the detector broken gave no usable verdict: pass_check and score have to be None together",
    "no sentence": "the detector broken gave no usable verdict: rationale: Input should be a valid string",
    "no json": "the verdict of the detector broken is no JSON: Error serializing to JSON: TypeError: object",
    "before the start": "the detector broken gave no usable verdict: timestamps: 0: Input should be greater than or",
}


def test_a_broken_detector_fails_its_jobs_by_name_and_no_process(own_package, tmp_path, start_pique, clip, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(own_package))
    seeds = tmp_path / "judges.json"
    seeds.write_text(
        json.dumps({"judges": [{**judge("broken", how=how), "id": how} for how in [*BROKEN, "numpy", "readiness"]]})
    )
    with start_pique(tmp_path / "pique", seed_judges=seeds, workers=1) as pique:
        workers = pique.worker_pids()
        for how, reason in BROKEN.items():
            result = pique.evaluated(clip, judge_id=how)
            assert result["status"] == "failed"
            assert result["error"].startswith(f"Evaluation failed: {reason}")
        found = pique.evaluated(clip, judge_id="numpy")["detector_results"][0]
        assert (found["pass_check"], found["score"], found["metrics"]) == (True, 0.5, {"all": [0, 1]})
        assert pique.worker_pids() == workers
        assert pique.http.get("/v1/judges/readiness").json()["status"] == "failed"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("references", "broken: the detector raised RuntimeError: no list today"),
        ("one reference", "broken: the detector raised TypeError: references() returned 'gs://bucket/a.mp4', no list"),
    ],
)
def test_references_that_cannot_be_told_are_a_reason(own_registry, how, reason):
    with pytest.raises(DetectorUnusable, match=re.escape(reason)):
        references_of("broken", {"how": how})


def test_every_wrong_option_is_named_and_the_right_ones_beside_an_unknown_one():
    reason = reason_refused("language", {"languages": ["en"], "accepted": 1}, content_type="video")
    assert reason == (
        "language: option accepted_languages: Field required; "
        "there is no option languages, accepted (there are accepted_languages)"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such", "no_such: the local Pique has no such detector (it has "),
        ("vanished", "vanished: own_detectors_of_old:Vanished can't be loaded: ModuleNotFoundError"),
        (
            "no_detector",
            "no_detector: own_detectors:NOTHING is no subclass of pique_assets.local.detectors.base.Detector",
        ),
        ("video_specs", "video_specs: two packages register it: own_detectors:FrameCount and pique_assets"),
        ("broken", "broken: option how: Field required"),
        ("needs_the_unknown", "needs_the_unknown: there is no extra local-sight of pique_assets (there are "),
        ("not_ready", "not_ready: its model is missing: fetch it with `own fetch`"),
        (
            "needs_more",
            "needs_more: needs a_module_of_a_test, which is not installed: pip install 'pique_assets[of_a_test]'",
        ),
    ],
)
def test_a_detector_that_cannot_be_used_says_why(own_registry, monkeypatch, name, reason):
    extra = Extra(purpose="a test", modules=("a_module_of_a_test",))
    monkeypatch.setitem(EXTRAS, "of_a_test", extra)
    assert name == "no_such" or name in detector_names()
    assert str(reason_refused(name, {"at_least": 1}, content_type="video")).startswith(reason)
