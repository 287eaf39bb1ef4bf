"""What `run.py` and `dev.py` share: the local Pique and Dagster's home, both below `.pique/` of the project.

Here: starting things and telling Dagster where they are. Not here: what is run on them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pique_assets.home import HOME_FOLDER, LOCAL_PIQUE_FOLDER
from pique_assets.local.model_fetching import ModelNotFetched, fetch_model
from pique_assets.local.model_files import WHISPER_BASE, ModelMissing, find_model
from pique_assets.local.process import LocalPiqueProcess, running_local_pique

DEMO = Path(__file__).resolve().parent
PROJECT = DEMO.parent.parent
HOME = PROJECT / HOME_FOLDER

# Each run of `uploads` holds one place in the pool, whatever the number of dates in a backfill.
DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 2
"""


def fetch_missing_model() -> str | None:
    """Have the speech model on this machine; returns why it can't be had, None if it is there."""
    try:
        find_model(WHISPER_BASE)
    except ModelMissing:
        try:
            fetch_model(say=lambda words: print(words, flush=True))
        except ModelNotFetched as error:
            return str(error)
    return None


@contextmanager
def staged() -> Iterator[LocalPiqueProcess]:
    """A running local Pique, with the environment set for Dagster and for processes started inside the block."""
    dagster_home = HOME / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    settings = dagster_home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML)
    with running_local_pique(
        data_dir=HOME / LOCAL_PIQUE_FOLDER, seed_judges=DEMO / "all_judges.json", references=DEMO / "references"
    ) as pique:
        os.environ.update(
            DAGSTER_HOME=str(dagster_home),
            # The example's own, whatever else this shell or a file `.env` names.
            PIQUE_ENVIRONMENT="local",
            PIQUE_HOME=str(HOME),
            PIQUE_LEDGER_URL=str(HOME / "ledger.db"),
            PIQUE_LAKE=str(HOME / "lake"),
            PIQUE_BASE_URL=pique.base_url,
            PIQUE_API_KEY=pique.api_key,
        )
        yield pique
