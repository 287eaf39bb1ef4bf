"""`pique-assets judges`: judges that files declare are created on purpose, reused by name, and never changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from desk import DEMO

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import ServerError
from pique_assets.api.models import DetectorRequest, JudgeRequest
from pique_assets.cli import main
from pique_assets.judges.declaration import MAX_JUDGE_FILE_BYTES, read_judge_file, record_file, uploaded_references
from pique_assets.judges.errors import JudgeCreationInDoubt, JudgeFileInvalid
from pique_assets.judges.finding import create_judge, upload_references, wait_until_prepared
from pique_assets.judges.yaml_values import read_yaml
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, running_faulty_pique

CLIP = DEMO / "media" / "brand_videos" / "2026-03-03" / "meadow_vertical.mov"
PICTURE = next((DEMO / "media" / "brand_images").rglob("*.png"))


def declare(folder: Path, *, name: str, detectors: str, content_type: str = "video") -> Path:
    file = folder / "judge.yaml"
    file.write_text(
        f"name: {name}\ndescription: For a test.\ncontent_type: {content_type}\ndetectors:\n{detectors}",
        encoding="utf-8",
    )
    return file


SPECS = "  - detector_name: video_specs\n    config: {min_width: 480, allowed_aspect_ratios: [9:16, 16:9]}\n"
MATCHING = "  - detector_name: video_matching\n    config: {reference_videos: [clips/one.mov, clips/two.mov]}\n"


def judges_named(pique, name: str) -> list[str]:
    with PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client:
        return [judge.id for judge in client.list_judges() if judge.name == name]


@contextlib.contextmanager
def at_pique(pique):
    """The server's own database: what somebody else does to a judge there."""
    with contextlib.closing(sqlite3.connect(pique.data_dir / "pique.sqlite3")) as connection, connection:
        yield connection


