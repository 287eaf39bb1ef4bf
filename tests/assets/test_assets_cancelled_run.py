"""A run that is cancelled while it uploads: the next run of the date resumes, and nothing is evaluated twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from graph import Graph
from waiting import PATIENCE_S, eventually

from pique_assets.ledger import Ledger
from pique_assets.local.record import evaluations_by_content, read_record

DATE = "2026-03-02"
SUPPORT = Path(__file__).parents[1] / "support"
# The code location of the cancelled run: each file takes a moment to open, so that a signal meets an upload.
DEFINITIONS = textwrap.dedent(
    """
    import os, time
    from dataclasses import replace
    from pathlib import Path
    from desk import LIMITS
    from graph import video_evaluation
    from pique_assets.definitions import build_defs
    from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

    HOME = Path(os.environ["TEST_HOME"])

    class SlowMediaStorage(MediaStorageResource):
        def content_opener(self):
            opener = super().content_opener()

            def open_item(item):
                is_first = not any(HOME.glob("began_*"))
                (HOME / f"began_{item.filename}").touch()
                while not (HOME / "signal_is_sent").exists():
                    time.sleep(0.02)
                # However late a busy machine hears of the signal, the other files are not through by then.
                time.sleep(0.7 if is_first else 30)
                return opener(item)

            return open_item

    defs = build_defs(
        evaluations=[video_evaluation(limits=replace(LIMITS, concurrent_uploads=1))],
        resources={
            "pique": PiqueResource(base_url=os.environ["PIQUE_BASE_URL"], api_key=os.environ["PIQUE_API_KEY"]),
            "ledger": LedgerResource(url=f"sqlite:///{HOME / 'ledger.db'}"),
            "lake": LakeResource(root=str(HOME / "lake")),
            "media_storage": SlowMediaStorage(),
        },
    )
    """
)


def start_run(home: Path, pique) -> subprocess.Popen[str]:
    (home / "slow_definitions.py").write_text(DEFINITIONS)
    (home / "dagster").mkdir()
    environment = os.environ | {
        "TEST_HOME": str(home),
        "PIQUE_BASE_URL": pique.base_url,
        "PIQUE_API_KEY": pique.api_key,
        "PYTHONPATH": str(SUPPORT),
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    options = [
        "-f",
        "slow_definitions.py",
        "-j",
        "brand_videos_submit",
        "--tags",
        json.dumps({"dagster/partition": DATE}),
    ]
    return subprocess.Popen(
        [Path(sys.executable).with_name("dagster"), "job", "execute", *options],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGINT, id="SIGINT", marks=pytest.mark.long),
    ],
)
def test_a_cancelled_run_is_resumed_and_nothing_is_evaluated_twice(graph: Graph, pique, sent):
    before = evaluations_by_content(read_record(pique.data_dir))
    run = start_run(graph.home, pique)
    try:
        eventually(lambda: list(graph.home.glob("began_*")) or run.poll() is not None)
        assert run.poll() is None, run.communicate()[0][-3000:]
        run.send_signal(sent)
        (graph.home / "signal_is_sent").touch()
        said, _ = run.communicate(timeout=PATIENCE_S)
    finally:
        run.kill()
        run.wait()
    assert run.returncode != 0, said[-3000:]
    with Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}") as ledger:
        left = ledger.progress(evaluation="brand_videos", partition=DATE)
    assert left.unsubmitted > 0, "the signal came too late: everything was submitted"
    assert graph.run(DATE).success
    assert graph.table("evaluations", DATE).num_rows == left.total
    after = evaluations_by_content(read_record(pique.data_dir))
    assert sorted((after - before).values()) == [1] * left.total
