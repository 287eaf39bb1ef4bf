"""No secret is in anything a full run writes, says or shows."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from desk import LIMITS, demo_items

from pique_assets.api.client import PiqueClient
from pique_assets.api.models import PresignedUploadRequest
from pique_assets.ledger import Ledger, SubmissionOrder

DATE = "2026-03-03"


def run(graph, date=DATE, **options):
    return graph.defs.resolve_job_def("brand_videos_everything").execute_in_process(
        instance=graph.instance,
        partition_key=date,
        run_config={"loggers": {"console": {"config": {"log_level": "DEBUG"}}}},
        **options,
    )


def test_the_search_finds_a_secret_wherever_it_is_packed(canaries, tmp_path):
    secret = canaries.api_key
    (tmp_path / "plain.log").write_text(f"x{secret}x")
    pq.write_table(pa.table({"text": [secret] * 50}), tmp_path / "zipped.parquet", compression="zstd")
    with closing(sqlite3.connect(tmp_path / "packed.db")) as database:
        database.execute("CREATE TABLE snapshots (body BLOB)")
        database.execute("INSERT INTO snapshots VALUES (?)", [zlib.compress(secret.encode() * 3)])
        database.commit()
    (tmp_path / "clean").write_text("nothing")
    assert set(canaries.leaks_below(tmp_path)) == {"plain.log", "zipped.parquet", "packed.db"}


@pytest.mark.slow
def test_a_full_run_leaves_no_secret_behind(new_graph, canaries, debug_log, pique, instance, tmp_path, capfd):
    graph = new_graph()
    result = run(graph)
    assert result.success
    assert len(canaries.signatures) == 3

    log = debug_log.read_text()
    # The libraries did speak: else their silence would prove nothing.
    for speaker in ("HTTP Request: PUT", "send_request_headers", "INSERT INTO", "PIPELINE_SUCCESS"):
        assert speaker in log, speaker
    canaries.assert_silent(log)
    shown = capfd.readouterr()
    canaries.assert_silent(shown.out + shown.err)

    events = instance.all_logs(result.run_id)
    assert events
    canaries.assert_silent("\n".join(f"{event!r}\n{event.to_json()}" for event in events))
    stored = instance.get_run_by_id(result.run_id)
    canaries.assert_silent(f"{stored!r} {stored.run_config!r} {stored.tags!r}")
    canaries.assert_silent(repr(instance.get_job_snapshot(stored.job_snapshot_id)))
    snapshot = dg.serialize_value(instance.get_job_snapshot(stored.job_snapshot_id))
    # That the key comes from the environment is in the snapshot, so its value would have been as well.
    assert "PIQUE_API_KEY" in snapshot
    canaries.assert_silent(snapshot)

    assert canaries.leaks_below(tmp_path / "dagster_home") == {}
    assert canaries.leaks_below(tmp_path / "home") == {}
    canaries.assert_silent((pique.data_dir / "server.log").read_text())


@pytest.mark.slow
def test_compute_logs_hold_no_secret(new_graph, canaries, tmp_path, instance):
    graph = new_graph()
    with instance.compute_log_manager.capture_logs(["run", "compute_logs", "step"]):
        assert run(graph, date="2026-03-02").success
    logs = [path for path in (tmp_path / "dagster_home").rglob("*.err") if path.stat().st_size]
    assert logs, "no compute log was written"
    assert any("submitted" in path.read_text() or "STEP" in path.read_text() for path in logs)
    assert canaries.leaks_below(tmp_path / "dagster_home") == {}


def test_no_public_object_shows_a_secret(canaries, pique, new_graph, tmp_path):
    graph = new_graph()
    with (
        PiqueClient(base_url=pique.base_url, api_key=canaries.api_key) as client,
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
    ):
        (item, *_) = demo_items("2026-03-02")
        judge = client.get_judge("judge_demo_videos")
        wish = PresignedUploadRequest(
            judge_id=judge.id,
            content_type="video",
            filename=item.filename,
            file_size_bytes=item.size_bytes,
            webhook_url=f"https://hooks.test/?token={canaries.webhook_secret}",
        )
        upload = client.create_presigned_upload(wish.model_copy(update={"webhook_url": None}))
        claim = ledger.claim_submissions(
            [
                SubmissionOrder(
                    work_key="0" * 64,
                    judge_id=judge.id,
                    judge_configuration_hash=judge.configuration_hash(),
                    content_type="video",
                    fingerprint=item.fingerprint,
                    filename=item.filename,
                    size_bytes=item.size_bytes,
                    title=None,
                    description=None,
                )
            ],
            lease_s=30,
        )[0]
        prepared = ledger.record_prepared(
            claim.lease,
            job_id=upload.job_id,
            upload_url=upload.upload_url,
            upload_headers=upload.upload_headers,
            expires_at=upload.expires_at,
        )
        resources = graph.defs.resources
        # Each on its own and inside a container, because the two may show different things.
        objects = [client, client.concurrency, judge, wish, upload, claim, claim.lease, claim.submission, prepared]
        objects += [prepared.upload_target, ledger, pique, item, LIMITS, client.get_result(upload.job_id), graph]
        objects += [*resources.values(), graph.defs, vars(client), *vars(client).values()]
        objects += [resources["pique_api_brand_videos"].model_copy(update={"api_key": canaries.api_key})]
        assert len(canaries.signatures) == 1
        for one in objects:
            canaries.assert_silent(f"{one!r} {one} {[one]} {vars(one) if isinstance(one, PiqueClient) else ''}")


@pytest.mark.slow
def test_what_is_handed_to_a_run_holds_no_secret(new_graph, canaries):
    graph = new_graph()
    job = graph.defs.resolve_job_def("brand_videos_everything")
    canaries.assert_silent(repr(job.run_config) + repr(job.partitioned_config))
    canaries.assert_silent(json.dumps(job.tags) + repr(job.metadata))
