"""An evaluation that is told where its webhooks go: declared in Python or YAML, completed by them."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from desk import DEMO, LIMITS
from graph import Graph, video_evaluation
from receiver_process import running_receiver

from pique_assets.component import EvaluationModel
from pique_assets.local.process import running_local_pique

DATE = "2026-03-02"
SECRET = "whsec_of-the-whole-graph"
URL = "https://hooks.example.com/pique?token=canary"


@pytest.mark.slow
def test_a_date_of_the_graph_completes_by_its_webhooks(tmp_path, monkeypatch):
    monkeypatch.setenv("PIQUE_WEBHOOK_SECRET", SECRET)
    # Longer than the test may take: only webhooks can complete it.
    limits = replace(LIMITS, webhook_patience_s=3000, results_wait_s=3000)
    with (
        running_receiver(ledger=tmp_path / "ledger.db", log=tmp_path / "log", secrets=[SECRET]) as receiver,
        running_local_pique(data_dir=tmp_path / "pique", seed_judges=DEMO / "judges.json", workers=1) as pique,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        evaluation = video_evaluation(limits=limits, webhook_url=dg.EnvVar("HOOK_URL"))
        graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
        monkeypatch.setenv("HOOK_URL", receiver.url)
        assert graph.run(DATE).success
    states = graph.table("submissions", DATE)["state"].to_pylist()
    assert states.count("completed") >= 3
    assert set(graph.table("payloads", DATE)["source"].to_pylist()) == {"polled"}


def test_a_webhook_url_is_checked_and_kept_out_of_reprs(tmp_path, monkeypatch):
    assert "canary" not in repr(video_evaluation(webhook_url=URL))
    for wrong in ("hooks.example.com", "ftp://hooks.example.com", "https://", ""):
        with pytest.raises(ValueError, match="webhook_url must begin with https"):
            video_evaluation(webhook_url=wrong)
    read_later = video_evaluation(webhook_url=dg.EnvVar("HOOK_URL"))
    monkeypatch.delenv("HOOK_URL", raising=False)
    with pytest.raises(ValueError, match="HOOK_URL, which is not set"):
        read_later.resolved_webhook_url()
    monkeypatch.setenv("HOOK_URL", "nonsense")
    with pytest.raises(ValueError, match="webhook_url must begin with https"):
        read_later.resolved_webhook_url()
    monkeypatch.setenv("HOOK_URL", URL)
    assert read_later.resolved_webhook_url() == URL


def test_the_component_takes_a_webhook_url(tmp_path):
    model = EvaluationModel(
        name="a",
        judge_id="judge",
        dated_folder="media",
        start_date=DATE,
        webhook_url=URL,
        limits={"webhook_patience_s": 60},
    )
    evaluation = model.to_evaluation(base=tmp_path)
    assert (evaluation.webhook_url, evaluation.expects_webhooks, evaluation.limits.webhook_patience_s) == (
        URL,
        True,
        60,
    )
    without = EvaluationModel(name="a", judge_id="judge", dated_folder="media", start_date=DATE).to_evaluation(
        base=tmp_path
    )
    assert (without.webhook_url, without.expects_webhooks) == (None, False)
