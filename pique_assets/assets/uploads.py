"""Submissions made and bytes sent: the step after which Pique evaluates.

Here: the asset. Not here: how a submission survives crashes (`evaluation`, `ledger`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import hashlib
from dataclasses import asdict

import dagster as dg

from pique_assets.assets.content_rows import ContentRows
from pique_assets.assets.evaluation_asset import dated_asset
from pique_assets.assets.judge import judge_to_submit_to
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.assets.plan_events import announcing_plan, refusing_over_budget
from pique_assets.config import Evaluation
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

# Runs of all partitions share it: its limit in Dagster times `Limits.concurrent_uploads` is what the whole
# code location uploads at once.
API_POOL = "pique_api"


def uploads_asset(evaluation: Evaluation) -> dg.AssetsDefinition:
    """The submissions of an evaluation, by date; the ledger is their record."""

    @dated_asset(
        evaluation,
        "uploads",
        after=("content", "judge"),
        description="The date's content, submitted to the judge and uploaded, each item exactly once.",
        kinds=("pique",),
        pool=API_POOL,
    )
    def uploads(
        context: dg.AssetExecutionContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        lake: LakeResource,
        media_storage: MediaStorageResource,
    ) -> dg.MaterializeResult[None]:
        from pique_assets.evaluation.partition import submit_partition

        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        with pique.client() as client, ledger.ledger() as opened, refusing_over_budget():
            judge = judge_to_submit_to(context, evaluation, client=client, ledger=opened, lake=tables.lake)
            report = submit_partition(
                ContentRows(tables.read("content")),
                evaluation=evaluation.name,
                partition=context.partition_key,
                judge=judge,
                client=client,
                ledger=opened,
                open_content=media_storage.content_opener(),
                limits=evaluation.limits,
                say=context.log.info,
                webhook_url=evaluation.resolved_webhook_url(),
                budget=evaluation.budget,
                on_plan=announcing_plan(context),
            )
        counts = {name: value for name, value in asdict(report).items() if name != "work_keys"}
        return dg.MaterializeResult(
            metadata={
                **counts,
                "judge_id": judge.id,
                "judge_configuration_hash": judge.configuration_hash(),
            },
            data_version=dg.DataVersion(hashlib.sha256("\n".join(report.work_keys).encode()).hexdigest()),
        )

    return uploads