@pytest.mark.usefixtures("pique_environment")
def test_a_declared_judge_is_created_once_listed_and_shown(tmp_path, pique, capsys):
    file = declare(tmp_path, name="Clips of 2026", detectors=SPECS)
    assert main(["judges", "show", "--file", str(file)]) == 1
    assert f"judges create --file {file}" in capsys.readouterr().err
    assert main(["judges", "create", "--file", str(file), "--json"]) == 0
    created = json.loads(capsys.readouterr().out)
    assert created["detector_configs"][0]["config"] == {"min_width": 480, "allowed_aspect_ratios": ["9:16", "16:9"]}
    assert len(created["configuration_hash"]) == 64
    assert main(["judges", "create", "--file", str(file)]) == 0
    shown = capsys.readouterr()
    assert created["id"] in shown.out and "already" in shown.err
    assert judges_named(pique, "Clips of 2026") == [created["id"]]
    assert main(["judges", "list", "--content-type", "video", "--name", "Clips of 2026"]) == 0
    assert created["id"] in capsys.readouterr().out
    assert main(["judges", "list", "--content-type", "image", "--json"]) == 0
    assert {judge["content_type"] for judge in json.loads(capsys.readouterr().out)} == {"image"}
    assert main(["judges", "show", created["id"], "--file", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == created


@pytest.mark.usefixtures("pique_environment")
@pytest.mark.parametrize(
    ("changed", "content_type", "said"),
    [
        (SPECS.replace("480", "720"), "video", "video_specs: config.min_width was 720, is 480"),
        (SPECS + "  - detector_name: title_and_description\n", "video", "detector title_and_description is gone"),
        ("  - detector_name: title_and_description\n", "video", "detector video_specs is new"),
        (SPECS.replace("min_width: 480, ", ""), "video", "config.min_width is new: 480"),
        (SPECS, "image", "content_type was image, is video"),
    ],
)
def test_a_judge_that_is_not_as_declared_is_neither_used_nor_changed(
    tmp_path, pique, capsys, changed, content_type, said
):
    name = "Never changed silently"
    if not judges_named(pique, name):
        assert main(["judges", "create", "--file", str(declare(tmp_path, name=name, detectors=SPECS))]) == 0
    before = judges_named(pique, name)
    file = declare(tmp_path, name=name, detectors=changed, content_type=content_type)
    for command in (["create"], ["show"], ["show", before[0]]):
        assert main(["judges", *command, "--file", str(file)]) == 1
        assert said in capsys.readouterr().err
    assert judges_named(pique, name) == before


@pytest.mark.usefixtures("pique_environment")
def test_order_and_weights_of_detectors_do_not_make_another_judge(tmp_path, pique, capsys):
    tags = "  - {detector_name: title_and_description, config: {required_hashtags: ['#a']}}\n"
    file = declare(tmp_path, name="In any order", detectors=SPECS + tags + tags.replace("#a", "#b"))
    assert main(["judges", "create", "--file", str(file)]) == 0
    with at_pique(pique) as connection:
        connection.execute(
            "UPDATE judges SET detector_configs = replace(detector_configs, '\"weight\": 1.0', '\"weight\": 7.0')"
            " WHERE name = 'In any order'"
        )
    reordered = tags.replace("#a", "#b") + SPECS.replace("480", "480.0") + tags
    file = declare(tmp_path, name="In any order", detectors=reordered)
    assert main(["judges", "show", "--file", str(file)]) == 0
    assert "7.0" in capsys.readouterr().out


@pytest.mark.usefixtures("pique_environment")
def test_several_judges_of_one_name_are_named_by_their_ids(tmp_path, pique, capsys):
    request = JudgeRequest(
        name="Twins", description="d", content_type="video", detectors=(DetectorRequest(detector_name="video_specs"),)
    )
    with PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client:
        twins = [client.create_judge(request).id for _ in range(2)]
    file = declare(tmp_path, name="Twins", detectors="  - detector_name: video_specs\n")
    assert main(["judges", "create", "--file", str(file)]) == 1
    said = capsys.readouterr().err
    assert all(judge_id in said for judge_id in twins) and "judge_id" in said
    assert main(["judges", "show", twins[0], "--file", str(file)]) == 0


@pytest.mark.usefixtures("pique_environment")
def test_local_reference_content_is_uploaded_once_and_replaced_by_its_uri(tmp_path, pique, capsys):
    (tmp_path / "clips").mkdir()
    # The same content under two names is one upload.
    shutil.copy(CLIP, tmp_path / "clips" / "one.mov")
    shutil.copy(CLIP, tmp_path / "clips" / "two.mov")
    file = declare(tmp_path, name="With references", detectors=MATCHING)
    assert main(["judges", "create", "--file", str(file), "--json"]) == 0
    printed = capsys.readouterr()
    uris = json.loads(printed.out)["detector_configs"][0]["config"]["reference_videos"]
    assert uris[0] == uris[1] and uris[0].startswith("gs://") and uris[0].endswith(".mov")
    assert json.loads(record_file(file).read_text()).popitem()[1] == uris[0]
    stored = list((pique.data_dir / "reference_content").rglob("*.mov"))
    assert [path.read_bytes() for path in stored] == [CLIP.read_bytes()]
    assert main(["judges", "show", "--file", str(file)]) == 0
    assert list((pique.data_dir / "reference_content").rglob("*.mov")) == stored
    # Other content under the same name is another judge.
    (tmp_path / "clips" / "two.mov").write_bytes(CLIP.read_bytes() + b"\0" * 8)
    assert main(["judges", "create", "--file", str(file)]) == 1
    assert "no upload of" in capsys.readouterr().err
    assert list((pique.data_dir / "reference_content").rglob("*.mov")) == stored
    assert len(judges_named(pique, "With references")) == 1


@pytest.mark.parametrize(
    ("setting", "content", "filename", "said"),
    [
        ("reference_videos", CLIP, "clip.m4v", "mp4, mov, avi, mkv, webm"),
        ("reference_videos", PICTURE, "picture.png", "is no video"),
        ("reference_videos", PICTURE, "picture.mov", "image/png"),
        ("reference_image", CLIP, "clip.mov", "is no image"),
        ("brand_audio_url", CLIP, "clip.mov", "is no audio"),
        ("reference_videos", CLIP, "clip", "needs an extension"),
        ("top_content_references", CLIP, "clip.extensionistoolong", "1 to 10 characters"),
        ("reference_videos", None, "missing.mp4", "missing.mp4"),
        ("reference_videos", b"", "empty.mp4", "empty"),
        ("reference_videos", b"only text", "text.mp4", "no video, image or audio"),
    ],
)
def test_reference_content_that_pique_would_not_take_is_refused_before_anything_is_sent(
    tmp_path, setting, content, filename, said
):
    if content is not None:
        (tmp_path / filename).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    detectors = f"  - detector_name: any\n    config: {{{setting}: {filename}}}\n"
    with pytest.raises(JudgeFileInvalid, match=said) as refused:
        read_judge_file(declare(tmp_path, name="Any", detectors=detectors))
    assert setting in str(refused.value)


def test_addresses_and_other_settings_name_no_files(tmp_path):
    detectors = (
        "  - detector_name: any\n"
        "    config: {reference_videos: ['gs://b/o.mp4'], content_description: clip.mp4, reference_count: 3}\n"
    )
    declaration = read_judge_file(declare(tmp_path, name="Any", detectors=detectors))
    assert not declaration.references
    assert declaration.uploaded_request() == declaration.request


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[9:16, 4:5, 1:1]", ["9:16", "4:5", "1:1"]),
        ("[en, no, on, yes]", ["en", "no", "on", "yes"]),
        ("[2026-03-02, 0x10, 1_000]", ["2026-03-02", "0x10", "1_000"]),
        ("[7, -7, 007, 1.5, .5, 1e3, true, null, ~, ]", [7, -7, 7, 1.5, 0.5, 1000.0, True, None, None]),
        ("'9'", "9"),
        ("", None),
    ],
)
def test_yaml_is_read_as_it_stands_there(text, value):
    read = read_yaml(text)
    assert read == value and repr(read) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1, a: 2}",
        "{1: a}",
        "[1e999]",
        "!!python/object/apply:os.getcwd []",
        "!!timestamp 2026-03-02",
        "[",
        "a: b: c",
    ],
)
def test_yaml_that_means_something_else_is_refused(text):
    with pytest.raises(ValueError, match="line 1"):
        read_yaml(text)


