"""`pique-assets plan`: what a backfill would submit, from the project's own evaluations; nothing is sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from changeable_judge import as_it_is, changeable_judge, with_fewer_detectors
from command_line import run_command
from desk import DEMO, JUDGE, LIMITS, demo_items, open_item_verified

from pique_assets.cli import main
from pique_assets.cli.code_location import load_code_location
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.local.record import read_record

RANGE = ("--start", "2026-03-02", "--end", "2026-03-05")

LOCATION = """\
from pathlib import Path
from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Budget
from pique_assets.media import DatedFolder
from pique_assets.resources import resources_for

EVALUATIONS = [
    Evaluation(
        name="brand_videos",
        judge_id={judge!r},
        media=DatedFolder({media!r}),
        start_date="2026-03-02",
        end_date="2026-03-06",
        budget=Budget({budget}),
    )
]
defs = build_defs(evaluations=EVALUATIONS, resources=resources_for("local", home=Path(__file__).parent / ".pique"))
"""


OTHERS = """\
from dataclasses import replace
import dagster as dg
import location_alone
from pique_assets.definitions import build_defs
from pique_assets.resources import LedgerResource, resources_for

other = replace(location_alone.EVALUATIONS[0], name="other")
elsewhere = resources_for("local") | {"ledger": LedgerResource(url="sqlite:////proc/there/is/none.db")}
defs = dg.Definitions.merge(
    dg.Definitions(resources={"ledger": "a book"}),
    build_defs(evaluations=[other], resources=elsewhere),
    location_alone.defs,
)
"""


def write_location(folder: Path, name: str, *, budget: str = "", judge: str = JUDGE) -> None:
    media = str(DEMO / "media" / "brand_videos")
    (folder / f"{name}.py").write_text(LOCATION.format(media=media, budget=budget, judge=judge))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pique_environment: None) -> Path:
    """An empty project's folder; modules in it are imported anew by each test, so their names differ."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_range_is_planned_by_date_and_content_on_two_dates_counts_once(project, pique, capsys):
    before = read_record(pique.data_dir)
    write_location(project, "location_for_json")
    assert main(["plan", *RANGE, "--module", "location_for_json", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    counts = {step["date"]: step for step in found["steps"]}
    assert list(counts) == ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
    assert [step["new_evaluations"] for step in counts.values()] == [3, 3, 0, 2]
    assert (counts["2026-03-03"]["unusable"], counts["2026-03-05"]["duplicate"]) == (1, 1)
    assert counts["2026-03-02"]["new_bytes"] > 100_000
    assert found["budgets"] == []
    assert read_record(pique.data_dir) == before


def test_a_date_whose_folder_is_missing_is_told_from_an_empty_one(project, capsys):
    for date in ("2026-03-02", "2026-03-04"):
        (project / "media" / date).mkdir(parents=True)
    write_location(project, "location_with_gaps")
    source = (project / "location_with_gaps.py").read_text()
    demo = repr(str(DEMO / "media" / "brand_videos"))
    (project / "location_with_gaps.py").write_text(source.replace(demo, repr(str(project / "media"))))
    assert main(["plan", *RANGE, "--module", "location_with_gaps", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    missing = {step["date"]: step["missing"] for step in steps}
    assert [date for date, place in missing.items() if place is None] == ["2026-03-02", "2026-03-04"]
    assert missing["2026-03-03"] == (project / "media" / "2026-03-03").as_uri()
    assert main(["plan", *RANGE, "--module", "location_with_gaps"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"brand_videos 2026-03-05: there is no {missing['2026-03-05']}; nothing was delivered?" in lines


def test_a_budget_says_which_dates_fit(project, capsys):
    write_location(project, "location_with_budget", budget="new_evaluations_per_run=3, new_evaluations_per_day=100000")
    assert main(["plan", *RANGE, "--module", "location_with_budget"]) == 0
    write_location(project, "location_with_less", budget="new_evaluations_per_run=2")
    assert main(["plan", *RANGE, "--module", "location_with_less"]) == 1
    lines = capsys.readouterr().out.splitlines()
    refused = [line.split()[1] for line in lines if line.endswith("REFUSED")]
    # The third would have two new ones, and gets back the one it shares with the refused first.
    assert refused == ["2026-03-02", "2026-03-03", "2026-03-05"]
    assert "The budget lets 1 of 4 through, 0 new evaluations" in lines[-2]
    assert lines[-1] == "brand_videos: new_evaluations_per_run is 2; left: 2"


def test_the_ledger_of_the_evaluations_is_found_beside_those_of_others(project, capsys):
    write_location(project, "location_alone")
    (project / "location_with_others.py").write_text(OTHERS)
    one = ("--evaluation", "brand_videos")
    assert main(["plan", *RANGE, "--module", "location_with_others", *one, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["steps"]) == 4
    assert (project / ".pique" / "ledger.db").exists()


def test_evaluations_of_two_ledgers_are_not_planned_as_if_they_had_one(project, capsys):
    write_location(project, "location_alone")
    (project / "location_of_two.py").write_text(OTHERS)
    assert main(["plan", *RANGE, "--module", "location_of_two"]) != 0
    assert (
        "the evaluations are not all of one ledger: 'brand_videos' has another than those before it"
        in capsys.readouterr().err
    )


def test_social_media_urls_are_planned_beside_files(project, capsys):
    (project / "urls").mkdir()
    (project / "urls" / "2026-03-04.txt").write_text("https://example.com/watch/1\nhttps://example.com/watch/2\n")
    write_location(project, "location_with_social")
    source = (project / "location_with_social.py").read_text()
    source = source.replace("import DatedFolder", "import DatedFolder, SocialUrls")
    source = source.replace(
        "        budget=", "        social=SocialUrls(Path(__file__).parent / 'urls'),\n        budget="
    )
    (project / "location_with_social.py").write_text(source)
    assert main(["plan", *RANGE, "--module", "location_with_social", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    found = {(step["date"], step["asset"]): (step["new_evaluations"], step["new_bytes"]) for step in steps}
    assert found["2026-03-04", "social_submissions"] == (2, 0)
    assert found["2026-03-04", "uploads"] == (0, 0)
    assert found["2026-03-02", "uploads"][0] == 3


def test_what_a_changed_judge_would_cost_is_said_and_why(project, pique, capsys, monkeypatch):
    with changeable_judge(pique) as front:
        monkeypatch.setenv("PIQUE_BASE_URL", front.base_url)
        write_location(project, "location_with_changed_judge")
        location = load_code_location("location_with_changed_judge")
        (evaluation,) = location.evaluations
        with location.pique.client() as client, location.ledger.ledger() as ledger:
            items = demo_items("2026-03-02")
            submit_partition(
                Engine(client=client, ledger=ledger, limits=LIMITS, say=lambda sentence: None),
                items,
                partition=Partition(evaluation=evaluation.name, key="2026-03-02"),
                judge=client.get_judge(JUDGE),
                way=Uploads(open_content=open_item_verified),
            )
        before = read_record(pique.data_dir)
        command = ["plan", *RANGE, "--module", "location_with_changed_judge"]
        front.answers(with_fewer_detectors, as_it_is)
        assert main([*command, "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)["judges"]
        assert said["evaluated_again"] == 0, "a moment later it is as it was"
        front.answers(with_fewer_detectors)
        assert main(command) == 0
        assert (
            "brand_videos: 3 content items were evaluated before and would be evaluated again, because judge "
            f"{JUDGE} is configured otherwise now (1 detectors: video_specs)"
        ) in capsys.readouterr().out
        assert len(read_record(pique.data_dir)) == len(before)


def test_the_command_finds_the_definitions_of_the_folder_it_is_started_in(tmp_path, pique):
    write_location(tmp_path, "definitions")
    done = run_command("plan", *RANGE, cwd=tmp_path, PIQUE_BASE_URL=pique.base_url, PIQUE_API_KEY=pique.api_key)
    assert done.returncode == 0, done.stderr
    names = " ".join(done.stdout.splitlines()[0].split())
    assert names == "evaluation date asset content items new duplicate unusable new evaluations new bytes budget"
    *_, total, unusable, missing = done.stdout.splitlines()
    assert "never_written.mp4 is unusable" in unusable
    assert total.split()[:5] == ["all", "10", "8", "1", "1"]
    assert "brand_videos 2026-03-04: there is no file://" in missing


@pytest.mark.parametrize(
    ("source", "arguments", "status", "message"),
    [
        (None, [], 1, "there is no module"),
        ("x = 1", [], 1, "has no Definitions"),
        ("import dagster as dg\ndefs = dg.Definitions()", [], 1, "has no evaluation"),
        ("1 / 0", [], 1, "ZeroDivisionError"),
        ("import a_module_nobody_has", [], 1, "a_module_nobody_has"),
        ("GOOD", ["--evaluation", "another"], 1, "has brand_videos"),
        ("GOOD", ["--start", "2027-01-01", "--end", "2027-01-02"], 1, "no evaluation has a date"),
        ("GOOD", ["--start", "2026-03-05", "--end", "2026-03-02"], 2, "is after"),
        ("NO JUDGE", [], 1, "404"),
    ],
)
def test_mistakes_are_named(project, capsys, request, source, arguments, status, message):
    module = f"location_{abs(hash(request.node.name))}"
    if source in ("GOOD", "NO JUDGE"):
        write_location(project, module, judge=JUDGE if source == "GOOD" else "no_such_judge")
    elif source is not None:
        (project / f"{module}.py").write_text(source)
    try:
        ended = main(["plan", *RANGE, "--module", module, *arguments])
    except SystemExit as wrong:
        ended = wrong.code
    assert ended == status
    assert message in capsys.readouterr().err


def test_variables_that_are_not_set_are_named(project, monkeypatch, capsys):
    write_location(project, "location_without_environment")
    monkeypatch.delenv("PIQUE_API_KEY")
    monkeypatch.delenv("PIQUE_BASE_URL")
    assert main(["plan", *RANGE, "--module", "location_without_environment"]) == 1
    assert "PIQUE_BASE_URL and PIQUE_API_KEY" in capsys.readouterr().err


YAML_PROJECT = """\
from pathlib import Path
import dagster as dg

@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@pytest.mark.parametrize(
    "named_by", ["pyproject.toml", *(pytest.param(other, marks=pytest.mark.long) for other in ("dg.toml", "--module"))]
)
def test_evaluations_of_a_new_project_in_yaml_are_found_and_unusable_files_named(tmp_path, pique, named_by):
    package = tmp_path / "src" / "at_home"
    defs = package / "defs" / "videos"
    defs.mkdir(parents=True)
    for folder in (package, package / "defs"):
        (folder / "__init__.py").touch()
    (package / "definitions.py").write_text(YAML_PROJECT)
    component = {
        "type": "pique_assets.PiqueEvaluations",
        "attributes": {
            "environment": "local",
            "evaluations": [
                {
                    "name": "brand_videos",
                    "judge_id": JUDGE,
                    "dated_folder": str(DEMO / "media" / "brand_videos"),
                    "start_date": "2026-03-02",
                    "end_date": "2026-03-06",
                }
            ],
        },
    }
    (defs / "defs.yaml").write_text(json.dumps(component))
    settings = 'root_module = "at_home"\n'
    pyproject = "" if named_by == "dg.toml" else f"[tool.dg]\ndirectory_type = 'project'\n[tool.dg.project]\n{settings}"
    (tmp_path / "pyproject.toml").write_text(pyproject)
    if named_by == "dg.toml":
        (tmp_path / "dg.toml").write_text(f"directory_type = 'project'\n[project]\n{settings}")
    (tmp_path / ".env").write_text(f"PIQUE_BASE_URL={pique.base_url}\nPIQUE_API_KEY={pique.api_key}\n")
    module = ("--module", package / "definitions.py") if named_by == "--module" else ()
    done = run_command("plan", *RANGE, *module, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (unusable,) = [line for line in done.stdout.splitlines() if "is unusable" in line]
    assert "never_written.mp4 is unusable: " in unusable and "empty" in unusable
    assert "Traceback" not in done.stderr
