"""A secret that is written out in a code location would be in the snapshot of every run, so it is refused."""

from __future__ import annotations

import dagster as dg
import pytest
from graph import resources_at, video_evaluation

from pique_assets.definitions import build_defs
from pique_assets.resources import LedgerResource, PiqueResource

SECRET = "canaryPlain6Vb2Nm8KqT4"
REFUSED = r"the {what} of resource '{name}' is written out.*dg\.EnvVar\(\"{variable}\"\)"
FROM_ENVIRONMENT = dg.EnvVar("PIQUE_API_KEY")
LOCAL = "http://127.0.0.1:8787"


def defs_with(home, **changes):
    """Definitions whose resources need nothing that runs."""
    elsewhere = PiqueResource(base_url="https://api.getpique.ai", api_key=FROM_ENVIRONMENT)
    resources = {**resources_at(home, elsewhere), "pique": elsewhere}
    return build_defs(evaluations=[video_evaluation()], resources=resources | changes)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.getpique.ai",
        "https://127.0.0.1.evil.test",
        "http://[::1",
        "not an address",
        dg.EnvVar("PIQUE_BASE_URL"),
    ],
)
def test_a_written_out_key_is_refused(base_url, tmp_path, words):
    refused = REFUSED.format(what="api_key", name="pique", variable="PIQUE_API_KEY")
    with pytest.raises(ValueError, match=refused) as caught:
        defs_with(tmp_path, pique=PiqueResource(base_url=base_url, api_key=SECRET))
    assert SECRET not in words.of(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@db.internal/ledger",
        f"postgresql+psycopg://user:{SECRET}@127.0.0.1/ledger",
        f"postgresql://db.internal/ledger?user=me&password={SECRET}",
        f"postgresql://me@db.internal/ledger?sslkey=a&sslpassword={SECRET}",
        f"postgresql://user:[{SECRET}@db.internal/ledger",
        f"postgresql://user:a@{SECRET}/?x@db.internal/ledger",
        f"postgres://user:?{SECRET}@db.internal/ledger",
    ],
)
def test_a_written_out_database_password_is_refused(url, tmp_path, words):
    with pytest.raises(
        ValueError, match=r'resource \'ledger\' is written out.*dg.EnvVar\("PIQUE_LEDGER_URL"\)'
    ) as caught:
        defs_with(tmp_path, ledger=LedgerResource(url=url))
    assert SECRET not in words.of(caught.value)


@pytest.mark.parametrize("base_url", [LOCAL, "http://localhost:1", "http://[::1]:1"])
def test_the_key_of_this_machines_own_pique_may_be_written_out(base_url, tmp_path):
    assert defs_with(tmp_path, pique=PiqueResource(base_url=base_url, api_key=SECRET))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////data/ledger.db",
        "sqlite:////data/a:b@c?password=x/ledger.db",
        "postgresql://user@db.internal/ledger",
        "postgresql://user@db.internal:5432/ledger?sslmode=require",
        dg.EnvVar("PIQUE_LEDGER_URL"),
    ],
)
def test_an_address_without_a_password_may_be_written_out(url, tmp_path):
    assert defs_with(tmp_path, ledger=LedgerResource(url=url))


def test_what_is_written_out_would_indeed_be_in_the_snapshot(tmp_path, monkeypatch):
    """The reason for the rule; should Dagster stop doing so, the rule may go."""
    monkeypatch.setenv("PIQUE_API_KEY", SECRET)
    for key, is_there in ((SECRET, True), (FROM_ENVIRONMENT, False)):
        defs = defs_with(tmp_path, pique=PiqueResource(base_url=LOCAL, api_key=key))
        with dg.instance_for_test() as instance:
            job = defs.resolve_job_def("brand_videos_everything")
            run = instance.create_run_for_job(job_def=job)
            snapshot = dg.serialize_value(instance.get_job_snapshot(run.job_snapshot_id))
        assert (SECRET in snapshot) is is_there