# Nine aliases of nine aliases of ...: a few lines that stand for 9^9 values.
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5_000, "more than 64 levels"),
        ("[" * 300 + "]" * 300, "more than 64 levels"),
        ("{a: " * 5_000, "more than 64 levels"),
        ("- " * 3_000 + "a", "more than 64 levels"),
        ("\n".join(" " * level + "a:" for level in range(2_000)), "more than 64 levels"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90)), "more than 64 levels"),
        (BOMB, "aliases written out"),
        ("a: &a [*a]", "stands in what it is an alias of"),
        ("&a\nb: {c: *a}", "stands in what it is an alias of"),
        ('a: "\\ud800"', "surrogate"),
        (f"? [{'x' * 9_000}]\n: 1", "is no text"),
    ],
)
def test_yaml_that_stands_for_too_much_or_for_itself_is_one_sentence(tmp_path, text, said):
    with pytest.raises(ValueError, match="line ") as refused:
        read_yaml(text)
    assert said in str(refused.value) and len(str(refused.value)) < 400
    (tmp_path / "judge.yaml").write_text(text)
    with pytest.raises(JudgeFileInvalid, match="can't be read"):
        read_judge_file(tmp_path / "judge.yaml")


def test_aliases_are_what_they_stand_for():
    assert read_yaml("{a: &a [1, 2], b: *a, c: {d: *a}}") == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


def test_a_judge_file_without_end_is_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "judge.yaml")
    with pytest.raises(JudgeFileInvalid, match="it is no file"):
        read_judge_file(tmp_path / "judge.yaml")
    (tmp_path / "large.yaml").write_text("# " + "x" * MAX_JUDGE_FILE_BYTES)
    with pytest.raises(JudgeFileInvalid, match=f"more than {MAX_JUDGE_FILE_BYTES} bytes"):
        read_judge_file(tmp_path / "large.yaml")


def test_a_record_of_references_that_is_nested_without_end_is_one_sentence(tmp_path):
    record_file(tmp_path / "judge.yaml").write_text("[" * 100_000)
    with pytest.raises(JudgeFileInvalid, match="the record of uploaded reference content, can't be read"):
        uploaded_references(tmp_path / "judge.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "needs name, description"),
        ("name: a", "description"),
        ("{name: a, description: d, content_type: video, detectors: []}", "detectors"),
        ("{name: a, description: d, content_type: film, detectors: [{detector_name: x}]}", "content_type"),
        ("{name: '', description: d, content_type: video, detectors: [{detector_name: x}]}", "name"),
        ("{nam: a, description: d, content_type: video, detectors: [{detector_name: x}]}", "unknown 'nam'"),
        (
            "{name: a, description: d, content_type: video, detectors: [{detector_name: x, weight: 2}]}",
            "unknown 'weight'",
        ),
    ],
)
def test_a_file_that_declares_no_judge_says_what_is_wrong(tmp_path, text, said):
    (tmp_path / "judge.yaml").write_text(text)
    with pytest.raises(JudgeFileInvalid, match=said):
        read_judge_file(tmp_path / "judge.yaml")


