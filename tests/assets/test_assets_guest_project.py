"""A project made by hand with `dg`: two components, a `build_defs`, and assets and an executor that are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO

from pique_assets.local.record import evaluations_by_content, read_record

# Dagster itself reads YAML with it.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")]

DATE = "2026-03-02"
LIMITS = {"lease_s": 8, "notification_lag_s": 5, "first_poll_s": 0.1, "shortest_poll_s": 0.1}
PYPROJECT = """\
[project]
name = "warehouse"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{package}"
"""
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
# With a process for each step, and a lake that is full of water.
THEIRS = """\
import os
from pathlib import Path

import dagster as dg


@dg.asset
def depth(lake: dg.ResourceParam[str], pique: dg.ResourceParam[str]):
    return dg.MaterializeResult(metadata={"lake": lake, "pique": pique, "process": os.getpid()})


@dg.definitions
def defs():
    return dg.Definitions(
        assets=[depth],
        jobs=[dg.define_asset_job("nightly", selection=[depth])],
        resources={"lake": "80 m deep", "pique": "2,000 m high"},
        executor=dg.multiprocess_executor,
    )
"""
BY_PYTHON = """\
import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.media import DatedFolder
from pique_assets.resources import LakeResource, LedgerResource, resources_for


@dg.definitions
def defs():
    return build_defs(
        evaluations=[
            Evaluation(
                name="drafts",
                judge_id="judge_demo_images",
                media=DatedFolder({media!r}),
                start_date="2026-03-02",
            )
        ],
        resources=resources_for("local")
        | {{"ledger": LedgerResource(url={ledger!r}), "lake": LakeResource(root={lake!r})}},
    )
"""


def component(evaluation: str, **changes: object) -> str:
    """A `defs.yaml`: JSON is YAML."""
    declared = {
        "name": evaluation,
        "judge_id": "judge_demo_images",
        "dated_folder": str(DEMO / "media" / "brand_images"),
        "start_date": DATE,
        "limits": LIMITS,
    }
    attributes = {"environment": "local", "evaluations": [declared], **changes}
    return json.dumps({"type": "pique_assets.component.PiqueEvaluations", "attributes": attributes})


def make_project(folder: Path, *, package: str, components: dict[str, str]) -> Path:
    defs = folder / package / "defs"
    for name, text in components.items():
        (defs / name).mkdir(parents=True)
        (defs / name / "defs.yaml").write_text(text)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(package=package))
    for module in (folder / package, defs):
        (module / "__init__.py").touch()
    (folder / package / "definitions.py").write_text(DEFINITIONS)
    (defs / "theirs.py").write_text(THEIRS)
    apart = {"ledger": f"sqlite:///{folder / 'drafts' / 'ledger.db'}", "lake": str(folder / "drafts" / "lake")}
    (defs / "by_python.py").write_text(BY_PYTHON.format(media=str(DEMO / "media" / "brand_images"), **apart))
    return folder


@pytest.fixture
def project(tmp_path: Path, pique, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project's folder, as the working directory of an environment in which its runs can work."""
    settings = {"name": "noticed", "minimum_interval_s": 90, "tick_budget_s": 5, "default_status": "stopped"}
    components = {"photos": component("photos"), "adverts": component("adverts", sensor=settings)}
    make_project(tmp_path, package="warehouse_of_guests", components=components)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PIQUE_BASE_URL", pique.base_url)
    monkeypatch.setenv("PIQUE_API_KEY", pique.api_key)
    monkeypatch.setenv("PIQUE_TEST_PROJECT", str(tmp_path))
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith("warehouse_of_guests")]:
        del sys.modules[module]


def check_defs(folder: Path) -> subprocess.CompletedProcess[str]:
    dg_command = Path(sys.executable).with_name("dg")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    return subprocess.run(
        [dg_command, "check", "defs", "--use-active-venv"],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def test_dg_loads_two_components_a_build_defs_and_what_is_the_projects_own(project):
    done = check_defs(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout


def test_two_components_of_one_evaluation_are_refused_with_the_way_out(tmp_path, monkeypatch):
    components = {"photos": component("photos"), "again": component("photos", name="again")}
    monkeypatch.syspath_prepend(make_project(tmp_path, package="warehouse_of_twins", components=components))
    with pytest.raises(Exception) as refused:
        import_module("warehouse_of_twins.definitions").defs().get_repository_def()
    said = " ".join("".join(traceback.format_exception(refused.value)).split())
    assert "declare an evaluation 'photos'" in said
    assert "give one of them another name, or declare it in one of them alone" in said


def test_the_project_runs_its_job_by_its_executor_and_ours_by_ours(project, pique, instance, monkeypatch):
    defs = import_module("warehouse_of_guests.definitions").defs()
    noticed = defs.resolve_sensor_def("noticed")
    assert (noticed.minimum_interval_seconds, noticed.default_status) == (90, dg.DefaultSensorStatus.STOPPED)
    assert {sensor.name for sensor in defs.sensors} == {"noticed", "pique_results_photos", "pique_results_drafts"}
    assert defs.resolve_job_def("photos_everything").executor_def.name == "in_process"

    before = evaluations_by_content(read_record(pique.data_dir))
    for job in [f"{name}_everything" for name in ("photos", "adverts", "drafts")]:
        assert defs.resolve_job_def(job).execute_in_process(instance=instance, partition_key=DATE).success
    # The process of a step finds its instance on disk.
    with dg.instance_for_test() as on_disk:
        for variable in ("PIQUE_BASE_URL", "PIQUE_API_KEY"):
            # Their job needs nothing of ours.
            monkeypatch.delenv(variable)
        nightly = dg.reconstructable(_their_job)
        with dg.execute_job(nightly, instance=on_disk) as theirs:
            assert theirs.success
            (event,) = theirs.get_asset_materialization_events()
    told = event.materialization.metadata
    assert (told["lake"].value, told["pique"].value) == ("80 m deep", "2,000 m high")
    assert told["process"].value != os.getpid()

    # `photos` and `adverts` share the project's ledger, so that each image went once for the two; `drafts` has its own.
    after = evaluations_by_content(read_record(pique.data_dir))
    assert list((after - before).values()) == [2, 2]
    assert (project / "drafts" / "ledger.db").exists()


def _their_job() -> dg.JobDefinition:
    """For the process of a step, which makes it anew."""
    folder = os.environ["PIQUE_TEST_PROJECT"]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return import_module("warehouse_of_guests.definitions").defs().resolve_job_def("nightly")
