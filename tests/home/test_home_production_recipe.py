"""The README's own recipe, by run, command line, receiver and notebook, from three folders: one ledger, one lake.

The addresses are Pique's real ones: a proxy of this machine leads them to a local Pique behind TLS.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import QUICK, environment_with, run_command
from desk import DEMO, JUDGE
from forward_proxy import leading, running_proxy
from receiver_process import running_receiver
from tls_front import running_tls_front

from pique_assets.ledger import Ledger
from pique_assets.local.process import LocalPiqueProcess, running_local_pique
from pique_assets.local.record import read_record

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

PROJECT = Path(__file__).parents[2]
DATE = "2026-03-02"
RUN = """
import sys
import dagster as dg
sys.path.insert(0, sys.argv[1])
from definitions import defs
quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
with dg.instance_for_test() as instance:
    job = defs.resolve_job_def("launch_everything")
    done = job.execute_in_process(instance=instance, partition_key=sys.argv[2], run_config=quiet)
assert done.success
"""
NOTEBOOK = "from pique_assets.analysis import load; print(*sorted(load('submissions')['job_id']))"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A project that follows the recipe, and a Pique that answers in production's place."""

    pique: LocalPiqueProcess
    project: Path
    media: Path
    elsewhere: Path
    environment: dict[str, str]

    @property
    def folders(self) -> tuple[Path, Path, Path]:
        return self.project, self.project / "notebooks", self.elsewhere

    def python(self, code: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=cwd,
            env=environment_with(**self.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def evaluated(self) -> Counter[str]:
        """How often the server began to evaluate each content."""
        return Counter(
            evaluation.content_sha256 for job in read_record(self.pique.data_dir) for evaluation in job.evaluations
        )


def recipe_of_the_readme(media: Path) -> str:
    """The code of the README's section on the real API, with a judge and a folder put in."""
    section = (PROJECT / "README.md").read_text().partition("## Your own media, the real API\n")[2]
    code = re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert code is not None
    text = code.group(1)
    assert 'resources_for("production")' in text
    replaced = text.replace("<your judge's id>", JUDGE).replace("/data/launch", str(media))
    assert replaced != text
    return replaced.replace('"2026-01-01"', f'"{DATE}"')


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Recipe]:
    project, media, elsewhere = tmp_path / "project", tmp_path / "media", tmp_path / "elsewhere"
    shutil.copytree(DEMO / "media" / "brand_videos" / DATE, media / DATE)
    for folder in (project / "notebooks", elsewhere):
        folder.mkdir(parents=True)
    (project / "pyproject.toml").touch()
    (project / "definitions.py").write_text(recipe_of_the_readme(media))
    with (
        running_local_pique(data_dir=tmp_path / "pique", seed_judges=DEMO / "judges.json", workers=1) as pique,
        running_tls_front(
            host="api.getpique.ai", leads_to=int(pique.base_url.rpartition(":")[2]), folder=tmp_path
        ) as front,
        running_proxy(leading, leads_to=front.port) as proxy,
    ):
        yield Recipe(
            pique=pique,
            project=project,
            media=media,
            elsewhere=elsewhere,
            environment={
                "PIQUE_API_KEY": pique.api_key,
                "HTTPS_PROXY": proxy.url,
                "NO_PROXY": "127.0.0.1",
                "SSL_CERT_FILE": str(front.certificate),
            },
        )


def test_run_command_line_receiver_and_notebook_find_one_ledger_from_every_folder(recipe, tmp_path):
    for folder in recipe.folders:
        done = recipe.python(RUN, recipe.project, DATE, cwd=folder)
        assert done.returncode == 0, done.stderr
    once = recipe.evaluated()
    assert len(once) == 3
    assert set(once.values()) == {1}

    ledger = recipe.project / ".pique" / "ledger.db"
    named = {**recipe.environment, "PIQUE_ENVIRONMENT": "production"}
    homes = {recipe.elsewhere: {"PIQUE_HOME": str(ledger.parent)}}
    jobs = {job.job_id for job in read_record(recipe.pique.data_dir)}
    for folder in recipe.folders:
        where = {**named, **homes.get(folder, {})}
        files = ("evaluate", recipe.media / DATE, "--judge", JUDGE, "--json", *QUICK)
        done = run_command(*files, cwd=folder, **where)
        assert done.returncode == 0, done.stderr
        assert "0 new evaluations" in done.stderr
        listed = run_command("jobs", "--all", "--json", cwd=folder, **where)
        assert {row["job_id"] for row in json.loads(listed.stdout)} == jobs
        shown = recipe_with(recipe, where).python(NOTEBOOK, cwd=folder)
        assert shown.stdout.split() == sorted(jobs), shown.stderr
        with running_receiver(ledger=None, log=tmp_path / "receiver.log", cwd=folder, **where) as receiver:
            body = json.dumps({"job_id": f"job_of_{folder.name}", "status": "completed"}).encode()
            assert receiver.deliver(body).status == 200
    with Ledger.open(str(ledger), create=False) as opened:
        assert opened.pique() == "production"
        heard = {webhook.job_id for webhook in opened.unknown_webhooks(limit=9)}
        assert heard == {f"job_of_{folder.name}" for folder in recipe.folders}
    assert recipe.evaluated() == once
    assert [path for path in tmp_path.rglob("*.db") if path.parent != recipe.pique.data_dir] == [ledger]


def recipe_with(recipe: Recipe, environment: dict[str, str]) -> Recipe:
    return Recipe(
        pique=recipe.pique,
        project=recipe.project,
        media=recipe.media,
        elsewhere=recipe.elsewhere,
        environment=environment,
    )


def test_outside_of_the_project_a_command_makes_nothing_and_says_what_to_set(recipe):
    named = {**recipe.environment, "PIQUE_ENVIRONMENT": "production"}
    for arguments in (("evaluate", recipe.media, "--judge", JUDGE), ("jobs",), ("receive", "--port", "0")):
        done = run_command(*arguments, cwd=recipe.elsewhere, PIQUE_WEBHOOK_SECRETS="s" * 20, **named)
        assert done.returncode == 1, done.stdout
        assert "Set PIQUE_HOME" in done.stderr
    assert list(recipe.elsewhere.iterdir()) == []
    assert recipe.evaluated() == Counter()