@pytest.mark.usefixtures("pique_environment")
def test_arguments_that_name_no_judge_are_wrong_arguments(capsys):
    for arguments in (["show"], ["create"], ["create", "--file", "x", "--wait", "nan"], []):
        with pytest.raises(SystemExit) as left:
            main(["judges", *arguments])
        assert left.value.code == 2
    assert main(["judges", "show", "no-such-judge"]) == 1
    assert "404" in capsys.readouterr().err


@pytest.mark.usefixtures("pique_environment")
def test_a_judge_that_is_still_prepared_is_waited_for(tmp_path, pique, capsys):
    file = declare(tmp_path, name="Slowly made", detectors=SPECS)
    assert main(["judges", "create", "--file", str(file)]) == 0
    set_status(pique, "Slowly made", "pending")
    assert main(["judges", "create", "--file", str(file), "--wait", "0"]) == 1
    assert "is pending" in capsys.readouterr().err
    with PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client:
        judge = client.get_judge(judges_named(pique, "Slowly made")[0])
        ready = wait_until_prepared(client, judge, wait_s=60, sleep=lambda _: set_status(pique, "Slowly made", "ready"))
    assert (judge.status, ready.status) == ("pending", "ready")


def set_status(pique, name: str, status: str) -> None:
    with at_pique(pique) as connection:
        connection.execute("UPDATE judges SET status = ? WHERE name = ?", (status, name))


def posts(faulty) -> int:
    return sum(exchange.route is Route.CREATE_JUDGE for exchange in faulty.history)


def test_a_creation_without_an_answer_is_looked_for_and_never_repeated(tmp_path):
    script = FaultScript(
        [
            Fault(route=Route.CREATE_JUDGE, kind=FaultKind.LOST_ANSWER, hit=1),
            Fault(route=Route.CREATE_JUDGE, kind=FaultKind.RESET, hit=2, after_bytes=20),
            Fault(route=Route.CREATE_JUDGE, kind=FaultKind.STATUS, hit=3, status=500),
            Fault(route=Route.UPLOAD_REFERENCE, kind=FaultKind.LOST_ANSWER, hit=1),
        ]
    )
    (tmp_path / "clips").mkdir()
    shutil.copy(CLIP, tmp_path / "clips" / "one.mov")
    shutil.copy(CLIP, tmp_path / "clips" / "two.mov")
    with (
        running_faulty_pique(data_dir=tmp_path / "pique", script=script) as faulty,
        PiqueClient(base_url=faulty.base_url, api_key=faulty.api_key) as client,
    ):
        said: list[str] = []
        made = read_judge_file(declare(tmp_path, name="Made, unheard", detectors=SPECS))
        judge = create_judge(client, made, say=said.append, sleep=lambda _: None)
        assert judges_named(faulty, "Made, unheard") == [judge.id]
        assert posts(faulty) == 1
        never = read_judge_file(declare(tmp_path, name="Never arrived", detectors=SPECS))
        for _ in range(2):
            before = posts(faulty)
            with pytest.raises((JudgeCreationInDoubt, ServerError), match=r"Never arrived|500"):
                create_judge(client, never, say=said.append, sleep=lambda _: None)
            assert posts(faulty) == before + 1
        assert judges_named(faulty, "Never arrived") == []
        # Reference content costs nothing: an upload of unknown fate is made anew.
        matching = read_judge_file(declare(tmp_path, name="Matching", detectors=MATCHING))
        with pytest.raises(JudgeFileInvalid, match="never uploaded"):
            create_judge(client, matching, say=said.append)
        upload_references(client, matching, say=said.append)
        assert create_judge(client, matching, say=said.append).detector_configs
    assert not [sentence for sentence in said if "X-Goog" in sentence]
