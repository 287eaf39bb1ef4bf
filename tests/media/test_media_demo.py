"""The example media are what examples/demo/README.md says they are."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import av
import pytest
from PIL import Image

from pique_assets.decoding.facts import UnreadableMedia
from pique_assets.decoding.media import Part
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Detector, Material, Verdict
from pique_assets.local.detectors.registry import detector_named
from pique_assets.local.references import References
from pique_assets.media import DatedFolder, inventory, open_source

DEMO = Path(__file__).parents[2] / "examples" / "demo"
CONTRACT = Path(__file__).parents[1] / "contract"
OUTCOMES = {True: "passes", False: "fails", None: "undetermined"}
EVALUATIONS = ("acme_videos", "brand_videos", "brand_images")
DATES = [dt.date(2026, 3, day) for day in range(2, 6)]


def items(evaluation: str, date: dt.date):
    return list(inventory(open_source(DatedFolder(DEMO / "media" / evaluation)), date=date))


def path_of(item) -> Path:
    return Path(item.content_uri.removeprefix("file://"))


def readme_rows() -> dict[str, list[str]]:
    """Return what the README says of each file, by its path below ``media``: a cell for each detector."""
    rows, folder = {}, ""
    for line in (DEMO / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if line.startswith("| `media/"):
            folder = cells[0].strip("`").removeprefix("media/")
        elif line.startswith("| `2026"):
            rows[folder + cells[0].strip("`")] = cells[2:]
    return rows


def configured(judge: dict) -> list[Detector]:
    """The judge's detectors, with its options, as the seed file or an answer of Pique has them."""
    asked = judge.get("detectors") or judge["detector_configs"]
    return [detector_named(one["detector_name"]).model_validate(one["config"]) for one in asked]


def verdicts(item, detectors: list[Detector]) -> list[Verdict]:
    """Ask the detectors of the local Pique themselves."""
    references = References(uploaded=DEMO, buckets=DEMO / "references")
    material = Material(
        media=read_media(
            path_of(item),
            content_type=item.content_type,
            parts=frozenset[Part]().union(*(detector.parts for detector in detectors)),
        ),
        title=item.title,
        description=item.description,
        references={uri: references.file(uri) for detector in detectors for uri in detector.references()},
    )
    return [detector.judge(material) for detector in detectors]


def test_the_readme_names_every_file_and_no_other():
    media = [path for path in (DEMO / "media").rglob("*") if path.is_file() and path.suffix != ".json"]
    assert set(readme_rows()) == {path.relative_to(DEMO / "media").as_posix() for path in media}


def test_every_date_but_the_empty_one_has_media():
    for evaluation in EVALUATIONS:
        assert [bool(items(evaluation, date)) for date in DATES] == [True, True, False, True]


def test_one_file_is_empty_and_every_other_is_ready():
    for name, unready in {"brand_videos": 1, "acme_videos": 1, "brand_images": 0}.items():
        found = [item for date in DATES for item in items(name, date) if not item.is_ready]
        assert [(item.filename, item.error_code) for item in found] == [("never_written.mp4", "empty")] * unready


@pytest.mark.parametrize("date", DATES, ids=str)
def test_every_video_decodes_but_the_interrupted_one(date):
    for item in [*items("brand_videos", date), *items("acme_videos", date)]:
        if not item.is_ready:
            continue
        if item.filename == "interrupted_export.mp4":
            with av.open(str(path_of(item))) as video:
                assert list(video.decode(video=0)) == []
            continue
        with av.open(str(path_of(item))) as video:
            assert sum(1 for _ in video.decode(video=0)) > 20


@pytest.mark.parametrize(("evaluation", "judge"), [("acme_videos", 0), ("brand_videos", 1), ("brand_images", 2)])
def test_every_detector_says_what_the_readme_says(evaluation, judge):
    detectors = configured(json.loads((DEMO / "all_judges.json").read_text(encoding="utf-8"))["judges"][judge])
    for reason in filter(None, (detector.reason_not_ready() for detector in detectors)):
        pytest.skip(reason)
    outcomes = set()
    for item in (item for date in DATES for item in items(evaluation, date) if item.is_ready):
        expected = readme_rows()[path_of(item).relative_to(DEMO / "media").as_posix()]
        if expected[0] == "the evaluation fails":
            with pytest.raises(UnreadableMedia):
                verdicts(item, detectors)
            continue
        for which, (verdict, words) in enumerate(zip(verdicts(item, detectors), expected, strict=True)):
            assert words.startswith(OUTCOMES[verdict.pass_check]), (item.filename, verdict)
            outcomes.add((which, verdict.pass_check))
    assert outcomes >= {(which, passed) for which in range(len(detectors)) for passed in (True, False)}


def test_the_judge_is_the_one_of_the_documentation():
    """Ids, options and weights; nothing was made easier for the example."""
    documented = json.loads((CONTRACT / "payloads" / "get_judge_response.json").read_text(encoding="utf-8"))
    assert json.loads((DEMO / "all_judges.json").read_text(encoding="utf-8"))["judges"][0] == documented


@pytest.mark.parametrize("date", DATES, ids=str)
def test_every_picture_decodes(date):
    for item in items("brand_images", date):
        with Image.open(path_of(item)) as picture:
            picture.load()


@pytest.mark.parametrize("evaluation", ["acme_videos", "brand_videos"])
def test_the_rerun_is_the_content_of_another_date(evaluation):
    first = {item.fingerprint: item for item in items(evaluation, DATES[0])}
    (rerun,) = (item for item in items(evaluation, DATES[3]) if item.filename.endswith("_rerun.mp4"))
    assert (rerun.title, rerun.description) == (
        first[rerun.fingerprint].title,
        first[rerun.fingerprint].description,
    )


def test_the_example_stays_small():
    assert sum(path.stat().st_size for path in (DEMO / "media").rglob("*") if path.is_file()) < 8_000_000


def test_the_judges_ask_for_detectors_the_local_pique_has():
    judges = json.loads((DEMO / "judges.json").read_text(encoding="utf-8"))["judges"]
    assert {judge["id"]: [one["detector_name"] for one in judge["detectors"]] for judge in judges} == {
        "judge_demo_videos": ["video_specs", "title_and_description"],
        "judge_demo_images": ["image_specs", "title_and_description"],
    }
